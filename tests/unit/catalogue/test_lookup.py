"""Looking hashes up: what a dictionary would give, whatever the volumes and the cache."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import numpy as np
import pytest
from catalogue_material import fingerprint
from hypothesis import given, settings
from hypothesis import strategies as st

from songid.catalogue.lookup import look_up, look_up_within
from songid.catalogue.page_cache import PageCache
from songid.catalogue.pages import HASH_POSTINGS, HEADER_PAGE, PAGE_POSTINGS, unpack_header
from songid.catalogue.snapshot import Snapshot, take_snapshot
from songid.catalogue.volumes import write_volume
from songid.interfaces import Store
from songid.model import ComponentURL, Fingerprint
from songid_plugins.stores.memory import open_store

NOW = datetime(2025, 1, 1, tzinfo=UTC)
TOP = 2**32 - 1

Book = dict[int, list[int]]
"""hash -> positions on the snapshot's axis."""


def shelve(store: Store, volumes: list[list[Fingerprint]]) -> tuple[Snapshot, Book]:
    """Write volumes of fingerprints; the snapshot of them, and the dictionary to compare with."""
    ids, headers = [], []
    for number, fingerprints in enumerate(volumes):
        name = f"v{number}"
        write_volume(store, name, [(f"{name}.{n}", f) for n, f in enumerate(fingerprints)], NOW)
        ids.append(name)
        headers.append(unpack_header(store.get_pages([(name, HEADER_PAGE)])[0]))
    snapshot = take_snapshot(1, ids, headers, set())
    book: Book = defaultdict(list)
    starts = dict(zip(snapshot.recording_ids, snapshot.starts_frames.tolist(), strict=True))
    for number, fingerprints in enumerate(volumes):
        for n, each in enumerate(fingerprints):
            start = starts[f"v{number}.{n}"]
            for value, offset in zip(
                each.hashes.tolist(), each.offsets_frames.tolist(), strict=True
            ):
                book[value].append(start + offset)
    return snapshot, book


def found(
    store: Store, snapshot: Snapshot, cache: PageCache, query: list[int], most: int = 20_000
) -> tuple[list[tuple[int, int]], list[int]]:
    """(landmark, position) in order, and the counts."""
    hits = look_up(snapshot, cache, store.get_pages, np.array(query, np.uint32), most_per_hash=most)
    answers = zip(hits.landmarks.tolist(), hits.positions.tolist(), strict=True)
    return sorted(answers), hits.counts.tolist()


def expected(
    book: Book, query: list[int], most: int = 20_000
) -> tuple[list[tuple[int, int]], list[int]]:
    counts = [len(book.get(value, ())) for value in query]
    answers = [
        (landmark, position)
        for landmark, value in enumerate(query)
        if counts[landmark] <= most
        for position in book.get(value, ())
    ]
    return sorted(answers), counts


hashes = st.sampled_from([0, 1, 2, 3, 255, 256, 257, 70_000, TOP - 1, TOP]) | st.integers(0, TOP)
fingerprints = st.lists(st.tuples(hashes, st.integers(0, 50)), max_size=30).map(fingerprint)


@settings(max_examples=150, deadline=None)
@given(
    volumes=st.lists(st.lists(fingerprints, min_size=1, max_size=3), max_size=4),
    queries=st.lists(st.lists(hashes, max_size=40), min_size=1, max_size=3),
    most=st.sampled_from([1, 2, 5, 20_000]),
)
def test_it_finds_what_a_dictionary_does(
    volumes: list[list[Fingerprint]], queries: list[list[int]], most: int
) -> None:
    store = open_store(ComponentURL.parse("memory"))
    snapshot, book = shelve(store, volumes)
    cache = PageCache(0)
    for query in queries:
        assert found(store, snapshot, cache, query, most) == expected(book, query, most)


@pytest.fixture(scope="module")
def crowded() -> tuple[Store, Snapshot, Book]:
    """Three volumes of about 70, 30 and 1 pages, with hashes from rare to hot."""
    store = open_store(ComponentURL.parse("memory"))
    rng = np.random.default_rng(5)
    volumes = []
    for count in (70 * PAGE_POSTINGS, 30 * PAGE_POSTINGS, 500):
        values = np.minimum(rng.zipf(1.3, count) * 977, 1 << 22).astype(np.uint32)
        spread = rng.integers(0, 1 << 22, count).astype(np.uint32)
        mixed = np.where(rng.random(count) < 0.02, values, spread)
        # Hotter ones are thinned, which the dictionary is not; 7 fills several pages.
        _, back, times = np.unique(mixed, return_inverse=True, return_counts=True)
        mixed[times[back] > HASH_POSTINGS] = 7
        mixed[: 3 * PAGE_POSTINGS] = 7
        mixed = mixed[(mixed != 7) | (np.cumsum(mixed == 7) <= HASH_POSTINGS)]
        volumes.append([Fingerprint(mixed, np.arange(len(mixed), dtype=np.uint32))])
    return store, *shelve(store, volumes)


