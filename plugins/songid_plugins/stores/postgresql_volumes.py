"""Volumes and pages in PostgreSQL; each function runs in its caller's transaction.

A volume goes from begun (invisible) to live to retired, and its pages are deleted last.
Whoever writes a volume's pages holds the lock of its row until the transaction ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from songid.errors import PageGoneError, StoreError
from songid.model import VolumeRow
from songid_plugins.stores.postgresql_rows import from_sql, to_sql, to_utc
from songid_plugins.stores.postgresql_transactions import Connection

_BEGUN, _LIVE, _RETIRED = 0, 1, 2
_PAGE_NUMBERS = 2**31

# Each page is looked up by its whole primary key. Were it a join, the planner might look for
# all volumes' pages of a number, as it knows neither how many are asked for nor of what.
_GET_PAGES = """
    WITH named AS MATERIALIZED (
        SELECT volumes.number AS volume, position
        FROM unnest(%s::text[]) WITH ORDINALITY AS name (volume_id, position)
        JOIN volumes USING (volume_id)
    ), wanted AS MATERIALIZED (
        SELECT named.volume, page.number, page.position
        FROM unnest(%s::int[], %s::int[]) WITH ORDINALITY AS page (place, number, position)
        JOIN named ON named.position = page.place
    )
    SELECT position, (
        SELECT data FROM pages WHERE pages.volume = wanted.volume AND pages.number = wanted.number
    ) FROM wanted
"""
_BEGIN = """
    INSERT INTO volumes (volume_id, state, begun_at) VALUES (%s, %s, %s)
    ON CONFLICT (volume_id) DO UPDATE SET begun_at = excluded.begun_at
        WHERE volumes.state = excluded.state
    RETURNING number, xmax = 0
"""
_COMMIT = """
    UPDATE volumes SET state = %s, tier = %s, postings = %s, pages = %s, size_bytes = %s,
        created_at = %s
    WHERE number = %s
"""
# Those that are being written at this moment are no orphans, and need not be waited for.
_DROPPABLE = """
    SELECT number FROM volumes
    WHERE (state = %s AND retired_at < %s) OR (state = %s AND begun_at < %s)
    ORDER BY number FOR UPDATE SKIP LOCKED
"""


def put_pages(connection: Connection, volume_id: str, pages: Sequence[tuple[int, bytes]]) -> None:
    """Write pages of a volume that is not committed."""
    contents = dict(pages)
    for page in contents:
        if not 0 <= page < _PAGE_NUMBERS:
            raise StoreError(f"{page} is not a page number (0 to {_PAGE_NUMBERS - 1})")
    number, is_new = _begin(connection, volume_id)
    if not is_new:
        connection.execute(
            "DELETE FROM pages WHERE volume = %s AND number = ANY(%s::int[])",
            [number, list(contents)],
        )
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY pages (volume, number, data) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types(["int8", "int4", "bytea"])
        for page, content in contents.items():
            copy.write_row((number, page, content))


def get_pages(connection: Connection, keys: Sequence[tuple[str, int]]) -> list[bytes]:
    """Pages in the order of `keys`; PageGoneError names the first that is missing."""
    wanted = list(dict.fromkeys(keys))
    if not wanted:
        return []
    places = {
        volume_id: place
        for place, volume_id in enumerate(dict.fromkeys(volume_id for volume_id, _ in wanted), 1)
    }
    lists = (
        [to_sql(volume_id) for volume_id in places],
        [places[volume_id] for volume_id, _ in wanted],
        [page if 0 <= page < _PAGE_NUMBERS else -1 for _, page in wanted],
    )
    with connection.cursor(binary=True) as cursor:
        found = {
            wanted[position - 1]: content
            for position, content in cursor.execute(_GET_PAGES, lists, prepare=True)
            if content is not None
        }
    if len(found) < len(wanted):
        volume_id, page = next(key for key in wanted if key not in found)
        raise PageGoneError(
            f"volume {volume_id}, page {page}: merged away meanwhile; read the list of volumes "
            "again"
        )
    return [found[key] for key in keys]


def commit(connection: Connection, volume: VolumeRow) -> None:
    """Make a begun volume live."""
    number, _ = _begin(connection, volume.volume_id)
    ((pages,),) = connection.execute(
        "SELECT count(*) FROM pages WHERE volume = %s", [number]
    ).fetchall()
    if pages < volume.pages:
        raise StoreError(
            f"volume {volume.volume_id} has {pages} of its {volume.pages} pages: whoever wrote "
            "it took too long and the rest was cleared away; write it again"
        )
    connection.execute(
        _COMMIT,
        [
            _LIVE,
            volume.tier,
            volume.postings,
            volume.pages,
            volume.size_bytes,
            to_utc(volume.created_at),
            number,
        ],
    )


def retire(connection: Connection, volume_ids: Sequence[str], now: datetime) -> None:
    """Take live volumes out of the list; StoreError if one is not live."""
    wanted = list(dict.fromkeys(volume_ids))
    if not wanted:
        return
    retired = {
        from_sql(volume_id)
        for (volume_id,) in connection.execute(
            "UPDATE volumes SET state = %s, retired_at = %s "
            "WHERE volume_id = ANY(%s::text[]) AND state = %s RETURNING volume_id",
            [_RETIRED, to_utc(now), [to_sql(each) for each in wanted], _LIVE],
        )
    }
    for volume_id in wanted:
        if volume_id not in retired:
            raise StoreError(
                f"volume {volume_id} is not live any more: another process merged it; "
                "read the list of volumes again"
            )


def live(connection: Connection) -> list[VolumeRow]:
    """The live volumes, oldest first."""
    rows = connection.execute(
        "SELECT volume_id, tier, postings, pages, size_bytes, created_at FROM volumes "
        "WHERE state = %s ORDER BY created_at, number",
        [_LIVE],
    )
    return [
        VolumeRow(from_sql(volume_id), tier, postings, pages, size_bytes, to_utc(created_at))
        for volume_id, tier, postings, pages, size_bytes, created_at in rows
    ]


def drop(connection: Connection, retired_before: datetime, orphans_before: datetime) -> int:
    """Delete volumes retired, or last written to and never committed, before then."""
    numbers = [
        number
        for (number,) in connection.execute(
            _DROPPABLE, [_RETIRED, to_utc(retired_before), _BEGUN, to_utc(orphans_before)]
        )
    ]
    if numbers:
        connection.execute("DELETE FROM pages WHERE volume = ANY(%s::bigint[])", [numbers])
        connection.execute("DELETE FROM volumes WHERE number = ANY(%s::bigint[])", [numbers])
    return len(numbers)


def lock(connection: Connection) -> None:
    """Have other changes of the catalogue wait until this transaction ends."""
    connection.execute("SELECT FROM catalogue FOR UPDATE")


def grow_version(connection: Connection) -> None:
    """Note that the catalogue has changed; other changes wait until this transaction ends."""
    connection.execute("UPDATE catalogue SET version = version + 1")


def _begin(connection: Connection, volume_id: str) -> tuple[int, bool]:
    """The number of a volume that is begun, and whether only now; StoreError once committed."""
    row = connection.execute(_BEGIN, [to_sql(volume_id), _BEGUN, datetime.now(UTC)]).fetchone()
    if row is None:
        raise StoreError(f"volume {volume_id} is committed and cannot be written again")
    number, is_new = row
    return number, is_new
