"""Announcements: each event once in effect, whoever dies, repeats or comes late."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listening_material import STATION, On, at, journal

from songid.interfaces import Store
from songid.listening.announcements import Announced, Announcer, play_keys
from songid.listening.plays import plays
from songid.listening.rules import PlayRules
from songid.model import ComponentURL, Event, EventKind, Heard, Recording
from songid.testing.store_concurrency import in_threads
from songid_plugins.stores.memory import open_store

RULES = PlayRules()
SCHEDULE = [On("a", 6, 126), On("b", 123, 243, offset_s=30), On("a", 300, 420)]
WHOLE = journal(SCHEDULE, 480)
KNOWN = {
    "a": Recording("a", "A", duration_s=120.0),
    "b": Recording("b", "B", duration_s=200.0),
}


def known(ids: Sequence[str]) -> Mapping[str, Recording]:
    return {each: KNOWN[each] for each in ids if each in KNOWN}


class Collected:
    """A sink that keeps what it is sent, and fails while `trouble` says so."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.trouble: Callable[[Event], BaseException | None] = lambda event: None
        self.after: Callable[[Event], BaseException | None] = lambda event: None

    def send(self, event: Event) -> None:
        if (error := self.trouble(event)) is not None:
            raise error
        self.events.append(event)
        if (error := self.after(event)) is not None:
            raise error

    def close(self) -> None:
        """Nothing is held."""

    def counted(self) -> dict[EventKind, int]:
        return dict(Counter(event.kind for event in self.events))

    def plays(self, kind: EventKind = EventKind.PLAY_STARTED) -> list[str]:
        return [event.recording_id for event in self.events if event.kind is kind]


ALL = {EventKind.HEARD: 40, EventKind.PLAY_STARTED: 3, EventKind.PLAY_ENDED: 3}


class Clock:
    def __init__(self) -> None:
        self.now = at(0)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sink() -> Collected:
    return Collected()


def announcer(store: Store, clock: Clock, **sinks: Collected) -> Announcer:
    return Announcer(store, sinks, RULES, known, clock)


def announce(of: Announcer, heards: Sequence[Heard]) -> Announced:
    """Announce what these heards tell, as whoever wrote them does."""
    start = min(each.start for each in heards)
    end = max(each.start for each in heards) + timedelta(microseconds=1)
    return of.announce(STATION, start, end)


def deliver(store: Store, of: Announcer, heards: Sequence[Heard]) -> None:
    for each in heards:
        store.put_heards([each])
        announce(of, [each])


def test_each_heard_each_start_and_each_end_is_announced(
    store: Store, clock: Clock, sink: Collected
) -> None:
    deliver(store, announcer(store, clock, sink=sink), WHOLE)
    assert sink.counted() == ALL
    assert sink.plays() == sink.plays(EventKind.PLAY_ENDED) == ["a", "b", "a"]
    assert len({event.event_id for event in sink.events}) == 46
    started = [event for event in sink.events if event.kind is EventKind.PLAY_STARTED]
    assert [event.document["metadata"]["title"] for event in started] == ["A", "B", "A"]
    assert all(event.station == STATION for event in sink.events)


