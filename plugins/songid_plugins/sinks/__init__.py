"""Sinks that come with songid: JSON files in a folder and lines on standard output."""
