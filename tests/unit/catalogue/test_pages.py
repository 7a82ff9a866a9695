"""The stored format of pages and headers: pinned, exact both ways, and wary of damage."""

from __future__ import annotations

import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songid.catalogue.pages import (
    HASH_POSTINGS,
    PAGE_BYTES,
    PAGE_POSTINGS,
    Postings,
    VolumeHeader,
    cut_pages,
    pack_header,
    pack_page,
    sort_postings,
    unpack_header,
    unpack_page,
)
from songid.errors import StoreError

u32 = st.integers(0, 2**32 - 1)


def array(*values: int) -> np.ndarray:
    return np.array(values, np.uint32)


def page(pairs: list[tuple[int, int]]) -> Postings:
    return sort_postings(
        array(*(value for value, _ in pairs)), array(*(position for _, position in pairs))
    )


def pairs(postings: Postings) -> list[tuple[int, int]]:
    return list(zip(postings.hashes.tolist(), postings.positions.tolist(), strict=True))


@pytest.mark.parametrize(
    ("hashes", "width", "steps"),
    [
        ((1000, 1000, 1255), "01", "00 00 ff"),
        ((1000, 1001, 1257), "02", "0000 0100 0001"),
        ((1000, 66_535, 132_071), "04", "00000000 ffff0000 00000100"),
    ],
)
@pytest.mark.parametrize(
    ("last", "position_width", "positions"),
    [
        (2**24 - 1, "03", "0700 0201 ffff 00 03 ff"),
        (2**24, "04", "0700 0201 0000 0000 0300 0001"),
    ],
)
def test_a_page_is_packed_as_it_is_written_down(
    hashes: tuple[int, ...],
    width: str,
    steps: str,
    last: int,
    position_width: str,
    positions: str,
) -> None:
    packed = pack_page(Postings(array(*hashes), array(7, 0x3_0102, last)))
    head = f"53475032 {position_width} {width} 0300 e8030000"
    assert packed == bytes.fromhex(f"{head} {positions} {steps}")


def test_a_header_is_packed_as_it_is_written_down() -> None:
    header = VolumeHeader(
        array(5, 70_000), array(1005, 3), array(0, 1000, 1001), ("a", "é", "c"), 9
    )
    packed = pack_header(header)
    assert packed[:16] == bytes.fromhex("53475632 02000000 03000000 09000000")
    assert zlib.decompress(packed[16:]) == bytes.fromhex(
        "056b 0011 0001 0000"  # 5, and 69,995 (0x1116b) more
        "ed03 0300 0000 0000"
        "00e801 000300 000000 000000"
        "61 0a c3a9 0a 63 0a"
    )


@given(st.lists(st.tuples(u32, u32), min_size=1, max_size=50))
def test_a_page_gives_back_what_was_packed(some: list[tuple[int, int]]) -> None:
    postings = page(some)
    assert pairs(unpack_page(pack_page(postings))) == sorted(some)


@given(
    st.lists(st.tuples(u32, st.integers(1, PAGE_POSTINGS)), max_size=5),
    st.lists(st.tuples(u32, st.uuids().map(str)), max_size=5),
    u32,
)
def test_a_header_gives_back_what_was_packed(
    pages: list[tuple[int, int]], recordings: list[tuple[int, str]], extent: int
) -> None:
    header = VolumeHeader(
        array(*(first for first, _ in pages)),
        array(*(count for _, count in pages)),
        array(*(start for start, _ in recordings)),
        tuple(name for _, name in recordings),
        extent,
    )
    again = unpack_header(pack_header(header))
    assert again.recording_ids == header.recording_ids
    assert again.extent_frames == header.extent_frames
    for name in ("first_hashes", "counts", "starts_frames"):
        assert getattr(again, name).tolist() == getattr(header, name).tolist()
        assert getattr(again, name).dtype == np.uint32


PAGE = pack_page(page([(3, 1), (4, 1), (900, 7)]))
HEADER = pack_header(VolumeHeader(array(3), array(3), array(0, 4), ("one", "two"), 10))


def test_a_page_cut_short_or_grown_is_refused_wherever_it_is_cut() -> None:
    for size in range(len(PAGE)):
        with pytest.raises(StoreError, match="index again"):
            unpack_page(PAGE[:size])
    with pytest.raises(StoreError):
        unpack_page(PAGE + b"\0")


def test_a_header_cut_short_is_refused_wherever_it_is_cut() -> None:
    for size in range(len(HEADER)):
        with pytest.raises(StoreError, match="index again"):
            unpack_header(HEADER[:size])


@pytest.mark.parametrize(
    "damaged",
    [
        HEADER,
        b"SGP1" + PAGE[4:],
        PAGE[:4] + b"\x02" + PAGE[5:],
        PAGE[:5] + b"\x03" + PAGE[6:],
        PAGE[:6] + b"\x00\x00" + PAGE[8:12],
    ],
    ids=["a header", "another format", "positions of 2", "steps of 3", "no postings"],
)
def test_what_is_no_page_is_refused(damaged: bytes) -> None:
    with pytest.raises(StoreError):
        unpack_page(damaged)


