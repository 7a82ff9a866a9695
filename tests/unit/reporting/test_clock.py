"""Days follow the station's clock, also when it is changed."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songid.reporting.clock import clock_changes, day_bounds, hours_of
from songid.timeline import utc

CHANGES = [
    ("Europe/London", date(2026, 3, 29), 23.0, 23),
    ("Europe/London", date(2026, 10, 25), 25.0, 25),
    ("America/New_York", date(2026, 3, 8), 23.0, 23),
    ("America/New_York", date(2026, 11, 1), 25.0, 25),
    ("Australia/Lord_Howe", date(2026, 10, 4), 23.5, 24),
    ("Australia/Lord_Howe", date(2026, 4, 5), 24.5, 25),
    ("America/Sao_Paulo", date(2018, 11, 4), 23.0, 23),
    ("America/Sao_Paulo", date(2019, 2, 16), 25.0, 25),
    ("Asia/Beirut", date(2022, 3, 27), 23.0, 23),
    ("America/Havana", date(2025, 11, 2), 25.0, 25),
]


@pytest.mark.parametrize(("zone_name", "day", "length_h", "rows"), CHANGES)
def test_a_day_on_which_the_clock_is_changed_has_its_own_length(zone_name, day, length_h, rows):
    zone = ZoneInfo(zone_name)
    start, end = day_bounds(day, zone)
    assert (end - start).total_seconds() / 3600 == length_h
    assert len(hours_of(start, end, zone)) == rows
    assert clock_changes(start, end, zone) or start.astimezone(zone).hour > 0


def test_a_day_without_a_midnight_starts_when_the_clock_was_put_forward():
    zone = ZoneInfo("America/Sao_Paulo")
    start, _ = day_bounds(date(2018, 11, 4), zone)
    assert start == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert start.astimezone(zone).isoformat() == "2018-11-04T01:00:00-02:00"


def test_a_date_that_a_zone_left_out_is_empty():
    start, end = day_bounds(date(2011, 12, 30), ZoneInfo("Pacific/Apia"))
    assert start == end
    assert hours_of(start, end, ZoneInfo("Pacific/Apia")) == []


def test_a_zone_off_by_quarters_strikes_its_own_hours():
    zone = ZoneInfo("Asia/Kathmandu")
    start, end = day_bounds(date(2026, 1, 31), zone)
    hours = hours_of(start, end, zone)
    assert len(hours) == 24
    assert {utc(hour[0]).astimezone(zone).minute for hour in hours} == {0}


ZONES = st.sampled_from(sorted({name for name, *_ in CHANGES} | {"Asia/Kathmandu", "UTC"}))


@settings(max_examples=60)
@given(ZONES, st.dates(date(1985, 1, 1), date(2035, 12, 31)))
def test_days_follow_one_another_and_hours_partition_them(zone_name, day):
    zone = ZoneInfo(zone_name)
    start, end = day_bounds(day, zone)
    assert day_bounds(day + timedelta(days=1), zone)[0] == end
    assert start.astimezone(zone).date() == day
    assert (end - timedelta(microseconds=1)).astimezone(zone).date() == day
    hours = hours_of(start, end, zone)
    assert utc(hours[0][0]) == start
    assert utc(hours[-1][1]) == end
    assert all(a[1] == b[0] for a, b in itertools.pairwise(hours))
    assert all(0 < b - a <= 3_600_000_000 for a, b in hours)
