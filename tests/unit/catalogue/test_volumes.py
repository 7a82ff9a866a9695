"""Volumes: written in tiers, merged page by page, and exactly what is live goes over."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest
from catalogue_material import Posting, WatchedStore, expected_postings, fingerprint, postings_of
from hypothesis import given, settings
from hypothesis import strategies as st

from songid.catalogue.catalogue import Catalogue
from songid.catalogue.pages import (
    HASH_POSTINGS,
    HEADER_PAGE,
    PAGE_POSTINGS,
    VolumeHeader,
    unpack_header,
)
from songid.catalogue.volumes import FANOUT, merge_volumes, tier_for, write_volume
from songid.errors import ClaimLostError
from songid.interfaces import Store
from songid.model import ComponentURL, Fingerprint, VolumeRow
from songid_plugins.fingerprinters.landmark import Landmark
from songid_plugins.stores.memory import open_store

NOW = datetime(2025, 1, 1, tzinfo=UTC)
TOP = 2**32 - 1


def keep_on() -> None:
    """The claim is never lost."""


def commit(store: Store, volume_id: str, fingerprints: dict[str, Fingerprint]) -> VolumeRow:
    row = write_volume(store, volume_id, list(fingerprints.items()), NOW)
    store.commit_volume(row, now=NOW)
    return row


def header(store: Store, row: VolumeRow) -> VolumeHeader:
    return unpack_header(store.get_pages([(row.volume_id, HEADER_PAGE)])[0])


def merged(store: Store, rows: list[VolumeRow], live: set[str]) -> VolumeRow | None:
    """Merge, commit, and give the new row."""
    new = merge_volumes(
        store, "merged", rows, [header(store, row) for row in rows], live.__contains__, NOW,
        keep_claim=keep_on,
    )  # fmt: skip
    store.commit_volume(new, replaces=[row.volume_id for row in rows], now=NOW)
    return new


def kept(store: Store) -> Counter[Posting]:
    return postings_of(Catalogue(store, Landmark()))


def evenly(count: int, step: int = 1, first: int = 0) -> Fingerprint:
    """A landmark every frame, each with a hash of its own."""
    frames = np.arange(count, dtype=np.uint32)
    return Fingerprint(frames * np.uint32(step) + np.uint32(first), frames)


@pytest.mark.parametrize(
    ("postings", "tier"),
    [(0, 0), (65_535, 0), (65_536, 1), (262_143, 1), (262_144, 2), (1_048_576, 3)],
)
def test_a_volume_begins_in_the_tier_of_its_size(postings: int, tier: int) -> None:
    assert tier_for(postings) == tier


def test_what_is_written_is_there_and_its_row_says_what_it_is(store: Store) -> None:
    songs = {"one": fingerprint([(7, 0), (7, 3), (9, 3)]), "two": evenly(10_000, 5)}
    row = commit(store, "v", songs)
    assert kept(store) == sum((expected_postings(*each) for each in songs.items()), Counter())
    data = store.get_pages([("v", number) for number in range(row.pages + 1)])
    assert (row.tier, row.postings, row.pages) == (0, 10_003, 10)
    assert row.size_bytes == sum(map(len, data))
    assert header(store, row).starts_frames.tolist() == [0, 4]
    assert header(store, row).extent_frames == 4 + 10_000


hashes = st.sampled_from([0, 1, 255, 256, 4000, TOP - 1, TOP]) | st.integers(0, TOP)
fingerprints = st.lists(st.tuples(hashes, st.integers(0, 30)), max_size=20).map(fingerprint)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_merging_keeps_exactly_the_live_postings(data: st.DataObject) -> None:
    store = open_store(ComponentURL.parse("memory"))
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=FANOUT))
    rows, songs = [], {}
    for number, size in enumerate(sizes):
        own = {f"{number}.{n}": data.draw(fingerprints) for n in range(size)}
        rows.append(commit(store, f"v{number}", own))
        songs.update(own)
    live = data.draw(st.sets(st.sampled_from(sorted(songs))))
    row = merged(store, rows, live)
    expected: Counter[Posting] = Counter()
    for name in sorted(live):
        expected += expected_postings(name, songs[name])
    assert kept(store) == expected
    assert store.volumes() == ([row] if row else [])
    assert (row is None) == (not live)
    if row is not None:
        assert row.postings == expected.total()
        assert row.tier == 1
        new = header(store, row)
        assert set(new.recording_ids) == live
        assert new.extent_frames == sum(
            int(songs[name].offsets_frames.max(initial=0)) + 1 for name in live
        )


@pytest.fixture(scope="module")
def big() -> tuple[Store, dict[str, Fingerprint]]:
    """Volumes of 100, 40 and 1 pages whose hashes interleave; two recordings in each."""
    store = open_store(ComponentURL.parse("memory"))
    songs: dict[str, Fingerprint] = {}
    for number, pages in enumerate((100, 40, 1)):
        count = pages * PAGE_POSTINGS // 2
        own = {f"{number}.{n}": evenly(count, 10_000 // pages, n) for n in range(2)}
        commit(store, f"v{number}", own)
        songs.update(own)
    return store, songs


def test_a_merge_reads_and_writes_a_bounded_number_of_pages_at_a_time(
    big: tuple[Store, dict[str, Fingerprint]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("songid.catalogue.volumes._PAGES_AT_ONCE", 64)
    store, songs = big
    watched = WatchedStore(store)
    rows = store.volumes()
    headers = [header(store, row) for row in rows]
    live = set(songs) - {"0.1"}
    rounds: list[int] = []

    def keep_claim() -> None:
        rounds.append(sum(watched.asked))

    row = merge_volumes(
        watched, "bounded", rows, headers, live.__contains__, NOW, keep_claim=keep_claim
    )
    assert row is not None
    pages = sum(len(each.counts) for each in headers)
    assert sum(watched.asked) == pages, "each page is read once"
    per_round = np.diff([0, *rounds]).tolist()
    assert max(watched.asked) <= 65
    assert max(per_round) <= 65 * len(rows)
    assert len(rounds) >= pages // 64
    assert max(watched.written_at_once) <= 65
    assert row.postings == sum(len(songs[name]) for name in live)
    data = store.get_pages([("bounded", number + 1) for number in range(row.pages)])
    assert sum(map(len, data)) <= 5.1 * row.postings


def test_a_merge_whose_claim_is_lost_stops(
    big: tuple[Store, dict[str, Fingerprint]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("songid.catalogue.volumes._PAGES_AT_ONCE", 64)
    store, _ = big
    rows = store.volumes()
    watched = WatchedStore(store)

    def lost() -> None:
        raise ClaimLostError("another took it")

    with pytest.raises(ClaimLostError):
        merge_volumes(
            watched, "lost", rows, [header(store, row) for row in rows], lambda _: True, NOW,
            keep_claim=lost,
        )  # fmt: skip
    assert sum(watched.asked) < sum(row.pages for row in rows)
    assert store.volumes() == rows


def hot(value: int, count: int) -> Fingerprint:
    return Fingerprint(np.full(count, value, np.uint32), np.arange(count, dtype=np.uint32))


@pytest.mark.parametrize("value", [0, 500, TOP])
def test_a_hash_that_gets_hot_by_merging_keeps_many_and_its_neighbours_all(
    store: Store, value: int
) -> None:
    near = [max(0, value - 1), min(TOP, value + 1)]
    others = fingerprint([(each, 5) for each in near if each != value])
    rows = []
    for number in range(3):
        songs = {f"{number}.hot": hot(value, HASH_POSTINGS), f"{number}.not": others}
        rows.append(commit(store, f"v{number}", songs))
    row = merged(store, rows, {f"{n}.{kind}" for n in range(3) for kind in ("hot", "not")})
    assert row is not None
    found = kept(store)
    by_hash: Counter[int] = Counter()
    by_recording: Counter[str] = Counter()
    for (recording_id, posted, _), count in found.items():
        by_hash[posted] += count
        by_recording[recording_id] += count
    assert by_hash.pop(value) == HASH_POSTINGS
    assert by_hash == {each: 3 for each in near if each != value}
    # Thinned evenly, so no recording loses its share to another.
    assert min(by_recording[f"{n}.hot"] for n in range(3)) >= HASH_POSTINGS // 3 - 1


def test_the_dead_are_not_thinned_at_the_cost_of_the_living(store: Store) -> None:
    rows = [
        commit(store, "v0", {"dead": hot(5, HASH_POSTINGS)}),
        commit(store, "v1", {"alive": hot(5, HASH_POSTINGS)}),
    ]
    merged(store, rows, {"alive"})
    assert kept(store) == expected_postings("alive", hot(5, HASH_POSTINGS))


def test_too_much_audio_for_one_volume_is_refused(store: Store) -> None:
    endless = fingerprint([(1, 2**32 - 2)])
    with pytest.raises(ValueError, match="smaller batches"):
        write_volume(store, "v", [("one", endless), ("two", endless)], NOW)
