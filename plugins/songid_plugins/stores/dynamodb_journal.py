"""Heards in DynamoDB: an item each, by station and month, so that no partition grows on.

Which months a station may have heards in is noted apart, since a partition's name cannot
be searched for.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from songid.documents import time_us
from songid.model import Heard
from songid_plugins.stores.dynamodb_layout import (
    EXPIRES,
    MONTHS,
    Item,
    Key,
    journal_moment,
    journal_partition,
    journal_sort,
    month_begin,
    month_key,
    month_of,
    pack_heard,
    unpack_heard,
)
from songid_plugins.stores.dynamodb_table import ConditionFailed, Table
from songid_plugins.stores.dynamodb_wire import (
    binary,
    binary_of,
    key_of,
    number,
    wire_key,
)

_NOTE_AGAIN_S = 3600.0
_NOTED_LONG_AGO = timedelta(days=2)
_MOST_UNNOTED_MONTHS = 4
_LAST_SORT = "~"  # behind all hexadecimal digits
_MICROSECOND = timedelta(microseconds=1)


def expiry(of: datetime, days: int) -> Item:
    """The attribute by which an item expires so long after a moment, but not before so
    long from now; empty for 0 days."""
    if not days:
        return {}
    return {EXPIRES: number(int(max(of.timestamp(), time.time())) + days * 86400)}


class Journal:
    """The journal of a table; heards expire after `days`, unless that is 0."""

    def __init__(self, table: Table, days: int) -> None:
        self._table = table
        self._days = days
        self._noted: dict[Key, float] = {}
        self._lock = threading.Lock()

    def put(self, heards: Sequence[Heard]) -> None:
        """Add heards or replace those of the same station and start.

        One by one: of many, whoever is killed in between leaves some; putting them again
        makes it whole.
        """
        placed: dict[Key, Item] = {}
        months: dict[Key, tuple[str, datetime]] = {}
        for heard in heards:
            time_us(heard.start)  # refuses a time without a zone
            month = month_of(heard.start)
            key = Key(journal_partition(heard.station, month), journal_sort(heard.start, month))
            placed[key] = {
                **wire_key(key),
                "d": binary(pack_heard(heard)),
                **expiry(heard.start, self._days),
            }
            months[month_key(heard.station, month)] = heard.station, month_begin(month)
        self._note(months)
        items = list(placed.values())
        if len(items) == 1:
            self._table.put(items[0])
        else:
            self._table.batch_write(items)

    def _note(self, months: dict[Key, tuple[str, datetime]]) -> None:
        """Note months before there is a heard in them; again every hour, so that a note
        that is long unrenewed is no writer's any more."""
        now = time.monotonic()
        for key, (station, begin) in months.items():
            with self._lock:
                if now - self._noted.get(key, float("-inf")) < _NOTE_AGAIN_S:
                    continue
            self._table.put(
                {
                    **wire_key(key),
                    "d": binary(station.encode("utf-8", "surrogatepass")),
                    "u": number(time_us(datetime.now(UTC))),
                    **expiry(begin + timedelta(days=31), self._days),
                }
            )
            with self._lock:
                self._noted[key] = now

    def heards(self, station: str, start: datetime | None, end: datetime | None) -> list[Heard]:
        """A station's heards that start in [start, end), ordered by start."""
        for moment in (start, end):
            if moment is not None:
                time_us(moment)  # refuses a time without a zone
        months = None if start is None or end is None else _months(start, end)
        if months is None:
            months = [
                month
                for month in self._months_by_station().get(station, ())
                if (start is None or month >= month_of(start))
                and (end is None or month <= month_of(end))
            ]
        found = self._table.parallel(
            lambda month: self._of_month(station, month, start, end), months
        )
        return [heard for some in found for heard in some]

    def _of_month(
        self, station: str, month: str, start: datetime | None, end: datetime | None
    ) -> list[Heard]:
        low, high = "0", _LAST_SORT
        if start is not None and month == month_of(start):
            low = journal_sort(start, month)
        if end is not None and month == month_of(end):
            if end.astimezone(UTC) == month_begin(month):
                return []
            high = journal_sort(end - _MICROSECOND, month)
        if low > high:
            return []
        items = self._table.query(journal_partition(station, month), between=(low, high))
        return [
            unpack_heard(
                station, journal_moment(month, key_of(item).sk), binary_of(item, "d") or b"\0{}"
            )
            for item in items
        ]

    def stations(self) -> list[tuple[str, datetime, datetime]]:
        """Every station with the start of its first and last heard, by name."""

        def bounds(each: tuple[str, list[str]]) -> list[tuple[str, datetime, datetime]]:
            station, months = each
            first = self._first(station, months, backwards=False)
            last = self._first(station, months[::-1], backwards=True)
            return [] if first is None or last is None else [(station, first, last)]

        found = self._table.parallel(bounds, sorted(self._months_by_station().items()))
        return [each for some in found for each in some]

    def _first(self, station: str, months: Iterable[str], *, backwards: bool) -> datetime | None:
        for month in months:
            for item in self._table.query(
                journal_partition(station, month), columns="pk, sk", backwards=backwards, most=1
            ):
                return journal_moment(month, key_of(item).sk)
        return None

    def _months_by_station(self) -> dict[str, list[str]]:
        months: dict[str, list[str]] = {}
        for item in self._table.query(MONTHS):
            station = (binary_of(item, "d") or b"").decode("utf-8", "surrogatepass")
            months.setdefault(station, []).append(key_of(item).sk[:6])
        return months

    def drop(self, before: datetime) -> int:
        """Delete heards that start before then; how many."""
        time_us(before)  # refuses a time without a zone
        dropped = 0
        for station, months in self._months_by_station().items():
            for month in months:
                if month > month_of(before):
                    continue
                partition = journal_partition(station, month)
                high = journal_sort(before, month) if month == month_of(before) else _LAST_SORT
                found = self._table.query(partition, between=("0", high), columns="pk, sk")
                old = [key_of(item) for item in found if key_of(item).sk < high]
                self._table.batch_write(deletes=old)
                dropped += len(old)
                if month < month_of(before):
                    self._forget(month_key(station, month))
        return dropped

    def _forget(self, key: Key) -> None:
        """Drop the note of a month in which all heards were dropped, and nobody writes."""
        long_ago = time_us(datetime.now(UTC) - _NOTED_LONG_AGO)
        with contextlib.suppress(ConditionFailed):
            self._table.delete(key, "u < :u", {":u": number(long_ago)})


def _months(start: datetime, end: datetime) -> list[str] | None:
    """The months of [start, end); None if they are many."""
    months: list[str] = []
    month = month_of(start)
    while month <= month_of(end):
        if len(months) == _MOST_UNNOTED_MONTHS:
            return None
        months.append(month)
        month = month_of(month_begin(month) + timedelta(days=32))
    return months
