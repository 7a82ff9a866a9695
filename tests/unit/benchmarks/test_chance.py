"""Intervals and tests against published and hand-worked numbers."""

from __future__ import annotations

import pytest
from benchmarks.chance import paired_p, unpaired_p, wilson


def test_the_interval_is_wilsons() -> None:
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=1e-4)


def test_the_interval_ends_at_none_and_all_and_is_whole_for_nothing() -> None:
    assert wilson(0, 7)[0] == 0.0
    assert wilson(7, 7)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)


def test_queries_that_part_evenly_say_nothing_and_those_that_do_not_say_much() -> None:
    assert paired_p(0, 0) == 1.0
    assert paired_p(4, 4) == 1.0
    assert paired_p(0, 5) == paired_p(5, 0) == 2 / 32
    assert paired_p(1, 9) == pytest.approx(2 * 11 / 1024)
    assert paired_p(0, 60) < 1e-15


def test_two_shares_are_parted_as_fishers_tea_was() -> None:
    # Fisher's lady: three of four cups right, 34/70 with both tails.
    assert unpaired_p(3, 4, 1, 4) == pytest.approx(34 / 70)
    assert unpaired_p(5, 10, 50, 100) == pytest.approx(1.0)
    assert unpaired_p(0, 0, 3, 4) == 1.0
    assert unpaired_p(90, 100, 60, 100) < 1e-5
