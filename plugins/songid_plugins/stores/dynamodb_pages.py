"""Volumes' records and pages in DynamoDB: written in any order, counted, cleared away.

A volume's record says which of its pages are stored, and whether it may still be written;
the head (see dynamodb_head) says whether it is live.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from songid.documents import time_us
from songid.errors import PageGoneError, StoreError
from songid.model import VolumeRow
from songid_plugins.stores.dynamodb_layout import (
    VOLUMES,
    Item,
    Key,
    page_key,
    page_partitions,
    volume_key,
)
from songid_plugins.stores.dynamodb_table import ConditionFailed, Table
from songid_plugins.stores.dynamodb_wire import (
    binary,
    binary_of,
    key_of,
    number,
    number_of,
    text,
    text_of,
    wire_key,
    wire_update,
)

PAGE_OVERHEAD_BYTES = 31
"""What a page's item holds beside the page, at most, for a volume's name of 16 characters.

The names pk, sk and d take 5 bytes, the partition key 18, the sort key as many as the
page's number has hexadecimal digits (up to 8). A page of up to 4,096 bytes less this is
written for 4 units and read for half a unit; deleting it costs 4 units again.
"""
PART_BYTES = 300_000
"""A larger page is cut over several items; an item may have 400 KB."""

_BEGUN, _LIVE, _CLEARING = "b", "l", "x"

Runs = tuple[tuple[int, int], ...]
"""Page numbers as runs (first, last), ascending and apart."""


@dataclass(frozen=True, slots=True)
class Record:
    """A volume's record; a revision of 0 stands for none at all."""

    revision: int = 0
    state: str = _BEGUN
    stored: Runs = ()
    written_us: int = 0


class Pages:
    """The volumes of a table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, volume_id: str, pages: Sequence[tuple[int, bytes]]) -> None:
        """Write pages; StoreError for a volume that is committed.

        They count as stored once the volume's record says so, after all are written.
        """
        record = self._begin(volume_id)
        contents = dict(pages)
        items = [
            item
            for number, content in contents.items()
            for item in _items(volume_id, number, content)
        ]
        self._table.batch_write(items)
        while True:
            stored = joined(record.stored, contents)
            after = Record(record.revision + 1, _BEGUN, stored, time_us(datetime.now(UTC)))
            try:
                self._write(volume_id, record, after)
            except ConditionFailed:
                record = self._writable(volume_id)
                if not record.revision:
                    raise StoreError(
                        f"volume {volume_id} was cleared away while it was written; write it again"
                    ) from None
            else:
                return

    def get(self, keys: Sequence[tuple[str, int]]) -> list[bytes]:
        """Pages in the order of `keys`; PageGoneError names the first that is missing."""
        wanted = [page_key(volume_id, page) for volume_id, page in keys]
        # A page never changes once its volume is live, so that it is as good as new
        # wherever it is read; only one that is missing may have been written just now.
        found = self._table.batch_get(wanted, consistent=False)
        missing = [key for key in wanted if key not in found]
        if missing:
            found |= self._table.batch_get(missing)
        parts = self._parts(keys, wanted, found)
        contents = []
        for (volume_id, page), key in zip(keys, wanted, strict=True):
            first = found.get(key)
            pieces = [first, *(parts.get(each) for each in _part_keys(volume_id, page, first))]
            content = [binary_of(piece, "d") or b"" for piece in pieces if piece is not None]
            if len(content) < len(pieces):
                raise PageGoneError(
                    f"volume {volume_id}, page {page}: merged away meanwhile; read the list of "
                    "volumes again"
                )
            contents.append(b"".join(content))
        return contents

    def _parts(
        self, keys: Sequence[tuple[str, int]], wanted: Sequence[Key], found: dict[Key, Item]
    ) -> dict[Key, Item]:
        more = [
            part
            for (volume_id, page), key in zip(keys, wanted, strict=True)
            for part in _part_keys(volume_id, page, found.get(key))
        ]
        parts = self._table.batch_get(more, consistent=False) if more else {}
        missing = [key for key in more if key not in parts]
        return parts | self._table.batch_get(missing) if missing else parts

    # -- a volume's record ------------------------------------------------------------

    def complete(self, volume: VolumeRow) -> Record:
        """The record of a volume that may be committed; StoreError if it may not."""
        record = self._writable(volume.volume_id)
        pages = sum(last - first + 1 for first, last in record.stored)
        if pages < volume.pages:
            raise StoreError(
                f"volume {volume.volume_id} has {pages} of its {volume.pages} pages: whoever "
                "wrote it took too long and the rest was cleared away; write it again"
            )
        return record

    def wire_commit(self, volume_id: str, record: Record) -> dict[str, Any]:
        """As part of a transaction: from now on the volume is not written any more."""
        return wire_update(
            volume_key(volume_id),
            "SET s = :live, r = :r",
            {":live": text(_LIVE), ":r": number(record.revision + 1), **_was(record)},
            _UNCHANGED if record.revision else _NEW,
        )

    def _begin(self, volume_id: str) -> Record:
        record = self._writable(volume_id)
        while not record.revision:
            after = Record(1, _BEGUN, (), time_us(datetime.now(UTC)))
            try:
                self._write(volume_id, record, after)
                record = after
            except ConditionFailed:
                record = self._writable(volume_id)
        return record

    def _writable(self, volume_id: str) -> Record:
        record = _record(self._table.get(volume_key(volume_id)) or {})
        if record.state == _BEGUN:
            return record
        if record.state == _CLEARING:
            raise StoreError(
                f"volume {volume_id} took too long and is being cleared away; write it under "
                "another name"
            )
        raise StoreError(f"volume {volume_id} is committed and cannot be written again")

    def _write(self, volume_id: str, before: Record, after: Record) -> None:
        self._table.update(
            volume_key(volume_id),
            "SET s = :s, r = :r, w = :w, u = :u",
            {
                ":s": text(after.state),
                ":r": number(after.revision),
                ":w": text(_runs_text(after.stored)),
                ":u": number(after.written_us),
                **_was(before),
            },
            _UNCHANGED if before.revision else _NEW,
        )

    # -- clearing away ----------------------------------------------------------------

    def drop_orphans(self, before: datetime) -> int:
        """Delete volumes last written to before then and never committed; how many."""
        dropped = 0
        for item in list(self._table.query(VOLUMES)):
            record, key = _record(item), key_of(item)
            if record.state == _BEGUN and record.written_us < time_us(before):
                try:
                    self._table.update(
                        key,
                        "SET s = :x, r = :r",
                        {":x": text(_CLEARING), ":r": number(record.revision + 1), **_was(record)},
                        _UNCHANGED,
                    )
                except ConditionFailed:  # written to, or committed, at this moment
                    continue
            elif record.state != _CLEARING:
                continue
            dropped += self._delete(key)
        return dropped

    def drop(self, volume_id: str) -> None:
        """Delete a retired volume."""
        self._delete(volume_key(volume_id))

    def _delete(self, key: Key) -> bool:
        """Delete a volume's pages, then its record; whether this did, not another."""

        def delete_shard(partition: str) -> list[Key]:
            found = self._table.query(partition, columns="pk, sk", consistent=False)
            return [key_of(item) for item in found]

        pages = self._table.parallel(delete_shard, page_partitions(key.sk))
        self._table.batch_write(deletes=[page for some in pages for page in some])
        try:
            self._table.delete(key, "attribute_exists(pk)")
        except ConditionFailed:
            return False
        return True


