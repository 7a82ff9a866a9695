"""Recordings in DynamoDB: cells by id, hints by content, sound and source, removed ids.

A hint only says where to look; a recording counts if it is live and has the value itself.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from songid.model import Recording
from songid_plugins.stores import dynamodb_cells as cells
from songid_plugins.stores.dynamodb_head import read_head
from songid_plugins.stores.dynamodb_layout import (
    HINTED,
    REMOVED,
    Key,
    hint_partition,
    recording_key,
    recording_key_of,
    recording_partitions,
    unpack_recording,
)
from songid_plugins.stores.dynamodb_table import ConditionFailed, Table
from songid_plugins.stores.dynamodb_wire import key_of, text

T = TypeVar("T")

_MOST_KEPT = 20_000
_TRIES = 8
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


class Recordings:
    """The recordings of a table; what was read is kept while the catalogue stays the same."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._lock = threading.Lock()
        self._version = -1
        self._kept: dict[str, Recording | None] = {}
        self._removed: tuple[int, frozenset[str]] = (-1, frozenset())

    def by_ids(self, ids: Sequence[str]) -> list[Recording]:
        """Recordings in the order of `ids`, without those that are unknown."""
        wanted = list(dict.fromkeys(ids))
        known: dict[str, Recording | None] = {}
        for _ in range(_TRIES if wanted else 0):
            version = read_head(self._table).version
            known = self._recalled(version, wanted)
            missing = [each for each in wanted if each not in known]
            if not missing:
                break
            found = {each.recording_id: each for each in by_ids(self._table, missing)}
            known |= {each: found.get(each) for each in missing}
            if read_head(self._table).version == version:
                self._keep(version, known)
                break
        return [recording for each in wanted if (recording := known[each]) is not None]

    def _recalled(self, version: int, wanted: Iterable[str]) -> dict[str, Recording | None]:
        with self._lock:
            if self._version != version:
                return {}
            return {each: self._kept[each] for each in wanted if each in self._kept}

    def _keep(self, version: int, known: dict[str, Recording | None]) -> None:
        with self._lock:
            if self._version != version or len(self._kept) > _MOST_KEPT:
                self._version, self._kept = version, {}
            self._kept |= known

    def everything(self, *, removed: bool) -> list[Recording]:
        """All live or all removed recordings, in the order they were indexed."""

        def look() -> list[Recording]:
            shards = self._table.parallel(
                lambda shard: list(self._table.query(shard)), recording_partitions()
            )
            return _unpacked(
                self._table, [cells.cell_of(item) for items in shards for item in items]
            )

        everything = self._steadily(look)
        return in_order(each for each in everything if (each.removed_at is not None) == removed)

    def having(self, field: str, value: str) -> list[Recording]:
        """Live recordings whose `field` is `value`, in the order they were indexed."""
        return self._steadily(lambda: having(self._table, field, [value]))

    def removed_ids(self) -> set[str]:
        """The ids of all removed recordings; read again only if some were removed since."""
        removals, ids = self._removed
        for _ in range(_TRIES):
            now = read_head(self._table).removals
            if now == removals:
                break
            found = [cells.cell_of(item) for item in self._table.query(REMOVED)]
            values = cells.visible(self._table, found).values()
            ids = frozenset(value.decode("utf-8", "surrogatepass") for value in values)
            # Kept under what was read before: if more were removed meanwhile, it is read again.
            removals = now
            self._removed = removals, ids
        return set(ids)

    def _steadily(self, look: Callable[[], T]) -> T:
        """What `look` gives while the catalogue stays the same, so that it is true at once."""
        version = read_head(self._table).version
        for _ in range(_TRIES):
            result = look()
            before, version = version, read_head(self._table).version
            if version == before:
                break
        return result


def by_ids(table: Table, ids: Iterable[str]) -> list[Recording]:
    """Recordings of these ids as they are now."""
    return _unpacked(table, cells.read(table, [recording_key(each) for each in ids]).values())


def having(table: Table, field: str, values: Collection[str]) -> list[Recording]:
    """Live recordings whose `field` is one of `values`, in the order they were indexed."""
    partitions = [hint_partition(field, value) for value in values]
    hints = table.parallel(lambda each: list(table.query(each, columns="pk, sk")), partitions)
    keys = [recording_key_of(key_of(hint).sk) for some in hints for hint in some]
    found = _unpacked(table, cells.read(table, keys).values())
    wanted = set(values)
    return in_order(
        each for each in found if each.removed_at is None and getattr(each, field) in wanted
    )


def in_order(recordings: Iterable[Recording]) -> list[Recording]:
    """Recordings in the order they were indexed."""
    return sorted(recordings, key=lambda r: (r.indexed_at or _BEGINNING, r.recording_id))


def drop_hints(table: Table, key: Key, kept: bytes | None, lost: bytes | None, writer: str) -> None:
    """Drop hints to what a recording no longer is; see `dynamodb_cells.Undo`.

    Only those of the commit that wrote what is lost: another that adds a like hint at this
    moment has written it anew under its own name.
    """
    if lost is None or key.pk == REMOVED:
        return
    staying = set() if kept is None else set(hint_keys(unpack_recording(kept)))
    for hint in hint_keys(unpack_recording(lost)):
        if hint not in staying:
            drop_hint(table, hint, writer)


def drop_hint(table: Table, hint: Key, writer: str) -> None:
    """Drop a hint if it was this commit that wrote it last."""
    with contextlib.suppress(ConditionFailed):
        table.delete(hint, "t = :t", {":t": text(writer)})


def hint_keys(recording: Recording) -> list[Key]:
    """Where a live recording is hinted at; nowhere for a removed one."""
    if recording.removed_at is not None:
        return []
    name = recording_key(recording.recording_id).sk
    return [
        Key(hint_partition(field, value), name)
        for field in HINTED
        if (value := getattr(recording, field))
    ]


def _unpacked(table: Table, found: Iterable[cells.Cell]) -> list[Recording]:
    return [unpack_recording(value) for value in cells.visible(table, found).values()]
