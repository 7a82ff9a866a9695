"""From queries to alignments in one snapshot of the catalogue, at a cost that has a bound.

In a large catalogue common hashes have too many postings to read them all. Then the rare ones
tell which recordings are likely, and the common ones are read of those alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from songid.catalogue.lookup import Fetch, look_up, look_up_within
from songid.catalogue.page_cache import PageCache
from songid.catalogue.sampling import rarest_of_each
from songid.catalogue.search import EXAMINED, MOST_PER_HASH, Alignment, align, best_score, likely
from songid.catalogue.snapshot import Snapshot
from songid.model import Fingerprint

MOST_HITS = 400_000
"""So many postings, of a query's rarest hashes, are read to find which recordings are likely."""

_FEW_HITS = 8192
_GLIMPSED_AT_ONCE = 16
_EXAMINED_AT_A_GLIMPSE = 3


def find(
    snapshot: Snapshot,
    cache: PageCache,
    fetch: Fetch,
    fingerprint: Fingerprint,
    *,
    frame_s: float,
    least_score: float,
    most_per_hash: int = MOST_PER_HASH,
    examined: int = EXAMINED,
) -> list[Alignment]:
    """Alignments of a query of at least `least_score`, strongest first; see `align`."""
    hashes, offsets = fingerprint.hashes, fingerprint.offsets_frames.astype(np.int64)
    hits = look_up(snapshot, cache, fetch, hashes, most_per_hash=most_per_hash, most_hits=MOST_HITS)
    if len(hits.positions) > _FEW_HITS or hits.rest is not None:
        chosen = likely(
            snapshot,
            hits,
            hashes,
            offsets,
            frame_s=frame_s,
            least_score=least_score,
            examined=examined,
        )
        hits = look_up_within(snapshot, cache, hits, chosen)
    return align(
        snapshot,
        hits,
        hashes,
        offsets,
        frame_s=frame_s,
        least_score=least_score,
        examined=examined,
    )


def glimpse(
    snapshot: Snapshot,
    cache: PageCache,
    fetch: Fetch,
    fingerprints: Sequence[Fingerprint],
    *,
    frame_s: float,
    per_second: int,
    least_score: float,
) -> list[float]:
    """The best score of each of many queries, by the rarest of its landmarks; 0 for none.

    `per_second` of them are taken of each second, as by `rarest`. The queries share look-ups:
    as many at once as the page cache has room for, and a processor's cache for the hits.
    """
    seconds = max(
        (int(each.offsets_frames.max(initial=0) * frame_s) for each in fingerprints), default=0
    )
    rows = per_second * (seconds + 1) * max(1, len(snapshot.volume_ids))
    at_once = max(1, min(_GLIMPSED_AT_ONCE, cache.max_keys // rows))
    scores: list[float] = []
    for at in range(0, len(fingerprints), at_once):
        queries = rarest_of_each(snapshot, fingerprints[at : at + at_once], per_second, frame_s)
        hashes = np.concatenate([each.hashes for each in queries])
        hits = look_up(snapshot, cache, fetch, hashes, most_per_hash=MOST_PER_HASH)
        scores += [
            best_score(
                snapshot,
                some,
                query.hashes,
                query.offsets_frames.astype(np.int64),
                frame_s=frame_s,
                least_score=least_score,
                examined=_EXAMINED_AT_A_GLIMPSE,
            )
            for query, some in zip(queries, hits.split([len(q) for q in queries]), strict=True)
        ]
    return scores
