"""Listening: from audio to windows, heards, plays and announcements."""
