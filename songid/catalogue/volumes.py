"""Writing volumes: from fingerprints to pages, and from many volumes to one.

A volume is invisible until its commit, so whoever dies while writing leaves pages that
nobody reads and that are cleared away later.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

import numpy as np

from songid.catalogue.pages import (
    HEADER_PAGE,
    MAX_EXTENT_FRAMES,
    Postings,
    VolumeHeader,
    cut_pages,
    pack_header,
    pack_page,
    sort_postings,
    unpack_page,
)
from songid.interfaces import Store
from songid.model import Fingerprint, VolumeRow

FANOUT = 4
"""As many volumes of one tier are merged into one of the next."""

_SMALLEST_TIER_POSTINGS = 16_384
_PAGES_AT_ONCE = 1024


def tier_for(postings: int) -> int:
    """The tier in which a freshly written volume of this size begins."""
    tier, size = 0, _SMALLEST_TIER_POSTINGS * FANOUT
    while postings >= size:
        tier, size = tier + 1, size * FANOUT
    return tier


def new_volume_id() -> str:
    """A name for a volume that no other has."""
    return secrets.token_hex(8)


def write_volume(
    store: Store,
    volume_id: str,
    fingerprints: Sequence[tuple[str, Fingerprint]],
    now: datetime,
) -> VolumeRow:
    """Write the pages of a new volume of (recording id, fingerprint); commit is the caller's."""
    starts, hashes, positions = [], [], []
    extent = 0
    for _, fingerprint in fingerprints:
        starts.append(extent)
        hashes.append(fingerprint.hashes)
        positions.append(fingerprint.offsets_frames + np.uint32(extent))
        extent += int(fingerprint.offsets_frames.max(initial=0)) + 1
    if extent > MAX_EXTENT_FRAMES:
        raise ValueError("too much audio for one volume; index it in smaller batches")
    postings = sort_postings(np.concatenate(hashes), np.concatenate(positions))
    return _write(
        store,
        volume_id,
        cut_pages(postings),
        np.array(starts, np.uint32),
        [recording_id for recording_id, _ in fingerprints],
        extent,
        lambda total: tier_for(total),
        now,
    )


def merge_volumes(
    store: Store,
    volume_id: str,
    volumes: Sequence[VolumeRow],
    headers: Sequence[VolumeHeader],
    live: Callable[[str], bool],
    now: datetime,
    *,
    keep_claim: Callable[[], None],
) -> VolumeRow | None:
    """Write one volume that holds the live postings of several; None if none are live.

    Memory is constant: the volumes are read page by page in step. `keep_claim` is called
    now and then, and may raise to stop the work.
    """
    starts: list[int] = []
    ids: list[str] = []
    moves: list[_Move] = []
    extent = 0
    for header in headers:
        ends = np.append(header.starts_frames[1:], header.extent_frames).astype(np.int64)
        keeps = np.array([live(recording_id) for recording_id in header.recording_ids], bool)
        shifts = np.zeros(len(ends), np.int64)
        for index in np.flatnonzero(keeps):
            shifts[index] = extent - int(header.starts_frames[index])
            starts.append(extent)
            ids.append(header.recording_ids[index])
            extent += int(ends[index]) - int(header.starts_frames[index])
        moves.append(_Move(header, keeps, shifts))
    if not ids:
        return None

    def pages() -> Iterator[Postings]:
        for merged in _merge_in_step(store, volumes, moves):
            keep_claim()
            yield from cut_pages(merged)

    above = max(volume.tier for volume in volumes) + 1
    return _write(
        store,
        volume_id,
        pages(),
        np.array(starts, np.uint32),
        ids,
        extent,
        lambda total: max(above, tier_for(total)),
        now,
    )


class _Move:
    """How one volume's postings go over into the merged one."""

    def __init__(
        self,
        header: VolumeHeader,
        keeps: np.ndarray[tuple[int], np.dtype[np.bool_]],
        shifts: np.ndarray[tuple[int], np.dtype[np.int64]],
    ) -> None:
        self.header, self._keeps, self._shifts = header, keeps, shifts

    def __call__(self, page: Postings) -> Postings:
        recording = np.searchsorted(self.header.starts_frames, page.positions, "right") - 1
        keep = self._keeps[recording]
        moved = page.positions.astype(np.int64) + self._shifts[recording]
        return Postings(page.hashes[keep], moved[keep].astype(np.uint32))


def _merge_in_step(
    store: Store, volumes: Sequence[VolumeRow], moves: Sequence[_Move]
) -> Iterator[Postings]:
    """Merge sorted volumes: batches of whole hash ranges, ascending.

    Each round reads the same hash range, up to the next page border that keeps the
    batch near _PAGES_AT_ONCE pages, from all volumes; a hash is never split.
    """
    borders = np.unique(np.concatenate([move.header.first_hashes for move in moves]))
    cuts = [*borders[_PAGES_AT_ONCE::_PAGES_AT_ONCE].astype(np.int64).tolist(), 1 << 32]
    next_page = [0] * len(volumes)
    waiting = [Postings(np.empty(0, np.uint32), np.empty(0, np.uint32)) for _ in volumes]
    for cut in cuts:
        batch: list[Postings] = []
        for index, (volume, move) in enumerate(zip(volumes, moves, strict=True)):
            last = int(np.searchsorted(move.header.first_hashes.astype(np.int64), cut, "left"))
            keys = [(volume.volume_id, number + 1) for number in range(next_page[index], last)]
            next_page[index] = max(last, next_page[index])
            parts = [waiting[index], *(move(unpack_page(data)) for data in store.get_pages(keys))]
            hashes = np.concatenate([part.hashes for part in parts])
            positions = np.concatenate([part.positions for part in parts])
            split = int(np.searchsorted(hashes.astype(np.int64), cut, "left"))
            batch.append(Postings(hashes[:split], positions[:split]))
            waiting[index] = Postings(hashes[split:], positions[split:])
        merged = sort_postings(
            np.concatenate([part.hashes for part in batch]),
            np.concatenate([part.positions for part in batch]),
        )
        if len(merged):
            yield merged


def _write(
    store: Store,
    volume_id: str,
    pages: Iterable[Postings],
    starts: np.ndarray[tuple[int], np.dtype[np.uint32]],
    recording_ids: Sequence[str],
    extent: int,
    tier: Callable[[int], int],
    now: datetime,
) -> VolumeRow:
    first_hashes: list[int] = []
    counts: list[int] = []
    size = 0
    waiting: list[tuple[int, bytes]] = []
    for page in pages:
        first_hashes.append(int(page.hashes[0]))
        counts.append(len(page))
        data = pack_page(page)
        size += len(data)
        waiting.append((len(counts), data))
        if len(waiting) >= _PAGES_AT_ONCE:
            store.put_pages(volume_id, waiting)
            waiting = []
    header = pack_header(
        VolumeHeader(
            np.array(first_hashes, np.uint32),
            np.array(counts, np.uint32),
            starts,
            tuple(recording_ids),
            extent,
        )
    )
    store.put_pages(volume_id, [*waiting, (HEADER_PAGE, header)])
    total = sum(counts)
    return VolumeRow(volume_id, tier(total), total, len(counts), size + len(header), now)
