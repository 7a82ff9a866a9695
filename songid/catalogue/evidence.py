"""How much aligned landmarks prove: weights, spread over time, what chance would give.

Three things set a true match apart from music that only resembles the recording: its
landmarks are rare, it is heard all along instead of in bursts, and the recording does not
answer the query as well at any other lag.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from songid.catalogue.lookup import Hits
from songid.catalogue.snapshot import Snapshot

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

LAG_TOLERANCE_FRAMES = 1

# How much a recording that answers at every lag is discounted. On real music under noise
# 10 separated known from unknown best, among 0 to 30; more began to cost true matches.
_CHANCE = 10.0
_MOST_DISCOUNT = 0.5


class Evidence:
    """Scores alignments of one query.

    hits: what the catalogue has for it; hashes: uint32 (q,); offsets_frames: int64 (q,),
    in frames of `frame_s` seconds. weights: float64 (q,), each landmark's weight
    1/sqrt(n m), where its hash has n postings in the catalogue and stands m times in the
    query: held notes and steady beats repeat their hashes.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        hits: Hits,
        hashes: npt.NDArray[np.uint32],
        offsets_frames: I64,
        frame_s: float,
    ) -> None:
        self.weights: F64 = 1.0 / np.sqrt(np.maximum(hits.counts, 1) * _repeats(hashes))
        self._seconds = (offsets_frames * frame_s).astype(np.int64)
        self._snapshot = snapshot
        self._hits = hits
        self._chance: dict[int, float] = {}

    def score(self, recording: int, landmarks: I64) -> float:
        """The score of a recording with these of the query's landmarks aligned at one lag.

        What its seconds add, less what the recording gives at any lag.
        """
        spread = float(self.by_second(landmarks).sum())
        return spread - min(_CHANCE * self._chance_weight(recording), _MOST_DISCOUNT * spread)

    def by_second(self, landmarks: I64) -> F64:
        """What each second of these landmarks adds to a score: the square root of its weight."""
        return np.sqrt(np.bincount(self._seconds[landmarks], self.weights[landmarks]))

    def least_weight(self, least_score: float) -> float:
        """The least summed weight that can reach a score, by the inequality of Cauchy-Schwarz."""
        return least_score**2 / (int(self._seconds.max(initial=0)) + 1)

    def _chance_weight(self, recording: int) -> float:
        """The weight that gathers at a lag of a recording picked blindly."""
        if recording not in self._chance:
            start, end = self._snapshot.span_of(recording)
            positions = self._hits.positions
            inside = (positions >= start) & (positions < end)
            total = float(self.weights[self._hits.landmarks[inside]].sum())
            self._chance[recording] = total * (2 * LAG_TOLERANCE_FRAMES + 1) / (end - start)
        return self._chance[recording]


def _repeats(hashes: npt.NDArray[np.uint32]) -> I64:
    """How often each hash stands in the query, shape (q,)."""
    order = np.argsort(hashes)
    ordered = hashes[order]
    times = np.searchsorted(ordered, ordered, "right") - np.searchsorted(ordered, ordered, "left")
    result = np.empty(len(hashes), np.int64)
    result[order] = times
    return result
