"""Cells: items of which any number can change in one step.

A commit writes what a cell is to become beside what it is, under the commit's name. The
cells change, all at once for every reader, when the commit's own record turns from pending
to committed, in one transaction with the catalogue's head. Then each cell is settled:
what it was is dropped. A cell with a commit's name on it is locked for other commits; one
whose commit does not come to an end (its process died) is aborted by who needs the cell.

A cell's item has d: what it is, t: the commit that wrote it, n: what it is to become,
c: the commit that says so. Without d it is not there yet; with c and no n it is to go.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from songid.documents import time_us
from songid_plugins.stores.dynamodb_layout import COMMITS, Item, Key, pack, unpack
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

PENDING, COMMITTED, ABORTED, UNKNOWN = "p", "c", "a", ""
_KEYS_PER_RECORD = 8000  # at most 40 bytes each, well below an item's 400 KB
_LOOK_EVERY_S = 0.05


class Conflict(Exception):
    """A cell changed since it was read, or is locked by another commit."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as it was read."""

    key: Key
    value: bytes | None = None
    writer: str = ""
    pending: bytes | None = None
    holder: str = ""


Undo = Callable[[Key, bytes | None, bytes | None, str], None]
"""Told (key, value kept, value given up, the latter's commit) of a cell that is about to
forget a value, so that what was noted elsewhere on account of that is cleared away."""


def read(table: Table, keys: Iterable[Key]) -> dict[Key, Cell]:
    """Cells as of now; a cell that is not there is one without a value."""
    wanted = list(dict.fromkeys(keys))
    found = table.batch_get(wanted)
    return {key: cell_of(found[key]) if key in found else Cell(key) for key in wanted}


def cell_of(item: Item) -> Cell:
    """An item as a cell."""
    return Cell(
        key_of(item),
        binary_of(item, "d"),
        text_of(item, "t"),
        binary_of(item, "n"),
        text_of(item, "c"),
    )


def visible(table: Table, cells: Iterable[Cell]) -> dict[Key, bytes]:
    """What readers see of cells; those that are not there, or no more, are left out."""
    seen: dict[Key, bytes | None] = {}
    outcomes: dict[str, str] = {}
    waiting = list(cells)
    while waiting:
        again = []
        for cell in waiting:
            if not cell.holder:
                seen[cell.key] = cell.value
                continue
            if cell.holder not in outcomes:
                outcomes[cell.holder] = outcome(table, cell.holder)
            told = outcomes[cell.holder]
            if told == UNKNOWN:
                again.append(cell)
            else:
                seen[cell.key] = cell.pending if told == COMMITTED else cell.value
        # A commit that left no record has settled its cells before it dropped that; a cell
        # which it still holds was written by one that had been aborted already.
        waiting = []
        for cell, now in zip(again, read(table, [c.key for c in again]).values(), strict=True):
            if now.holder == cell.holder:
                seen[now.key] = now.value
            else:
                waiting.append(now)
    return {key: value for key, value in seen.items() if value is not None}


def outcome(table: Table, commit: str) -> str:
    """What became of a commit; UNKNOWN if it has no record (any more)."""
    item = table.get(Key(COMMITS, commit))
    return UNKNOWN if item is None else text_of(item, "s")


# -- one commit -----------------------------------------------------------------------


def begin(table: Table, commit: str, keys: Sequence[Key]) -> None:
    """Record a commit before it locks any cell, with the sort keys of those it will."""
    texts = [key.sk for key in keys]
    for part, start in enumerate(range(0, max(1, len(texts)), _KEYS_PER_RECORD)):
        some = json.dumps(texts[start : start + _KEYS_PER_RECORD])
        table.put(
            {
                **wire_key(_record_key(commit, part)),
                "s": text(PENDING),
                "u": number(time_us(datetime.now(UTC))),
                "i": binary(pack(some.encode())),
            }
        )


