"""Which landmarks are looked up first: rare ones, of every second, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from catalogue_material import addition, fingerprint
from hypothesis import given
from hypothesis import strategies as st

from songid.catalogue.catalogue import Catalogue
from songid.catalogue.sampling import rarest, rarest_of_each
from songid.catalogue.snapshot import Snapshot
from songid.model import ComponentURL, Fingerprint
from songid_plugins.fingerprinters.landmark import Landmark
from songid_plugins.stores.memory import open_store

FRAME_S = 0.1


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    """Hashes below 1,000 are common, those above rare; so in two volumes."""
    catalogue = Catalogue(open_store(ComponentURL.parse("memory")), Landmark())
    for number in range(2):
        common = [(value, at) for value in range(1000) for at in range(4)]
        rare = [(1000 + 1000 * step, 5) for step in range(4000)]
        catalogue.add([addition(str(number), fingerprint([*common, *rare]))])
    return catalogue.snapshot()


def query(pairs: list[tuple[int, int]]) -> Fingerprint:
    return fingerprint(pairs)


def test_the_rarest_of_each_second_are_taken_in_order(snapshot: Snapshot) -> None:
    asked = query([(5, 0), (2_000_000, 1), (700, 2), (3_000_000, 9), (9, 10), (11, 11)])
    taken = rarest(snapshot, asked, 2, FRAME_S)
    assert taken.hashes.tolist() == [2_000_000, 3_000_000, 9, 11]
    assert taken.offsets_frames.tolist() == [1, 9, 10, 11]


@given(st.lists(st.tuples(st.integers(0, 2**22 - 1), st.integers(0, 60)), max_size=80))
def test_fewer_are_among_more_and_no_second_is_left_out(pairs: list[tuple[int, int]]) -> None:
    catalogue = Catalogue(open_store(ComponentURL.parse("memory")), Landmark())
    catalogue.add([addition("one", fingerprint([(value, 0) for value in range(0, 5000, 7)]))])
    asked = query(pairs)
    few, more = (
        list(zip(taken.hashes.tolist(), taken.offsets_frames.tolist(), strict=True))
        for taken in (rarest(catalogue.snapshot(), asked, n, FRAME_S) for n in (3, 6))
    )
    assert set(few) <= set(more) <= set(pairs)
    seconds = {at // 10 for _, at in pairs}
    assert {at // 10 for _, at in few} == seconds
    assert len(few) <= 3 * len(seconds)


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 60)), max_size=30), max_size=5)
)
def test_several_queries_at_once_get_what_each_would_alone(
    snapshot: Snapshot, queries: list[list[tuple[int, int]]]
) -> None:
    asked = [query(pairs) for pairs in queries]
    together = rarest_of_each(snapshot, asked, 3, FRAME_S)
    for taken, each in zip(together, asked, strict=True):
        alone = rarest(snapshot, each, 3, FRAME_S)
        assert taken.hashes.tolist() == alone.hashes.tolist()
        assert taken.offsets_frames.tolist() == alone.offsets_frames.tolist()


def test_an_empty_catalogue_and_an_empty_query_are_no_trouble(snapshot: Snapshot) -> None:
    empty = Catalogue(open_store(ComponentURL.parse("memory")), Landmark()).snapshot()
    assert len(rarest(empty, query([(5, 0), (6, 0)]), 1, FRAME_S)) == 1
    nothing = Fingerprint(np.empty(0, np.uint32), np.empty(0, np.uint32))
    assert len(rarest(snapshot, nothing, 5, FRAME_S)) == 0
