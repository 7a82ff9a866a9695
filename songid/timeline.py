"""Adds up a span of a station's time: what was heard, what was identified, what was neither.

Every instant of the span falls to exactly one of gap, identified, or unidentified sound
of one kind; arithmetic is on whole microseconds, so the parts add up exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from songid.model import Heard, Play, SoundKind, Stretch

Interval = tuple[int, int]
"""A half-open span [start, end) in microseconds since the epoch."""

GAP_TOLERANCE_S = 1.0
"""A hole in what was heard that is shorter than this is a rounding of clocks, not a gap."""

FRAGMENT_S = 3.0
"""A stretch of one kind of sound shorter than this goes to its neighbour."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Where windows overlap and disagree, the kind that claims most wins: unidentified music
# must not be hidden by a neighbour that called its edge speech.
_BY_CLAIM = (SoundKind.MUSIC, SoundKind.SPEECH, SoundKind.SILENCE)


@dataclass(frozen=True, slots=True)
class Account:
    """A span of time taken apart; intervals are sorted, disjoint and in microseconds.

    `heard` and `gaps` make up the span; `identified` and `unidentified` make up `heard`.
    An unidentified stretch of kind None was heard but not classified.
    """

    start_us: int
    end_us: int
    heard: tuple[Interval, ...]
    gaps: tuple[Interval, ...]
    identified: tuple[Interval, ...]
    unidentified: tuple[tuple[Interval, SoundKind | None], ...]

    def gap_stretches(self) -> list[Stretch]:
        """The gaps as stretches with times in UTC."""
        return [Stretch(utc(start), utc(end)) for start, end in self.gaps]

    def unidentified_stretches(self) -> list[Stretch]:
        """The unidentified sound as stretches with times in UTC."""
        return [Stretch(utc(start), utc(end), kind) for (start, end), kind in self.unidentified]


def account(
    heards: Iterable[Heard],
    plays: Iterable[Play],
    start: datetime,
    end: datetime,
    *,
    gap_tolerance_s: float = GAP_TOLERANCE_S,
    fragment_s: float = FRAGMENT_S,
) -> Account:
    """Account for [start, end): gaps, identified time, unidentified time by kind of sound.

    Heards and plays may come in any order, overlap, repeat and reach beyond the span. A
    play counts only as far as the station was heard under it.
    """
    span = (microseconds(start), max(microseconds(start), microseconds(end)))
    heards = list(heards)
    heard = _bridged(
        clip(union(heard_interval(heard) for heard in heards), span),
        span,
        round(gap_tolerance_s * 1e6),
    )
    identified = intersect(union(play_interval(play) for play in plays), heard)
    unheard_of = subtract(heard, identified)
    return Account(
        *span,
        heard=tuple(heard),
        gaps=tuple(subtract([span], heard)),
        identified=tuple(identified),
        unidentified=tuple(_by_kind(heards, unheard_of, round(fragment_s * 1e6))),
    )