def place(table: Table, commit: str, cell: Cell, pending: bytes | None) -> None:
    """Lock a cell and write what it is to become; Conflict if it is not as it was read."""
    values: Item = {":c": text(commit)}
    same = "attribute_not_exists(t)"
    if cell.writer:
        same, values[":t"] = "t = :t", text(cell.writer)
    expression = "SET c = :c REMOVE n"
    if pending is not None:
        expression, values[":n"] = "SET c = :c, n = :n", binary(pending)
    try:
        table.update(
            cell.key, expression, values, f"c = :c OR (attribute_not_exists(c) AND {same})"
        )
    except ConditionFailed:
        raise Conflict from None


def wire_commit(commit: str) -> dict[str, Any]:
    """As part of a transaction: the commit counts, unless it was aborted."""
    return wire_update(
        _record_key(commit),
        "SET s = :c",
        {":c": text(COMMITTED), ":p": text(PENDING)},
        "s = :p",
    )


def abort(table: Table, commit: str) -> str:
    """Let a commit never count; what became of it, if that was decided already."""
    values = {":a": text(ABORTED), ":p": text(PENDING)}
    try:
        table.update(_record_key(commit), "SET s = :a", values, "s = :p")
    except ConditionFailed:
        return outcome(table, commit)
    return ABORTED


def settle(table: Table, cell: Cell, gave_up: Undo) -> None:
    """Let a committed cell be what it was to become."""
    gave_up(cell.key, cell.pending, cell.value, cell.writer)
    held = {":c": text(cell.holder)}
    try:
        if cell.pending is None:
            table.delete(cell.key, "c = :c", held)
        else:
            values = {**held, ":n": binary(cell.pending)}
            table.update(cell.key, "SET d = :n, t = :c REMOVE n, c", values, "c = :c")
    except ConditionFailed:  # settled by another
        pass


def restore(table: Table, cell: Cell, gave_up: Undo) -> None:
    """Let a cell of an aborted commit be what it was."""
    gave_up(cell.key, cell.value, cell.pending, cell.holder)
    held = {":c": text(cell.holder)}
    try:
        if cell.value is None:
            table.delete(cell.key, "c = :c", held)
        else:
            table.update(cell.key, "REMOVE n, c", held, "c = :c")
    except ConditionFailed:  # restored by another
        pass


def free(table: Table, cell: Cell, own: str, patience_s: float, gave_up: Undo) -> Cell:
    """The cell once no other commit than `own` holds it; one that dawdles is aborted."""
    deadline = time.monotonic() + patience_s
    while cell.holder and cell.holder != own:
        told = outcome(table, cell.holder)
        if told == PENDING and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)
        else:
            told = abort(table, cell.holder) if told == PENDING else told
            if told == COMMITTED:
                settle(table, cell, gave_up)
            elif told == ABORTED or _still_held(table, cell):
                restore(table, cell, gave_up)
        cell = read(table, [cell.key])[cell.key]
    return cell


def _still_held(table: Table, cell: Cell) -> bool:
    """Whether a cell is still held by a commit that has no record; see `visible`."""
    return read(table, [cell.key])[cell.key].holder == cell.holder


# -- clearing away --------------------------------------------------------------------


def forget(table: Table, commit: str, keys: int) -> None:
    """Drop the record of a commit whose cells, `keys` of them, are settled."""
    parts = range(0, max(1, keys), _KEYS_PER_RECORD)
    # The first part last: it is what says that there is something to do.
    for part in reversed(range(len(parts))):
        table.delete(_record_key(commit, part))


def finish_old(
    table: Table, before: datetime, cells_of: Callable[[Sequence[str]], list[Key]], gave_up: Undo
) -> None:
    """Settle or restore the cells of commits begun before then whose process died."""
    records: dict[str, list[Item]] = {}
    for item in table.query(COMMITS):
        records.setdefault(key_of(item).sk.partition("/")[0], []).append(item)
    for commit, items in records.items():
        if any(number_of(item, "u") >= time_us(before) for item in items):
            continue
        told = abort(table, commit)
        texts = [t for item in items for t in json.loads(unpack(binary_of(item, "i") or b"\0[]"))]
        for cell in read(table, cells_of(texts)).values():
            if cell.holder == commit:
                (settle if told == COMMITTED else restore)(table, cell, gave_up)
        forget(table, commit, len(texts))


def _record_key(commit: str, part: int = 0) -> Key:
    return Key(COMMITS, f"{commit}/{part}" if part else commit)
