"""Recordings in the embedded store; each function runs in its caller's transaction.

Removed recordings stay as rows, since old plays still name them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from songid.documents import time_from_us, time_us
from songid.model import Recording
from songid_plugins.stores.sqlite_rows import chunks, from_sql, marks, to_sql

_COLUMNS = (
    "recording_id, title, artist, album, label, isrc, source, content_sha256, audio_sha256, "
    "same_audio_as, duration_s, landmarks, indexed_at_us, removed_at_us"
)
_TEXTS = 10  # how many of the columns are text; they stand first
_FIELDS = tuple(name.removesuffix("_us") for name in _COLUMNS.split(", "))
_UPDATES = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[1:])
_UPSERT = (
    f"INSERT INTO recordings ({_COLUMNS}) VALUES ({marks(_FIELDS)}) "
    f"ON CONFLICT (recording_id) DO UPDATE SET {_UPDATES}"
)
_SELECT = f"SELECT {_COLUMNS} FROM recordings"
_IN_ORDER = "ORDER BY indexed_at_us, recording_id"


def add(
    connection: sqlite3.Connection, recordings: Iterable[Recording], now: datetime
) -> list[Recording]:
    """Add recordings; one whose content is live already is added as removed and returned."""
    doubles = []
    for recording in recordings:
        added = recording
        if recording.removed_at is None and _content_is_live(connection, recording):
            added = replace(recording, removed_at=now)
            doubles.append(added)
        connection.execute(_UPSERT, _row(added))
    return doubles


def mark_removed(connection: sqlite3.Connection, ids: Sequence[str], now: datetime) -> None:
    """Mark live recordings as removed; others stay as they are."""
    connection.executemany(
        "UPDATE recordings SET removed_at_us = ? WHERE recording_id = ? AND removed_at_us IS NULL",
        [(time_us(now), to_sql(each)) for each in ids],
    )


def by_ids(connection: sqlite3.Connection, ids: Sequence[str]) -> list[Recording]:
    """Recordings in the order of `ids`, without those that are unknown."""
    found = {}
    for some in chunks([to_sql(each) for each in dict.fromkeys(ids)]):
        for row in connection.execute(f"{_SELECT} WHERE recording_id IN ({marks(some)})", some):
            recording = _recording(row)
            found[recording.recording_id] = recording
    return [found[each] for each in dict.fromkeys(ids) if each in found]


def everything(connection: sqlite3.Connection, *, removed: bool) -> list[Recording]:
    """All live or all removed recordings, in the order they were indexed."""
    condition = "IS NOT NULL" if removed else "IS NULL"
    rows = connection.execute(f"{_SELECT} WHERE removed_at_us {condition} {_IN_ORDER}")
    return [_recording(row) for row in rows]


def having(connection: sqlite3.Connection, column: str, value: str) -> list[Recording]:
    """Live recordings whose `column` (a name of this module's choosing) is `value`."""
    rows = connection.execute(
        f"{_SELECT} WHERE {column} = ? AND removed_at_us IS NULL {_IN_ORDER}", (to_sql(value),)
    )
    return [_recording(row) for row in rows]


def update(connection: sqlite3.Connection, recordings: Iterable[Recording]) -> int:
    """Replace recordings that are there, by id; how many."""
    known = [
        recording
        for recording in recordings
        if connection.execute(
            "SELECT 1 FROM recordings WHERE recording_id = ?", (to_sql(recording.recording_id),)
        ).fetchone()
    ]
    connection.executemany(_UPSERT, [_row(recording) for recording in known])
    return len(known)


def removed_ids(connection: sqlite3.Connection) -> set[str]:
    """The ids of all removed recordings."""
    rows = connection.execute("SELECT recording_id FROM recordings WHERE removed_at_us IS NOT NULL")
    return {from_sql(recording_id) for (recording_id,) in rows}


def _content_is_live(connection: sqlite3.Connection, recording: Recording) -> bool:
    if not recording.content_sha256:
        return False
    row = connection.execute(
        "SELECT 1 FROM recordings WHERE content_sha256 = ? AND removed_at_us IS NULL "
        "AND recording_id != ?",
        (to_sql(recording.content_sha256), to_sql(recording.recording_id)),
    ).fetchone()
    return row is not None


def _row(recording: Recording) -> list[Any]:
    texts = [to_sql(getattr(recording, name)) for name in _FIELDS[:_TEXTS]]
    times = [
        None if moment is None else time_us(moment)
        for moment in (recording.indexed_at, recording.removed_at)
    ]
    return [*texts, float(recording.duration_s), int(recording.landmarks), *times]


def _recording(row: Sequence[Any]) -> Recording:
    texts = [from_sql(value) for value in row[:_TEXTS]]
    times = [None if value is None else time_from_us(value) for value in row[-2:]]
    return Recording(**dict(zip(_FIELDS, [*texts, *row[_TEXTS:-2], *times], strict=True)))
