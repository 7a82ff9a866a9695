"""The stored format of pages and of a volume's header, written down and pinned.

A volume lays its recordings one after another on one time axis, so a posting is its
hash and one position on that axis: 4 bytes in a full page of a well-filled volume.

Page (little-endian), at most PAGE_BYTES:

| bytes | content |
| --- | --- |
| 0-3 | `SGP2` |
| 4 | width p of a stored position in bytes: 3 or 4 |
| 5 | width w of a stored step in bytes: 1, 2 or 4 |
| 6-7 | count n, uint16 |
| 8-11 | first hash, uint32 |
| then n*2 | positions, their lower 16 bits: the recording's start on the axis plus offset |
| then n*(p-2) | positions, their upper bits |
| then n*w | steps from the hash before to this one, the first 0 |

Header, which is page 0 of its volume (little-endian):

| bytes | content |
| --- | --- |
| 0-3 | `SGV2` |
| 4-7 | pages p, uint32 |
| 8-11 | recordings r, uint32 |
| 12-15 | extent of the axis in frames, uint32 |
| then, as a zlib stream (RFC 1950) | the rest: |
| p*4 | first hash of each page (pages are numbered from 1), uint32, as steps |
| p*4 | postings of each page, uint32 |
| r*4 | start of each recording on the axis in frames, uint32, ascending, as steps |
| then | the recording ids, UTF-8, each followed by a newline |

Of the three arrays of numbers first all lowest bytes are stored, then all second, and so
on, for that compresses best. As steps means: each less the one before, the first as it is.

The postings of a hash stand in one page, or where it has more than a page holds, in pages
of its own that follow one another. Small pages make look-ups cheap in stores where every
4 kB read are paid for, and two of them fit an 8 kB block of a database.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from songid.errors import StoreError

PAGE_BYTES = 4032
"""The most bytes of a page, so that with a store's keys it stays within 4,096."""

_PAGE = struct.Struct("<4sBBHI")
_HEADER = struct.Struct("<4sIII")

PAGE_POSTINGS = (PAGE_BYTES - _PAGE.size) // 4
"""The most postings a page holds: 1005."""

HASH_POSTINGS = 8192
"""The most postings that one hash keeps in a volume."""

HEADER_PAGE = 0
MAX_EXTENT_FRAMES = 2**32 - 1

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
    """Pack sorted postings as one page; ValueError if they are none or too many for it."""
    count = len(postings)
    if not count:
        raise ValueError("a page has at least one posting")
    steps = np.diff(postings.hashes, prepend=postings.hashes[:1])
    width = _step_width(int(steps.max()))
    high = postings.positions >> np.uint32(16)
    position_width = 3 if int(high.max()) < 1 << 8 else 4
    data = b"".join(
        (
            _PAGE.pack(b"SGP2", position_width, width, count, int(postings.hashes[0])),
            (postings.positions & np.uint32(0xFFFF)).astype("<u2").tobytes(),
            high.astype(f"<u{position_width - 2}").tobytes(),
            steps.astype(f"<u{width}").tobytes(),
        )
    )
    if len(data) > PAGE_BYTES:
        raise ValueError(f"{count} postings take {len(data)} bytes, more than {PAGE_BYTES}")
    return data


def _step_width(most: int) -> int:
    return 1 if most < 1 << 8 else 2 if most < 1 << 16 else 4


def unpack_page(data: bytes) -> Postings:
    """Read a page; StoreError where it is not one."""
    try:
        magic, position_width, width, count, first = _PAGE.unpack_from(data)
        if magic != b"SGP2" or position_width not in (3, 4) or width not in (1, 2, 4):
            raise ValueError(magic)
        if not 1 <= count <= PAGE_POSTINGS:
            raise ValueError(count)
        if len(data) != _PAGE.size + count * (position_width + width):
            raise ValueError(len(data))
    except (struct.error, ValueError) as error:
        raise StoreError(f"a page of the catalogue is damaged ({error}); index again") from error
    at = _PAGE.size
    low = np.frombuffer(data, "<u2", count, at)
    at += 2 * count
    positions = np.frombuffer(data, f"<u{position_width - 2}", count, at).astype(np.uint32)
    positions <<= np.uint32(16)
    positions |= low
    at += (position_width - 2) * count
    hashes = np.frombuffer(data, f"<u{width}", count, at).cumsum(dtype=np.uint32)
    hashes += np.uint32(first)
    return Postings(hashes, positions)


