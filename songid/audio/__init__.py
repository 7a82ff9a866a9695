"""Decoding anything FFmpeg reads to mono blocks; cutting and encoding clips."""
