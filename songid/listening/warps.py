"""Finding music that is played off its speed, on the query's side alone.

Played faster by s, a peak at (t, f) moves to (t/s, s f): the query's peaks are moved back
along a grid of speeds and looked up again, which costs neither an FFT nor any index.
"""

from __future__ import annotations

from collections.abc import Callable

from songid.catalogue.search import Alignment
from songid.interfaces import Analysis
from songid.model import Fingerprint, Warp

_REFINED = 0.0025

Look = Callable[[Fingerprint], list[Alignment]]


def speed_grid(widest: float, step: float) -> tuple[Warp, ...]:
    """Speeds from 1 - widest to 1 + widest in steps, without 1 itself; () for widest 0."""
    count = round(widest / step)
    speeds = [1 + step * number for number in range(-count, count + 1) if number]
    return tuple(Warp(tempo=speed, pitch=speed) for speed in speeds)


def best_warp(
    analysis: Analysis, grid: tuple[Warp, ...], look: Look, least_score: float
) -> Warp | None:
    """The warp under which the audio matches best, if its score reaches `least_score`.

    Every point of the grid is tried with few landmarks, so that the answer does not
    depend on an order; the best is refined with all of them.
    """
    scores = {warp: _score(analysis.for_query(warp, quick=True), look) for warp in grid}
    best = max(grid, key=lambda warp: scores[warp], default=None)
    if best is None or scores[best] < least_score:
        return None
    around = [
        Warp(best.tempo + change, best.pitch + change) for change in (-_REFINED, 0.0, _REFINED)
    ]
    return max(around, key=lambda warp: _score(analysis.for_query(warp), look))


def _score(query: Fingerprint, look: Look) -> float:
    found = look(query)
    return max((alignment.score for alignment in found), default=0.0)
