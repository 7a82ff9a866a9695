"""From a query's hashes to the postings that bear them, through the page cache.

All hashes are searched in all volumes at once by one vectorised bisection over the
cache's slots; no Python loop runs over pages or postings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from songid.catalogue.page_cache import SLOT_POSTINGS, PageCache, PageKey
from songid.catalogue.snapshot import Snapshot

I64 = npt.NDArray[np.int64]

_NONE: I64 = np.empty(0, np.int64)

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
    # Ascending, so that neighbours are sought in the same page.
    order = np.argsort(hashes, kind="stable")
    wanted = hashes[order]
    volumes, asked, pages = _where_to_look(snapshot, wanted)
    left = np.empty(len(asked), np.int64)
    count = np.zeros(len(asked), np.int64)
    found: list[tuple[I64, I64]] = []
    # A chunk needs no more pages than the cache has slots; one chunk as a rule.
    for low, high in _chunks(volumes, pages, cache.max_keys):
        part = slice(low, high)
        left[part], count[part] = _search(
            snapshot, cache, fetch, wanted[asked[part]], volumes[part], pages[part]
        )
        # Read now: the next chunk may take the slots.
        rows = np.flatnonzero((count[part] > 0) & (count[part] <= most_per_hash)) + low
        each = count[rows]
        base = snapshot.bases_frames[volumes[rows]]
        positions = cache.positions[_ranges(left[rows], each)].astype(np.int64)
        positions += np.repeat(base, each)
        found.append((positions, np.repeat(order[asked[rows]], each)))
    counts = np.zeros(len(hashes), np.int64)
    counts[order] = np.bincount(asked, count, len(hashes)).astype(np.int64)
    positions = np.concatenate([_NONE, *(each for each, _ in found)])
    landmarks = np.concatenate([_NONE, *(each for _, each in found)])
    if len(snapshot.headers) > 1:
        # Common to all volumes together, though not in any one of them.
        keep = counts[landmarks] <= most_per_hash
        if not keep.all():
            positions, landmarks = positions[keep], landmarks[keep]
    return Hits(positions, landmarks, counts)


def _where_to_look(snapshot: Snapshot, wanted: npt.NDArray[np.uint32]) -> tuple[I64, I64, I64]:
    """For each volume and ascending hash the page that may hold it, or all that do.

    Returns rows (volume, index into `wanted`, page), ordered so that pages ascend.
    """
    rows: list[tuple[I64, I64, I64]] = [(_NONE, _NONE, _NONE)]
    for volume, header in enumerate(snapshot.headers):
        page = np.searchsorted(header.first_hashes, wanted, "right") - 1
        first = int(np.searchsorted(page, 0))
        asked, page = np.arange(first, len(wanted)), page[first:]
        # Pages that begin with the very hash, but for the last of them.
        more = page - np.searchsorted(header.first_hashes, wanted[first:], "left")
        if (more > 0).any():
            each = np.maximum(more, 0) + 1
            asked, page = np.repeat(asked, each), _ranges(page - each + 1, each)
            order = np.argsort(page, kind="stable")
            asked, page = asked[order], page[order]
        rows.append((np.full(len(asked), volume), asked, page))
    volumes, asked, pages = (np.concatenate(column) for column in zip(*rows, strict=True))
    return volumes, asked, pages


def _search(
    snapshot: Snapshot,
    cache: PageCache,
    fetch: Fetch,
    wanted: npt.NDArray[np.uint32],
    volumes: I64,
    pages: I64,
) -> tuple[I64, I64]:
    """Where in the cache each wanted hash begins, and how many postings it has there."""
    new = _changes(volumes, pages)
    borders = np.searchsorted(volumes[new], np.arange(len(snapshot.volume_ids) + 1))
    numbers = pages[new] + 1  # 0 is the header
    asked = [numbers[low:high] for low, high in pairwise(borders.tolist())]
    slots = cache.slots_for(snapshot.volume_ids, asked, fetch)
    at = slots[np.cumsum(new) - 1] * SLOT_POSTINGS
    # Bisection of all pages at once: behind a page's postings its slot is filled up with
    # the highest number, so every page is of one length, a power of two.
    step = SLOT_POSTINGS >> 1
    while step:
        at += step * (cache.hashes[at + (step - 1)] < wanted)
        step >>= 1
    hit = cache.hashes[at] == wanted
    return at, np.where(hit, cache.runs[at], 0).astype(np.int64)


def _ranges(left: I64, count: I64) -> I64:
    """Concatenate arange(left, left + count)."""
    ends = np.cumsum(count)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(left - ends + count, count)


def _changes(volumes: I64, pages: I64) -> npt.NDArray[np.bool_]:
    """Which rows are of another page than the row before."""
    new = np.ones(len(pages), np.bool_)
    new[1:] = (volumes[1:] != volumes[:-1]) | (pages[1:] != pages[:-1])
    return new


def _chunks(volumes: I64, pages: I64, most: int) -> list[tuple[int, int]]:
    """Cut rows whose pages ascend so that each chunk has at most `most` pages."""
    if not len(pages):  # an empty catalogue
        return []
    group = (np.cumsum(_changes(volumes, pages)) - 1) // most
    cuts = np.flatnonzero(np.diff(group, prepend=-1)).tolist()
    return list(zip(cuts, [*cuts[1:], len(pages)], strict=True))
