"""Whether the date in counted segments' names is the channel's start or the segment's own.

A name alone does not tell: MediaLive's archives carry the channel's start, many recorders
each segment's own. The names of the same station and day do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import pairwise

from songid.stations import SEGMENT_S, SegmentName, channel_starts, parse_segment_name

_DAY = re.compile(r"(?P<head>(?:.*/)?[^/]+_\d{4}-?\d\d-?\d\d)[T_-]?\d\d[-:]?\d\d[^/]*", re.S)
_LONGEST_SEGMENT_S = 3600.0
_MOST_DAYS = 4096
_OWN = 0.0


class Dating:
    """How long each count of a segment's name is: 0 where the date is the segment's own.

    `counter_s` is what the user said; None has `neighbours` asked for the keys that begin
    as a segment's does, up to its day. Without a sign it is the channel's start, counted in
    segments of 12 s.
    """

    def __init__(self, counter_s: float | None, neighbours: Callable[[str], Iterable[str]]) -> None:
        self._given = counter_s
        self._neighbours = neighbours
        self._known: dict[tuple[str, str], float] = {}

    def counter_s(self, key: str, name: SegmentName) -> float:
        """The seconds that one count of this segment's counter stands for."""
        if self._given is not None:
            return self._given
        day = _day(key)
        if not name.counter or name.time is None or not day:
            return SEGMENT_S
        if (day, name.station) not in self._known:
            self.learn(self._neighbours(day))
        return self._known.get((day, name.station), SEGMENT_S)

    def learn(self, keys: Iterable[str]) -> None:
        """Take keys as signs of how their stations' segments are dated on their days."""
        if self._given is not None:
            return
        if len(self._known) > _MOST_DAYS:
            self._known.clear()
        days: dict[tuple[str, str], list[SegmentName]] = {}
        for key in keys:
            name, day = parse_segment_name(key), _day(key)
            if name is not None and day and name.time is not None and name.counter is not None:
                days.setdefault((day, name.station), []).append(name)
        for place, names in days.items():
            if channel_starts(names):
                self._known[place] = SEGMENT_S
            elif _count_with_their_dates(names):
                self._known[place] = _OWN


def _day(key: str) -> str:
    """What a dated key begins with, up to its day; empty if it has none."""
    found = _DAY.fullmatch(key)
    return found["head"] if found else ""


def _count_with_their_dates(names: Iterable[SegmentName]) -> bool:
    """Whether of two segments the one that began later has the higher count."""
    dated: list[tuple[datetime, int]] = sorted(
        (name.time, name.counter)
        for name in names
        if name.time is not None and name.counter is not None
    )
    return any(
        later > count
        and 1 <= (then - first).total_seconds() / (later - count) <= _LONGEST_SEGMENT_S
        for (first, count), (then, later) in pairwise(dated)
    )
