"""Heards and claims in PostgreSQL; each function runs in its caller's transaction.

Rows are written in the order of their keys, so that two writers of the same never wait
for one another.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from songid.documents import compact_json, heard_document, heard_from, time_text
from songid.model import Heard
from songid_plugins.stores.postgresql_rows import from_sql, key_to_sql, to_sql, to_utc
from songid_plugins.stores.postgresql_transactions import Connection

_PUT = """
    INSERT INTO heards (station, start_at, document)
    SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::text[])
    ON CONFLICT (station, start_at) DO UPDATE SET document = excluded.document
"""
_GET = """
    SELECT start_at, document FROM heards
    WHERE station = %s AND start_at >= coalesce(%s::timestamptz, '-infinity')
        AND start_at < coalesce(%s::timestamptz, 'infinity')
    ORDER BY start_at
"""
# One step of the index per station, where a GROUP BY would read the whole journal.
_EACH_STATION = """
    WITH RECURSIVE each (station) AS (
        (SELECT station FROM heards ORDER BY station LIMIT 1)
        UNION ALL
        SELECT (
            SELECT heards.station FROM heards WHERE heards.station > each.station
            ORDER BY heards.station LIMIT 1
        )
        FROM each WHERE each.station IS NOT NULL
    )
"""
_STATIONS = f"""{_EACH_STATION}
    SELECT station,
        (SELECT min(start_at) FROM heards WHERE heards.station = each.station),
        (SELECT max(start_at) FROM heards WHERE heards.station = each.station)
    FROM each WHERE station IS NOT NULL
"""
_DROP_HEARDS = f"""{_EACH_STATION}
    DELETE FROM heards USING each WHERE heards.station = each.station AND start_at < %s
"""
# What is another's and not run out, or completed, is left as it is, and then not returned.
_CLAIM = """
    INSERT INTO claims (key, owner, lease_until)
    SELECT key, %s, %s FROM unnest(%s::text[]) AS key
    ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until
        WHERE claims.completed_at IS NULL
            AND (claims.owner = excluded.owner OR claims.lease_until <= %s)
    RETURNING key
"""


class NotAllError(Exception):
    """Not every claim could be had: what was done to the others has to be undone."""


def put_heards(connection: Connection, heards: Sequence[Heard]) -> None:
    """Add heards or replace those of the same station and start."""
    rows = {(to_sql(each.station), to_utc(each.start)): _packed(each) for each in heards}
    if rows:
        keys = sorted(rows)
        columns = (
            [station for station, _ in keys],
            [start for _, start in keys],
            [rows[key] for key in keys],
        )
        connection.execute(_PUT, columns)


def heards(
    connection: Connection, station: str, start: datetime | None, end: datetime | None
) -> list[Heard]:
    """A station's heards that start in [start, end), ordered by start."""
    rows = connection.execute(
        _GET,
        [
            to_sql(station),
            None if start is None else to_utc(start),
            None if end is None else to_utc(end),
        ],
    )
    return [_unpacked(station, start_at, document) for start_at, document in rows]


def stations(connection: Connection) -> list[tuple[str, datetime, datetime]]:
    """Every station with the start of its first and last heard, by name."""
    return [
        (from_sql(station), to_utc(first), to_utc(last))
        for station, first, last in connection.execute(_STATIONS)
    ]


def drop_heards(connection: Connection, before: datetime) -> int:
    """Delete heards that start before then; how many."""
    return connection.execute(_DROP_HEARDS, [to_utc(before)]).rowcount


# -- claims ---------------------------------------------------------------------------


def claim(
    connection: Connection, keys: Sequence[str], owner: str, lease_s: float, now: datetime
) -> None:
    """Take all of `keys`; NotAllError if one is not to be had."""
    wanted = _keys(keys)
    until = to_utc(now) + timedelta(seconds=lease_s)
    given = connection.execute(_CLAIM, [to_sql(owner), until, wanted, to_utc(now)])
    if given.rowcount < len(wanted):
        raise NotAllError


def complete(connection: Connection, keys: Sequence[str], owner: str, now: datetime) -> None:
    """Mark all of `keys` as done; NotAllError if one is not the owner's."""
    wanted = _keys(keys)
    held = connection.execute(
        "SELECT FROM claims WHERE key = ANY(%s::text[]) AND owner = %s ORDER BY key FOR UPDATE",
        [wanted, to_sql(owner)],
    )
    if held.rowcount < len(wanted):
        raise NotAllError
    connection.execute(
        "UPDATE claims SET completed_at = %s WHERE key = ANY(%s::text[]) AND completed_at IS NULL",
        [to_utc(now), wanted],
    )


def release(connection: Connection, keys: Sequence[str], owner: str) -> None:
    """Forget the owner's open claims among `keys`."""
    connection.execute(
        "DELETE FROM claims WHERE key = ANY(%s::text[]) AND owner = %s AND completed_at IS NULL",
        [_keys(keys), to_sql(owner)],
    )


def completed(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Which of `keys` are completed."""
    names = {key_to_sql(key): key for key in keys}
    rows = connection.execute(
        "SELECT key FROM claims WHERE key = ANY(%s::text[]) AND completed_at IS NOT NULL",
        [list(names)],
    )
    return {names[key] for (key,) in rows}


def drop_claims(connection: Connection, before: datetime) -> int:
    """Forget claims completed, or run out and never completed, before then; how many."""
    return connection.execute(
        "DELETE FROM claims WHERE coalesce(completed_at, lease_until) < %s", [to_utc(before)]
    ).rowcount


def _keys(keys: Sequence[str]) -> list[str]:
    return sorted({key_to_sql(key) for key in keys})


def _packed(heard: Heard) -> str:
    document = heard_document(heard)
    del document["station"], document["start"]
    return compact_json(document)


# A station's last minutes are read again for each segment; none of them changes meanwhile.
@lru_cache(maxsize=4096)
def _unpacked(station: str, start_at: datetime, document: str) -> Heard:
    start = time_text(start_at)
    return heard_from({**json.loads(document), "station": station, "start": start})
