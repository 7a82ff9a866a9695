"""Stores that come with songid: an embedded database file and the process's memory."""
