"""Recordings in PostgreSQL; each function runs in its caller's transaction.

Removed recordings stay as rows, since old plays still name them. Whoever changes
recordings has locked the catalogue's row, so nothing changes between two statements.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, LiteralString

from songid.model import Recording
from songid_plugins.stores.postgresql_rows import from_sql, to_sql, to_utc
from songid_plugins.stores.postgresql_transactions import Connection

_TEXTS: Final = (
    "recording_id",
    "title",
    "artist",
    "album",
    "label",
    "isrc",
    "source",
    "content_sha256",
    "audio_sha256",
    "same_audio_as",
)
_COLUMNS: LiteralString = (
    "recording_id, title, artist, album, label, isrc, source, content_sha256, audio_sha256, "
    "same_audio_as, duration_s, landmarks, indexed_at, removed_at"
)
_FIELDS = tuple(_COLUMNS.split(", "))
_UPSERT: LiteralString = f"""
    INSERT INTO recordings ({_COLUMNS})
    SELECT * FROM unnest(
        %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
        %s::text[], %s::text[], %s::text[], %s::float8[], %s::bigint[], %s::timestamptz[],
        %s::timestamptz[]
    )
    ON CONFLICT (recording_id) DO UPDATE SET
        title = excluded.title, artist = excluded.artist, album = excluded.album,
        label = excluded.label, isrc = excluded.isrc, source = excluded.source,
        content_sha256 = excluded.content_sha256, audio_sha256 = excluded.audio_sha256,
        same_audio_as = excluded.same_audio_as, duration_s = excluded.duration_s,
        landmarks = excluded.landmarks, indexed_at = excluded.indexed_at,
        removed_at = excluded.removed_at
"""
_SELECT: LiteralString = f"SELECT {_COLUMNS} FROM recordings"
_IN_ORDER: LiteralString = "ORDER BY indexed_at NULLS FIRST, recording_id"
# The second condition is that of the index, which leaves out what is not known.
_HAVING: dict[str, LiteralString] = {
    "content_sha256": "content_sha256 = %s AND content_sha256 <> ''",
    "audio_sha256": "audio_sha256 = %s AND audio_sha256 <> ''",
    "source": "source = %s AND source <> ''",
}


def add(connection: Connection, recordings: Sequence[Recording], now: datetime) -> list[Recording]:
    """Add recordings; one whose content is live already is added as removed and returned."""
    live = _live_contents(connection, recordings)
    doubles = []
    added: dict[str, Recording] = {}
    for recording in recordings:
        key, content = recording.recording_id, recording.content_sha256
        if recording.removed_at is None and content and live[content] - {key}:
            recording = replace(recording, removed_at=to_utc(now))
            doubles.append(recording)
        added[key] = recording
        for ids in live.values():
            ids.discard(key)
        if recording.removed_at is None and content:
            live[content].add(key)
    _upsert(connection, added.values())
    return doubles


def mark_removed(connection: Connection, ids: Sequence[str], now: datetime) -> None:
    """Mark live recordings as removed; others stay as they are."""
    if ids:
        connection.execute(
            "UPDATE recordings SET removed_at = %s "
            "WHERE recording_id = ANY(%s::text[]) AND removed_at IS NULL",
            [to_utc(now), [to_sql(each) for each in ids]],
        )


def by_ids(connection: Connection, ids: Sequence[str]) -> list[Recording]:
    """Recordings in the order of `ids`, without those that are unknown."""
    wanted = list(dict.fromkeys(ids))
    rows = connection.execute(
        f"{_SELECT} WHERE recording_id = ANY(%s::text[])", [[to_sql(each) for each in wanted]]
    )
    found = {recording.recording_id: recording for recording in map(_recording, rows)}
    return [found[each] for each in wanted if each in found]


def everything(connection: Connection, *, removed: bool) -> list[Recording]:
    """All live or all removed recordings, in the order they were indexed."""
    condition: LiteralString = "IS NOT NULL" if removed else "IS NULL"
    rows = connection.execute(f"{_SELECT} WHERE removed_at {condition} {_IN_ORDER}")
    return [_recording(row) for row in rows]


def having(connection: Connection, column: str, value: str) -> list[Recording]:
    """Live recordings whose `column` (content_sha256, audio_sha256 or source) is `value`."""
    rows = connection.execute(
        f"{_SELECT} WHERE {_HAVING[column]} AND removed_at IS NULL {_IN_ORDER}", [to_sql(value)]
    )
    return [_recording(row) for row in rows]


def update(connection: Connection, recordings: Iterable[Recording]) -> bool:
    """Replace recordings that are there, by id; whether there were any."""
    new = {recording.recording_id: recording for recording in recordings}
    rows = connection.execute(
        "SELECT recording_id FROM recordings WHERE recording_id = ANY(%s::text[])",
        [[to_sql(each) for each in new]],
    )
    known = [new[from_sql(recording_id)] for (recording_id,) in rows]
    _upsert(connection, known)
    return bool(known)


def removed_ids(connection: Connection) -> set[str]:
    """The ids of all removed recordings."""
    rows = connection.execute("SELECT recording_id FROM recordings WHERE removed_at IS NOT NULL")
    return {from_sql(recording_id) for (recording_id,) in rows}


def _live_contents(
    connection: Connection, recordings: Sequence[Recording]
) -> defaultdict[str, set[str]]:
    """The live recordings that have contents of `recordings`: content -> ids."""
    live: defaultdict[str, set[str]] = defaultdict(set)
    contents = {each.content_sha256 for each in recordings if each.content_sha256}
    if contents:
        rows = connection.execute(
            "SELECT content_sha256, recording_id FROM recordings "
            "WHERE content_sha256 = ANY(%s::text[]) AND content_sha256 <> '' "
            "AND removed_at IS NULL",
            [[to_sql(each) for each in contents]],
        )
        for content, recording_id in rows:
            live[from_sql(content)].add(from_sql(recording_id))
    return live


def _upsert(connection: Connection, recordings: Iterable[Recording]) -> None:
    columns = list(zip(*map(_row, recordings), strict=True))
    if columns:
        connection.execute(_UPSERT, [list(column) for column in columns])


def _row(recording: Recording) -> tuple[Any, ...]:
    texts = [to_sql(getattr(recording, name)) for name in _TEXTS]
    times = [
        None if moment is None else to_utc(moment)
        for moment in (recording.indexed_at, recording.removed_at)
    ]
    return (*texts, float(recording.duration_s), int(recording.landmarks), *times)


def _recording(row: Sequence[Any]) -> Recording:
    texts = [from_sql(value) for value in row[: len(_TEXTS)]]
    times = [None if value is None else to_utc(value) for value in row[-2:]]
    return Recording(**dict(zip(_FIELDS, [*texts, *row[len(_TEXTS) : -2], *times], strict=True)))
