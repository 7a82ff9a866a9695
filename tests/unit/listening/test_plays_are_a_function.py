"""Plays are a pure function of the journal: nothing but what was heard decides them."""

from __future__ import annotations

import json
import random
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from listening_material import START, STATION, On, journal

from songid.documents import heard_document, heard_from
from songid.listening.plays import in_order, plays
from songid.listening.rules import PlayRules
from songid.model import Heard, Match, Play
from songid.results import play_document

RULES = PlayRules()
DURATIONS_S = {"a": 60.0, "b": 30.0, "c": 200.0}


def matches(number: int) -> st.SearchStrategy[Match]:
    """Matches near three lags that advance with the clock, or anywhere."""
    lags = st.sampled_from([0.0, 0.4, 40.0, -7.0]).map(lambda lag: lag + 12.0 * number)
    return st.builds(
        Match,
        recording_id=st.sampled_from("abc"),
        lag_s=lags | st.floats(-60, 200),
        start_s=st.floats(0, 5.9),
        end_s=st.floats(6, 12),
        landmarks=st.integers(5, 500),
        score=st.floats(2.5, 12),
        confidence=st.sampled_from([0.01, 0.5, 0.9, 0.999, 1.0]),
        evidence=st.integers(0, 2),
    )


@st.composite
def journals(draw: st.DrawFn) -> list[Heard]:
    """Heards with any matches, some of them of one moment and not alike."""
    heards = []
    for number in draw(st.lists(st.integers(0, 25), min_size=1, max_size=25)):
        late_s = draw(st.sampled_from([0.0, 0.0, 0.0, 0.5, -0.3, 4.0]))
        start = START + timedelta(seconds=12 * number + late_s)
        found = tuple(draw(st.lists(matches(number), max_size=3)))
        heards.append(Heard(STATION, start, draw(st.sampled_from([12.0, 12.0, 13.5])), found))
    return heards


def written(found: list[Play]) -> bytes:
    return json.dumps([play_document(play, None) for play in found]).encode()


def through_a_store(heard: Heard) -> Heard:
    return heard_from(json.loads(json.dumps(heard_document(heard))))


@settings(max_examples=150, deadline=None)
@given(heards=journals(), dice=st.randoms(use_true_random=False))
def test_order_repeats_and_storage_change_nothing(heards: list[Heard], dice: random.Random) -> None:
    expected = plays(heards, RULES, durations_s=DURATIONS_S)
    delivered = [*heards, *dice.choices(heards, k=dice.randrange(2 * len(heards)))]
    dice.shuffle(delivered)
    again = plays(map(through_a_store, delivered), RULES, durations_s=DURATIONS_S)
    assert again == expected
    assert written(again) == written(expected)


@settings(max_examples=100, deadline=None)
@given(heards=journals())
def test_plays_are_ordered_within_what_was_heard_and_sure(heards: list[Heard]) -> None:
    found = plays(heards, RULES, durations_s=DURATIONS_S)
    first = min(heard.start for heard in heards)
    last = max(heard.end for heard in heards)
    assert found == sorted(found, key=lambda play: (play.start, play.end, play.recording_id))
    millisecond = timedelta(milliseconds=1)
    for play in found:
        assert first - millisecond <= play.start < play.end <= last + millisecond
        assert 0 < play.heard_s <= play.duration_s + 0.0015
        assert play.offset_s >= 0
        assert play.confidence >= RULES.accept - 1e-6
        assert play.recording_id not in play.alternatives


@settings(max_examples=100, deadline=None)
@given(one=journals(), other=journals(), days=st.integers(1, 400))
def test_days_apart_know_nothing_of_each_other(
    one: list[Heard], other: list[Heard], days: int
) -> None:
    later = [
        Heard(each.station, each.start + timedelta(days=days), each.duration_s, each.matches)
        for each in other
    ]
    both = plays([*later, *one], RULES, durations_s=DURATIONS_S)
    apart = [
        *plays(one, RULES, durations_s=DURATIONS_S), *plays(later, RULES, durations_s=DURATIONS_S)
    ]  # fmt: skip
    assert both == apart


@settings(max_examples=50, deadline=None)
@given(heards=journals(), days=st.integers(1, 4000), hours=st.integers(0, 23))
def test_the_date_changes_nothing(heards: list[Heard], days: int, hours: int) -> None:
    shift = timedelta(days=days, hours=hours)
    later = [
        Heard(each.station, each.start + shift, each.duration_s, each.matches) for each in heards
    ]
    shifted = plays(later, RULES, durations_s=DURATIONS_S)
    expected = plays(heards, RULES, durations_s=DURATIONS_S)
    assert [(play.recording_id, play.start - shift, play.end - shift) for play in shifted] == [
        (play.recording_id, play.start, play.end) for play in expected
    ]


@given(heards=journals())
def test_in_order_is_ordered_and_has_each_moment_once(heards: list[Heard]) -> None:
    ordered = in_order(heards)
    starts = [heard.start for heard in ordered]
    assert starts == sorted(set(starts))
    assert set(starts) == {heard.start for heard in heards}


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_what_comes_late_mends_the_picture(data: st.DataObject) -> None:
    """Whatever came first, when all segments are there the plays are those of the whole."""
    schedule = [On("a", 5, 125), On("b", 122, 240, offset_s=30), On("a", 300, 420)]
    whole = journal(schedule, 480)
    order = data.draw(st.permutations(whole))
    seen: list[Heard] = []
    for heard in order:
        seen.append(heard)
        plays(seen, RULES)
    assert plays(seen, RULES) == plays(whole, RULES)
    assert len(plays(seen, RULES)) == 3
