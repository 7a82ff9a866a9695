"""What a score means: the probability that a match is true.

A logistic curve over the score, laid through what unknown music reaches and what true
matches reach; `songid calibrate` measures on the user's own catalogue how well it holds.
"""

from __future__ import annotations

import math

_HALF = 7.0
_WIDTH = 0.75


def confidence(score: float) -> float:
    """The confidence of a match of this score, in 0..1."""
    return 1.0 / (1.0 + math.exp(-(score - _HALF) / _WIDTH))


def together(confidences: list[float]) -> float:
    """The confidence that at least one of several agreeing matches is true."""
    doubt = 1.0
    for each in confidences:
        doubt *= 1.0 - each
    return 1.0 - doubt
