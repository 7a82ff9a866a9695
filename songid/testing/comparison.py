"""Holds what was reported against what was aired.

Airtime is right in the seconds in which the recording that was really on is among the
plays reported; where two songs are crossfaded, both are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from songid.model import Play
from songid.testing.broadcasts import Aired, AiredKind

Span = tuple[float, float]

OVERRUN_S = 2.0
"""How far a play may run over its recording's true ends before the seconds count as wrong."""


@dataclass(frozen=True, slots=True)
class Row:
    """One recording on air and what was reported of it; seconds from the start.

    `audible_s` leaves out holes. Errors are reported minus true and None where nothing
    was reported; `offset_error_s` is the worst of the plays' places in the recording.
    """

    title: str
    start_s: float
    end_s: float
    audible_s: float
    right_s: float
    plays: int
    start_error_s: float | None
    end_error_s: float | None
    offset_error_s: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The sum of a comparison; `false_plays` are mostly of what was not on at that time."""

    known_s: float
    right_s: float
    wrong_s: float
    rows: tuple[Row, ...]
    false_plays: tuple[Play, ...]

    @property
    def missed_s(self) -> float:
        """Seconds of known airtime not reported."""
        return self.known_s - self.right_s

    @property
    def right_share(self) -> float:
        """The share of known airtime that was reported right; 1 where nothing was known."""
        return self.right_s / self.known_s if self.known_s else 1.0

    @property
    def start_error_s(self) -> float:
        """The median size of the error of a start."""
        return _median([r.start_error_s for r in self.rows])

    @property
    def end_error_s(self) -> float:
        """The median size of the error of an end."""
        return _median([r.end_error_s for r in self.rows])

    @property
    def offset_error_s(self) -> float:
        """The median size of the error of a place in the recording."""
        return _median([r.offset_error_s for r in self.rows])


def compare(
    truth: Sequence[Aired], plays: Sequence[Play], titles: Mapping[str, str], start: datetime
) -> Comparison:
    """Compare plays with the truth of a broadcast that began at `start`.

    `titles` gives each recording_id the title the truth uses; an id that is not in it is
    taken as its own title.
    """
    holes = [(a.start_s, a.end_s) for a in truth if a.kind is AiredKind.HOLE]
    known = [a for a in truth if a.kind is AiredKind.RECORDING]
    placed = [(titles.get(p.recording_id, p.recording_id), _place(p, start), p) for p in plays]
    rows = []
    for item in known:
        near = [
            (span, play)
            for title, span, play in placed
            if title == item.title and _overlap_s([span], [(item.start_s, item.end_s)]) > 0
        ]
        rows.append(_compare_one(item, near, holes))
    false_plays, wrong_s = [], 0.0
    for title, span, play in placed:
        on_air = [(a.start_s, a.end_s) for a in known if a.title == title]
        real_s = _overlap_s([span], on_air)
        if real_s < 0.5 * (span[1] - span[0]) or not on_air:
            false_plays.append(play)
        margin = [(first - OVERRUN_S, last + OVERRUN_S) for first, last in on_air]
        wrong_s += _length_s(_without([span], [*margin, *holes]))
    return Comparison(
        known_s=sum(r.audible_s for r in rows),
        right_s=sum(r.right_s for r in rows),
        wrong_s=wrong_s,
        rows=tuple(rows),
        false_plays=tuple(false_plays),
    )


def describe(comparison: Comparison) -> str:
    """The comparison as lines of text: one for each recording aired, then the sum."""
    lines = [f"{'aired':>15}  {'right':>7}  {'start':>7} {'end':>7} {'offset':>7}  recording"]
    for row in comparison.rows:
        errors = (row.start_error_s, row.end_error_s, row.offset_error_s)
        shown = " ".join("      -" if e is None else f"{e:+7.1f}" for e in errors)
        share = row.right_s / row.audible_s if row.audible_s else 1.0
        when = f"{_clock(row.start_s)}-{_clock(row.end_s)}"
        lines.append(f"{when:>15}  {share:7.1%}  {shown}  {row.title}")
    lines.append(
        f"{comparison.right_share:.2%} of {_clock(comparison.known_s)} known airtime right, "
        f"{comparison.missed_s:.0f} s missed, {comparison.wrong_s:.0f} s wrong, "
        f"{len(comparison.false_plays)} false plays"
    )
    return "\n".join(lines)


def _compare_one(item: Aired, near: Sequence[tuple[Span, Play]], holes: Sequence[Span]) -> Row:
    audible = _without([(item.start_s, item.end_s)], holes)
    right_s = _overlap_s([span for span, _ in near], audible)
    errors = [
        play.offset_s - (item.offset_s + (span[0] - item.start_s) * item.speed)
        for span, play in near
    ]
    heard = audible and near
    return Row(
        title=item.title,
        start_s=item.start_s,
        end_s=item.end_s,
        audible_s=_length_s(audible),
        right_s=right_s,
        plays=len(near),
        start_error_s=min(s[0] for s, _ in near) - audible[0][0] if heard else None,
        end_error_s=max(s[1] for s, _ in near) - audible[-1][1] if heard else None,
        offset_error_s=max(errors, key=abs) if heard else None,
    )


def _place(play: Play, start: datetime) -> Span:
    return (play.start - start).total_seconds(), (play.end - start).total_seconds()


def _merge(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for first, last in sorted(s for s in spans if s[1] > s[0]):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _without(spans: Sequence[Span], holes: Sequence[Span]) -> list[Span]:
    left = _merge(spans)
    for hole_first, hole_last in _merge(holes):
        cut = []
        for first, last in left:
            cut += [(first, min(last, hole_first)), (max(first, hole_last), last)]
        left = _merge(cut)
    return left


def _length_s(spans: Sequence[Span]) -> float:
    return sum(last - first for first, last in spans)


def _overlap_s(spans: Sequence[Span], others: Sequence[Span]) -> float:
    merged = _merge(spans)
    return _length_s(merged) - _length_s(_without(merged, others))


def _median(values: Sequence[float | None]) -> float:
    sizes = [abs(v) for v in values if v is not None]
    return median(sizes) if sizes else float("nan")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
