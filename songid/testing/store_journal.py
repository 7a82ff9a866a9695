"""The store kit's part on the journal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songid.interfaces import Store
from songid.model import Heard, Match, SoundKind, SoundSpan, Warp
from songid.testing import strategies
from songid.testing.store_kit import NOW, StoreKit, property_settings

_SEGMENT = timedelta(seconds=12)


def segments(station: str, count: int, first: datetime = NOW) -> list[Heard]:
    """Heards of consecutive segments of 12 s."""
    return [Heard(station, first + number * _SEGMENT, 12.0) for number in range(count)]


class JournalConformance(StoreKit):
    """The journal of heards."""

    def test_heards_come_back_exactly_and_ordered_by_start(self, store: Store) -> None:
        match = Match("r", -0.1, 0.5, 11.25, 40, 17.3, 0.999, 1, Warp(1.03, 1.0299999999999998))
        sounds = (SoundSpan(0.0, 4.7, SoundKind.MUSIC), SoundSpan(4.7, 12.0, SoundKind.SPEECH))
        full = Heard("Rádio 1", NOW, 12.000001, (match, match), sounds, "s3://b/k.ts", True)
        bare = Heard("Rádio 1", NOW - timedelta(microseconds=1), 0.0)
        store.put_heards([full, bare])
        assert store.heards("Rádio 1") == [bare, full]

    @given(some=st.lists(strategies.heards, max_size=4))
    @property_settings
    def test_any_heard_comes_back_exactly(self, store: Store, some: list[Heard]) -> None:
        store.put_heards(some)
        for heard in {(each.station, each.start.astimezone(UTC)): each for each in some}.values():
            end = heard.start.astimezone(UTC) + timedelta(microseconds=1)
            (found,) = store.heards(heard.station, heard.start, end)
            assert replace(found, start=NOW) == replace(heard, start=NOW)
            assert found.start.astimezone(UTC) == heard.start.astimezone(UTC)

    def test_a_heard_of_the_same_station_and_start_is_replaced(self, store: Store) -> None:
        first, *rest = segments("one", 3)
        store.put_heards([first, *rest])
        mended = replace(first, damaged=True, source="again")
        store.put_heards([mended])
        store.put_heards([mended])
        assert store.heards("one") == [mended, *rest]

    def test_one_moment_in_two_time_zones_is_one_heard(self, store: Store) -> None:
        start = datetime(2024, 7, 1, 12, tzinfo=UTC)
        there = start.astimezone(ZoneInfo("Asia/Kolkata"))
        store.put_heards([Heard("one", start, 12.0), Heard("one", there, 11.0)])
        assert [heard.duration_s for heard in store.heards("one")] == [11.0]

    def test_the_hour_a_clock_shows_twice_is_two_hours(self, store: Store) -> None:
        zone = ZoneInfo("Europe/London")
        first = Heard("one", datetime(2024, 10, 27, 1, 30, tzinfo=zone), 1.0)
        second = Heard("one", datetime(2024, 10, 27, 1, 30, fold=1, tzinfo=zone), 2.0)
        store.put_heards([second, first])
        assert [heard.duration_s for heard in store.heards("one")] == [1.0, 2.0]
        half_past_one_utc = datetime(2024, 10, 27, 1, 30, tzinfo=UTC)
        assert [each.duration_s for each in store.heards("one", half_past_one_utc)] == [2.0]

    def test_a_time_without_a_zone_is_refused(self, store: Store) -> None:
        naive = datetime(2024, 1, 1)  # noqa: DTZ001  (what the test is about)
        with pytest.raises(ValueError, match="zone"):
            store.put_heards([Heard("one", naive, 1.0)])

    def test_a_range_holds_its_start_but_not_its_end(self, store: Store) -> None:
        four = segments("one", 4)
        store.put_heards(reversed_(four))
        assert store.heards("one", four[1].start, four[3].start) == four[1:3]
        assert store.heards("one", four[2].start) == four[2:]
        assert store.heards("one", end=four[2].start) == four[:2]
        assert store.heards("one", four[2].start, four[2].start) == []

    @pytest.mark.parametrize("name", ["one two", "ünï", "a/b\\c", "..", "one'; --", "😀", "a\x00b"])
    def test_stations_of_any_name_are_kept_apart(self, store: Store, name: str) -> None:
        odd, plain = segments(name, 2), segments("one", 3)
        store.put_heards([*odd, *plain])
        assert store.heards(name) == odd
        assert store.heards("one") == plain
        assert store.heards("on") == []

    def test_stations_are_listed_with_their_first_and_last_start(self, store: Store) -> None:
        assert store.stations() == []
        one, two = segments("one", 3), segments("two", 1)
        store.put_heards([*one, *two])
        assert sorted(store.stations()) == [
            ("one", one[0].start, one[2].start),
            ("two", two[0].start, two[0].start),
        ]

    def test_old_heards_are_dropped(self, store: Store) -> None:
        one, two = segments("one", 4), segments("two", 4)
        store.put_heards([*one, *two])
        assert store.drop_heards(one[3].start) == 6
        assert store.heards("one") == one[3:]
        assert store.heards("two") == two[3:]
        assert store.drop_heards(one[3].start + _SEGMENT) == 2
        assert store.stations() == []

    def test_a_day_of_segments_can_be_put_at_once(self, store: Store) -> None:
        day = segments("one", 7200)
        store.put_heards(day)
        assert store.heards("one") == day


def reversed_(heards: list[Heard]) -> list[Heard]:
    """The last first, as a late delivery may bring them."""
    return heards[::-1]
