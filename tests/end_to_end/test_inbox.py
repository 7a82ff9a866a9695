"""`songid run` as a person runs it: a process, an inbox, a station, and no mercy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from songid.app import App
from songid.audio.encode import encode
from songid.audio.tags import Tags
from songid.model import Samples
from songid.settings import load
from songid.testing.music import compose

RATE_HZ = 22_050
SONG_S = 26.0
STATION = "radio_one"
# In the past, so that the day is over; two days, so that two reports are due.
START = (datetime.now(UTC) - timedelta(days=2)).replace(hour=23, minute=59, second=0, microsecond=0)


@dataclass(frozen=True)
class Material:
    """Two songs that are indexed, one that is not, and a station's segments of all."""

    songs: dict[str, bytes]
    segments: dict[str, bytes]
    titles: tuple[str, str]


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("material")
    mono: list[Samples] = []
    songs: dict[str, bytes] = {}
    titles: list[str] = []
    for seed in (71, 72, 73):
        stereo, piece = compose(seed, SONG_S, RATE_HZ)
        mono.append(stereo.mean(axis=1, dtype=np.float32))
        titles.append(piece.title)
        path = folder / f"{seed}.mp3"
        encode(mono[-1], RATE_HZ, path, tags=Tags(title=piece.title), bitrate=64_000)
        songs[path.name] = path.read_bytes()
    del songs["73.mp3"]
    # 130 s: over midnight, with the unknown piece in the middle.
    aired = np.concatenate([mono[0], mono[2], mono[1], mono[2], mono[0]])
    segments: dict[str, bytes] = {}
    for number in range(int(len(aired) / RATE_HZ / 12)):
        at = START + timedelta(seconds=12 * number)
        path = folder / f"{STATION}_{at:%Y%m%dT%H%M%S}.{number:06d}.ts"
        encode(aired[number * 12 * RATE_HZ : (number + 1) * 12 * RATE_HZ], RATE_HZ, path)
        segments[path.name] = path.read_bytes()
    return Material(songs, segments, (titles[0], titles[1]))


