from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from small_material import aired, make_app, put, song, title

from songid.app import App
from songid.interfaces import Source
from songid.jobs.inbox import InboxMemory, process_inbox

AIRED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with make_app(tmp_path, lambda: AIRED + timedelta(hours=1)) as app:
        yield app


@pytest.fixture
def source(app: App) -> Iterator[Source]:
    assert app.settings.inbox_url is not None
    with closing(app.open_source(app.settings.inbox_url.text)) as source:
        yield source


def test_songs_that_came_with_a_stations_audio_are_known_when_it_is_heard(
    app: App, source: Source, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    put(inbox / "songs_to_check/streams/radio_20260301T120000.ts", aired(1, 2))
    put(inbox / "songs_to_check/both.ts", aired(2, 1))
    put(inbox / "songs_to_index/one.mp3", song(1))
    put(inbox / "songs_to_index/two.mp3", song(2))
    put(inbox / "songs_to_index/two again.mp3", song(2))
    done = process_inbox(app, source)
    assert (done.listed, done.indexed, done.already_there) == (5, 2, 1)
    assert (done.checked, done.segments, done.later) == (1, 1, 0)
    plays = app.plays("radio", AIRED, AIRED + timedelta(hours=1))
    names = app.recordings_by_id([play.recording_id for play in plays])
    assert [names[play.recording_id].title for play in plays] == [title(1), title(2)]
    assert str(process_inbox(app, source)) == ""


def test_one_failing_item_never_stops_the_others(
    app: App, source: Source, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = tmp_path / "inbox"
    put(inbox / "songs_to_index/a broken song.mp3", b"junk" * 999)
    put(inbox / "songs_to_index/song.mp3", song(1))
    put(inbox / "songs_to_check/a broken file.mp3", b"")
    put(inbox / "songs_to_check/file.mp3", song(1))
    put(inbox / "songs_to_check/streams/radio_20260301T115900.ts", b"<html>")
    put(inbox / "songs_to_check/streams/radio_20260301T120000.ts", aired(1))
    done = process_inbox(app, source)
    assert (done.indexed, done.checked, done.segments, done.refused) == (1, 1, 1, 3)
    told = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 3 and all("not tried again" in line for line in told)
    # Another process, which remembers nothing, knows from the store.
    assert str(process_inbox(app, source, InboxMemory())) == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_yet_is_tried_again(app: App, source: Source, tmp_path: Path) -> None:
    path = put(tmp_path / "inbox/songs_to_check/file.mp3", song(1))
    path.chmod(0)
    memory = InboxMemory()
    assert process_inbox(app, source, memory).later == 1
    assert process_inbox(app, source, memory).later == 0  # not at once
    path.chmod(0o600)
    assert process_inbox(app, source).checked == 1


def test_a_pass_that_is_stopped_gives_back_what_it_had_claimed(
    app: App, source: Source, tmp_path: Path
) -> None:
    for minute in range(3):
        name = f"songs_to_check/streams/radio_2026030112{minute:02}00.ts"
        put(tmp_path / "inbox" / name, aired(1))
    answers = iter([False, False, True, True, True, True])
    done = process_inbox(app, source, stop=lambda: next(answers))
    assert (done.segments, done.stopped) == (1, True)
    assert process_inbox(app, source).segments == 2


def test_segments_are_heard_in_order_of_time_whatever_order_they_come_in(
    app: App, source: Source, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for minute, station in ((2, "a"), (0, "b"), (1, "a"), (0, "a")):
        name = f"songs_to_check/streams/{station}_2026030112{minute:02}00.ts"
        put(tmp_path / "inbox" / name, aired(1))
    memory = InboxMemory()
    with caplog.at_level(logging.DEBUG, "songid.jobs.inbox"):
        assert process_inbox(app, source, memory).segments == 4
    assert memory.arrived == {"a", "b"}
    heard = [record.message.partition("streams/")[2][:16] for record in caplog.records]
    of_a = [name for name in heard if name.startswith("a")]
    assert of_a == sorted(of_a) and len(of_a) == 3


def test_what_is_gone_from_the_inbox_is_forgotten(app: App, source: Source, tmp_path: Path) -> None:
    path = put(tmp_path / "inbox/songs_to_index/song.mp3", song(1))
    memory = InboxMemory()
    process_inbox(app, source, memory)
    assert memory.finished
    path.unlink()
    process_inbox(app, source, memory)
    assert not memory.finished