@pytest.mark.parametrize("most", [3, 200, 20_000])
def test_more_pages_than_the_cache_holds_are_read_in_turn(
    crowded: tuple[Store, Snapshot, Book], most: int
) -> None:
    store, snapshot, book = crowded
    cache = PageCache(0)
    assert sum(len(header.counts) for header in snapshot.headers) > 6 * cache.slots
    rng = np.random.default_rng(6)
    known = rng.choice(np.array(list(book)), 1500)
    query = [*known.tolist(), *rng.integers(0, 1 << 22, 500).tolist(), 7, 977, 7, 2 * 977]
    assert found(store, snapshot, cache, query, most) == expected(book, query, most)


def test_a_warm_cache_asks_the_store_nothing(crowded: tuple[Store, Snapshot, Book]) -> None:
    store, snapshot, book = crowded
    cache = PageCache(64 * 2**20)
    query = list(book)[:3000]
    cold = found(store, snapshot, cache, query)
    misses = cache.misses
    assert found(store, snapshot, cache, query) == cold == expected(book, query)
    assert cache.misses == misses


@settings(max_examples=150, deadline=None)
@given(
    volumes=st.lists(st.lists(fingerprints, min_size=1, max_size=3), min_size=1, max_size=4),
    query=st.lists(hashes, min_size=1, max_size=40),
    most_hits=st.integers(0, 60),
    data=st.data(),
)
def test_few_hits_are_the_rarest_and_the_rest_is_still_found_in_any_recording(
    volumes: list[list[Fingerprint]], query: list[int], most_hits: int, data: st.DataObject
) -> None:
    store = open_store(ComponentURL.parse("memory"))
    snapshot, book = shelve(store, volumes)
    cache = PageCache(0)
    answers, counts = expected(book, query)
    asked = np.array(query, np.uint32)
    hits = look_up(
        snapshot, cache, store.get_pages, asked, most_per_hash=20_000, most_hits=most_hits
    )
    assert hits.counts.tolist() == counts
    assert len(hits.positions) <= max(most_hits, len(answers) * (hits.rest is None))
    assert hits.landmarks.tolist() == sorted(hits.landmarks.tolist())
    read = set(hits.landmarks.tolist())
    left = {landmark for landmark, count in enumerate(counts) if count} - read
    assert (hits.rest is None) == (not left)
    assert max((counts[n] for n in read), default=0) <= min((counts[n] for n in left), default=1e9)
    everyone = range(len(snapshot.recording_ids))
    chosen = sorted(data.draw(st.sets(st.sampled_from(everyone))))
    spans = [snapshot.span_of(recording) for recording in chosen]
    within = look_up_within(snapshot, cache, hits, chosen)
    there = zip(within.landmarks.tolist(), within.positions.tolist(), strict=True)
    assert sorted(there) == [
        (landmark, position)
        for landmark, position in answers
        if any(start <= position < end for start, end in spans)
    ]


def test_hits_in_hot_hashes_of_several_pages_are_found_in_a_recording(
    crowded: tuple[Store, Snapshot, Book],
) -> None:
    store, snapshot, book = crowded
    query = [*list(book)[:200], 7, 977]
    cache = PageCache(64 * 2**20)
    asked = np.array(query, np.uint32)
    hits = look_up(snapshot, cache, store.get_pages, asked, most_per_hash=20_000, most_hits=500)
    start, end = snapshot.span_of(1)
    within = look_up_within(snapshot, cache, hits, [1])
    there = zip(within.landmarks.tolist(), within.positions.tolist(), strict=True)
    assert sorted(there) == [each for each in expected(book, query)[0] if start <= each[1] < end]


def test_queries_looked_up_as_one_are_told_apart(crowded: tuple[Store, Snapshot, Book]) -> None:
    store, snapshot, book = crowded
    known = list(book)
    queries = [known[:40], [], known[20:300], [5], [7]]
    together = np.array([value for query in queries for value in query], np.uint32)
    hits = look_up(snapshot, PageCache(0), store.get_pages, together, most_per_hash=20_000)
    for query, some in zip(queries, hits.split([len(q) for q in queries]), strict=True):
        answers = zip(some.landmarks.tolist(), some.positions.tolist(), strict=True)
        assert (sorted(answers), some.counts.tolist()) == expected(book, query)


def test_nothing_asked_and_nothing_there_is_nothing_found(store: Store) -> None:
    empty, _ = shelve(store, [])
    assert found(store, empty, PageCache(0), []) == ([], [])
    assert found(store, empty, PageCache(0), [1, 2]) == ([], [0, 0])
    snapshot, _ = shelve(store, [[fingerprint([(1, 1)])]])
    assert found(store, snapshot, PageCache(0), []) == ([], [])


def test_a_recording_without_landmarks_takes_part_and_is_never_found(store: Store) -> None:
    snapshot, book = shelve(store, [[fingerprint([])], [fingerprint([]), fingerprint([(5, 3)])]])
    assert found(store, snapshot, PageCache(0), [5, 6]) == expected(book, [5, 6])
    assert len(snapshot.recording_ids) == 3
