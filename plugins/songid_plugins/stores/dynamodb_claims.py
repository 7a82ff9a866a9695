"""Claims in DynamoDB: an item each, taken and completed by conditional writes.

One key is one write; several are a transaction, in which each costs twice as much. More
than a transaction holds are written one by one, and undone if one of them fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from songid.documents import time_us
from songid_plugins.stores.dynamodb_journal import expiry
from songid_plugins.stores.dynamodb_layout import Item, Key, claim_key, claim_partitions
from songid_plugins.stores.dynamodb_table import ConditionFailed, Table
from songid_plugins.stores.dynamodb_wire import (
    binary,
    binary_of,
    key_of,
    number,
    number_of,
    wire_key,
    wire_put,
    wire_update,
)

_MOST_AT_ONCE = 100  # writes of one transaction

_FREE = "attribute_not_exists(pk) OR (attribute_not_exists(z) AND (o = :o OR l <= :now))"
_OWN = "o = :o"
_OWN_AND_OPEN = "o = :o AND attribute_not_exists(z)"


class Claims:
    """The claims of a table; each expires `days` after it ran out or was completed."""

    def __init__(self, table: Table, days: int) -> None:
        self._table = table
        self._days = days

    def claim(self, keys: Sequence[str], owner: str, lease_s: float, now: datetime) -> bool:
        """Take all of `keys` or none."""
        until = now + timedelta(seconds=lease_s)
        values = {":o": _owner(owner), ":now": number(time_us(now))}
        taken = {"o": _owner(owner), "l": number(time_us(until)), **expiry(until, self._days)}
        wanted = _places(keys)
        if len(wanted) <= _MOST_AT_ONCE:
            return self._at_once(
                [wire_put({**wire_key(key), **taken}, _FREE, values) for key in wanted]
            )
        known = self._table.batch_get(wanted)
        return all(_is_free(item, owner, now) for item in known.values()) and self._one_by_one(
            wanted,
            lambda key: self._table.put({**wire_key(key), **taken}, _FREE, values),
            lambda key: known.get(key, {}).get("o") == _owner(owner) or self._release(key, owner),
        )

    def complete(self, keys: Sequence[str], owner: str, now: datetime) -> bool:
        """Mark all of `keys` as done, or none where one is not the owner's."""
        expression = "SET z = if_not_exists(z, :now)"
        values = {":o": _owner(owner), ":now": number(time_us(now))}
        for name, value in expiry(now, self._days).items():
            expression += f", {name} = :expires"
            values[":expires"] = value
        wanted = _places(keys)
        if len(wanted) <= _MOST_AT_ONCE:
            return self._at_once([wire_update(key, expression, values, _OWN) for key in wanted])
        known = self._table.batch_get(wanted)
        return all(
            known.get(key, {}).get("o") == _owner(owner) for key in wanted
        ) and self._one_by_one(
            wanted,
            lambda key: self._table.update(key, expression, values, _OWN),
            lambda key: "z" in known[key] or self._reopen(key, owner),
        )

    def release(self, keys: Sequence[str], owner: str) -> None:
        """Forget the owner's open claims among `keys`."""
        self._table.parallel(lambda key: self._release(key, owner), _places(keys))

    def completed(self, keys: Sequence[str]) -> set[str]:
        """Which of `keys` are completed."""
        found = self._table.batch_get([claim_key(key) for key in keys])
        return {key for key in keys if "z" in found.get(claim_key(key), {})}

    def drop(self, before: datetime) -> int:
        """Forget claims completed, or run out and never completed, before then; how many."""
        old_us = time_us(before)

        def of_shard(partition: str) -> list[Key]:
            items = self._table.query(partition, columns="pk, sk, l, z", consistent=False)
            return [
                key_of(item)
                for item in items
                if number_of(item, "z" if "z" in item else "l") < old_us
            ]

        shards = self._table.parallel(of_shard, claim_partitions())
        old = [key for shard in shards for key in shard]
        # Not in a batch, which knows no conditions: an old claim may be taken at this moment.
        values = {":old": number(old_us)}
        condition = "z < :old OR (attribute_not_exists(z) AND l < :old)"
        return sum(
            self._table.parallel(
                lambda key: _held(lambda: self._table.delete(key, condition, values)), old
            )
        )

    # -- several keys -----------------------------------------------------------------

    def _at_once(self, writes: Sequence[dict[str, Any]]) -> bool:
        """Whether all conditions held, and so all writes were done."""
        if len(writes) == 1:
            ((kind, body),) = writes[0].items()
            return _held(lambda: self._table.call(f"{kind.lower()}_item", **body))
        return not writes or _held(lambda: self._table.transact(writes))

    def _one_by_one(
        self,
        keys: Sequence[Key],
        write: Callable[[Key], None],
        undo: Callable[[Key], object],
    ) -> bool:
        """Do conditional writes to all keys, or undo those that were done."""
        done = self._table.parallel(lambda key: _held(lambda: write(key)), keys)
        if not all(done):
            self._table.parallel(undo, [key for key, held in zip(keys, done, strict=True) if held])
        return all(done)

    def _release(self, key: Key, owner: str) -> bool:
        return _held(lambda: self._table.delete(key, _OWN_AND_OPEN, {":o": _owner(owner)}))

    def _reopen(self, key: Key, owner: str) -> bool:
        values = {":o": _owner(owner)}
        return _held(lambda: self._table.update(key, "REMOVE z", values, _OWN))


def _places(keys: Sequence[str]) -> list[Key]:
    return [claim_key(key) for key in dict.fromkeys(keys)]


def _owner(owner: str) -> dict[str, bytes]:
    return binary(owner.encode("utf-8", "surrogatepass"))


def _is_free(item: Item, owner: str, now: datetime) -> bool:
    if "z" in item:
        return False
    own = binary_of(item, "o") == owner.encode("utf-8", "surrogatepass")
    return own or number_of(item, "l") <= time_us(now)


def _held(write: Callable[[], object]) -> bool:
    """Whether a write's condition held."""
    try:
        write()
    except ConditionFailed:
        return False
    return True
