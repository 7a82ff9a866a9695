"""Which of a query's landmarks to look up first: the rarest of each second.

Rare hashes prove most and common ones cost most to read; how rare each is, the volumes'
headers tell without a page being read.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from songid.catalogue.snapshot import Snapshot
from songid.model import Fingerprint


def rarest(
    snapshot: Snapshot, fingerprint: Fingerprint, per_second: int, frame_s: float
) -> Fingerprint:
    """The `per_second` landmarks of each second whose hashes are rarest in the catalogue.

    Frames last `frame_s` seconds. The same query against the same catalogue always gives
    the same landmarks, and those of a smaller number are among those of a greater one.
    """
    if not len(fingerprint):
        return fingerprint
    second = (fingerprint.offsets_frames * frame_s).astype(np.int64)
    order = np.lexsort((_postings_expected(snapshot, fingerprint.hashes), second))
    in_order = second[order]
    rank = np.arange(len(order)) - np.searchsorted(in_order, in_order, "left")
    kept = np.sort(order[rank < per_second])
    return Fingerprint(fingerprint.hashes[kept], fingerprint.offsets_frames[kept])


def _postings_expected(
    snapshot: Snapshot, hashes: npt.NDArray[np.uint32]
) -> npt.NDArray[np.float64]:
    """How many postings each hash has if those of its page are spread evenly; shape (n,)."""
    expected = np.zeros(len(hashes))
    for header, density in zip(snapshot.headers, snapshot.densities, strict=True):
        if len(density):
            page = np.searchsorted(header.first_hashes, hashes, "right") - 1
            expected += np.where(page < 0, 0.0, density[page])
    return expected