_UNCHANGED = "s = :begun AND r = :was"
_NEW = "attribute_not_exists(pk)"


def _was(record: Record) -> Item:
    """The values that `_UNCHANGED` compares with; none for a record that is new."""
    if not record.revision:
        return {}
    return {":begun": text(_BEGUN), ":was": number(record.revision)}


def _record(item: Item) -> Record:
    if not item:
        return Record()
    return Record(
        number_of(item, "r"),
        text_of(item, "s"),
        _runs_from(text_of(item, "w")),
        number_of(item, "u"),
    )


def _items(volume_id: str, page: int, content: bytes) -> list[Item]:
    """A page as items."""
    pieces = [content[i : i + PART_BYTES] for i in range(0, len(content), PART_BYTES)] or [b""]
    items: list[Item] = [
        {**wire_key(page_key(volume_id, page, part)), "d": binary(piece)}
        for part, piece in enumerate(pieces)
    ]
    if len(items) > 1:
        items[0]["k"] = number(len(items))
    return items


def _part_keys(volume_id: str, page: int, first: Item | None) -> list[Key]:
    """The keys of the items that go on after a page's first."""
    count = number_of(first, "k") if first else 0
    return [page_key(volume_id, page, part) for part in range(1, count)]


# -- runs of page numbers -------------------------------------------------------------


def joined(runs: Runs, numbers: Iterable[int]) -> Runs:
    """Runs with more numbers in them."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted([*runs, *((each, each) for each in numbers)]):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _runs_text(runs: Runs) -> str:
    return ",".join(f"{first}-{last}" for first, last in runs)


def _runs_from(written: str) -> Runs:
    pairs = (run.split("-") for run in written.split(",") if run)
    return tuple((int(first), int(last)) for first, last in pairs)
