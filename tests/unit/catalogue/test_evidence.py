"""What aligned landmarks prove: rare ones more, spread ones more, chance less."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songid.catalogue.evidence import LAG_TOLERANCE_FRAMES, Evidence
from songid.catalogue.lookup import Hits
from songid.catalogue.pages import VolumeHeader
from songid.catalogue.snapshot import Snapshot, take_snapshot

FRAME_S = 0.02
EXTENT = 1000


def snapshot() -> Snapshot:
    """Two recordings of 1,000 frames."""
    empty = np.empty(0, np.uint32)
    starts = np.array([0, EXTENT], np.uint32)
    return take_snapshot(
        1, ["v"], [VolumeHeader(empty, empty, starts, ("a", "b"), 2 * EXTENT)], set()
    )


def evidence(
    hashes: list[int],
    offsets_s: list[float],
    counts: list[int] | None = None,
    hits: list[tuple[int, int]] | None = None,
) -> Evidence:
    """Evidence of a query; hits are (position, landmark), none of them if nothing is said."""
    found = hits or []
    return Evidence(
        snapshot(),
        Hits(
            np.array([position for position, _ in found], np.int64),
            np.array([landmark for _, landmark in found], np.int64),
            np.array(counts or [1] * len(hashes), np.int64),
        ),
        np.array(hashes, np.uint32),
        np.round(np.array(offsets_s) / FRAME_S).astype(np.int64),
        FRAME_S,
    )


def all_of(hashes: list[int]) -> np.ndarray:
    return np.arange(len(hashes))


def test_a_landmark_weighs_less_the_more_often_its_hash_stands_in_catalogue_and_query() -> None:
    weights = evidence([5, 6, 7, 7, 8], [0, 0, 0, 0, 0], [1, 4, 1, 1, 0]).weights
    assert weights.tolist() == pytest.approx([1.0, 0.5, 0.5**0.5, 0.5**0.5, 1.0])


def test_the_score_adds_up_the_roots_of_each_second() -> None:
    hashes = list(range(5))
    assert evidence(hashes, [0, 0.1, 0.2, 0.9, 1.0]).score(0, all_of(hashes)) == pytest.approx(3.0)


@given(st.lists(st.floats(0, 11.9), min_size=2, max_size=30))
def test_the_same_landmarks_prove_more_the_more_seconds_they_are_spread_over(
    offsets_s: list[float],
) -> None:
    hashes = list(range(len(offsets_s)))
    spread = evidence(hashes, offsets_s).score(0, all_of(hashes))
    burst = evidence(hashes, [0.0] * len(hashes)).score(0, all_of(hashes))
    assert burst == pytest.approx(len(hashes) ** 0.5)
    assert burst - 1e-9 <= spread <= len(hashes) + 1e-9


@given(st.data())
def test_more_landmarks_never_prove_less(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 20))
    offsets_s = data.draw(st.lists(st.floats(0, 11.9), min_size=count, max_size=count))
    some = data.draw(st.sets(st.integers(0, count - 1)))
    judge = evidence(list(range(count)), offsets_s)
    all_score = judge.score(0, np.arange(count))
    assert judge.score(0, np.array(sorted(some), np.int64)) <= all_score + 1e-9


def test_a_recording_that_answers_at_any_lag_is_discounted_and_another_is_not() -> None:
    hashes = list(range(20))
    offsets_s = [each / 2 for each in hashes]
    everywhere = [(position, n) for n in hashes for position in range(7, EXTENT, 50)]
    judge = evidence(hashes, offsets_s, hits=everywhere)
    plain = evidence(hashes, offsets_s)
    # 20 landmarks, each at every fiftieth frame, weigh 20 x 20 x 3 / 1000 at a lag by chance.
    chance = 20 * len(range(7, EXTENT, 50)) * (2 * LAG_TOLERANCE_FRAMES + 1) / EXTENT
    full = plain.score(0, all_of(hashes))
    assert judge.score(0, all_of(hashes)) == pytest.approx(full - min(10 * chance, full / 2))
    assert judge.score(1, all_of(hashes)) == pytest.approx(full)


def test_the_discount_takes_half_at_most() -> None:
    hashes = list(range(10))
    everywhere = [(position, n) for n in hashes for position in range(EXTENT)]
    judge = evidence(hashes, [float(each) for each in hashes], hits=everywhere)
    assert judge.score(0, all_of(hashes)) == pytest.approx(5.0)


@given(st.lists(st.floats(0, 11.9), min_size=1, max_size=40))
def test_no_score_is_reached_with_less_than_the_least_weight(offsets_s: list[float]) -> None:
    hashes = list(range(len(offsets_s)))
    judge = evidence(hashes, offsets_s)
    score = judge.score(0, all_of(hashes))
    assert judge.least_weight(score) <= judge.weights.sum() + 1e-6
