"""Names of segments and places in an inbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songid.errors import SettingsError
from songid.model import Job
from songid.stations import (
    SegmentName,
    channel_starts,
    job_at,
    parse_segment_name,
    zone_named,
)

EIGHT = datetime(2024, 1, 31, 8, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "station", "time", "counter"),
    [
        ("radio_one_20240131T081500.000123.ts", "radio_one", EIGHT, 123),
        ("radio1_20240131T081500Z.00012.ts", "radio1", EIGHT, 12),
        ("x_2024-01-31T08-15-00.00012.ts", "x", EIGHT, 12),
        ("x_2024-01-31T08:15:00Z.1.ts", "x", EIGHT, 1),
        ("x_20240131_081500.000000.m2ts", "x", EIGHT, 0),
        ("radio_20240131_20240131_081500.5.ts", "radio_20240131", EIGHT, 5),
        ("r_20240131081500.7.ts", "r", EIGHT, 7),
        ("r_20240131T091500+0100.7.ts", "r", EIGHT, 7),
        ("r_20240131T031500-05:00.7.ts", "r", EIGHT, 7),
        ("r_20240131T081500.ts", "r", EIGHT, None),
        ("radio.one.5_20240131T081500.00001.ts", "radio.one.5", EIGHT, 1),
        ("Rádio 1_20240131T081500.00001.ts", "Rádio 1", EIGHT, 1),
        ("a_20200101T000000_20240131T081500.3.ts", "a_20200101T000000", EIGHT, 3),
        ("songs_to_check/streams/a/b_20240131T081500.3.ts", "b", EIGHT, 3),
        ("radio1_20240131T081500_64k.00001.ts", "radio1_64k", EIGHT, 1),
        ("radio_1.00012.ts", "radio_1", None, 12),
    ],
)
def test_a_segments_name_gives_station_time_and_counter(
    name: str, station: str, time: datetime | None, counter: int | None
) -> None:
    assert parse_segment_name(name) == SegmentName(station, time, counter)


@pytest.mark.parametrize(
    "name",
    [
        "song.mp3",
        "radio1",
        "_20240131T081500.00001.ts.",
        "radio1_20240231T081500.00001.ts",
        "radio1_20171012T033162.000000.ts",
        "",
        "2024.01",
    ],
)
def test_what_is_no_segments_name_is_refused(name: str) -> None:
    assert parse_segment_name(name) is None


def test_the_date_is_the_segments_own_start_unless_the_counter_is_given_a_length() -> None:
    name = parse_segment_name("r_20240131T081500.000010.ts")
    assert name is not None
    assert name.start() == EIGHT
    assert name.start(counter_s=12) == EIGHT + timedelta(minutes=2)
    undated = parse_segment_name("r.000010.ts")
    assert undated is not None
    assert undated.start(12) is None


def test_a_date_shared_by_several_counters_is_the_channels_start() -> None:
    def names(*texts: str) -> list[SegmentName]:
        return [name for text in texts if (name := parse_segment_name(text))]

    own = names("r_20240131T081500.1.ts", "r_20240131T081512.2.ts", "r_20240131T081500.1.ts")
    assert channel_starts(own) == set()
    shared = names("r_20240131T081500.1.ts", "r_20240131T081500.2.ts", "q_20240131T081500.2.ts")
    assert channel_starts(shared) == {("r", EIGHT)}


station_names = st.text(
    st.characters(blacklist_characters="/", blacklist_categories=("Cc", "Cs", "Zl", "Zp")),
    min_size=1,
    max_size=20,
).filter(lambda name: "\x85" not in name)


@given(
    station_names,
    st.datetimes(timezones=st.just(UTC), allow_imaginary=False).filter(lambda t: t.year > 1000),
    st.integers(0, 10**7),
    st.sampled_from(["%Y%m%dT%H%M%S", "%Y%m%dT%H%M%SZ", "%Y-%m-%dT%H-%M-%S", "%Y%m%d_%H%M%S"]),
)
def test_whatever_the_station_is_called_its_name_comes_back(
    station: str, time: datetime, counter: int, pattern: str
) -> None:
    name = f"{station}_{time.strftime(pattern)}.{counter:06}.ts"
    expected = time.replace(microsecond=0)
    assert parse_segment_name(name) == SegmentName(station, expected, counter)


@given(st.text(max_size=60))
def test_no_name_makes_the_reader_fail(name: str) -> None:
    parse_segment_name(name)
    job_at(name)


@pytest.mark.parametrize(
    ("key", "job"),
    [
        ("songs_to_index/album/a.mp3", Job.INDEX),
        ("songs_to_check/a.mp3", Job.CHECK),
        ("songs_to_check/streams/r_20240131T081500.1.ts", Job.SEGMENT),
        ("songs_to_check/streams/holiday.ts", Job.CHECK),
        ("elsewhere/a.mp3", None),
        ("songs_to_index.mp3", None),
    ],
)
def test_the_place_decides_the_job(key: str, job: Job | None) -> None:
    assert job_at(key) == job


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Europe/Londn", "Europe/London"),
        ("new york", "America/New_York"),
        ("../etc/passwd", "names look like"),
        ("", "names look like"),
    ],
)
def test_an_unknown_time_zone_is_answered_with_the_one_probably_meant(
    name: str, meant: str
) -> None:
    with pytest.raises(SettingsError, match=meant):
        zone_named(name)