def pack_header(header: VolumeHeader) -> bytes:
    """Pack a volume's header."""
    ids = "".join(f"{recording_id}\n" for recording_id in header.recording_ids)
    packed = zlib.compress(
        b"".join(
            (
                _planes(_steps(header.first_hashes)),
                _planes(header.counts),
                _planes(_steps(header.starts_frames)),
                ids.encode(),
            )
        )
    )
    sizes = (len(header.counts), len(header.recording_ids), header.extent_frames)
    return _HEADER.pack(b"SGV2", *sizes) + packed


def unpack_header(data: bytes) -> VolumeHeader:
    """Read a volume's header; StoreError where it is not one."""
    try:
        magic, pages, recordings, extent = _HEADER.unpack_from(data)
        if magic != b"SGV2":
            raise ValueError(magic)
        rest = zlib.decompress(data[_HEADER.size :])
        first_hashes, counts = _numbers(rest, 0, pages), _numbers(rest, 4 * pages, pages)
        starts = _numbers(rest, 8 * pages, recordings)
        ids = tuple(rest[8 * pages + 4 * recordings :].decode().split("\n")[:-1])
        if len(ids) != recordings:
            raise ValueError(f"{len(ids)} ids for {recordings} recordings")
    except (struct.error, ValueError, zlib.error) as error:
        raise StoreError(
            f"a volume's header in the catalogue is damaged ({error}); index again"
        ) from error
    return VolumeHeader(
        first_hashes.cumsum(dtype=np.uint32),
        counts,
        starts.cumsum(dtype=np.uint32),
        ids,
        extent,
    )


def _steps(numbers: U32) -> U32:
    return np.diff(numbers, prepend=np.uint32(0))


def _planes(numbers: U32) -> bytes:
    return numbers.astype("<u4").view(np.uint8).reshape(-1, 4).T.tobytes()


def _numbers(data: bytes, at: int, count: int) -> U32:
    planes = np.frombuffer(data, np.uint8, 4 * count, at).reshape(4, count)
    return np.ascontiguousarray(planes.T).view("<u4").reshape(count).astype(np.uint32)


def sort_postings(hashes: U32, positions: U32) -> Postings:
    """Sort postings by hash, then position, and cap each hash at HASH_POSTINGS."""
    key = hashes.astype(np.uint64) << np.uint64(32) | positions
    key.sort()
    return _cap(
        Postings((key >> np.uint64(32)).astype(np.uint32), (key & 0xFFFFFFFF).astype(np.uint32))
    )


def _cap(postings: Postings) -> Postings:
    """Thin hashes with more than HASH_POSTINGS postings evenly: so common, they tell nothing."""
    hashes = postings.hashes
    if len(hashes) <= HASH_POSTINGS:
        return postings
    # Where the posting HASH_POSTINGS further on still has the same hash, there are too many.
    hot = np.unique(hashes[:-HASH_POSTINGS][hashes[:-HASH_POSTINGS] == hashes[HASH_POSTINGS:]])
    if not len(hot):
        return postings
    keep = np.ones(len(hashes), bool)
    for value in hot:
        low = int(np.searchsorted(hashes, value, "left"))
        high = int(np.searchsorted(hashes, value, "right"))
        chosen = np.linspace(low, high - 1, HASH_POSTINGS).astype(np.int64)
        keep[low:high] = False
        keep[chosen] = True
    return Postings(hashes[keep], postings.positions[keep])


def cut_pages(postings: Postings) -> Iterator[Postings]:
    """Cut sorted, capped postings into pages, each as full as its bytes allow.

    A hash stands in one page, or begins one and fills those after it.
    """
    if not len(postings):
        return
    hashes = postings.hashes
    position_width = 3 if int(postings.positions.max()) < 1 << 24 else 4
    room = {w: (PAGE_BYTES - _PAGE.size) // (position_width + w) for w in (1, 2, 4)}
    steps = np.diff(hashes)
    # Where a step needs more than so many bytes, a page with such steps has to end.
    borders = {w: np.append(np.flatnonzero(steps >= 1 << 8 * w) + 1, len(hashes)) for w in (1, 2)}
    start, total = 0, len(postings)
    while start < total:
        ends = [start + room[4]]
        for width, border in borders.items():
            ends.append(
                min(start + room[width], int(border[np.searchsorted(border, start, "right")]))
            )
        end = min(max(ends), total)
        if end < total and hashes[end] == hashes[end - 1]:
            cut = int(np.searchsorted(hashes[start:end], hashes[end])) + start
            end = cut if cut > start else end
        yield Postings(hashes[start:end], postings.positions[start:end])
        start = end