def microseconds(moment: datetime) -> int:
    """Microseconds from the epoch to an aware moment, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def utc(moment_us: int) -> datetime:
    """The moment `moment_us` after the epoch, in UTC."""
    return _EPOCH + timedelta(microseconds=moment_us)


def heard_interval(heard: Heard) -> Interval:
    """The time a heard covers; never negative."""
    start = microseconds(heard.start)
    return start, start + max(0, round(heard.duration_s * 1e6))


def play_interval(play: Play) -> Interval:
    """The time a play covers; never negative."""
    start = microseconds(play.start)
    return start, max(start, microseconds(play.end))


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The time covered by any of `intervals`, as sorted disjoint intervals."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def clip(intervals: Sequence[Interval], span: Interval) -> list[Interval]:
    """The parts of `intervals` within `span`."""
    clipped = ((max(start, span[0]), min(end, span[1])) for start, end in intervals)
    return [(start, end) for start, end in clipped if start < end]


def intersect(left: Sequence[Interval], right: Sequence[Interval]) -> list[Interval]:
    """The time in both; each side sorted and disjoint."""
    common: list[Interval] = []
    first = second = 0
    while first < len(left) and second < len(right):
        start = max(left[first][0], right[second][0])
        end = min(left[first][1], right[second][1])
        if start < end:
            common.append((start, end))
        if left[first][1] < right[second][1]:
            first += 1
        else:
            second += 1
    return common


def subtract(left: Sequence[Interval], right: Sequence[Interval]) -> list[Interval]:
    """The time in `left` and not in `right`; each side sorted and disjoint."""
    rest: list[Interval] = []
    index = 0
    for start, end in left:
        at = start
        while index < len(right) and right[index][1] <= at:
            index += 1
        following = index
        while following < len(right) and right[following][0] < end:
            if at < right[following][0]:
                rest.append((at, right[following][0]))
            at = max(at, right[following][1])
            following += 1
        if at < end:
            rest.append((at, end))
    return rest


def total_us(intervals: Iterable[Interval]) -> int:
    """How long disjoint intervals are together."""
    return sum(end - start for start, end in intervals)


def _bridged(heard: list[Interval], span: Interval, tolerance_us: int) -> list[Interval]:
    """`heard` with holes below the tolerance closed, at the ends of the span too."""
    if not heard:
        return []
    edges = [span[0], *(edge for interval in heard for edge in interval), span[1]]
    holes = zip(edges[::2], edges[1::2], strict=True)
    return union([*heard, *((start, end) for start, end in holes if end - start < tolerance_us)])


def _by_kind(
    heards: Iterable[Heard], blocks: Sequence[Interval], fragment_us: int
) -> list[tuple[Interval, SoundKind | None]]:
    """Cut each block by kind of sound, fragments smoothed away."""
    sounds: dict[SoundKind, list[Interval]] = {kind: [] for kind in _BY_CLAIM}
    for heard in heards:
        heard_start, heard_end = heard_interval(heard)
        for span in heard.sounds:
            start = heard_start + round(span.start_s * 1e6)
            end = heard_start + round(span.end_s * 1e6)
            sounds[span.kind].append((max(start, heard_start), min(end, heard_end)))
    left = list(blocks)
    pieces: list[tuple[Interval, SoundKind | None]] = []
    for kind in _BY_CLAIM:
        covered = union(sounds[kind])
        pieces += [(interval, kind) for interval in intersect(left, covered)]
        left = subtract(left, covered)
    pieces += [(interval, None) for interval in left]
    pieces.sort(key=lambda piece: piece[0])
    smooth: list[tuple[Interval, SoundKind | None]] = []
    index = 0
    for block in blocks:
        within = []
        while index < len(pieces) and pieces[index][0][1] <= block[1]:
            within.append(pieces[index])
            index += 1
        smooth += _smoothed(within, fragment_us)
    return smooth


def _smoothed(
    pieces: list[tuple[Interval, SoundKind | None]], fragment_us: int
) -> list[tuple[Interval, SoundKind | None]]:
    """Give the shortest fragment to its longer neighbour until none is left."""
    pieces = _joined(pieces)
    while len(pieces) > 1:
        index = min(range(len(pieces)), key=lambda at: pieces[at][0][1] - pieces[at][0][0])
        (start, end), _ = pieces[index]
        if end - start >= fragment_us:
            break
        neighbours = [at for at in (index - 1, index + 1) if 0 <= at < len(pieces)]
        longer = max(neighbours, key=lambda at: pieces[at][0][1] - pieces[at][0][0])
        pieces[index] = ((start, end), pieces[longer][1])
        pieces = _joined(pieces)
    return pieces


def _joined(
    pieces: Iterable[tuple[Interval, SoundKind | None]],
) -> list[tuple[Interval, SoundKind | None]]:
    """Adjacent pieces of one kind as one."""
    joined: list[tuple[Interval, SoundKind | None]] = []
    for (start, end), kind in pieces:
        if joined and joined[-1][1] == kind and joined[-1][0][1] == start:
            joined[-1] = ((joined[-1][0][0], end), kind)
        else:
            joined.append(((start, end), kind))
    return joined
