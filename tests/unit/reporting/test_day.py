"""The daily report tells the truth about a day, and its numbers add up."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songid.model import Heard, Play, Recording, SoundKind, SoundSpan
from songid.report_model import DailyReport
from songid.reporting.clock import day_bounds
from songid.reporting.day import build_day
from songid.testing.days import CALIBRATION, VERSIONS, Day, radio_day

LONDON = ZoneInfo("Europe/London")
DATE = date(2026, 1, 31)
START, END = day_bounds(DATE, LONDON)


def build(day: Day, on: date = DATE, zone: ZoneInfo = LONDON, now: datetime | None = None):
    return build_day(
        day.station,
        on,
        zone,
        day.heards,
        day.plays,
        day.recordings,
        calibration=CALIBRATION,
        catalogue_size=4210,
        versions=VERSIONS,
        now=now or day_bounds(on, zone)[1] + timedelta(minutes=10),
    )


def a_play(start: datetime, length_s: float, recording_id: str = "r1") -> Play:
    end = start + timedelta(seconds=length_s)
    return Play("radio1", recording_id, start, end, 0.0, length_s, 0.99, 50.0, 900)


def a_day(*plays: Play, heard_from: datetime, heard_s: float, kind=SoundKind.MUSIC) -> Day:
    heard = Heard("radio1", heard_from, heard_s, sounds=(SoundSpan(0, heard_s, kind),))
    recordings = {
        "r1": Recording("r1", "One", "Ann", duration_s=200),
        "r2": Recording("r2", "Two", "ann", duration_s=100),
    }
    return Day("radio1", [heard], list(plays), recordings)


def assert_adds_up(report: DailyReport) -> None:
    airtime = report.airtime
    known_s = (report.until.astimezone(UTC) - report.day_start.astimezone(UTC)).total_seconds()
    assert airtime.heard_s + airtime.gap_s == pytest.approx(known_s, abs=1e-4)
    parts = airtime.identified_s + airtime.music_s + airtime.speech_s + airtime.silence_s
    assert parts + airtime.unclassified_s == pytest.approx(airtime.heard_s, abs=1e-4)
    for name in ("heard_s", "gap_s", "identified_s", "music_s", "speech_s", "silence_s"):
        hourly = sum(getattr(hour.airtime, name) for hour in report.hours)
        assert hourly == pytest.approx(getattr(airtime, name), abs=1e-4)
    assert sum(hour.plays for hour in report.hours) == report.plays_started
    assert sum(row.plays for row in report.top_recordings) == report.plays_started
    assert sum(gap.length_s for gap in report.gaps) == pytest.approx(airtime.gap_s, abs=1e-4)


def test_the_verdict_says_the_day_in_one_sentence():
    day = radio_day(START - timedelta(hours=1), 26, holes=((4.1, 420), (9.3, 61), (17.7, 2700)))
    report = build(day)
    assert report.verdict[:2] == ("Heard 23 h 6 min of 24 h", "3 gaps")
    assert report.sentence.endswith(
        f"{report.plays_started} plays of {report.recordings_played} recordings, "
        "79 % of the music identified."
    )
    assert_adds_up(report)


def test_a_day_in_which_nothing_was_heard_says_so():
    report = build(Day("radio1"))
    assert report.sentence == "Nothing was heard of 24 h."
    assert [gap.length_s for gap in report.gaps] == [86400]
    assert report.airtime.identified_share is None


def test_a_day_without_plays_identifies_none_of_its_music():
    report = build(a_day(heard_from=START, heard_s=86400))
    assert report.sentence == (
        "Heard 24 h of 24 h, no gaps, no plays, 0 % of the music identified."
    )


def test_a_day_of_talk_has_no_music_to_identify():
    report = build(a_day(heard_from=START, heard_s=86400, kind=SoundKind.SPEECH))
    assert report.sentence == "Heard 24 h of 24 h, no gaps, no plays, no music."


def test_a_day_heard_all_but_seconds_is_not_called_whole():
    report = build(a_day(heard_from=START, heard_s=86390))
    assert report.verdict[:2] == ("Heard 23 h 59 min of 24 h", "1 gap")


def test_the_share_identified_is_that_of_the_music():
    report = build(a_day(a_play(START, 300), heard_from=START, heard_s=1200))
    assert report.airtime.identified_share == 0.25
    assert report.verdict[-1] == "25 % of the music identified"


def test_sound_of_no_kind_makes_the_share_a_lower_bound():
    day = a_day(a_play(START, 300), heard_from=START, heard_s=1200)
    report = build(replace(day, heards=[replace(day.heards[0], sounds=())]))
    assert report.verdict[-1] == "at least 25 % of the music identified"
    assert [stretch.kind for stretch in report.unidentified] == [None]


def test_a_play_over_midnight_counts_where_it_starts_and_airs_on_both_days():
    day = a_day(
        a_play(END - timedelta(seconds=60), 180),
        heard_from=END - timedelta(hours=1),
        heard_s=7200,
    )
    first, second = build(day), build(day, DATE + timedelta(days=1))
    assert (first.plays_started, second.plays_started) == (1, 0)
    assert [row.aired_today_s for row in (*first.plays, *second.plays)] == [60, 120]
    assert first.plays[0].into_tomorrow
    assert not first.plays[0].from_yesterday
    assert second.plays[0].from_yesterday
    assert first.plays[0].end == second.plays[0].end == END + timedelta(seconds=120)
    assert second.top_recordings[0].plays == 0
    assert_adds_up(first)
    assert_adds_up(second)


def test_overlapping_plays_count_once_in_the_day():
    day = a_day(
        a_play(START, 120), a_play(START + timedelta(seconds=100), 100, "r2"),
        heard_from=START, heard_s=600,
    )  # fmt: skip
    report = build(day)
    assert report.airtime.identified_s == 200
    assert [row.aired_s for row in report.plays] == [120, 100]


def test_artists_are_ranked_whatever_the_case_of_their_names():
    day = a_day(
        a_play(START, 120), a_play(START + timedelta(seconds=120), 60, "r2"),
        heard_from=START, heard_s=600,
    )  # fmt: skip
    (artist,) = build(day).top_artists
    assert (artist.artist, artist.plays, artist.airtime_s) == ("Ann", 2, 180)


def test_a_running_day_is_told_up_to_what_is_known():
    now = START + timedelta(hours=9, minutes=33)
    day = a_day(a_play(START, 200), heard_from=START, heard_s=9 * 3600 + 33 * 60 - 20)
    report = build(day, now=now)
    assert report.running
    assert report.sentence.startswith("Heard 9 h 32 min of 9 h 32 min so far, no gaps, 1 play")
    assert_adds_up(report)


def test_a_running_day_whose_station_fell_silent_long_ago_has_a_gap():
    report = build(a_day(heard_from=START, heard_s=3600), now=START + timedelta(hours=2))
    assert [gap.length_s for gap in report.gaps] == [3600]


def test_a_recording_the_catalogue_forgot_is_still_named():
    report = build(a_day(a_play(START, 100, "gone"), heard_from=START, heard_s=600))
    assert report.plays[0].title == "recording gone"
    assert not report.plays[0].in_catalogue


def test_control_characters_in_tags_do_not_reach_the_report():
    day = a_day(a_play(START, 100), heard_from=START, heard_s=600)
    day.recordings["r1"] = Recording("r1", "A\x00\x1b[31m\nB\ud800", "C\x85D")
    row = build(day).plays[0]
    assert row.title == "A [31m B?"
    assert row.artist == "C D"


def test_the_hour_that_comes_twice_is_told_apart():
    on = date(2026, 10, 25)
    start, _ = day_bounds(on, LONDON)
    plays = [a_play(start + timedelta(hours=hour), 60) for hour in (1.25, 2.25)]
    report = build(a_day(*plays, heard_from=start, heard_s=25 * 3600), on)
    assert report.clock_changes
    assert report.day_length_s == 25 * 3600
    assert [row.start.isoformat() for row in report.plays] == [
        "2026-10-25T01:15:00+01:00",
        "2026-10-25T01:15:00+00:00",
    ]
    assert [hour.plays for hour in report.hours[:4]] == [0, 1, 1, 0]
    assert_adds_up(report)


def test_a_journal_in_local_time_gives_the_same_report():
    on = date(2026, 10, 25)
    start, _ = day_bounds(on, LONDON)
    day = radio_day(start - timedelta(hours=1), 27, holes=((2.2, 60),))
    local = replace(
        day,
        heards=[replace(heard, start=heard.start.astimezone(LONDON)) for heard in day.heards],
        plays=[
            replace(play, start=play.start.astimezone(LONDON), end=play.end.astimezone(LONDON))
            for play in day.plays
        ],
    )
    assert build(local, on) == build(day, on)


def test_other_stations_are_left_out():
    day = a_day(a_play(START, 100), heard_from=START, heard_s=600)
    other = a_day(a_play(START + timedelta(hours=2), 100), heard_from=START, heard_s=86400)
    both = replace(
        day,
        heards=day.heards + [replace(heard, station="radio2") for heard in other.heards],
        plays=day.plays + [replace(play, station="radio2") for play in other.plays],
    )
    assert build(both) == build(day)


ZONE_DAYS = [
    ("Europe/London", date(2026, 3, 29)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Asia/Kathmandu", date(2026, 1, 31)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("Asia/Beirut", date(2022, 3, 27)),
]


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(ZONE_DAYS),
    st.integers(0, 10_000),
    st.floats(-3, 20),
    st.floats(0.1, 12),
    st.randoms(),
)
def test_numbers_add_up_in_any_zone_and_order(zone_day, seed, from_hour, hours, dice):
    zone, on = ZoneInfo(zone_day[0]), zone_day[1]
    start = day_bounds(on, zone)[0] + timedelta(hours=from_hour)
    day = radio_day(start, hours, seed=seed, holes=((hours / 2, 100), (hours / 3, 17)))
    report = build(day, on, zone)
    assert_adds_up(report)
    shuffled = replace(day, heards=day.heards * 2, plays=day.plays * 2)
    random.Random(dice.random()).shuffle(shuffled.heards)
    random.Random(dice.random()).shuffle(shuffled.plays)
    assert build(shuffled, on, zone) == report
