"""Folders that reports and segments are written to, one module each."""