def test_a_start_is_announced_at_once_and_an_end_when_it_is_sure(
    store: Store, clock: Clock, sink: Collected
) -> None:
    told: list[tuple[str, int]] = []
    of = announcer(store, clock, sink=sink)
    for number, each in enumerate(WHOLE[:20]):
        before = len(sink.events)
        deliver(store, of, [each])
        new = sink.events[before:]
        told += [(event.kind.value, number) for event in new if event.kind is not EventKind.HEARD]
    # a is on from 6 to 126 s, b from 123 s: an end is sure a bridge's length after it.
    over = int((126 + RULES.bridge_s) // 12)
    assert told == [("play_started", 0), ("play_started", 10), ("play_ended", over)]


def test_the_last_play_ends_when_the_clock_says_so(
    store: Store, clock: Clock, sink: Collected
) -> None:
    of = announcer(store, clock, sink=sink)
    deliver(store, of, WHOLE[:8])
    assert sink.plays(EventKind.PLAY_ENDED) == []
    of.announce(STATION, at(84), at(85), ended_by=at(96 + RULES.bridge_s - 1))
    assert sink.plays(EventKind.PLAY_ENDED) == []
    of.announce(STATION, at(84), at(85), ended_by=at(96 + RULES.bridge_s + 1))
    assert sink.plays(EventKind.PLAY_ENDED) == ["a"]


def test_a_play_that_was_over_before_a_station_fell_silent_ends_too(
    store: Store, clock: Clock, sink: Collected
) -> None:
    of = announcer(store, clock, sink=sink)
    heards = journal([On("a", 0, 60)], 96)
    deliver(store, of, heards)
    assert sink.plays(EventKind.PLAY_ENDED) == []
    last = heards[-1].start
    of.announce(STATION, last, last + timedelta(microseconds=1), ended_by=at(600))
    assert sink.plays(EventKind.PLAY_ENDED) == ["a"]


def test_a_play_before_a_long_gap_ends_when_the_station_is_back(
    store: Store, clock: Clock, sink: Collected
) -> None:
    of = announcer(store, clock, sink=sink)
    deliver(store, of, journal([On("a", 0, 60)], 72))
    deliver(store, of, journal([], 5000)[400:401])
    assert sink.plays(EventKind.PLAY_ENDED) == ["a"]


@settings(max_examples=15, deadline=None)
@given(dice=st.randoms(use_true_random=False))
def test_any_order_and_any_repeats_announce_each_event_once(dice: random.Random) -> None:
    store, sink = open_store(ComponentURL.parse("memory")), Collected()
    delivered = [*WHOLE, *dice.choices(WHOLE, k=20)]
    dice.shuffle(delivered)
    of = announcer(store, Clock(), sink=sink)
    deliver(store, of, delivered)
    announce(of, WHOLE)
    assert sink.counted() == ALL
    assert sorted(sink.plays()) == ["a", "a", "b"]


def test_announced_again_nothing_is_sent_again_by_whomever(
    store: Store, clock: Clock, sink: Collected
) -> None:
    deliver(store, announcer(store, clock, sink=sink), WHOLE)
    again = announce(announcer(store, clock, sink=sink), WHOLE)
    assert again == Announced()
    assert sink.counted() == ALL


def test_two_announcers_at_once_send_each_event_once(store: Store, clock: Clock) -> None:
    store.put_heards(WHOLE)
    sink = Collected()
    crowd = [announcer(store, clock, sink=sink) for _ in range(4)]

    def work(number: int) -> int:
        return sum(
            announce(crowd[number], WHOLE[first : first + 8]).delivered for first in range(0, 40, 4)
        )

    assert sum(in_threads(work)) == 46
    assert sink.counted() == ALL


@pytest.mark.parametrize("sent", [False, True], ids=["before sending", "after sending"])
def test_what_a_crashed_announcer_had_in_hand_is_sent_again_under_its_id(
    store: Store, clock: Clock, sink: Collected, sent: bool
) -> None:
    store.put_heards(WHOLE[:2])
    crash = itertools.chain([None, SystemExit()], itertools.repeat(None))
    setattr(sink, "after" if sent else "trouble", lambda event: next(crash))
    with pytest.raises(SystemExit):
        announce(announcer(store, clock, sink=sink), WHOLE[:2])
    assert len(sink.events) == 1 + sent
    other = announcer(store, clock, sink=sink)
    assert announce(other, WHOLE[:2]) == Announced(delivered=1, waiting=1)
    clock.now += timedelta(seconds=61)
    assert announce(other, WHOLE[:2]) == Announced(delivered=1)
    ids = Counter(event.event_id for event in sink.events)
    assert len(ids) == 3
    assert sorted(ids.values()) == [1, 1, 1 + sent]
    documents = {event.event_id: event for event in sink.events}
    assert all(documents[event.event_id] == event for event in sink.events)


def test_a_failing_sink_silences_no_other_and_is_caught_up(store: Store, clock: Clock) -> None:
    good, bad = Collected(), Collected()
    bad.trouble = lambda event: ConnectionError("no route")
    of = announcer(store, clock, bad=bad, good=good)
    store.put_heards(WHOLE)
    first = announce(of, WHOLE)
    assert good.counted() == ALL
    assert bad.events == []
    assert first == Announced(delivered=46, waiting=46)
    bad.trouble = lambda event: None
    assert announce(of, WHOLE) == Announced(delivered=46)
    assert bad.events == good.events


def test_a_sink_that_fails_in_between_gets_each_event_once(store: Store, clock: Clock) -> None:
    sink = Collected()
    turns = itertools.count()
    sink.trouble = lambda event: TimeoutError() if next(turns) % 7 == 5 else None
    store.put_heards(WHOLE)
    of = announcer(store, clock, sink=sink)
    for _ in range(20):
        announce(of, WHOLE)
    assert sink.counted() == ALL


def test_a_sink_gets_only_the_kinds_it_wants(store: Store, clock: Clock) -> None:
    every, starts = Collected(), Collected()
    only = {"starts": frozenset([EventKind.PLAY_STARTED])}
    of = Announcer(store, {"every": every, "starts": starts}, RULES, known, clock, only=only)
    store.put_heards(WHOLE)
    announce(of, WHOLE)
    assert every.counted() == ALL
    assert starts.counted() == {EventKind.PLAY_STARTED: 3}


def test_without_sinks_or_heards_nothing_is_announced(store: Store, clock: Clock) -> None:
    assert announce(announcer(store, clock), WHOLE) == Announced()
    assert announce(announcer(store, clock, sink=Collected()), WHOLE) == Announced()


def test_a_recording_the_catalogue_has_lost_is_announced_all_the_same(
    store: Store, clock: Clock, sink: Collected
) -> None:
    store.put_heards(journal([On("gone", 0, 60)], 60))
    announce(announcer(store, clock, sink=sink), WHOLE[:5])
    assert sink.plays() == ["gone"]


# -- keys -----------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(
    start_s=st.floats(0, 100),
    missing=st.sets(st.integers(0, 14), max_size=8),
    jitter_s=st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=5),
)
def test_one_key_of_a_play_stays_as_late_segments_come(
    start_s: float, missing: set[int], jitter_s: list[float]
) -> None:
    on = On("b", start_s, start_s + 70, offset_s=25)
    (whole,) = plays(journal([on], 240, jitter_s=jitter_s), RULES)
    keys = set(play_keys(whole, KNOWN["b"]))
    for play in plays(journal([on], 240, jitter_s=jitter_s, missing=missing), RULES):
        assert keys & set(play_keys(play, KNOWN["b"]))


