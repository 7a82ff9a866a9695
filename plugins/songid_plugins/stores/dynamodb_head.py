"""The catalogue's head: one item that lists the live volumes, and so is the catalogue.

Whoever changes the catalogue replaces the head on the condition that nobody else has
done so since it was read; hence all changes stand in one order, and what was found true
while the head stayed the same was true at once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from songid.documents import time_from_us, time_us
from songid.errors import StoreError
from songid.model import VolumeRow
from songid_plugins.stores.dynamodb_layout import HEAD, pack, unpack
from songid_plugins.stores.dynamodb_table import Table
from songid_plugins.stores.dynamodb_wire import binary, binary_of, number, number_of, wire_update

_MOST_BYTES = 390_000  # an item may have 400 KB


@dataclass(frozen=True, slots=True)
class Head:
    """The catalogue at one moment.

    `revision` grows with every replacement of the head, `version` with every change that
    readers see, and `removals` is the version at which recordings were last removed.
    `retired`: (volume, when) of those whose pages are still there.
    """

    revision: int = 0
    version: int = 0
    removals: int = 0
    live: tuple[VolumeRow, ...] = ()
    retired: tuple[tuple[str, datetime], ...] = ()


def read_head(table: Table) -> Head:
    """The head as of now."""
    item = table.get(HEAD)
    if item is None:
        return Head()
    lists = json.loads(unpack(binary_of(item, "b") or b"\0{}"))
    return Head(
        revision=number_of(item, "r"),
        version=number_of(item, "v"),
        removals=number_of(item, "g"),
        live=tuple(
            VolumeRow(volume_id, tier, postings, pages, size, time_from_us(created))
            for volume_id, tier, postings, pages, size, created in lists.get("live", ())
        ),
        retired=tuple((name, time_from_us(at)) for name, at in lists.get("retired", ())),
    )


def changed(
    head: Head,
    volume: VolumeRow | None,
    replaces: tuple[str, ...],
    now: datetime,
    *,
    removals: bool,
) -> Head:
    """The head with a volume added and others retired; StoreError if they cannot be."""
    live = {row.volume_id: row for row in head.live}
    for volume_id in dict.fromkeys(replaces):
        if live.pop(volume_id, None) is None:
            raise StoreError(
                f"volume {volume_id} is not live any more: another process merged it; "
                "read the list of volumes again"
            )
    if volume is not None:
        live[volume.volume_id] = volume
    retired = tuple((volume_id, now) for volume_id in dict.fromkeys(replaces))
    version = head.version + 1
    return Head(
        head.revision + 1,
        version,
        version if removals else head.removals,
        tuple(live.values()),
        head.retired + retired,
    )


def without_retired(head: Head, gone: set[str]) -> Head:
    """The head that knows no more of some retired volumes; readers see no change."""
    return replace(
        head,
        revision=head.revision + 1,
        retired=tuple(each for each in head.retired if each[0] not in gone),
    )


def wire_replace(before: Head, after: Head) -> dict[str, Any]:
    """The replacement of the head as part of a transaction."""
    packed = pack(
        json.dumps(
            {
                "live": [
                    [v.volume_id, v.tier, v.postings, v.pages, v.size_bytes, time_us(v.created_at)]
                    for v in after.live
                ],
                "retired": [[volume_id, time_us(at)] for volume_id, at in after.retired],
            },
            separators=(",", ":"),
        ).encode()
    )
    if len(packed) > _MOST_BYTES:
        raise StoreError(
            f"the catalogue has {len(after.live)} volumes, more than can be listed; merge them "
            "with `songid catalogue merge`"
        )
    values = {
        ":r": number(after.revision),
        ":v": number(after.version),
        ":g": number(after.removals),
        ":b": binary(packed),
    }
    set_all = "SET r = :r, v = :v, g = :g, b = :b"
    if not before.revision:
        return wire_update(HEAD, set_all, values, "attribute_not_exists(r)")
    return wire_update(HEAD, set_all, {**values, ":was": number(before.revision)}, "r = :was")
