"""Finding music that is played off its speed, tempo or pitch, on the query's side alone.

Played faster by s, a peak at (t, f) moves to (t/s, s f); stretched, only t moves; transposed,
only f. So the query's peaks are moved back along grids of warps and looked up again, which
costs neither an FFT nor any index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from songid.catalogue.search import Alignment
from songid.interfaces import Analysis
from songid.model import UNWARPED, Fingerprint, Warp

_REFINED = 0.0025
_PER_SECOND = 20
_EXAMINED = 3
_SEMITONE = 2 ** (1 / 12)

Glimpse = Callable[[Sequence[Fingerprint], int], list[float]]
"""The best score of each of many queries, by the rarest so many landmarks of each second."""

Look = Callable[[Fingerprint], list[Alignment]]
"""Searches for a query with all its landmarks."""


@dataclass(frozen=True, slots=True)
class Family:
    """Warps of one kind: those that change the tempo, the pitch, or both alike (the speed)."""

    warps: tuple[Warp, ...]
    of_tempo: bool
    of_pitch: bool

    def around(self, warp: Warp, step: float) -> tuple[Warp, Warp, Warp]:
        """A warp between two of its kind, a step below and above."""
        below, above = (self._moved(warp, change) for change in (-step, step))
        return below, warp, above

    def _moved(self, warp: Warp, change: float) -> Warp:
        return Warp(warp.tempo + change * self.of_tempo, warp.pitch + change * self.of_pitch)


def families(
    *, widest_speed: float, widest_tempo: float, widest_pitch: float, step: float
) -> tuple[Family, ...]:
    """What is tried, the likeliest kind first: turntables, then stretching, then transposing.

    Each reaches from 1 - widest to 1 + widest in steps, without 1 itself; `widest_pitch` is in
    semitones, up and down. A kind whose widest is 0 is left out.
    """
    up, down = _SEMITONE**widest_pitch - 1, 1 - _SEMITONE**-widest_pitch
    kinds = (
        (widest_speed, widest_speed, True, True),
        (widest_tempo, widest_tempo, True, False),
        (down, up, False, True),
    )
    found = []
    for low, high, of_tempo, of_pitch in kinds:
        steps = [number * step for number in range(-round(low / step), round(high / step) + 1)]
        unwarped = Family((), of_tempo, of_pitch)
        warps = tuple(unwarped._moved(UNWARPED, each) for each in steps if each)
        if warps:
            found.append(Family(warps, of_tempo, of_pitch))
    return tuple(found)


def best_warp(
    analysis: Analysis,
    kinds: Sequence[Family],
    glimpse: Glimpse,
    look: Look,
    *,
    least_score: float,
    enough_score: float,
) -> Warp | None:
    """The warp under which the audio matches best, if its score reaches `least_score`.

    Kinds are tried in order until one gives `enough_score`. Of a kind every warp is tried with
    the rarest of few landmarks, so that the answer does not depend on an order; the best ones
    are tried again with all of those few, and the best of them is refined with all landmarks.
    So the cost is bounded by the number of warps.
    """
    best_score, best = 0.0, None
    for kind in kinds:
        glimpsed = glimpse(
            [analysis.for_query(each, quick=True) for each in kind.warps], _PER_SECOND
        )
        likely = sorted(
            (number for number, score in enumerate(glimpsed) if score),
            key=lambda number: -glimpsed[number],
        )[:_EXAMINED]
        scores = {
            kind.warps[number]: _score(look(analysis.for_query(kind.warps[number], quick=True)))
            for number in likely
        }
        coarse = max(scores, key=lambda warp: scores[warp], default=None)
        if coarse is None or scores[coarse] < least_score or scores[coarse] <= best_score:
            continue
        best_score, best = max(
            (
                (_score(look(analysis.for_query(each))), each)
                for each in kind.around(coarse, _REFINED)
            ),
            key=lambda found: found[0],
        )
        if best_score >= enough_score:
            break
    return best


def _score(found: list[Alignment]) -> float:
    return max((alignment.score for alignment in found), default=0.0)
