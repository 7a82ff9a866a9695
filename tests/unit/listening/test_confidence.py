"""Confidence: more for a higher score, less among more music, never beyond its bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songid.listening.confidence import confidence, score_for, together

scores = st.floats(-100, 1000)
extents_s = st.floats(0, 1e9)
shares = st.lists(st.floats(0, 1), max_size=20)


@given(scores, scores, extents_s)
def test_a_higher_score_is_never_less_sure(one: float, other: float, extent_s: float) -> None:
    low, high = sorted([one, other])
    assert 0.0 <= confidence(low, extent_s) <= confidence(high, extent_s) <= 1.0


@given(scores, extents_s, extents_s)
def test_the_same_score_is_never_surer_among_more_music(
    score: float, one: float, other: float
) -> None:
    few, many = sorted([one, other])
    assert confidence(score, many) <= confidence(score, few)


def test_it_tells_weak_from_strong_in_a_catalogue_of_any_size() -> None:
    for hours in (0.1, 10, 1000, 100_000):
        assert confidence(3.0, 3600 * hours) < 0.1
        assert confidence(9.0, 3600 * hours) > 0.99
    assert confidence(4.5, 3600) > confidence(4.5, 36_000) + 0.1


@given(st.floats(0.001, 0.999), st.floats(0, 1e8))
def test_the_score_for_a_confidence_has_that_confidence(wanted: float, extent_s: float) -> None:
    assert confidence(score_for(wanted, extent_s), extent_s) == pytest.approx(wanted, abs=1e-6)


@given(shares, st.floats(0, 1))
def test_matches_that_agree_are_surer_together(some: list[float], one_more: float) -> None:
    assert max(some, default=0.0) - 1e-12 <= together(some) <= 1.0
    assert together([*some, one_more]) >= together(some) - 1e-12


def test_together_is_what_independent_doubts_give() -> None:
    assert together([]) == 0.0
    assert together([0.9, 0.9]) == pytest.approx(0.99)
