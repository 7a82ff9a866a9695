"""The stored format of pages and of a volume's header, written down and pinned.

A volume lays its recordings one after another on one time axis, so a posting is its
hash and one position on that axis: 6 bytes in a full page, read without decoding.

Page (little-endian):

| bytes | content |
| --- | --- |
| 0-3 | `SGP1` |
| 4 | width w of a stored hash in bytes: 1, 2 or 4 |
| 5-7 | zero |
| 8-11 | count n, uint32 |
| 12-15 | first hash h0, uint32 |
| then n*4 | positions, uint32: the recording's start on the volume's axis plus offset |
| then n*w | hash - h0, ascending |

Header, which is page 0 of its volume (little-endian):

| bytes | content |
| --- | --- |
| 0-3 | `SGV1` |
| 4-7 | pages p, uint32 |
| 8-11 | recordings r, uint32 |
| 12-15 | extent of the axis in frames, uint32 |
| then p*4 | first hash of each page (pages are numbered from 1), uint32 |
| then p*4 | postings of each page, uint32 |
| then r*4 | start of each recording on the axis in frames, uint32, ascending |
| then | the recording ids, UTF-8, each followed by a newline |

All postings of one hash stand in one page, so a look-up reads one page a volume.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from songid.errors import StoreError

PAGE_POSTINGS = 8192
"""The most postings a page holds, and so the most that one hash keeps in a volume."""

HEADER_PAGE = 0
MAX_EXTENT_FRAMES = 2**32 - 1

_PAGE = struct.Struct("<4sB3xII")
_HEADER = struct.Struct("<4sIII")

U32 = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Postings:
    """Postings sorted by hash, then position. hashes, positions: uint32, shape (n,)."""

    hashes: U32
    positions: U32

    def __len__(self) -> int:
        return len(self.hashes)


@dataclass(frozen=True, slots=True)
class VolumeHeader:
    """What a search must know of a volume before it reads a page.

    first_hashes, counts: uint32, shape (pages,); starts_frames: uint32, shape
    (recordings,), ascending; recording k covers [starts[k], starts[k+1]).
    """

    first_hashes: U32
    counts: U32
    starts_frames: U32
    recording_ids: tuple[str, ...]
    extent_frames: int


def pack_page(postings: Postings) -> bytes:
    """Pack 1 to PAGE_POSTINGS sorted postings."""
    first, last = int(postings.hashes[0]), int(postings.hashes[-1])
    width = 1 if last - first < 1 << 8 else 2 if last - first < 1 << 16 else 4
    deltas = (postings.hashes - np.uint32(first)).astype(f"<u{width}")
    head = _PAGE.pack(b"SGP1", width, len(postings), first)
    return head + postings.positions.astype("<u4").tobytes() + deltas.tobytes()


def unpack_page(data: bytes) -> Postings:
    """Read a page; StoreError where it is not one."""
    try:
        magic, width, count, first = _PAGE.unpack_from(data)
        if magic != b"SGP1" or width not in (1, 2, 4):
            raise ValueError(magic)
        if not 1 <= count <= PAGE_POSTINGS:
            raise ValueError(count)
        if len(data) != _PAGE.size + count * (4 + width):
            raise ValueError(len(data))
    except (struct.error, ValueError) as error:
        raise StoreError(f"a page of the catalogue is damaged ({error}); index again") from error
    positions = np.frombuffer(data, "<u4", count, _PAGE.size)
    deltas = np.frombuffer(data, f"<u{width}", count, _PAGE.size + 4 * count)
    return Postings(deltas.astype(np.uint32) + np.uint32(first), positions)


def pack_header(header: VolumeHeader) -> bytes:
    """Pack a volume's header."""
    parts = (header.first_hashes, header.counts, header.starts_frames)
    ids = "".join(f"{recording_id}\n" for recording_id in header.recording_ids)
    return b"".join(
        (
            _HEADER.pack(
                b"SGV1", len(header.counts), len(header.recording_ids), header.extent_frames
            ),
            *(part.astype("<u4").tobytes() for part in parts),
            ids.encode(),
        )
    )


def unpack_header(data: bytes) -> VolumeHeader:
    """Read a volume's header; StoreError where it is not one."""
    try:
        magic, pages, recordings, extent = _HEADER.unpack_from(data)
        if magic != b"SGV1":
            raise ValueError(magic)
        numbers = np.frombuffer(data, "<u4", 2 * pages + recordings, _HEADER.size)
        numbers = numbers.astype(np.uint32)
        ids = tuple(data[_HEADER.size + 4 * len(numbers) :].decode().split("\n")[:-1])
        if len(ids) != recordings:
            raise ValueError(f"{len(ids)} ids for {recordings} recordings")
    except (struct.error, ValueError) as error:
        raise StoreError(
            f"a volume's header in the catalogue is damaged ({error}); index again"
        ) from error
    return VolumeHeader(
        numbers[:pages], numbers[pages : 2 * pages], numbers[2 * pages :], ids, extent
    )


def sort_postings(hashes: U32, positions: U32) -> Postings:
    """Sort postings by hash, then position, and cap each hash at PAGE_POSTINGS."""
    key = hashes.astype(np.uint64) << np.uint64(32) | positions
    key.sort()
    return _cap(
        Postings((key >> np.uint64(32)).astype(np.uint32), (key & 0xFFFFFFFF).astype(np.uint32))
    )


def _cap(postings: Postings) -> Postings:
    """Thin hashes with more than PAGE_POSTINGS postings evenly: so common, they tell nothing."""
    hashes = postings.hashes
    if len(hashes) <= PAGE_POSTINGS:
        return postings
    # Where the posting PAGE_POSTINGS further on still has the same hash, there are too many.
    hot = np.unique(hashes[:-PAGE_POSTINGS][hashes[:-PAGE_POSTINGS] == hashes[PAGE_POSTINGS:]])
    if not len(hot):
        return postings
    keep = np.ones(len(hashes), bool)
    for value in hot:
        low = int(np.searchsorted(hashes, value, "left"))
        high = int(np.searchsorted(hashes, value, "right"))
        chosen = np.linspace(low, high - 1, PAGE_POSTINGS).astype(np.int64)
        keep[low:high] = False
        keep[chosen] = True
    return Postings(hashes[keep], postings.positions[keep])


def cut_pages(postings: Postings) -> Iterator[Postings]:
    """Cut sorted, capped postings into pages; no hash stands in two pages."""
    start, total = 0, len(postings)
    while start < total:
        end = min(start + PAGE_POSTINGS, total)
        if end < total and postings.hashes[end] == postings.hashes[end - 1]:
            cut = int(np.searchsorted(postings.hashes[start:end], postings.hashes[end])) + start
            end = cut if cut > start else end
        yield Postings(postings.hashes[start:end], postings.positions[start:end])
        start = end
