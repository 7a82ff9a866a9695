"""The page cache: bounded, forgetful of the oldest, and sound after any failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songid.catalogue.page_cache import BYTES_PER_SLOT, SLOT_POSTINGS, PageCache, PageKey
from songid.catalogue.pages import Postings, pack_page
from songid.errors import PageGoneError, StoreError

SLOTS = 16


def content(key: PageKey) -> Postings:
    """A page that says which it is, with a few runs."""
    number = key[1] * 1000 + len(key[0])
    return Postings(
        np.array([number, number, number + 1, number + 900], np.uint32),
        np.array([key[1], 5, 6, 7], np.uint32),
    )


class Shelf:
    """Hands out pages, counts what was asked, and fails when told to."""

    def __init__(self) -> None:
        self.asked: list[PageKey] = []
        self.most_at_once = 0
        self.gone: set[PageKey] = set()
        self.damaged: set[PageKey] = set()

    def fetch(self, keys: Sequence[PageKey]) -> list[bytes]:
        self.asked += keys
        self.most_at_once = max(self.most_at_once, len(keys))
        if self.gone & set(keys):
            raise PageGoneError("merged away")
        return [b"?" if key in self.damaged else pack_page(content(key)) for key in keys]


def keys(*numbers: int, volume: str = "v") -> list[PageKey]:
    return [(volume, number) for number in numbers]


def ask(
    cache: PageCache, wanted: Sequence[PageKey], fetch: Callable[[Sequence[PageKey]], list[bytes]]
) -> np.ndarray:
    """The slots of pages, in the order wanted, which goes volume by volume."""
    volumes = list(dict.fromkeys(volume for volume, _ in wanted))
    pages = [np.array([n for each, n in wanted if each == volume], int) for volume in volumes]
    return cache.slots_for(volumes, pages, fetch)


def check(cache: PageCache, wanted: Sequence[PageKey], slots: np.ndarray) -> None:
    """Every slot holds the page it should, filled up with the highest number."""
    assert slots.shape == (len(wanted),)
    assert len(set(slots.tolist())) == len(set(wanted))
    for key, slot in zip(wanted, slots.tolist(), strict=True):
        at, page = slot * SLOT_POSTINGS, content(key)
        assert cache.hashes[at : at + 4].tolist() == page.hashes.tolist()
        assert cache.positions[at : at + 4].tolist() == page.positions.tolist()
        assert (cache.hashes[at + 4 : at + SLOT_POSTINGS] == 2**32 - 1).all()
        assert cache.runs[at : at + 4][[0, 2, 3]].tolist() == [2, 1, 1]
        assert not cache.runs[at + 4 : at + SLOT_POSTINGS].any()


def test_it_takes_no_more_slots_than_its_bytes_allow() -> None:
    assert PageCache(40 * BYTES_PER_SLOT).slots == 40
    assert PageCache(41 * BYTES_PER_SLOT - 1).slots == 40
    assert PageCache(0).slots == SLOTS
    assert PageCache(0).max_keys == SLOTS


def test_a_page_is_fetched_once_while_it_fits() -> None:
    cache, shelf = PageCache(0), Shelf()
    for _ in range(3):
        check(cache, keys(1, 2, 3), ask(cache, keys(1, 2, 3), shelf.fetch))
    assert shelf.asked == keys(1, 2, 3)
    assert (cache.misses, cache.hits) == (3, 6)


def test_the_pages_least_lately_used_make_room() -> None:
    cache, shelf = PageCache(0), Shelf()
    for number in range(SLOTS):
        ask(cache, keys(number), shelf.fetch)
    ask(cache, keys(0, 3), shelf.fetch)
    check(cache, keys(100, 101), ask(cache, keys(100, 101), shelf.fetch))
    shelf.asked.clear()
    there = [0, *range(3, SLOTS)]
    check(cache, keys(*there), ask(cache, keys(*there), shelf.fetch))
    assert shelf.asked == []
    ask(cache, keys(1, 2), shelf.fetch)
    assert shelf.asked == keys(1, 2)


def test_as_many_pages_as_slots_can_be_held_at_once() -> None:
    cache, shelf = PageCache(0), Shelf()
    first, then = keys(*range(SLOTS)), keys(*range(8, 8 + SLOTS))
    check(cache, first, ask(cache, first, shelf.fetch))
    check(cache, then, ask(cache, then, shelf.fetch))


def test_no_key_gives_no_slot() -> None:
    shelf = Shelf()
    assert ask(PageCache(0), [], shelf.fetch).shape == (0,)
    assert shelf.asked == []


def test_many_pages_are_fetched_in_bounded_batches() -> None:
    cache, shelf = PageCache(1200 * BYTES_PER_SLOT), Shelf()
    many = keys(*range(1200))
    check(cache, many, ask(cache, many, shelf.fetch))
    assert shelf.most_at_once <= 1000


def test_pages_of_volumes_that_are_gone_are_forgotten() -> None:
    cache, shelf = PageCache(0), Shelf()
    ask(cache, [*keys(1, volume="old"), *keys(1, volume="new")], shelf.fetch)
    cache.forget({"old", "never there"})
    shelf.asked.clear()
    ask(cache, [*keys(1, volume="new"), *keys(1, volume="old")], shelf.fetch)
    assert shelf.asked == keys(1, volume="old")


@pytest.mark.parametrize("failure", ["gone", "damaged"])
def test_a_failure_while_fetching_leaves_it_sound(failure: str) -> None:
    cache, shelf = PageCache(100 * BYTES_PER_SLOT), Shelf()
    ask(cache, keys(*range(90)), shelf.fetch)
    wanted = keys(*range(85, 185))
    getattr(shelf, failure).add(("v", 170))  # of the second batch
    for _ in range(3):
        with pytest.raises(StoreError):
            ask(cache, wanted, shelf.fetch)
    getattr(shelf, failure).clear()
    check(cache, wanted, ask(cache, wanted, shelf.fetch))
    check(cache, keys(*range(100)), ask(cache, keys(*range(100)), shelf.fetch))


steps = st.one_of(
    st.tuples(st.just("ask"), st.sets(st.tuples(st.sampled_from("ab"), st.integers(0, 25)))),
    st.tuples(st.just("fail"), st.sets(st.tuples(st.sampled_from("ab"), st.integers(0, 25)))),
    st.tuples(st.just("forget"), st.sets(st.sampled_from("ab"))),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=12))
def test_whatever_is_asked_forgotten_or_fails_every_slot_holds_its_page(
    history: list[tuple[str, set[Any]]],
) -> None:
    cache, shelf = PageCache(0), Shelf()
    for what, which in history:
        if what == "forget":
            cache.forget(which)
            continue
        wanted = sorted(which)[:SLOTS]
        shelf.gone = set(wanted[-1:]) if what == "fail" else set()
        try:
            slots = ask(cache, wanted, shelf.fetch)
        except PageGoneError:
            continue
        check(cache, wanted, slots)
