"""Volumes and pages in the embedded store; each function runs in its caller's transaction.

A volume goes from begun (invisible) to live to retired, and its pages are deleted last.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from songid.documents import time_from_us, time_us
from songid.errors import PageGoneError, StoreError
from songid.model import VolumeRow
from songid_plugins.stores.sqlite_rows import SqlText, chunks, from_sql, marks, to_sql
from songid_plugins.stores.sqlite_schema import PAGE_NUMBER_BITS

_BEGUN, _LIVE, _RETIRED = 0, 1, 2


def put_pages(
    connection: sqlite3.Connection,
    volume_id: str,
    pages: Sequence[tuple[int, bytes]],
    now: datetime,
) -> None:
    """Write pages of a volume that is not committed."""
    number = _begin(connection, volume_id, now)
    connection.executemany(
        "INSERT OR REPLACE INTO pages VALUES (?, ?)",
        [(_page_key(number, page), content) for page, content in pages],
    )


def get_pages(connection: sqlite3.Connection, keys: Sequence[tuple[str, int]]) -> list[bytes]:
    """Pages in the order of `keys`; PageGoneError names the first that is missing."""
    numbers = _numbers(connection, [volume_id for volume_id, _ in keys])
    try:
        wanted = [_page_key(numbers[volume_id], page) for volume_id, page in keys]
    except KeyError as error:
        raise _gone(str(error.args[0])) from None
    found: dict[int, bytes] = {}
    for some in chunks(list(dict.fromkeys(wanted))):
        found.update(
            connection.execute(
                f"SELECT page_key, content FROM pages WHERE page_key IN ({marks(some)})", some
            )
        )
    if len(found) < len(set(wanted)):
        gone = next(key for key, page in zip(keys, wanted, strict=True) if page not in found)
        raise _gone(f"{gone[0]}, page {gone[1]}")
    return [found[key] for key in wanted]


def commit(connection: sqlite3.Connection, volume: VolumeRow, now: datetime) -> None:
    """Make a begun volume live."""
    number = _begin(connection, volume.volume_id, now)
    (pages,) = connection.execute(
        "SELECT count(*) FROM pages WHERE page_key >= ? AND page_key < ?", _key_range(number)
    ).fetchone()
    if pages < volume.pages:
        raise StoreError(
            f"volume {volume.volume_id} has {pages} of its {volume.pages} pages: whoever wrote "
            "it took too long and the rest was cleared away; write it again"
        )
    connection.execute(
        "UPDATE volumes SET state = ?, tier = ?, postings = ?, pages = ?, size_bytes = ?, "
        "created_at_us = ? WHERE number = ?",
        (
            _LIVE,
            volume.tier,
            volume.postings,
            volume.pages,
            volume.size_bytes,
            time_us(volume.created_at),
            number,
        ),
    )


def retire(connection: sqlite3.Connection, volume_ids: Sequence[str], now: datetime) -> None:
    """Take live volumes out of the list; StoreError if one is not live."""
    for volume_id in dict.fromkeys(volume_ids):
        done = connection.execute(
            "UPDATE volumes SET state = ?, retired_at_us = ? WHERE volume_id = ? AND state = ?",
            (_RETIRED, time_us(now), to_sql(volume_id), _LIVE),
        )
        if done.rowcount != 1:
            raise StoreError(
                f"volume {volume_id} is not live any more: another process merged it; "
                "read the list of volumes again"
            )


def live(connection: sqlite3.Connection) -> list[VolumeRow]:
    """The live volumes, oldest first."""
    rows = connection.execute(
        "SELECT volume_id, tier, postings, pages, size_bytes, created_at_us FROM volumes "
        "WHERE state = ? ORDER BY created_at_us, number",
        (_LIVE,),
    )
    return [
        VolumeRow(from_sql(volume_id), tier, postings, pages, size_bytes, time_from_us(created))
        for volume_id, tier, postings, pages, size_bytes, created in rows
    ]


def drop(connection: sqlite3.Connection, retired_before: datetime, orphans_before: datetime) -> int:
    """Delete volumes retired, or last written to and never committed, before then."""
    rows = connection.execute(
        "SELECT number FROM volumes WHERE (state = ? AND retired_at_us < ?) "
        "OR (state = ? AND begun_at_us < ?)",
        (_RETIRED, time_us(retired_before), _BEGUN, time_us(orphans_before)),
    ).fetchall()
    for (number,) in rows:
        connection.execute(
            "DELETE FROM pages WHERE page_key >= ? AND page_key < ?", _key_range(number)
        )
        connection.execute("DELETE FROM volumes WHERE number = ?", (number,))
    return len(rows)


def grow_version(connection: sqlite3.Connection) -> None:
    """Note that the catalogue has changed."""
    connection.execute("UPDATE state SET catalogue_version = catalogue_version + 1")


def _begin(connection: sqlite3.Connection, volume_id: str, now: datetime) -> int:
    """The number of a volume that is begun, new or not; StoreError once it is committed."""
    connection.execute(
        "INSERT INTO volumes (volume_id, state, begun_at_us) VALUES (?, ?, ?) "
        "ON CONFLICT (volume_id) DO UPDATE SET begun_at_us = excluded.begun_at_us "
        "WHERE state = excluded.state",
        (to_sql(volume_id), _BEGUN, time_us(now)),
    )
    number: int
    number, state = connection.execute(
        "SELECT number, state FROM volumes WHERE volume_id = ?", (to_sql(volume_id),)
    ).fetchone()
    if state != _BEGUN:
        raise StoreError(f"volume {volume_id} is committed and cannot be written again")
    return number


def _numbers(connection: sqlite3.Connection, volume_ids: Sequence[str]) -> dict[str, int]:
    wanted: list[SqlText] = [to_sql(volume_id) for volume_id in dict.fromkeys(volume_ids)]
    return {
        from_sql(volume_id): number
        for some in chunks(wanted)
        for volume_id, number in connection.execute(
            f"SELECT volume_id, number FROM volumes WHERE volume_id IN ({marks(some)})", some
        )
    }


def _page_key(number: int, page: int) -> int:
    if not 0 <= page < 1 << PAGE_NUMBER_BITS:
        raise StoreError(f"{page} is not a page number (0 to 2**{PAGE_NUMBER_BITS} - 1)")
    return (number << PAGE_NUMBER_BITS) | page


def _key_range(number: int) -> tuple[int, int]:
    return number << PAGE_NUMBER_BITS, (number + 1) << PAGE_NUMBER_BITS


def _gone(what: str) -> PageGoneError:
    return PageGoneError(f"volume {what}: merged away meanwhile; read the list of volumes again")
