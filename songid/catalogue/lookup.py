"""From a query's hashes to the postings that bear them, through the page cache.

All hashes are searched in all volumes at once by one vectorised bisection over the
cache's slots; no Python loop runs over pages or postings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from songid.catalogue.page_cache import SLOT_POSTINGS, PageCache, PageKey
from songid.catalogue.snapshot import Snapshot

I64 = npt.NDArray[np.int64]

_NONE: I64 = np.empty(0, np.int64)
_BLOCK_BITS = 12

Fetch = Callable[[Sequence[PageKey]], list[bytes]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Where a query's postings stand in the cache: a run of them in each row.

    volumes, landmarks, left, count: int64 (n,); postings [left, left + count) of the cache
    answer the landmark. They ascend within a row, and stay until the cache is asked again.
    """

    volumes: I64
    landmarks: I64
    left: I64
    count: I64

    def __getitem__(self, chosen: npt.NDArray[np.bool_] | I64) -> Rows:
        return Rows(
            self.volumes[chosen], self.landmarks[chosen], self.left[chosen], self.count[chosen]
        )


@dataclass(frozen=True, slots=True)
class Hits:
    """The postings found for a query's landmarks.

    positions: int64 (n,), on the snapshot's common axis; landmarks: int64 (n,), the
    index of the query's landmark each answers, ascending; counts: int64 (q,), how many postings
    the catalogue has for each landmark's hash, capped ones included. rest: those of
    common hashes, if there were too many to read them all.
    """

    positions: I64
    landmarks: I64
    counts: I64
    rest: Rows | None = None

    def split(self, lengths: Sequence[int]) -> list[Hits]:
        """The hits of each of several queries that were looked up as one, end to end."""
        ends = np.cumsum(lengths)
        cuts = np.searchsorted(self.landmarks, [0, *ends]).tolist()
        return [
            Hits(self.positions[low:high], self.landmarks[low:high] - first, self.counts[first:end])
            for first, end, (low, high) in zip(
                [0, *ends.tolist()], ends.tolist(), pairwise(cuts), strict=False
            )
        ]


def look_up(
    snapshot: Snapshot,
    cache: PageCache,
    fetch: Fetch,
    hashes: npt.NDArray[np.uint32],
    *,
    most_per_hash: int,
    most_hits: int | None = None,
) -> Hits:
    """Find the postings of `hashes`, shape (q,), leaving out hashes with too many.

    With `most_hits` so many are read, those of the rarest hashes, and the rest only found.
    """
    # Ascending, so that neighbours are sought in the same page.
    order = np.argsort(hashes, kind="stable")
    wanted = hashes[order]
    volumes, asked, pages = _where_to_look(snapshot, wanted)
    # A chunk needs no more pages than the cache has slots; one chunk as a rule.
    chunks = _chunks(volumes, pages, cache.max_keys)
    counts = np.zeros(len(hashes), np.int64)
    found: list[Hits] = []
    rest: Rows | None = None
    for low, high in chunks:
        part = slice(low, high)
        left, count = _search(
            snapshot, cache, fetch, wanted[asked[part]], volumes[part], pages[part]
        )
        rows = Rows(volumes[part], order[asked[part]], left, count)
        counts += np.bincount(rows.landmarks, count, len(hashes)).astype(np.int64)
        rows = rows[count > 0]
        if len(chunks) == 1:
            rare = _rarest(counts, most_hits)
            read = counts <= most_per_hash
            if rare is not None:
                rest = rows[(read & ~rare)[rows.landmarks]]
                read &= rare
            rows = rows[read[rows.landmarks]]
        # Read now: the next chunk may take the slots.
        found.append(_read(snapshot, cache, rows[rows.count <= most_per_hash], counts))
    if not found:  # an empty catalogue
        return Hits(_NONE, _NONE, counts)
    if len(found) == 1:
        return replace(found[0], rest=rest)
    positions = np.concatenate([each.positions for each in found])
    landmarks = np.concatenate([each.landmarks for each in found])
    order = np.argsort(landmarks, kind="stable")
    positions, landmarks = positions[order], landmarks[order]
    # Common to all volumes or chunks together, though not in any one of them.
    keep = counts[landmarks] <= most_per_hash
    return Hits(positions[keep], landmarks[keep], counts)


