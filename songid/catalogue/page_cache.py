"""A bounded cache of pages, laid out so that one vectorised search serves all of them.

Pages never change, so what was read once is never asked of the store again while it
fits; the slots are two flat arrays whose memory the system hands out as it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from songid.catalogue.pages import PAGE_POSTINGS, unpack_page

I64 = npt.NDArray[np.int64]

_NONE: I64 = np.empty(0, np.int64)
PageKey = tuple[str, int]

SLOT_POSTINGS = 1 << (PAGE_POSTINGS - 1).bit_length()
"""A page's postings, rounded up to a power of two (1,024), which a bisection needs."""

BYTES_PER_SLOT = SLOT_POSTINGS * 10
_FETCH_AT_ONCE = 1000
_HIGHEST = np.uint32(2**32 - 1)


class PageCache:
    """Keeps decoded pages in slots of SLOT_POSTINGS postings, 10 KiB each.

    hashes and positions: uint32, runs: uint16, shape (slots * SLOT_POSTINGS,); the page in
    slot s begins at s * SLOT_POSTINGS. Behind its postings a slot's hashes are the highest
    number. runs tells, at a hash's first posting, how many it has. `hits` and `misses`
    count pages asked for.
    """

    def __init__(self, capacity_bytes: int) -> None:
        self.slots = max(16, capacity_bytes // BYTES_PER_SLOT)
        # np.empty commits no memory until a slot is written.
        self.hashes = np.empty(self.slots * SLOT_POSTINGS, np.uint32)
        self.positions = np.empty(self.slots * SLOT_POSTINGS, np.uint32)
        self.runs = np.empty(self.slots * SLOT_POSTINGS, np.uint16)
        self.hits = 0
        self.misses = 0
        # Of each volume the slot of each page, -1 where it has none: shape (pages,).
        self._slots_of: dict[str, I64] = {}
        self._key_of: list[PageKey | None] = [None] * self.slots
        self._used_at = np.zeros(self.slots, np.int64)
        self._clock = 0
        self._filled = 0

    @property
    def max_keys(self) -> int:
        """The most pages that one call of `slots_for` can hold together."""
        return self.slots

    @property
    def held_bytes(self) -> int:
        """The memory that pages take."""
        return self._filled * BYTES_PER_SLOT

    def slots_for(
        self,
        volume_ids: Sequence[str],
        pages: Sequence[I64],
        fetch: Callable[[Sequence[PageKey]], list[bytes]],
    ) -> I64:
        """The slot of each page, reading those that are missing.

        pages: for each volume the numbers of the pages wanted, each once. The slots are in
        the same order, volume by volume; they stay as they are until the next call. At most
        `max_keys` pages together.
        """
        self._clock += 1
        slots = np.concatenate(
            [_NONE, *(self._known(*each) for each in zip(volume_ids, pages, strict=True))]
        )
        present = slots >= 0
        self._used_at[slots[present]] = self._clock
        missing = np.flatnonzero(~present)
        self.hits += len(slots) - len(missing)
        self.misses += len(missing)
        if len(missing):
            keys = [
                (volume_id, page)
                for volume_id, some in zip(volume_ids, pages, strict=True)
                for page in some.tolist()
            ]
            free = self._free_slots(len(missing))
            for at in range(0, len(missing), _FETCH_AT_ONCE):
                some = missing[at : at + _FETCH_AT_ONCE]
                content = fetch([keys[index] for index in some])
                for index, slot, page in zip(some, free[at:], content, strict=False):
                    self._fill(int(slot), keys[index], page)
                    slots[index] = slot
        return slots

    def forget(self, volume_ids: set[str]) -> None:
        """Drop the pages of volumes that no longer exist."""
        for volume_id in volume_ids & self._slots_of.keys():
            slots = self._slots_of.pop(volume_id)
            for slot in slots[slots >= 0].tolist():
                self._key_of[slot] = None
                self._used_at[slot] = 0

    def _known(self, volume_id: str, pages: I64) -> I64:
        """The slots of some pages, -1 where one is not here; makes room to note them."""
        slots = self._slots_of.get(volume_id, _NONE)
        beyond = int(pages.max(initial=-1)) + 1 - len(slots)
        if beyond > 0:
            more = np.full(max(beyond, len(slots)), -1)
            slots = self._slots_of[volume_id] = np.concatenate((slots, more))
        return slots[pages]

    def _fill(self, slot: int, key: PageKey, data: bytes) -> None:
        page = unpack_page(data)
        at, end = slot * SLOT_POSTINGS, slot * SLOT_POSTINGS + len(page)
        self.hashes[at:end] = page.hashes
        self.hashes[end : at + SLOT_POSTINGS] = _HIGHEST
        self.positions[at:end] = page.positions
        first = np.flatnonzero(np.diff(page.hashes, prepend=page.hashes[:1] + np.uint32(1)))
        self.runs[at:end][first] = np.diff(first, append=len(page))
        self.runs[end : at + SLOT_POSTINGS] = 0  # the highest number may be asked for, too
        self._slots_of[key[0]][key[1]] = slot
        self._key_of[slot] = key
        self._used_at[slot] = self._clock

    def _free_slots(self, wanted: int) -> I64:
        fresh = min(wanted, self.slots - self._filled)
        free = np.arange(self._filled, self._filled + fresh)
        self._filled += fresh
        if fresh < wanted:
            used = self._used_at.copy()
            used[free] = self._clock  # just handed out
            oldest = np.argpartition(used, wanted - fresh - 1)[: wanted - fresh]
            for slot in oldest.tolist():
                key = self._key_of[slot]
                if key is not None:
                    self._slots_of[key[0]][key[1]] = -1
                    self._key_of[slot] = None
            free = np.concatenate((free, oldest))
        return free
