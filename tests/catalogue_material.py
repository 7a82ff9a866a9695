"""Made-up fingerprints and watched stores, for tests of the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from songid.catalogue.catalogue import Addition, Catalogue
from songid.catalogue.pages import HEADER_PAGE, unpack_header, unpack_page
from songid.interfaces import Store
from songid.model import Fingerprint, Recording

HASH_BITS = 22

Posting = tuple[str, int, int]
"""(recording id, hash, offset), as it was before volumes and pages."""


def fingerprint(pairs: Sequence[tuple[int, int]]) -> Fingerprint:
    """A fingerprint of (hash, offset), put in order."""
    ordered = sorted(pairs, key=lambda pair: (pair[1], pair[0]))
    return Fingerprint(
        np.array([pair[0] for pair in ordered], np.uint32),
        np.array([pair[1] for pair in ordered], np.uint32),
    )


def random_fingerprint(
    seed: int, count: int = 400, frames: int = 1000, hash_bits: int = HASH_BITS
) -> Fingerprint:
    """Landmarks at random: no two seeds share more than chance gives."""
    rng = np.random.default_rng(seed)
    return Fingerprint(
        rng.integers(0, 1 << hash_bits, count).astype(np.uint32),
        np.sort(rng.integers(0, frames, count)).astype(np.uint32),
    )


def excerpt(whole: Fingerprint, first: int, frames: int) -> Fingerprint:
    """What a query that begins at frame `first` has of a fingerprint."""
    inside = (whole.offsets_frames >= first) & (whole.offsets_frames < first + frames)
    return Fingerprint(whole.hashes[inside], whole.offsets_frames[inside] - np.uint32(first))


def together(*fingerprints: Fingerprint) -> Fingerprint:
    """Sounds heard at the same time."""
    hashes = np.concatenate([each.hashes for each in fingerprints])
    offsets = np.concatenate([each.offsets_frames for each in fingerprints])
    order = np.argsort(offsets, kind="stable")
    return Fingerprint(hashes[order], offsets[order])


def addition(name: str, of: Fingerprint, *, content: str = "", source: str = "") -> Addition:
    """An addition whose content and source are its name, if nothing else is said."""
    recording = Recording(
        "", title=name, source=source or name, content_sha256=content or f"content of {name}"
    )
    return Addition(recording, of)


def postings_of(catalogue: Catalogue, *, live_only: bool = True) -> Counter[Posting]:
    """Every posting of the live volumes, read page by page, by the recording's id."""
    store = catalogue.store
    removed = store.removed_ids() if live_only else set()
    found: Counter[Posting] = Counter()
    for volume in store.volumes():
        (data,) = store.get_pages([(volume.volume_id, HEADER_PAGE)])
        header = unpack_header(data)
        keys = [(volume.volume_id, number + 1) for number in range(len(header.counts))]
        pages = [unpack_page(page) for page in store.get_pages(keys)]
        assert [len(page) for page in pages] == header.counts.tolist()
        assert [int(page.hashes[0]) for page in pages] == header.first_hashes.tolist()
        for page in pages:
            owner = np.searchsorted(header.starts_frames, page.positions, "right") - 1
            offset = page.positions - header.starts_frames[owner]
            for who, value, at in zip(owner.tolist(), page.hashes.tolist(), offset, strict=True):
                found[header.recording_ids[who], value, int(at)] += 1
    return Counter({key: count for key, count in found.items() if key[0] not in removed})


def expected_postings(recording_id: str, of: Fingerprint) -> Counter[Posting]:
    """The postings that a fingerprint must have left."""
    hashes, offsets = of.hashes.tolist(), of.offsets_frames.tolist()
    return Counter((recording_id, value, at) for value, at in zip(hashes, offsets, strict=True))


class WatchedStore:
    """A real store, and what was read from it and written to it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.asked: list[int] = []
        self.written_at_once: list[int] = []
        self.written: Counter[int] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get_pages(self, keys: Sequence[tuple[str, int]]) -> list[bytes]:
        """As the store does; notes how many pages were asked for at once."""
        self.asked.append(len(keys))
        return self._store.get_pages(keys)

    def put_pages(self, volume_id: str, pages: Sequence[tuple[int, bytes]]) -> None:
        """As the store does; notes how often each hash was written."""
        self.written_at_once.append(len(pages))
        for number, data in pages:
            if number != HEADER_PAGE:
                self.written.update(unpack_page(data).hashes.tolist())
        self._store.put_pages(volume_id, pages)