@settings(max_examples=80, deadline=None)
@given(start_s=st.floats(0, 50), length_s=st.integers(12, 100))
def test_two_plays_of_one_recording_in_a_row_share_no_key(start_s: float, length_s: int) -> None:
    recording = Recording("x", "X", duration_s=float(length_s))
    twice = [
        On("x", start_s, start_s + length_s),
        On("x", start_s + length_s, start_s + 2 * length_s),
    ]
    found = plays(journal(twice, 264), RULES, durations_s={"x": float(length_s)})
    keys = [set(play_keys(play, recording)) for play in found]
    assert len(found) == 2
    assert not keys[0] & keys[1]


def test_a_late_beginning_makes_no_second_start(
    store: Store, clock: Clock, sink: Collected
) -> None:
    of = announcer(store, clock, sink=sink)
    heards = journal([On("b", 6, 126, offset_s=40)], 240)
    deliver(store, of, heards[4:])
    (early,) = plays(store.heards(STATION), RULES)
    deliver(store, of, heards[:4])
    (whole,) = plays(store.heards(STATION), RULES)
    assert early.start - whole.start > timedelta(seconds=30)
    assert sink.plays() == sink.plays(EventKind.PLAY_ENDED) == ["b"]


def test_a_play_longer_than_what_is_read_at_first_ends_with_its_true_start(
    store: Store, clock: Clock, sink: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KNOWN, "long", Recording("long", "Long", duration_s=3600.0))
    heards = journal([On("long", 60, 2700)], 2820)
    deliver(store, announcer(store, clock, sink=sink), heards)
    (ended,) = [event for event in sink.events if event.kind is EventKind.PLAY_ENDED]
    start = datetime.fromisoformat(ended.document["metadata"]["timestamp_utc"] + "Z")
    assert abs((start - at(60)).total_seconds()) < 1


def test_a_play_before_a_long_silence_ends_when_the_station_is_heard_again(
    store: Store, clock: Clock, sink: Collected
) -> None:
    deliver(store, announcer(store, clock, sink=sink), journal([On("a", 6, 126)], 120))
    assert not sink.plays(EventKind.PLAY_ENDED)
    later = [each for each in journal([], 4800) if each.start >= at(4500)]
    deliver(store, announcer(store, clock, sink=sink), later)
    assert sink.plays(EventKind.PLAY_ENDED) == ["a"]
