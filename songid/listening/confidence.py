"""What a score means: the probability that a match is true.

Scores of unknown music fall off exponentially, and the highest of them grows with the
logarithm of how much there is to be mistaken for; `songid calibrate` measures on the
user's own catalogue how well that holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

# Measured against 3.7 h of music with tracks that are not in it: of 12 s windows 1 %
# reached 3.7, 0.2 % 3.96 and none of 301 reached 4; of 10 s excerpts, clean and under
# eight distortions, 0.2 % reached 3.6 and none of 1,100 reached 3.8.
_EVEN = 4.1
_FALL = 0.2
_MEASURED_S = 3.7 * 3600


def confidence(score: float, catalogue_s: float) -> float:
    """The confidence, in 0..1, of a match of this score among `catalogue_s` seconds of audio.

    A query asked again under n warps had n times the audio to be mistaken for.
    """
    log_odds = (score - _EVEN) / _FALL - math.log(max(catalogue_s, 600.0) / _MEASURED_S)
    return 1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, log_odds))))


def score_for(wanted: float, catalogue_s: float) -> float:
    """The score that has this confidence."""
    log_odds = math.log(wanted / (1.0 - wanted)) + math.log(max(catalogue_s, 600.0) / _MEASURED_S)
    return _EVEN + _FALL * log_odds


def together(confidences: Iterable[float]) -> float:
    """The confidence that at least one of several agreeing matches is true."""
    doubt = 1.0
    for each in confidences:
        doubt *= 1.0 - each
    return 1.0 - doubt
