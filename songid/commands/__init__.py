"""The commands of `songid`, one module for each subject."""
