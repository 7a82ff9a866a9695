from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from small_material import make_app

from songid.app import App
from songid.jobs.reports_due import ReportsMemory, days_heard, make_due_reports, report_moment
from songid.model import Heard
from songid.reporting.changes import days_touched, version_of

BERLIN = ZoneInfo("Europe/Berlin")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(tmp_path: Path, clock: Clock) -> Iterator[App]:
    with make_app(tmp_path, clock, timezone="Europe/Berlin", scheduler__refresh_s=900) as app:
        yield app


def heard(app: App, *starts: datetime, station: str = "radio") -> None:
    for start in starts:
        app.journal([Heard(station, start, 12.0)])


def written(app: App) -> dict[str, int]:
    folder = Path(app.settings.reports, "radio")
    return {path.stem: path.stat().st_mtime_ns for path in folder.glob("????-??-??.json")}


def rested(memory: ReportsMemory) -> ReportsMemory:
    """The memory of a process when it has not rendered for long."""
    memory.tried_at.clear()
    memory.looked_at = float("-inf")
    return memory


def test_every_finished_day_with_anything_heard_is_rendered_once(app: App) -> None:
    heard(
        app,
        datetime(2026, 3, 1, 12, tzinfo=UTC),
        datetime(2026, 3, 3, 12, tzinfo=UTC),
        datetime(2026, 3, 4, 10, tzinfo=UTC),
    )
    assert make_due_reports(app, ReportsMemory()) == 3
    before = written(app)
    assert set(before) == {"2026-03-01", "2026-03-03", "2026-03-04"}  # the last is running
    # Another process: only the running day is renewed.
    assert make_due_reports(app, ReportsMemory()) == 1
    after = written(app)
    assert {day for day in before if before[day] != after[day]} == {"2026-03-04"}


def test_a_day_is_due_at_the_report_time_of_the_stations_own_clock(app: App, clock: Clock) -> None:
    heard(app, datetime(2026, 3, 3, 12, tzinfo=UTC))
    clock.now = datetime(2026, 3, 3, 23, 9, tzinfo=UTC)  # 00:09 in Berlin
    assert make_due_reports(app, ReportsMemory()) == 0
    clock.now = datetime(2026, 3, 3, 23, 10, tzinfo=UTC)
    assert make_due_reports(app, ReportsMemory()) == 1


def test_a_finished_day_that_changes_is_rendered_again_but_not_at_every_segment(
    app: App,
) -> None:
    memory = ReportsMemory()
    heard(app, datetime(2026, 3, 2, 12, tzinfo=UTC))
    assert make_due_reports(app, memory) == 1
    heard(app, datetime(2026, 3, 2, 13, tzinfo=UTC))
    assert make_due_reports(app, memory) == 0  # it has just been
    assert make_due_reports(app, rested(memory)) == 1
    assert make_due_reports(app, rested(memory)) == 0
    document = json.loads(Path(app.settings.reports, "radio/2026-03-02.json").read_text())
    assert document["airtime"]["heard_s"] == 24


def test_what_is_heard_just_after_midnight_changes_the_day_before_too(app: App) -> None:
    after_midnight = Heard("radio", datetime(2026, 3, 1, 23, 5, tzinfo=UTC), 12.0)
    assert days_touched([after_midnight], BERLIN) == {date(2026, 3, 1), date(2026, 3, 2)}
    noon = Heard("radio", datetime(2026, 3, 2, 11, 0, tzinfo=UTC), 12.0)
    assert days_touched([noon], BERLIN) == {date(2026, 3, 2)}


def test_a_day_that_was_only_touched_from_beyond_midnight_has_no_report(app: App) -> None:
    heard(
        app,
        datetime(2026, 2, 27, 12, tzinfo=UTC),
        datetime(2026, 3, 1, 23, 5, tzinfo=UTC),
    )
    assert version_of(app.store, "radio", date(2026, 3, 1))
    assert make_due_reports(app, ReportsMemory()) == 2
    assert set(written(app)) == {"2026-02-27", "2026-03-02"}


def test_a_day_that_retention_has_begun_to_clear_is_left_as_it_was(app: App, clock: Clock) -> None:
    heard(app, datetime(2026, 3, 3, 12, tzinfo=UTC))
    clock.now += timedelta(days=app.settings.retention.journal_days)
    assert make_due_reports(app, ReportsMemory()) == 0


def test_a_report_that_cannot_be_written_is_tried_again(app: App) -> None:
    heard(app, datetime(2026, 3, 2, 12, tzinfo=UTC))
    Path(app.settings.reports).write_text("a file where a folder should be")
    memory = ReportsMemory()
    assert make_due_reports(app, memory) == 0
    Path(app.settings.reports).unlink()
    assert make_due_reports(app, memory) == 0  # not at once
    assert make_due_reports(app, rested(memory)) == 1


def test_the_report_time_is_kept_when_clocks_are_changed(tmp_path: Path) -> None:
    with make_app(tmp_path, scheduler__report_time="02:30") as app:
        # On 2026-03-29 Berlin has no 02:30; on 2026-10-25 it has two.
        spring = report_moment(date(2026, 3, 28), BERLIN, app)
        autumn = report_moment(date(2026, 10, 24), BERLIN, app)
    assert spring == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert autumn == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_days_heard_are_those_of_the_stations_own_clock(app: App) -> None:
    first, last = datetime(2026, 3, 1, 23, 30, tzinfo=UTC), datetime(2026, 3, 4, 12, tzinfo=UTC)
    heard(app, first, last)
    assert days_heard(app, "radio", first, last) == [date(2026, 3, 2), date(2026, 3, 4)]


def test_a_day_on_which_a_station_of_the_settings_was_not_heard_has_a_report_that_says_so(
    tmp_path: Path, clock: Clock
) -> None:
    stations = {"radio": {"timezone": "UTC"}}
    with make_app(tmp_path, clock, stations=stations, scheduler__refresh_s=900) as app:
        heard(app, datetime(2026, 3, 2, 10, 0, tzinfo=UTC))
        heard(app, datetime(2026, 3, 2, 10, 0, tzinfo=UTC), station="a passing one")
        make_due_reports(app, ReportsMemory())
        # The 2nd was heard, the 3rd was not, the 4th is running.
        assert set(written(app)) == {"2026-03-02", "2026-03-03", "2026-03-04"}
        report = json.loads(Path(app.settings.reports, "radio/2026-03-03.json").read_bytes())
        assert report["plays"] == []
        assert len(list(Path(app.settings.reports).glob("a*/????-??-??.json"))) == 1


def test_years_between_old_recordings_have_no_empty_reports(tmp_path: Path, clock: Clock) -> None:
    stations = {"radio": {"timezone": "UTC"}}
    with make_app(
        tmp_path, clock, stations=stations, retention={"journal_days": 0, "claims_days": 0}
    ) as app:
        heard(app, datetime(2024, 3, 2, 10, 0, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC))
        make_due_reports(app, ReportsMemory())
        old = {day for day in written(app) if day < "2026-03-01"}
        assert old == {"2024-03-02", "2024-05-02"}
