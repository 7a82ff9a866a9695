"""What sinks did not take is told later, and the end of a play when its station is quiet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from function_material import documents
from small_material import aired, make_app, put, song

from songid.app import App
from songid.errors import StoreError
from songid.jobs import untold
from songid.jobs.items import do_index, do_segment
from songid.jobs.untold import tell, tell_or_note
from songid.model import Heard, Job

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    monkeypatch.setattr(untold, "_PAUSES_S", (0.0, 0.0))
    with make_app(tmp_path, clock, sinks=[f"file:{tmp_path}/events"]) as app:
        yield app


def hear(app: App, folder: Path) -> None:
    """A song that is indexed, and a station that plays it a minute ago."""
    put(folder / "inbox/songs_to_index/song.mp3", song(1))
    put(folder / "inbox/songs_to_check/streams/radio_20260304T115900.ts", aired(1))
    assert app.settings.inbox_url is not None
    source = app.open_source(app.settings.inbox_url.text)
    for item in list(source.items()):
        {Job.INDEX: do_index, Job.SEGMENT: do_segment}[item.job](app, source, item)


def test_the_end_of_a_play_is_told_once_when_its_station_is_quiet(
    app: App, clock: Clock, tmp_path: Path
) -> None:
    hear(app, tmp_path)
    tell(app)
    clock.wait(app.settings.scheduler.quiet_s - 1)
    tell(app)
    assert documents(tmp_path / "events", "play_ended") == []
    clock.wait(1)
    tell(app)
    assert len(documents(tmp_path / "events", "play_ended")) == 1
    clock.wait(3600)
    assert tell(app).delivered == 0
    assert len(documents(tmp_path / "events", "play_ended")) == 1


def test_a_station_that_is_still_heard_is_not_quiet_however_late_its_audio_comes(
    app: App, clock: Clock, tmp_path: Path
) -> None:
    hear(app, tmp_path)
    for number in range(20):
        tell(app)
        clock.wait(60)
        app.journal([Heard("radio", NOW + timedelta(seconds=12 * number), 12.0)])
    assert documents(tmp_path / "events", "play_ended") == []


def test_an_end_that_a_sink_does_not_take_is_told_when_it_does(
    app: App, clock: Clock, tmp_path: Path
) -> None:
    hear(app, tmp_path)
    tell(app)
    clock.wait(app.settings.scheduler.quiet_s)
    (tmp_path / "events/play_ended").write_text("a file where the sink wants a folder")
    assert tell(app).waiting
    (tmp_path / "events/play_ended").unlink()
    tell(app)
    assert len(documents(tmp_path / "events", "play_ended")) == 1


def test_what_no_sink_took_is_noted_and_told_when_one_does(
    app: App, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "events").write_text("a file where the sink wants a folder")
    old = [Heard("radio", NOW - timedelta(days=40), 12.0)]
    new = [Heard("radio", NOW, 12.0), Heard("radio", NOW + timedelta(seconds=12), 12.0)]
    for heards in (old, new):
        app.journal(heards)
        assert app.announce(heards).waiting
        tell_or_note(app, heards)
    assert tell(app).waiting
    (tmp_path / "events").unlink()
    assert tell(app).delivered == 3
    assert len(documents(tmp_path / "events", "heard")) == 3
    assert app.store.get_meta("untold:radio") is None


def test_what_is_noted_while_it_is_told_stays_noted(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "events").write_text("a file where the sink wants a folder")
    heards = [Heard("radio", NOW, 12.0)]
    app.journal(heards)
    tell_or_note(app, heards)
    (tmp_path / "events").unlink()
    announce = app.announcer.announce

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        told = announce(*arguments, **options)
        with untold._noted(app, "radio") as noted:  # as another process does
            noted["2026-03-04"] = "another"
        return told

    with monkeypatch.context() as patch:
        patch.setattr(app.announcer, "announce", meanwhile)
        tell(app)
    assert app.store.get_meta("untold:radio") == '{"2026-03-04": "another"}'
    tell(app)
    assert app.store.get_meta("untold:radio") is None


def test_what_the_sinks_take_at_the_second_try_is_not_noted(app: App, tmp_path: Path) -> None:
    heards = [Heard("radio", NOW, 12.0)]
    app.journal(heards)
    tell_or_note(app, heards)
    assert len(documents(tmp_path / "events", "heard")) == 1
    assert app.store.get_meta("untold:radio") is None


def test_a_note_that_another_holds_for_too_long_is_the_stores_trouble(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(untold, "_LOCK_WAIT_S", 0.1)
    (tmp_path / "events").write_text("a file where the sink wants a folder")
    heards = [Heard("radio", NOW, 12.0)]
    app.journal(heards)
    app.store.claim(["untold:radio"], "another", 60, NOW)
    with pytest.raises(StoreError, match="held"):
        tell_or_note(app, heards)


def test_asked_to_stop_it_tells_no_more(app: App, clock: Clock, tmp_path: Path) -> None:
    hear(app, tmp_path)
    assert tell(app, stop=lambda: True).delivered == 0
    assert app.store.get_meta("quiet:radio") is None