@dataclass
class Installation:
    """A folder with settings, an inbox and at most one running service."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    log: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("songs_to_index", "songs_to_check/streams"):
            (self.folder / "inbox" / name).mkdir(parents=True)
        (self.folder / "songid.toml").write_text(
            """
            inbox = "folder:inbox?settle_s=0"
            sinks = ["file:events?format=ndjson"]
            report_formats = ["json"]
            [index]
            workers = 1
            [scheduler]
            poll_s = 0.2
            refresh_s = 1
            quiet_s = 1
            lease_s = 1.5
            """
        )

    def deliver(self, place: str, name: str, content: bytes) -> Path:
        """Put a file into the inbox at once, as `mv` does."""
        waiting = self.folder / "waiting"
        waiting.write_bytes(content)
        return waiting.rename(self.folder / "inbox" / place / name)

    def start(self) -> None:
        self.log.append(self.folder / f"log-{len(self.log)}")
        with self.log[-1].open("wb") as log:
            self.process = subprocess.Popen(
                [Path(sys.executable).with_name("songid"), "run"],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(30)
        self.process = None
        return code

    def kill(self) -> None:
        assert self.stop(signal.SIGKILL) == -signal.SIGKILL

    def logged(self) -> str:
        return self.log[-1].read_text()

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + 40
        while not condition():
            assert self.process is not None and self.process.poll() is None, self.logged()
            assert time.monotonic() < deadline, f"no {what} came:\n{self.logged()}"
            time.sleep(0.1)

    def app(self) -> App:
        settings = load(self.folder / "songid.toml", {"store": f"sqlite:{self.folder}/songid-data"})
        return App(settings)

    def journal(self) -> list[datetime]:
        with self.app() as app:
            return [heard.start for heard in app.store.heards(STATION)]

    def recordings(self) -> list[str]:
        with self.app() as app:
            return sorted(recording.source for recording in app.store.recordings())

    def events(self, kind: str) -> list[dict[str, object]]:
        return [
            json.loads(line)
            for path in sorted((self.folder / "events" / kind).rglob("*.ndjson"))
            for line in path.read_text().splitlines()
        ]

    def answer(self, stem: str) -> dict[str, object]:
        document: dict[str, object] = json.loads(
            (self.folder / "inbox/songs_to_check" / f"{stem}.json").read_text()
        )
        return document

    def report(self, days_later: int) -> Path:
        day = (START + timedelta(days=days_later)).date()
        return self.folder / "reports" / STATION / f"{day}.json"

    def titles_reported(self, days_later: int) -> list[str]:
        if not self.report(days_later).exists():
            return []
        document = json.loads(self.report(days_later).read_text())
        return [play["title"] for play in document["plays"]]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait()


def test_what_is_put_into_the_inbox_is_indexed_checked_heard_announced_and_reported_once(
    installation: Installation, material: Material
) -> None:
    songs, segments = material.songs, dict(material.segments)
    missing, missing_bytes = sorted(segments.items())[0]
    del segments[missing]
    for name, content in songs.items():
        installation.deliver("songs_to_index", name, content)
    installation.deliver("songs_to_index", "notes.mp3", b"not audio at all\n" * 50)
    installation.deliver("songs_to_check", "excerpt.mp3", songs["72.mp3"])
    installation.deliver("songs_to_check", "broken.mp3", b"\0" * 5000)
    for name, content in reversed(segments.items()):
        installation.deliver("songs_to_check/streams", name, content)
    installation.deliver("songs_to_check/streams", f"{STATION}_20200101T000000.1.ts", b"junk")

    installation.start()
    first, second = material.titles
    # The second song runs over midnight, and so is on both reports.
    for day, titles in ((0, [first, second]), (1, [second, first])):
        installation.wait_for(
            lambda day=day, titles=titles: installation.titles_reported(day) == titles,  # type: ignore[misc]
            f"report {day}",
        )
    installation.wait_for(lambda: len(installation.events("play_ended")) == 3, "last end")
    time.sleep(2)  # so that a report made before the last segment is made again
    assert installation.stop() == 0, installation.logged()

    assert len(installation.recordings()) == 2
    assert len(installation.journal()) == len(segments)
    found = installation.answer("excerpt")
    assert [play["title"] for play in found["plays"]] == [material.titles[1]]  # type: ignore[attr-defined]
    assert installation.answer("broken")["error"]
    assert installation.answer("broken")["source"] == "songs_to_check/broken.mp3"
    for kind, number in (("heard", len(segments)), ("play_started", 3), ("play_ended", 3)):
        ids = Counter(str(event["event_id"]) for event in installation.events(kind))
        assert len(ids) == number and set(ids.values()) == {1}, kind
    assert "notes.mp3" in installation.logged() and "2020" in installation.logged()

    # Started again, nothing is done twice.
    before = {path: path.stat().st_mtime_ns for path in installation.folder.rglob("reports/*/*")}
    answered = (installation.folder / "inbox/songs_to_check/excerpt.json").stat().st_mtime_ns
    installation.start()
    installation.wait_for(lambda: "watching" in installation.logged(), "start")
    time.sleep(1.5)
    assert "inbox:" not in installation.logged()
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(installation.events("play_started")) == 3

    # A segment that comes late mends its day's report, and no other file is touched.
    installation.deliver("songs_to_check/streams", missing, missing_bytes)
    installation.wait_for(
        lambda: installation.report(0).stat().st_mtime_ns != before[installation.report(0)],
        "mended report",
    )
    assert installation.stop(signal.SIGINT) == 0, installation.logged()
    document = json.loads(installation.report(0).read_text())
    assert document["airtime"]["heard_s"] == pytest.approx(60, abs=0.5)
    assert installation.titles_reported(0) == [first, second]
    assert len(installation.events("play_started")) == 3
    excerpt = installation.folder / "inbox/songs_to_check/excerpt.json"
    assert excerpt.stat().st_mtime_ns == answered


def test_killed_again_and_again_it_loses_nothing_and_doubles_nothing(
    installation: Installation, material: Material
) -> None:
    for name, content in material.songs.items():
        installation.deliver("songs_to_index", name, content)
    for name, content in material.segments.items():
        installation.deliver("songs_to_check/streams", name, content)

    installation.start()
    store = installation.folder / "songid-data"
    installation.wait_for(lambda: store.exists() and installation.recordings(), "first recording")
    installation.kill()
    installation.start()
    installation.wait_for(installation.journal, "first heard")
    installation.kill()
    installation.start()
    installation.wait_for(lambda: installation.events("heard"), "first event")
    installation.kill()
    installation.start()
    first, second = material.titles
    # The second song runs over midnight, and so is on both reports.
    for day, titles in ((0, [first, second]), (1, [second, first])):
        installation.wait_for(
            lambda day=day, titles=titles: installation.titles_reported(day) == titles,  # type: ignore[misc]
            f"report {day}",
        )
    installation.wait_for(lambda: len(installation.events("play_ended")) == 3, "last end")
    installation.wait_for(lambda: len(installation.events("heard")) == 10, "heard of each segment")
    assert installation.stop() == 0, installation.logged()

    assert len(installation.recordings()) == 2
    assert installation.journal() == [START + timedelta(seconds=12 * n) for n in range(10)]
    for kind, number in (("heard", 10), ("play_started", 3), ("play_ended", 3)):
        ids = Counter(str(event["event_id"]) for event in installation.events(kind))
        assert len(ids) == number and set(ids.values()) == {1}, kind


def test_a_second_signal_stops_at_once(installation: Installation) -> None:
    installation.start()
    installation.wait_for(lambda: "watching" in installation.logged(), "start")
    assert installation.process is not None
    # Held, so that both signals are there before it can end by the first.
    os.kill(installation.process.pid, signal.SIGSTOP)
    os.kill(installation.process.pid, signal.SIGTERM)
    os.kill(installation.process.pid, signal.SIGINT)
    os.kill(installation.process.pid, signal.SIGCONT)
    assert installation.process.wait(20) in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    installation.process = None
