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
_PER_SECOND = 40
_EXAMINED = 3

Look = Callable[[Fingerprint, int], list[Alignment]]
"""Searches for a query, with its rarest landmarks of each second only; 0: with all."""


def speed_grid(widest: float, step: float) -> tuple[Warp, ...]:
    """Speeds from 1 - widest to 1 + widest in steps, without 1 itself; () for widest 0."""
    count = round(widest / step)
    speeds = [1 + step * number for number in range(-count, count + 1) if number]
    return tuple(Warp(tempo=speed, pitch=speed) for speed in speeds)


def best_warp(
    analysis: Analysis, grid: tuple[Warp, ...], look: Look, least_score: float
) -> Warp | None:
    """The warp under which the audio matches best, if its score reaches `least_score`.

    Every point of the grid is tried with the rarest of few landmarks, so that the answer
    does not depend on an order; the best points are tried again with all of those few, and
    the best of them is refined with all landmarks.
    """
    glimpsed = {
        warp: _score(look(analysis.for_query(warp, quick=True), _PER_SECOND)) for warp in grid
    }
    likely = sorted((warp for warp in grid if glimpsed[warp]), key=lambda warp: -glimpsed[warp])
    scores = {
        warp: _score(look(analysis.for_query(warp, quick=True), 0)) for warp in likely[:_EXAMINED]
    }
    best = max(scores, key=lambda warp: scores[warp], default=None)
    if best is None or scores[best] < least_score:
        return None
    around = [
        Warp(best.tempo + change, best.pitch + change) for change in (-_REFINED, 0.0, _REFINED)
    ]
    return max(around, key=lambda warp: _score(look(analysis.for_query(warp), 0)))


def _score(found: list[Alignment]) -> float:
    return max((alignment.score for alignment in found), default=0.0)
