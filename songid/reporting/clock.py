"""A station's day by its own clock: when it starts and ends, and which hours it has.

Days have 23, 24 or 25 hours (or others: Lord Howe moves its clock by half an hour, and
some zones have no midnight on the day of the change, or skipped a whole day).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from songid.timeline import Interval, microseconds, utc

_SECOND_US = 1_000_000
_HOUR_US = 3600 * _SECOND_US


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first instant of a local day, and of the next one, both in UTC.

    A date that a zone left out (Pacific/Apia, 2011-12-30) is an empty span.
    """
    return day_start(day, zone), day_start(day + timedelta(days=1), zone)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC: midnight, or what comes in its place."""
    midnight = datetime.combine(day, time(), zone).astimezone(UTC)
    if midnight.astimezone(zone).replace(tzinfo=None) == datetime.combine(day, time()):
        return midnight
    low, high = (microseconds(midnight + timedelta(hours=hours)) for hours in (-48, 48))
    return utc(_first(low, high, lambda at_us: _local(at_us, zone).date() >= day))


def hours_of(start: datetime, end: datetime, zone: ZoneInfo) -> list[Interval]:
    """Cut [start, end) where the local clock strikes the hour or is changed."""
    hours: list[Interval] = []
    at, last = microseconds(start), microseconds(end)
    while at < last:
        strike = min(_end_of_hour(at, zone), last)
        hours.append((at, strike))
        at = strike
    return hours


def clock_changes(start: datetime, end: datetime, zone: ZoneInfo) -> bool:
    """Whether the local clock is changed within [start, end)."""
    return len({_local(hour[0], zone).utcoffset() for hour in hours_of(start, end, zone)}) > 1


def _local(at_us: int, zone: ZoneInfo) -> datetime:
    return utc(at_us).astimezone(zone)


def _end_of_hour(at_us: int, zone: ZoneInfo) -> int:
    """When the local clock next strikes the hour, or is changed if that comes first."""
    local = _local(at_us, zone)
    into_hour_us = (local.minute * 60 + local.second) * _SECOND_US + local.microsecond
    strike = at_us + _HOUR_US - into_hour_us
    before = local.utcoffset()
    if _local(strike, zone).utcoffset() == before:
        return strike
    return _first(at_us, strike, lambda later_us: _local(later_us, zone).utcoffset() != before)


def _first(low_us: int, high_us: int, holds: Callable[[int], bool]) -> int:
    """The first whole second in (low, high] from which on `holds`, by bisection."""
    low, high = 0, -(-(high_us - low_us) // _SECOND_US)
    while low + 1 < high:
        middle = (low + high) // 2
        if holds(low_us + middle * _SECOND_US):
            high = middle
        else:
            low = middle
    return low_us + high * _SECOND_US
