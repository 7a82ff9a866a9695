"""What was heard of a station: spans, and how much of a stretch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from listening_material import START, heard

from songid.listening.airtime import Airtime
from songid.listening.chains import clock_s

ORIGIN_S = clock_s(START)


def airtime(spans: list[tuple[float, float]]) -> Airtime:
    """From (start, duration) in seconds after START."""
    return Airtime([heard(start_s, duration_s=length_s) for start_s, length_s in sorted(spans)])


def heard_s(air: Airtime, start_s: float, end_s: float) -> float:
    return air.heard_s(ORIGIN_S + start_s, ORIGIN_S + end_s)


def test_windows_that_follow_each_other_are_one_span_and_gaps_are_left_out() -> None:
    air = airtime([(0, 12), (12, 12), (24.9, 12), (60, 12)])
    assert air.total_s == pytest.approx(36.9 + 12)
    assert heard_s(air, 0, 100) == pytest.approx(48.9)
    assert heard_s(air, 30, 66) == pytest.approx(6.9 + 6)
    assert heard_s(air, 40, 60) == 0
    assert heard_s(air, -20, -10) == heard_s(air, 200, 300) == 0


def test_nothing_heard_is_nothing() -> None:
    assert airtime([]).total_s == 0
    assert heard_s(airtime([]), 0, 100) == 0


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 40)), max_size=12),
    st.integers(-10, 350),
    st.integers(0, 100),
)
def test_what_was_heard_of_a_stretch_adds_up(
    spans: list[tuple[int, int]], start: int, length: int
) -> None:
    """Counted second by second; a hole of one second is a seam."""
    seconds = {second for first, count in spans for second in range(first, first + count)}
    seconds |= {second + 1 for second in seconds if second + 2 in seconds}
    expected = len(seconds & set(range(start, start + length)))
    air = airtime([(float(first), float(count)) for first, count in spans])
    assert heard_s(air, start, start + length) == pytest.approx(expected, abs=1e-5)
    assert air.total_s == pytest.approx(len(seconds), abs=1e-5)
