from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from function_material import batch, documents, failures, make_function, request

from songid.errors import NotificationError
from songid.function.function import Function, UndoneError
from songid.model import Heard

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
YESTERDAY = date(2026, 3, 3)


@pytest.fixture
def function(tmp_path: Path) -> Iterator[Function]:
    function = make_function(
        tmp_path,
        lambda: NOW,
        store="memory",
        stations={"radio": {"timezone": "America/New_York"}},
        scheduler__quiet_s=1,
    )
    yield function
    function.close()


def chore(function: Function, **event: Any) -> dict[str, Any]:
    return function.handle(event, request())


def test_a_report_is_of_the_stations_own_yesterday_and_made_each_time_it_is_asked_for(
    function: Function, tmp_path: Path
) -> None:
    function.app.journal([Heard("radio", NOW - timedelta(days=1), 12.0)])
    made = chore(function, songid="report", station="radio")
    # At 1:00 UTC it is still the 3rd in New York.
    report = tmp_path / "reports/radio/2026-03-02.json"
    assert report.exists() and str(report) in made["files"]
    report.unlink()
    chore(function, songid="report", station="radio")
    assert report.exists()


def test_a_report_of_a_day_is_not_made_again_as_one_that_is_due(
    function: Function, tmp_path: Path
) -> None:
    function.app.journal([Heard("radio", NOW - timedelta(days=1), 12.0)])
    chore(function, songid="report", station="radio", date="2026-03-02")
    assert chore(function, songid="reports") == {"reports": 1}  # of the running day
    function.app.journal([Heard("radio", NOW - timedelta(days=1, seconds=12), 12.0)])
    assert chore(function, songid="reports") == {"reports": 2}


def test_the_end_of_a_play_is_announced_by_schedule(function: Function) -> None:
    function.app.journal([Heard("radio", NOW - timedelta(hours=1), 12.0)])
    assert chore(function, songid="announce") == {"delivered": 0, "waiting": 0}


def test_volumes_are_merged_and_what_is_too_old_is_cleared(function: Function) -> None:
    old = NOW - timedelta(days=500)
    function.app.store.put_heards([Heard("radio", old, 12.0), Heard("radio", NOW, 12.0)])
    assert chore(function, songid="merge") == {"merges": 0}
    assert chore(function, songid="retention") == {"heards": 1, "claims": 0}


def test_a_store_that_needs_no_tables_has_nothing_to_migrate(function: Function) -> None:
    assert chore(function, songid="migrate") == {"steps": []}


def test_what_migrating_did_is_answered(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = function.app.store
    monkeypatch.setattr(store, "migrate", lambda: ["Created the tables."], raising=False)
    assert chore(function, songid="migrate") == {"steps": ["Created the tables."]}


def test_a_chore_may_come_by_way_of_a_queue(function: Function, tmp_path: Path) -> None:
    bodies = [{"songid": "merge"}, {"songid": "knit"}]
    assert failures(function.handle(batch(*bodies), request())) == []
    (letter,) = documents(tmp_path / "dead", "refused")
    assert letter["reason"].startswith("there is no chore 'knit'; there are: announce, merge")


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"songid": "knit"}, "no chore 'knit'"),
        ({"songid": ["report"]}, "no chore"),
        ({"songid": "report"}, "of a station"),
        ({"songid": "report", "station": "radio", "date": "yesterday"}, "is no date"),
        ({"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}, "an input"),
    ],
)
def test_a_chore_that_is_not_understood_says_so(
    tmp_path: Path, event: dict[str, Any], why: str
) -> None:
    function = make_function(tmp_path, store="memory", function__dead_letters="")
    with pytest.raises((NotificationError, UndoneError), match=why):
        function.handle(event, request())
    function.close()


def test_a_chore_that_fails_raises(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: Any) -> None:
        raise NotificationError("no")

    monkeypatch.setattr(function.app, "report", fails)
    with pytest.raises(NotificationError):
        chore(function, songid="report", station="radio")