def test_a_page_takes_as_many_bytes_as_it_may_and_no_more() -> None:
    fits = Postings(*(np.arange(PAGE_POSTINGS, dtype=np.uint32),) * 2)
    packed = pack_page(fits)
    assert len(packed) <= PAGE_BYTES
    assert len(unpack_page(packed)) == PAGE_POSTINGS
    with pytest.raises(ValueError, match="more than"):
        pack_page(Postings(*(np.arange(PAGE_POSTINGS + 1, dtype=np.uint32),) * 2))
    with pytest.raises(ValueError, match="at least one"):
        pack_page(Postings(array(), array()))


def test_a_page_that_says_it_holds_more_than_a_slot_is_refused() -> None:
    count = PAGE_POSTINGS + 1
    head = b"SGP2" + bytes([3, 1]) + count.to_bytes(2, "little") + bytes(4)
    with pytest.raises(StoreError):
        unpack_page(head + bytes(4 * count))


@pytest.mark.parametrize("damaged", [PAGE, b"SGV1" + HEADER[4:], HEADER[:12] + b"\xff" * 40])
def test_what_is_no_header_is_refused(damaged: bytes) -> None:
    with pytest.raises(StoreError):
        unpack_header(damaged)


@settings(max_examples=200)
@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for prefix, unpack in ((b"SGP2\x03\x01", unpack_page), (b"SGV2", unpack_header)):
        for whole in (data, prefix + data):
            try:
                unpack(whole)
            except StoreError as error:
                assert "damaged" in str(error)


@given(
    st.lists(st.tuples(st.integers(0, 40), u32), max_size=300),
)
def test_postings_are_sorted_by_hash_then_position(some: list[tuple[int, int]]) -> None:
    assert pairs(page(some)) == sorted(some)


def counted(counts: dict[int, int], first: int = 0) -> Postings:
    """So many postings of each hash, at positions 0, 1, 2 ... from `first` on."""
    hashes = np.concatenate([np.full(n, value, np.uint32) for value, n in counts.items()])
    positions = np.concatenate([np.arange(n, dtype=np.uint32) for n in counts.values()])
    return sort_postings(hashes, positions + np.uint32(first))


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.integers(0, 30) | st.integers(0, 2**32 - 1),
        st.sampled_from([1, 2, 100, 4000, PAGE_POSTINGS - 1, PAGE_POSTINGS, HASH_POSTINGS]),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from([0, 2**24 - 5000, 2**31]),
)
def test_pages_fit_lose_nothing_and_give_a_hash_one_page_or_pages_of_its_own(
    counts: dict[int, int], first_position: int
) -> None:
    postings = counted(counts, first_position)
    cut = list(cut_pages(postings))
    assert np.array_equal(np.concatenate([each.hashes for each in cut]), postings.hashes)
    assert np.array_equal(np.concatenate([each.positions for each in cut]), postings.positions)
    for each in cut:
        assert 1 <= len(each) <= PAGE_POSTINGS
        assert pairs(unpack_page(pack_page(each))) == pairs(each)
    for before, after in pairwise(cut):
        if before.hashes[-1] == after.hashes[0]:
            assert before.hashes[0] == after.hashes[0], "it began a page, and filled it"


def test_pages_are_full_where_hashes_allow() -> None:
    lengths = [len(each) for each in cut_pages(counted(dict.fromkeys(range(3000), 1)))]
    assert lengths == [PAGE_POSTINGS, PAGE_POSTINGS, 3000 - 2 * PAGE_POSTINGS]


def test_wide_steps_take_room_and_a_page_ends_before_them_only_if_that_takes_less() -> None:
    sparse = counted(dict.fromkeys(range(0, 300 * 2000, 300), 1))
    assert [len(each) for each in cut_pages(sparse)] == [804, 804, 2000 - 2 * 804]
    apart = counted(dict.fromkeys([*range(900), *range(10_000, 10_900)], 1))
    assert [len(each) for each in cut_pages(apart)] == [900, 900]


def test_a_hot_hash_keeps_so_many_postings_spread_evenly_and_the_others_keep_all() -> None:
    hot = 3 * HASH_POSTINGS
    capped = counted({1: 10, 2: hot, 3: HASH_POSTINGS, 4: HASH_POSTINGS + 1, 5: 2})
    values, counts = np.unique(capped.hashes, return_counts=True)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == {
        1: 10, 2: HASH_POSTINGS, 3: HASH_POSTINGS, 4: HASH_POSTINGS, 5: 2
    }  # fmt: skip
    kept = capped.positions[capped.hashes == 2]
    assert len(np.unique(kept)) == HASH_POSTINGS
    assert (int(kept[0]), int(kept[-1])) == (0, hot - 1)
    assert int(np.diff(kept.astype(np.int64)).max()) <= 4
    assert all(len(each) <= PAGE_POSTINGS for each in cut_pages(capped))


def test_the_highest_hash_may_be_hot() -> None:
    assert pairs(counted({2**32 - 1: HASH_POSTINGS + 1})) == [
        *((2**32 - 1, at) for at in range(HASH_POSTINGS - 1)),
        (2**32 - 1, HASH_POSTINGS),
    ]


def test_cutting_nothing_gives_no_page() -> None:
    assert list(cut_pages(sort_postings(array(), array()))) == []
