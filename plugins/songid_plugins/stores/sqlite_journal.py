"""Heards and claims in the embedded store; each function runs in its caller's transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from songid.documents import (
    compact_json,
    heard_document,
    heard_from,
    time_from_us,
    time_text,
    time_us,
)
from songid.model import Heard
from songid_plugins.stores.sqlite_rows import SqlText, chunks, from_sql, marks, to_sql

_LEAST_US, _MOST_US = -(2**63), 2**63 - 1

# One step of the index per station, where a GROUP BY would read the whole journal.
_STATIONS = """
    WITH RECURSIVE each (station) AS (
        SELECT min(station) FROM heards
        UNION ALL
        SELECT (SELECT min(station) FROM heards WHERE station > each.station)
        FROM each WHERE each.station IS NOT NULL
    )
    SELECT station,
        (SELECT min(start_us) FROM heards WHERE heards.station = each.station),
        (SELECT max(start_us) FROM heards WHERE heards.station = each.station)
    FROM each WHERE station IS NOT NULL
"""


def put_heards(connection: sqlite3.Connection, heards: Sequence[Heard]) -> None:
    """Add heards or replace those of the same station and start."""
    connection.executemany(
        "INSERT OR REPLACE INTO heards VALUES (?, ?, ?)",
        [(to_sql(heard.station), time_us(heard.start), _packed(heard)) for heard in heards],
    )


def heards(
    connection: sqlite3.Connection, station: str, start: datetime | None, end: datetime | None
) -> list[Heard]:
    """A station's heards that start in [start, end), ordered by start."""
    rows = connection.execute(
        "SELECT start_us, document FROM heards "
        "WHERE station = ? AND start_us >= ? AND start_us < ? ORDER BY start_us",
        (
            to_sql(station),
            _LEAST_US if start is None else time_us(start),
            _MOST_US if end is None else time_us(end),
        ),
    )
    return [_unpacked(station, start_us, document) for start_us, document in rows]


def stations(connection: sqlite3.Connection) -> list[tuple[str, datetime, datetime]]:
    """Every station with the start of its first and last heard, by name."""
    return [
        (from_sql(station), time_from_us(first), time_from_us(last))
        for station, first, last in connection.execute(_STATIONS)
    ]


def drop_heards(connection: sqlite3.Connection, before: datetime) -> int:
    """Delete heards that start before then; how many."""
    names = [station for station, _, _ in connection.execute(_STATIONS).fetchall()]
    return sum(
        connection.execute(
            "DELETE FROM heards WHERE station = ? AND start_us < ?", (name, time_us(before))
        ).rowcount
        for name in names
    )


# -- claims ---------------------------------------------------------------------------


def claim(
    connection: sqlite3.Connection, keys: Sequence[str], owner: str, lease_s: float, now: datetime
) -> bool:
    """Take all of `keys` or none."""
    wanted = [to_sql(key) for key in dict.fromkeys(keys)]
    for _, holder, lease_until_us, completed_at_us in _claims(connection, wanted):
        if completed_at_us is not None:
            return False
        if from_sql(holder) != owner and lease_until_us > time_us(now):
            return False
    until_us = time_us(now + timedelta(seconds=lease_s))
    connection.executemany(
        "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, NULL)",
        [(key, to_sql(owner), until_us) for key in wanted],
    )
    return True


def complete(
    connection: sqlite3.Connection, keys: Sequence[str], owner: str, now: datetime
) -> bool:
    """Mark all of `keys` as done, or none where one is not the owner's."""
    wanted = [to_sql(key) for key in dict.fromkeys(keys)]
    held = [key for key, holder, _, _ in _claims(connection, wanted) if from_sql(holder) == owner]
    if len(held) < len(wanted):
        return False
    connection.executemany(
        "UPDATE claims SET completed_at_us = ? WHERE key = ? AND completed_at_us IS NULL",
        [(time_us(now), key) for key in wanted],
    )
    return True


def release(connection: sqlite3.Connection, keys: Sequence[str], owner: str) -> None:
    """Forget the owner's open claims among `keys`."""
    connection.executemany(
        "DELETE FROM claims WHERE key = ? AND owner = ? AND completed_at_us IS NULL",
        [(to_sql(key), to_sql(owner)) for key in keys],
    )


def completed(connection: sqlite3.Connection, keys: Sequence[str]) -> set[str]:
    """Which of `keys` are completed."""
    wanted = [to_sql(key) for key in dict.fromkeys(keys)]
    return {from_sql(key) for key, _, _, done in _claims(connection, wanted) if done is not None}


def drop_claims(connection: sqlite3.Connection, before: datetime) -> int:
    """Forget claims completed, or run out and never completed, before then; how many."""
    return connection.execute(
        "DELETE FROM claims WHERE coalesce(completed_at_us, lease_until_us) < ?",
        (time_us(before),),
    ).rowcount


def _claims(
    connection: sqlite3.Connection, keys: Sequence[SqlText]
) -> list[tuple[SqlText, SqlText, int, int | None]]:
    return [
        row
        for some in chunks(keys)
        for row in connection.execute(
            "SELECT key, owner, lease_until_us, completed_at_us FROM claims "
            f"WHERE key IN ({marks(some)})",
            some,
        )
    ]


def _packed(heard: Heard) -> str:
    document = heard_document(heard)
    del document["station"], document["start"]
    return compact_json(document)


def _unpacked(station: str, start_us: int, document: str) -> Heard:
    start = time_text(time_from_us(start_us))
    return heard_from({**json.loads(document), "station": station, "start": start})
