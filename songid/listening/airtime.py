"""Placing a play's start and end within what the station was really heard.

A play's edges come from its first and last aligned landmarks; where the recording's own
beginning or end is near, the play is taken to reach it, but never into a gap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from songid.listening.chains import Sighting, clock_s
from songid.listening.rules import PlayRules
from songid.model import Heard, SoundKind

_CROSSFADE_S = 4.0
_PAUSE_S = 2.0
_SEAM_S = 1.0
"""Windows this close follow without a break: segments' names carry whole seconds."""


class Airtime:
    """The unbroken spans in which a station was heard, from heards ordered by start."""

    def __init__(self, journal: Sequence[Heard]) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []
        for heard in journal:
            start_s = clock_s(heard.start)
            end_s = start_s + heard.duration_s
            if self._ends and start_s <= self._ends[-1] + _SEAM_S:
                self._ends[-1] = max(self._ends[-1], end_s)
            else:
                self._starts.append(start_s)
                self._ends.append(end_s)
        self._silence_ends = sorted(
            clock_s(heard.start) + span.end_s
            for heard in journal
            for span in heard.sounds
            if span.kind is SoundKind.SILENCE and span.end_s - span.start_s >= _PAUSE_S
        )

    @property
    def total_s(self) -> float:
        """All that was heard."""
        return sum(self._ends) - sum(self._starts)

    def heard_s(self, start_s: float, end_s: float) -> float:
        """How much of [start, end] was heard."""
        spans = range(bisect_right(self._ends, start_s), bisect_left(self._starts, end_s))
        return sum(min(self._ends[i], end_s) - max(self._starts[i], start_s) for i in spans)

    def start_of(self, first: Sighting, rules: PlayRules, free_from_s: float) -> float:
        """Where a play begins whose first sighting this is.

        free_from_s: when the play before it ended; a crossfade may reach behind that.
        """
        beginning_s = first.clock_at_offset(0.0)
        if not 0.0 <= first.start_s - beginning_s <= rules.head_s:
            return max(beginning_s, first.start_s)
        span = bisect_right(self._starts, first.start_s) - 1
        at_s = max(beginning_s, self._starts[span], free_from_s - _CROSSFADE_S)
        pauses = bisect_right(self._silence_ends, first.start_s)
        if pauses:  # talk may hide a recording's beginning, silence does not
            at_s = max(at_s, self._silence_ends[pauses - 1])
        return min(at_s, first.start_s)

    def end_of(self, last: Sighting, rules: PlayRules, duration_s: float) -> float:
        """Where a play ends whose last sighting this is; duration_s: 0 where unknown."""
        ending_s = last.clock_at_offset(duration_s)
        if duration_s <= 0 or abs(ending_s - last.end_s) > rules.tail_s:
            return last.end_s
        span = bisect_left(self._ends, last.end_s)
        return min(ending_s, self._ends[span]) if span < len(self._ends) else last.end_s
