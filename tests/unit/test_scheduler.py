from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from small_material import aired, make_app, put, song

from songid import scheduler
from songid.app import App
from songid.model import Heard
from songid.scheduler import Service

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    sinks = [f"file:{tmp_path}/events?format=ndjson"]
    with make_app(tmp_path, lambda: NOW, sinks=sinks, scheduler__quiet_s=1) as app:
        yield app


@pytest.fixture
def service(app: App) -> Service:
    assert app.settings.inbox_url is not None
    return Service(app, app.open_source(app.settings.inbox_url.text), lambda: False)


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    files = sorted((folder / "events" / kind).rglob("*.ndjson"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def deliver(folder: Path) -> None:
    put(folder / "inbox/songs_to_index/song.mp3", song(1))
    put(folder / "inbox/songs_to_check/streams/radio_20260304T115800.ts", aired(1))


def test_the_end_of_the_last_play_is_told_when_a_station_goes_quiet(
    service: Service, tmp_path: Path
) -> None:
    deliver(tmp_path)
    service.watch()
    service.announce()
    assert len(events(tmp_path, "play_started")) == 1
    assert events(tmp_path, "play_ended") == []
    service._stations["radio"].arrived -= 2
    service.announce()
    service.announce()
    assert len(events(tmp_path, "play_ended")) == 1


def test_events_that_a_sink_refused_are_sent_when_it_takes_them(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / "events").write_text("a file where the sink wants a folder")
    deliver(tmp_path)
    service.watch()
    (tmp_path / "events").unlink()
    service.announce()
    heards = len(events(tmp_path, "heard"))
    assert heards and len(events(tmp_path, "play_started")) == 1
    service.announce()
    assert len(events(tmp_path, "heard")) == heards


def test_what_was_heard_but_not_announced_before_a_restart_is_announced_after_it(
    app: App, service: Service, tmp_path: Path
) -> None:
    app.journal([Heard("radio", NOW - timedelta(hours=3), 12.0)])
    app.journal([Heard("radio", NOW - timedelta(hours=9), 12.0)])
    app.journal([Heard("long ago", NOW - timedelta(days=3), 12.0)])
    service.recall()
    service.recall()
    stations = [event["station"] for event in events(tmp_path, "heard")]
    assert sorted(stations) == ["long ago", "radio", "radio"]


def test_what_retention_gives_up_is_cleared(app: App, service: Service) -> None:
    kept = app.settings.retention.journal_days
    app.journal([Heard("radio", NOW - timedelta(days=kept, seconds=1), 12.0)])
    app.journal([Heard("radio", NOW - timedelta(days=kept - 1), 12.0)])
    service.clear()
    assert len(app.store.heards("radio")) == 1


def test_volumes_are_merged(app: App, service: Service, tmp_path: Path) -> None:
    for seed in range(1, 5):
        put(tmp_path / f"inbox/songs_to_index/{seed}.mp3", song(seed))
        service.watch()
    before = len(app.store.volumes())
    service.merge()
    assert len(app.store.volumes()) <= before
    assert len(app.store.recordings()) == 4


def test_a_round_that_fails_is_told_and_does_not_end_the_service(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails() -> None:
        raise ZeroDivisionError

    scheduler._guarded(fails, lambda: False)()
    assert "fails failed" in caplog.text
    assert caplog.records[-1].levelno == logging.ERROR


def test_nothing_begins_after_the_stop() -> None:
    scheduler._guarded(lambda: pytest.fail("it began"), lambda: True)()


def test_without_an_inbox_reports_are_made_all_the_same(tmp_path: Path) -> None:
    with make_app(tmp_path, lambda: NOW, inbox="") as app:
        app.journal([Heard("radio", NOW - timedelta(days=1), 12.0)])
        service = Service(app, None, lambda: False)
        service.watch()
        service.report()
        assert Path(app.settings.reports, "radio/2026-03-03.json").exists()
