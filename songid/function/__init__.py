"""songid as a function: notifications of new audio and scheduled chores, one invocation each."""
