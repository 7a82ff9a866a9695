"""Start times from loggers' file names, through both changes of the clock."""
# ruff: noqa: DTZ001  # what a name says is a local time, and so naive by intent

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songid.errors import SettingsError
from songid.logger_names import LoggerFile, StrftimeName

BERLIN = ZoneInfo("Europe/Berlin")
PATTERN = "%Y%m%d_%H%M%S"

# Zones with their clocks put back at these instants: by an hour in both hemispheres,
# by half an hour (Lord Howe), and at local midnight (Azores, Havana).
PUT_BACK = [
    ("Europe/Berlin", datetime(2024, 10, 27, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2024, 11, 3, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2024, 4, 6, 15, tzinfo=UTC)),
    ("Atlantic/Azores", datetime(2024, 10, 27, 1, tzinfo=UTC)),
    ("America/Havana", datetime(2024, 11, 3, 5, tzinfo=UTC)),
]
ZONES = ["UTC", "Asia/Kathmandu", "America/St_Johns", *(zone for zone, _ in PUT_BACK)]


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("%Y%m%d_%H%M%S", "studio-20240131_081500-x.mp3", datetime(2024, 1, 31, 8, 15)),
        ("%Y-%m-%d %H.%M", "2024-01-31 08.15.wav", datetime(2024, 1, 31, 8, 15)),
        ("%Y/%m/%d/%H", "2024/01/31/08.mp3", datetime(2024, 1, 31, 8)),
        ("%Y/%Y%m%d%H", "2024/2024013108.mp3", datetime(2024, 1, 31, 8)),
        ("%d%m%y_%H", "310124_08.mp3", datetime(2024, 1, 31, 8)),
        ("%d %b %Y %I.%M%p", "31 Jan 2024 08.15PM.mp3", datetime(2024, 1, 31, 20, 15)),
        ("%F_%I%p", "2024-01-31_12am.mp3", datetime(2024, 1, 31)),
        ("%a %d %B %Y", "wed 31 january 2024.mp3", datetime(2024, 1, 31)),
        ("%Y-%j", "2024-031.mp3", datetime(2024, 1, 31)),
        ("%-d.%-m.%Y", "on 3.1.2024.mp3", datetime(2024, 1, 3)),
        ("%F %H-%M-%S.%f", "2024-01-31 08-15-00.25", datetime(2024, 1, 31, 8, 15, 0, 250000)),
        ("%Y%m%d%H%M", "0012345_202401310815.mp3", datetime(2024, 1, 31, 8, 15)),
        ("%Y%m%d%H%M", "rec00202401310815.mp3", datetime(2024, 1, 31, 8, 15)),
        ("%Y%m%dT%H%M%S%z", "20240131T081500+0100", datetime(2024, 1, 31, 7, 15, tzinfo=UTC)),
        ("%s", "radio-1706688900.mp3", datetime(2024, 1, 31, 8, 15, tzinfo=UTC)),
        ("100%%_%F", "100%_2024-01-31.mp3", datetime(2024, 1, 31)),
        ("%Y%m%d", "20240231.mp3", None),
        ("%Y%m%d", "song.mp3", None),
    ],
)
def test_a_pattern_is_found_anywhere_in_the_name(
    pattern: str, name: str, expected: datetime | None
) -> None:
    assert StrftimeName(pattern, BERLIN).read(name) == expected


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("%H%M", "does not tell the day"),
        ("%Y%q", "'%q' is not known"),
        ("%F %I", "%I and %p go together"),
        ("", "does not tell the day"),
        ("%Y%", "'%' is not known"),
    ],
)
def test_a_pattern_that_tells_no_time_is_refused(pattern: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        StrftimeName(pattern, BERLIN)


def test_a_name_without_a_time_is_a_problem_and_does_not_stop_the_others() -> None:
    files = [LoggerFile("notes.mp3"), LoggerFile("20240131_080000.mp3")]
    good, bad = StrftimeName(PATTERN, BERLIN).starts(files)
    assert good.start == datetime(2024, 1, 31, 7, tzinfo=UTC)
    assert bad.start is None
    assert "notes.mp3: no time that fits the pattern" in bad.problem


def test_a_time_that_the_clock_skipped_is_reported_with_what_to_do() -> None:
    (found,) = StrftimeName(PATTERN, BERLIN).starts([LoggerFile("20240331_023000.mp3")])
    assert found.start is None
    assert "2024-03-31 02:30:00 does not exist in Europe/Berlin" in found.problem
    assert "03:30:00" in found.problem


def logged(
    zone: str,
    starts: list[datetime],
    length_s: float,
    *,
    times: bool = True,
    lengths: bool = True,
) -> tuple[list[LoggerFile], dict[str, datetime]]:
    """What a logger leaves behind: names in local time, `_1` added where one is taken."""
    files, truth = [], {}
    for start in starts:
        name = start.astimezone(ZoneInfo(zone)).strftime(PATTERN)
        name = f"{name}_1" if name in truth else name
        truth[name] = start
        end = start + timedelta(seconds=length_s)
        files.append(LoggerFile(name, end if times else None, length_s if lengths else None))
    return files, truth


def found_in(zone: str, files: list[LoggerFile]) -> dict[str, datetime | None]:
    found = StrftimeName(PATTERN, ZoneInfo(zone)).starts(files)
    return {time.file.name: time.start for time in found}


every_put_back = st.sampled_from(PUT_BACK)


@settings(deadline=None, max_examples=50)
@given(every_put_back, st.sampled_from([600, 900, 1800, 3600]), st.integers(0, 599), st.randoms())
def test_with_the_files_own_times_both_autumn_hours_are_told_apart(
    change: tuple[str, datetime], length_s: int, drift_s: int, random: object
) -> None:
    zone, at = change
    first = at - timedelta(hours=6) + timedelta(seconds=drift_s)
    starts = [first + timedelta(seconds=length_s * n) for n in range(12 * 3600 // length_s)]
    files, truth = logged(zone, starts, length_s, lengths=False)
    random.shuffle(files)  # type: ignore[attr-defined]  # hypothesis' Random
    assert found_in(zone, files) == truth


@settings(deadline=None, max_examples=50)
@given(every_put_back, st.sampled_from([600, 900, 1800]), st.integers(1, 599))
def test_without_them_a_recording_without_holes_still_orders_itself(
    change: tuple[str, datetime], length_s: int, drift_s: int
) -> None:
    zone, at = change
    first = at - timedelta(hours=6) + timedelta(seconds=drift_s)
    starts = [first + timedelta(seconds=length_s * n) for n in range(12 * 3600 // length_s)]
    files, truth = logged(zone, starts, length_s, times=False)
    assert found_in(zone, files) == truth


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(ZONES), st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)))
def test_any_instant_a_clock_shows_comes_back_when_the_file_was_written_then(
    zone: str, moment: datetime
) -> None:
    start = moment.replace(microsecond=0, tzinfo=UTC)
    files, truth = logged(zone, [start], 600)
    assert found_in(zone, files) == truth


def test_of_two_names_for_one_time_the_added_to_comes_second() -> None:
    times = found_in(
        "Europe/Berlin",
        [
            LoggerFile("20241027_020000-1.mp3"),
            LoggerFile("20241027_020000.mp3"),
        ],
    )
    assert times["20241027_020000.mp3"] == datetime(2024, 10, 27, 0, tzinfo=UTC)
    assert times["20241027_020000-1.mp3"] == datetime(2024, 10, 27, 1, tzinfo=UTC)


def test_a_file_copied_years_later_is_placed_by_its_neighbours() -> None:
    late = datetime(2026, 1, 1, tzinfo=UTC)
    files = [
        LoggerFile("20241027_010000.mp3", late, 7200),
        LoggerFile("20241027_020000.mp3", late, 3600),
    ]
    found = StrftimeName(PATTERN, BERLIN).starts(files)
    assert found[1].start == datetime(2024, 10, 27, 1, tzinfo=UTC)
    assert not found[1].assumed


def test_a_lone_file_of_the_doubled_hour_is_marked_as_assumed() -> None:
    (found,) = StrftimeName(PATTERN, BERLIN).starts([LoggerFile("20241027_023000.mp3")])
    assert found.start == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    assert found.assumed


def test_an_offset_in_the_name_leaves_nothing_to_settle() -> None:
    name = StrftimeName("%Y%m%dT%H%M%S%z", BERLIN)
    found = name.starts([LoggerFile("20241027T023000+0100"), LoggerFile("20241027T023000+0200")])
    assert [time.start for time in found] == [
        datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
        datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
    ]
    assert not any(time.assumed for time in found)
