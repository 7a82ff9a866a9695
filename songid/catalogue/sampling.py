"""Which of a query's landmarks to look up first: the rarest of each second.

Rare hashes prove most and common ones cost most to read; how rare each is, the volumes'
headers tell without a page being read.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    return rarest_of_each(snapshot, [fingerprint], per_second, frame_s)[0]


def rarest_of_each(
    snapshot: Snapshot, fingerprints: Sequence[Fingerprint], per_second: int, frame_s: float
) -> list[Fingerprint]:
    """The same of each of several queries, together in less time than one by one."""
    lengths = [len(each) for each in fingerprints]
    if not sum(lengths):
        return list(fingerprints)
    hashes = np.concatenate([each.hashes for each in fingerprints])
    offsets = np.concatenate([each.offsets_frames for each in fingerprints])
    second = (offsets * frame_s).astype(np.int64)
    second += np.repeat(np.arange(len(lengths)) * (int(second.max()) + 1), lengths)
    order = np.lexsort((_postings_expected(snapshot, hashes), second))
    in_order = second[order]
    rank = np.arange(len(order)) - np.searchsorted(in_order, in_order, "left")
    kept = np.sort(order[rank < per_second])
    cuts = np.searchsorted(kept, np.cumsum(lengths)[:-1])
    return [Fingerprint(hashes[some], offsets[some]) for some in np.split(kept, cuts)]


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
