"""From a query's hashes to the postings that bear them, through the page cache.

All hashes are searched in all volumes at once by one vectorised bisection over the
cache's slots; no Python loop runs over pages or postings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from songid.catalogue.page_cache import PageCache, PageKey
from songid.catalogue.pages import PAGE_POSTINGS
from songid.catalogue.snapshot import Snapshot

I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]

Fetch = Callable[[Sequence[PageKey]], list[bytes]]


@dataclass(frozen=True, slots=True)
class Hits:
    """The postings found for a query's landmarks.

    positions: int64 (n,), on the snapshot's common axis; landmarks: int64 (n,), the
    index of the query's landmark each answers; counts: int64 (q,), how many postings
    the catalogue has for each landmark's hash, capped ones included.
    """

    positions: I64
    landmarks: I64
    counts: I64


def look_up(
    snapshot: Snapshot,
    cache: PageCache,
    fetch: Fetch,
    hashes: npt.NDArray[np.uint32],
    *,
    most_per_hash: int,
) -> Hits:
    """Find the postings of `hashes`, shape (q,), leaving out hashes with too many."""
    unique, back = np.unique(hashes, return_inverse=True)
    rows: list[tuple[I64, I64, I64, I64]] = []
    for volume, header in enumerate(snapshot.headers):
        page = np.searchsorted(header.first_hashes, unique, "right").astype(np.int64) - 1
        inside = np.flatnonzero(page >= 0)
        rows.append(
            (
                np.full(len(inside), volume, np.int64),
                inside,
                page[inside],
                header.counts[page[inside]].astype(np.int64),
            )
        )
    if not rows:
        return Hits(_none(), _none(), np.zeros(len(hashes), np.int64))
    volumes, asked, pages, sizes = (np.concatenate(column) for column in zip(*rows, strict=True))

    positions, found = [], []
    totals = np.zeros(len(unique), np.int64)
    # Chunks hold no more distinct pages than the cache has slots; one chunk as a rule.
    for low, high in _chunks(volumes, pages, cache.max_keys):
        part = slice(low, high)
        left, count, values = _search(
            snapshot, cache, fetch, unique[asked[part]], volumes[part], pages[part], sizes[part]
        )
        np.add.at(totals, asked[part], count)
        wanted = np.flatnonzero((count > 0) & (count <= most_per_hash))
        count, left = count[wanted], left[wanted]
        index = _ranges(left, count)
        base = snapshot.bases_frames[volumes[part][wanted]]
        positions.append(values[index].astype(np.int64) + np.repeat(base, count))
        found.append(np.repeat(asked[part][wanted], count))
    return _to_landmarks(
        np.concatenate(positions), np.concatenate(found), totals, back, most_per_hash
    )


def _search(
    snapshot: Snapshot,
    cache: PageCache,
    fetch: Fetch,
    wanted: npt.NDArray[np.uint32],
    volumes: I64,
    pages: I64,
    sizes: I64,
) -> tuple[I64, I64, npt.NDArray[np.uint32]]:
    """Where each wanted hash begins in the cache, how many it has, and the cache's positions."""
    code = volumes << 32 | pages
    distinct, which = np.unique(code, return_inverse=True)
    keys = [
        (snapshot.volume_ids[value >> 32], (value & 0xFFFFFFFF) + 1) for value in distinct.tolist()
    ]
    start = cache.slots_for(keys, fetch)[which] * PAGE_POSTINGS
    left = _bisect(cache.hashes, wanted, start, start + sizes)
    # The right end is sought only where there is a hit, from the hit on.
    at = np.minimum(left, start + sizes - 1)
    hit = np.flatnonzero(cache.hashes[at] == wanted)
    count = np.zeros(len(wanted), np.int64)
    if len(hit):
        right = _bisect(
            cache.hashes, wanted[hit], left[hit] + 1, (start + sizes)[hit], or_equal=True
        )
        count[hit] = right - left[hit]
    return left, count, cache.positions


def _bisect(
    values: npt.NDArray[np.uint32],
    wanted: npt.NDArray[np.uint32],
    low: I64,
    high: I64,
    *,
    or_equal: bool = False,
) -> I64:
    """First index in [low, high) whose value is >= wanted (> wanted with `or_equal`)."""
    low, high = low.copy(), high.copy()
    span = int((high - low).max(initial=0))
    for _ in range(span.bit_length()):
        middle = (low + high) >> 1
        value = values[np.minimum(middle, len(values) - 1)]
        right = (value <= wanted) if or_equal else (value < wanted)
        right &= low < high
        low = np.where(right, middle + 1, low)
        high = np.where(right, high, middle)
    return low


def _ranges(left: I64, count: I64) -> I64:
    """Concatenate arange(left, left + count)."""
    ends = np.cumsum(count)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(left - ends + count, count)


def _to_landmarks(positions: I64, found: I64, totals: I64, back: I64, most_per_hash: int) -> Hits:
    """Spread postings of unique hashes over the landmarks that bear them."""
    keep = totals[found] <= most_per_hash
    if not keep.all():
        positions, found = positions[keep], found[keep]
    order = np.argsort(found, kind="stable")
    positions = positions[order]
    per_hash = np.bincount(found, minlength=len(totals)) if len(found) else np.zeros_like(totals)
    begins = np.cumsum(per_hash) - per_hash
    count = per_hash[back]
    index = _ranges(begins[back], count)
    return Hits(positions[index], np.repeat(np.arange(len(back)), count), totals[back])


def _chunks(volumes: I64, pages: I64, most: int) -> list[tuple[int, int]]:
    """Cut (volume, page) rows, which ascend, so that each chunk has at most `most` pages."""
    new = np.ones(len(pages), bool)
    new[1:] = (volumes[1:] != volumes[:-1]) | (pages[1:] != pages[:-1])
    group = (np.cumsum(new) - 1) // most
    cuts = np.flatnonzero(np.diff(group, prepend=-1))
    return list(zip(cuts.tolist(), [*cuts[1:].tolist(), len(pages)], strict=True))


def _none() -> I64:
    return np.empty(0, np.int64)
