"""Every instant of a span is accounted for once, however the journal's entries come."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songid.model import Heard, Play, SoundKind, SoundSpan
from songid.timeline import account, microseconds, total_us, union, utc

START = datetime(2026, 1, 31, tzinfo=UTC)
END = START + timedelta(minutes=10)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def heard(start_s: float, length_s: float, *kinds: tuple[float, float, SoundKind]) -> Heard:
    sounds = tuple(SoundSpan(*kind) for kind in kinds)
    return Heard("radio1", at(start_s), length_s, sounds=sounds)


def play(start_s: float, end_s: float) -> Play:
    return Play("radio1", "r1", at(start_s), at(end_s), 0.0, end_s - start_s, 1.0, 9.0, 90)


seconds = st.integers(-120_000, 720_000).map(lambda milliseconds: milliseconds / 1000)
lengths = st.integers(0, 200_000).map(lambda milliseconds: milliseconds / 1000)


@st.composite
def heards(draw: st.DrawFn) -> Heard:
    length = draw(lengths)
    cuts = sorted(draw(st.lists(st.floats(0, length + 2), max_size=5)))
    sounds = tuple(
        SoundSpan(begin, end, draw(st.sampled_from(SoundKind)))
        for begin, end in itertools.pairwise(cuts)
    )
    return Heard("radio1", at(draw(seconds)), length, sounds=sounds)


plays = st.builds(lambda start, length: play(start, start + length), seconds, lengths)


@given(st.lists(heards(), max_size=8), st.lists(plays, max_size=6))
def test_gaps_plays_and_unidentified_sound_partition_the_span(some_heards, some_plays):
    result = account(some_heards, some_plays, START, END)
    pieces = sorted(
        [*result.gaps, *result.identified, *(interval for interval, _ in result.unidentified)]
    )
    assert all(start < end for start, end in pieces)
    edges = [edge for piece in pieces for edge in piece]
    assert edges[0] == microseconds(START)
    assert edges[-1] == microseconds(END)
    assert edges[1:-1:2] == edges[2::2]
    assert total_us(result.heard) + total_us(result.gaps) == 600_000_000
    known = [*result.identified, *(interval for interval, _ in result.unidentified)]
    assert union(known) == union(result.heard)


@given(st.lists(heards(), max_size=8), st.lists(plays, max_size=6), st.randoms())
def test_order_and_repeats_change_nothing(some_heards, some_plays, dice: random.Random):
    result = account(some_heards, some_plays, START, END)
    again, more_plays = some_heards * 2, some_plays * 2
    dice.shuffle(again)
    dice.shuffle(more_plays)
    assert account(again, more_plays, START, END) == result


@given(st.lists(heards(), max_size=8), st.lists(plays, max_size=6))
def test_no_fragment_is_left_where_it_has_a_neighbour(some_heards, some_plays):
    pieces = account(some_heards, some_plays, START, END).unidentified
    for ((_, end), kind), ((start, following), other) in itertools.pairwise(pieces):
        if end == start:
            assert kind != other
            assert following - start >= 3_000_000


def test_a_span_in_which_nothing_was_heard_is_one_gap():
    result = account([], [play(0, 60)], START, END)
    assert result.gaps == ((microseconds(START), microseconds(END)),)
    assert not result.heard
    assert not result.identified


def test_a_hole_below_a_second_is_no_gap_and_one_above_is():
    result = account([heard(0, 100), heard(100.9, 99.1), heard(201.1, 398.9)], [], START, END)
    assert [(gap.start, gap.end) for gap in result.gap_stretches()] == [(at(200), at(201.1))]


def test_a_play_counts_only_as_far_as_the_station_was_heard():
    result = account([heard(0, 60), heard(120, 60)], [play(30, 150)], START, END)
    assert total_us(result.identified) == 60_000_000


def test_stretches_of_one_kind_join_across_windows():
    windows = [heard(12 * n, 12, (0, 12, SoundKind.SPEECH)) for n in range(5)]
    stretches = account(windows, [], START, at(60)).unidentified_stretches()
    assert [(s.start, s.end, s.kind) for s in stretches] == [(START, at(60), SoundKind.SPEECH)]


def test_a_short_fragment_goes_to_its_longer_neighbour():
    window = heard(
        0, 60, (0, 20, SoundKind.SPEECH), (20, 22, SoundKind.SILENCE), (22, 60, SoundKind.MUSIC)
    )
    stretches = account([window], [], START, at(60)).unidentified_stretches()
    assert [(s.start, s.kind) for s in stretches] == [
        (START, SoundKind.SPEECH),
        (at(20), SoundKind.MUSIC),
    ]


def test_where_windows_disagree_music_is_not_hidden():
    windows = [heard(0, 30, (0, 30, SoundKind.SPEECH)), heard(10, 30, (0, 30, SoundKind.MUSIC))]
    stretches = account(windows, [], START, at(40)).unidentified_stretches()
    assert [(s.start, s.kind) for s in stretches] == [
        (START, SoundKind.SPEECH),
        (at(10), SoundKind.MUSIC),
    ]


def test_sound_without_a_kind_is_unclassified():
    stretches = account([heard(0, 30)], [], START, at(30)).unidentified_stretches()
    assert [s.kind for s in stretches] == [None]


@pytest.mark.parametrize("moment", [START, datetime(1970, 1, 1, tzinfo=UTC), at(0.000001)])
def test_moments_survive_the_way_to_microseconds_and_back(moment):
    assert utc(microseconds(moment)) == moment