def look_up_within(
    snapshot: Snapshot, cache: PageCache, hits: Hits, recordings: Sequence[int]
) -> Hits:
    """All postings that some recordings, ascending, have: those of the hits and of their rest.

    The cache must not have been asked for anything since the look-up.
    """
    chosen = np.array(recordings, np.int64)
    starts, ends = snapshot.starts_frames[chosen], snapshot.ends_frames[chosen]
    inside = _inside(hits.positions, starts, ends)
    within = Hits(hits.positions[inside], hits.landmarks[inside], hits.counts)
    if hits.rest is None:
        return within
    rest = _read_between(snapshot, cache, hits.rest, starts, ends, hits.counts)
    landmarks = np.concatenate((within.landmarks, rest.landmarks))
    order = np.argsort(landmarks, kind="stable")
    positions = np.concatenate((within.positions, rest.positions))
    return Hits(positions[order], landmarks[order], hits.counts)


def _inside(positions: I64, starts: I64, ends: I64) -> I64:
    """Indices of the positions in any of these spans, ascending and apart from each other.

    Most are ruled out by a table of blocks of the axis that is small enough for the cache.
    """
    if not len(starts):
        return _NONE
    blocks = np.zeros((int(ends[-1]) >> _BLOCK_BITS) + 2, np.bool_)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        blocks[start >> _BLOCK_BITS : (end >> _BLOCK_BITS) + 1] = True
    block = np.minimum(positions >> _BLOCK_BITS, len(blocks) - 1)
    near = np.flatnonzero(blocks[block])
    at = np.searchsorted(starts, positions[near], "right") - 1
    return near[(at >= 0) & (positions[near] < ends[at])]


def _rarest(counts: I64, most_hits: int | None) -> npt.NDArray[np.bool_] | None:
    """Which landmarks have the rarest hashes, of at most so many postings; None: all have."""
    if most_hits is None or int(counts.sum()) <= most_hits:
        return None
    order = np.argsort(counts, kind="stable")
    rare = np.zeros(len(counts), np.bool_)
    rare[order[: np.searchsorted(np.cumsum(counts[order]), most_hits, "right")]] = True
    return rare


def _read(snapshot: Snapshot, cache: PageCache, rows: Rows, counts: I64) -> Hits:
    rows = rows[np.argsort(rows.landmarks)]
    positions = cache.positions[ranges(rows.left, rows.count)].astype(np.int64)
    positions += np.repeat(snapshot.bases_frames[rows.volumes], rows.count)
    return Hits(positions, np.repeat(rows.landmarks, rows.count), counts)


def _read_between(
    snapshot: Snapshot, cache: PageCache, rows: Rows, starts: I64, ends: I64, counts: I64
) -> Hits:
    """The postings in spans of the common axis, shape (s,), ascending, by bisection in each row."""
    volumes = np.searchsorted(snapshot.bases_frames, starts, "right") - 1
    bases = snapshot.bases_frames[volumes]
    low, high = (starts - bases).astype(np.uint32), (ends - bases).astype(np.uint32)
    # Every span with every row of its volume.
    span, row = np.nonzero(volumes[:, None] == rows.volumes[None, :])
    at, stop, first = rows.left[row], (rows.left + rows.count)[row], low[span]
    step = 1 << int(rows.count.max(initial=0)).bit_length() >> 1
    while step:
        ahead = at + (step - 1)
        before = ahead < stop
        ahead[~before] = 0
        at += step * (before & (cache.positions[ahead] < first))
        step >>= 1
    found: list[tuple[I64, I64]] = [(_NONE, _NONE)]
    left = np.arange(len(at))
    # Few rows have one in a span, and fewer another; each turn takes one of all.
    while len(left := left[at[left] < stop[left]]):
        positions = cache.positions[at[left]]
        inside = positions < high[span[left]]
        left = left[inside]
        found.append((positions[inside] + bases[span[left]], rows.landmarks[row[left]]))
        at[left] += 1
    every, landmarks = (np.concatenate(column) for column in zip(*found, strict=True))
    return Hits(every, landmarks, counts)


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
            asked, page = np.repeat(asked, each), ranges(page - each + 1, each)
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


def ranges(left: I64, count: I64) -> I64:
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
