"""`songid listen` as a person runs it: a process, a station that streams, and an inbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_material import composed, put, song, title
from stream_material import RATE_HZ, Mount, StreamServer, packets_of, stream_server

from songid.app import App
from songid.audio.decode import decode
from songid.cli import run
from songid.jobs.inbox import InboxMemory, process_inbox
from songid.settings import load

SONGS = (81, 82)
AIRED = (81, 83, 82, 83) * 3


@pytest.fixture(scope="module")
def server() -> Iterator[StreamServer]:
    samples = np.concatenate([composed(seed)[0] for seed in AIRED])
    with stream_server() as started:
        # On air for a while: a good minute of it comes as soon as one connects.
        kept = {"burst_s": 62.0, "air_s": time.time() - 70.0, "metaint": 4000}
        mp3, aac = packets_of(samples, "mp3"), packets_of(samples, "aac")
        started.mounts["/one"] = Mount(mp3, titles=[(0.0, "A - B")], **kept)
        started.mounts["/two"] = Mount(aac, "audio/aac", **kept)
        yield started


@dataclass
class Listening:
    """A running `songid listen --json`, with what it said so far."""

    folder: Path
    arguments: list[str]
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("songid"), "listen", "--json", *self.arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=(self.folder / "log").open("ab"),
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def said(self, event: str, station: str = "") -> list[dict[str, Any]]:
        return [
            each
            for each in list(self.events)
            if each["event"] == event and (not station or each["station"] == station)
        ]

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, f"no {what}: {self.events}"
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(30)


@pytest.fixture
def installation(tmp_path: Path, server: StreamServer) -> Path:
    for seed in SONGS:
        put(tmp_path / f"songs/{seed}.mp3", song(seed))
    (tmp_path / "songid.toml").write_text(
        f"""
        store = "sqlite:{tmp_path}/songid-data"
        inbox = "folder:{tmp_path}/inbox?settle_s=0"
        index.workers = 1
        [stations.one]
        source = "{server.url("/one", login="me:secret")}"
        [stations.two]
        source = "{server.url("/two")}"
        """
    )
    config = ["--config", str(tmp_path / "songid.toml")]
    assert run([*config, "index", str(tmp_path / "songs")]) == 0
    return tmp_path


def app_of(folder: Path) -> App:
    return App(load(folder / "songid.toml"))


def played(folder: Path, station: str) -> list[str]:
    """The titles of a station's plays in the last hour."""
    now = datetime.now(UTC)
    with app_of(folder) as app:
        plays = app.plays(station, now - timedelta(hours=1), now)
        known = app.recordings_by_id([play.recording_id for play in plays])
        return [known[play.recording_id].title for play in plays]


def test_stations_become_segments_that_the_inbox_hears_and_a_hung_reader_is_replaced(
    installation: Path,
) -> None:
    listening = Listening(installation, ["--patience", "2"])
    try:
        for station in ("one", "two"):
            listening.wait_for(
                lambda station=station: len(listening.said("delivered", station)) >= 4, "segments"
            )
        # As if FFmpeg did not come back: nothing of the process moves any more.
        os.kill(listening.said("connected", "one")[0]["pid"], signal.SIGSTOP)
        listening.wait_for(lambda: listening.said("restarted", "one"), "end of patience")
        listening.wait_for(lambda: len(listening.said("connected", "one")) == 2, "new reader")
        time.sleep(1.0)
        assert listening.stop() == 0
    finally:
        listening.process.kill()
    (restarted,) = listening.said("restarted")
    assert restarted["cause"] == "the reader hung: no sign of life for 2 s"
    log = (installation / "log").read_text()
    assert "secret" not in log + json.dumps(listening.events)

    streams = installation / "inbox/songs_to_check/streams"
    segments = sorted(path for path in streams.iterdir() if path.suffix == ".ts")
    assert {path.name[:4] for path in segments} == {"one_", "two_"}
    assert len(list(streams.glob("one_*.title.json"))) >= 1
    for path in segments:
        with decode(path, rate_hz=RATE_HZ) as audio:
            assert sum(len(block.samples) for block in audio) > 0
        assert audio.damage == "", "whole, the one at hand when it was stopped too"
    assert not list((installation / "songid-spool").rglob("*.ts*"))

    with app_of(installation) as app:
        assert app.settings.inbox_url is not None
        source = app.open_source(app.settings.inbox_url.text)
        done = process_inbox(app, source, InboxMemory())
        source.close()
    assert done.segments == len(segments) and done.refused == 0
    for station in ("one", "two"):
        assert {title(81), title(82)} <= set(played(installation, station))


def test_plays_are_told_at_once_where_segments_are_identified(installation: Path) -> None:
    listening = Listening(installation, ["--identify", "--station", "two"])
    try:
        listening.wait_for(lambda: len(listening.said("play_started")) >= 2, "plays")
        assert listening.stop(signal.SIGINT) == 0
    finally:
        listening.process.kill()
    titles = [each["metadata"]["title"] for each in listening.said("play_started", "two")]
    assert titles[:2] == [title(82), title(81)] or titles[:2] == [title(81), title(82)]
    assert len(titles) == len({each["event_id"] for each in listening.said("play_started")})
    assert not (installation / "inbox").exists()
    assert {title(81), title(82)} <= set(played(installation, "two"))
