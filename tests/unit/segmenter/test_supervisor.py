"""Processes that die, in every way; started from a small program, as signals need one's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stream_material import Mount, StreamServer, packets, stream_server

PROGRAM = """
import json, sys
from pathlib import Path
from songid.segmenter.placing import PlacingRules
from songid.segmenter.supervisor import Supervisor
from songid.segmenter.worker import StationPlan
from songid.settings import Settings

if __name__ == "__main__":
    plan = StationPlan(
        Settings(), "one", sys.argv[1], "folder:inbox", Path("spool"), 10**9, 5.0, 2, 0.1,
        PlacingRules(0.5, 1.2, 2.0),
    )
    tell = lambda event: print(json.dumps(event.document()), flush=True)
    sys.exit(Supervisor([plan], tell, patience_s=20.0, backoff_s=0.1).run())
"""


class Running:
    """The program, and what it said."""

    def __init__(self, folder: Path, url: str) -> None:
        (folder / "program.py").write_text(PROGRAM)
        self.folder = folder
        self.events: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [sys.executable, "program.py", url], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def said(self, event: str) -> list[dict[str, Any]]:
        return [each for each in list(self.events) if each["event"] == event]

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, self.events
            time.sleep(0.05)

    @property
    def reader(self) -> int:
        pid: int = self.said("connected")[-1]["pid"]
        return pid

    @property
    def segments(self) -> list[Path]:
        return sorted((self.folder / "inbox/songs_to_check/streams").glob("*.ts"))


@pytest.fixture(scope="module")
def server() -> Iterator[StreamServer]:
    with stream_server() as started:
        started.mounts["/live"] = Mount(
            packets("mp3", 180.0), burst_s=6.0, air_s=time.time() - 10.0
        )
        yield started


@pytest.fixture
def running(server: StreamServer, tmp_path: Path) -> Iterator[Running]:
    started = Running(tmp_path, server.url("/live"))
    started.wait_for(lambda: len(started.said("delivered")) >= 2)
    yield started
    started.process.kill()
    started.process.wait()


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_reader_that_dies_is_replaced_and_what_it_was_writing_is_kept(running: Running) -> None:
    before = len(running.said("segment"))
    os.kill(running.reader, signal.SIGKILL)
    running.wait_for(lambda: len(running.said("connected")) == 2)
    running.wait_for(lambda: len(running.said("segment")) >= before + 2)
    (restarted,) = running.said("restarted")
    assert restarted["cause"] == "the reader died (signal 9)"
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(30) == 0
    # One that no event tells of was mended from what was there.
    told = {each["name"] for each in running.said("segment")}
    assert {path.name for path in running.segments} >= told
    assert not list((running.folder / "spool").glob("*.ts*"))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_readers_finish_and_end_when_the_one_that_watches_is_killed(running: Running) -> None:
    reader = running.reader
    count = len(running.segments)
    running.process.kill()
    running.process.wait()
    running.wait_for(lambda: not is_there(reader))
    assert len(running.segments) >= count
    assert not list((running.folder / "spool").glob("*.part"))


def test_the_whole_group_may_be_told_to_end_as_service_managers_do(running: Running) -> None:
    running.process.send_signal(signal.SIGTERM)
    os.kill(running.reader, signal.SIGTERM)
    assert running.process.wait(30) == 0
    assert running.said("restarted") == []
    assert not list((running.folder / "spool").glob("*.ts*"))


def test_a_second_signal_ends_at_once_and_loses_nothing_but_the_moment(running: Running) -> None:
    os.kill(running.reader, signal.SIGSTOP)
    began = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(10) == 128 + signal.SIGINT
    assert time.monotonic() - began < 8
    assert not is_there(running.reader)
