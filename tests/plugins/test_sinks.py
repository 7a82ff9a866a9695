"""The shipped sinks, held to what every sink must do and to what each says of itself."""

from __future__ import annotations

import io
import json
import multiprocessing
import sys
from pathlib import Path
from typing import Any

import pytest

from songid.errors import PluginError
from songid.interfaces import Sink
from songid.model import EventKind
from songid.plugin_manager import load
from songid.testing.sinks import SinkConformance, event


def open_sink(url: str) -> Sink:
    sink: Sink = load().open("sinks", url)
    return sink


class TestJsonFileSink(SinkConformance):
    def open_sink(self, place: Path) -> Sink:
        return open_sink(f"file:{place}/results")

    def delivered(self, place: Path) -> list[dict[str, Any]]:
        return [json.loads(file.read_text()) for file in (place / "results").rglob("*.json")]


class TestNdjsonFileSink(SinkConformance):
    keeps_order = True

    def open_sink(self, place: Path) -> Sink:
        return open_sink(f"file:{place}/results?format=ndjson")

    def delivered(self, place: Path) -> list[dict[str, Any]]:
        files = (place / "results").rglob("*.ndjson")
        texts = [file.read_text() for file in files]
        return [json.loads(line) for text in texts for line in text.split("\n") if line]


class TestStdoutSink(SinkConformance):
    drops_repeats = False
    keeps_order = True

    @pytest.fixture(autouse=True)
    def keep_output(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.output = ""

    def open_sink(self, place: Path) -> Sink:
        return open_sink("stdout")

    def delivered(self, place: Path) -> list[dict[str, Any]]:
        self.output += self.capsys.readouterr().out
        return [json.loads(line) for line in self.output.split("\n") if line]


def test_a_file_lies_under_kind_station_and_day_and_no_temporary_is_left(tmp_path: Path) -> None:
    open_sink(f"file:{tmp_path}").send(event(kind=EventKind.PLAY_ENDED, station="Radio 1"))
    files = [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()]
    assert files == ["play_ended/Radio%201/2024-05-01/play%3A1.json"]


def test_lines_lie_in_a_file_of_their_day(tmp_path: Path) -> None:
    open_sink(f"file://{tmp_path}?format=ndjson").send(event(station="r1"))
    files = [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()]
    assert files == ["play_started/r1/2024-05-01.ndjson"]


def test_a_line_torn_by_a_kill_is_cut_off_and_its_event_written_again(tmp_path: Path) -> None:
    open_sink(f"file:{tmp_path}?format=ndjson").send(event(1))
    (file,) = tmp_path.rglob("*.ndjson")
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"event_id":"play:2","title":"F\xc3')
    sink = open_sink(f"file:{tmp_path}?format=ndjson")
    sink.send(event(2))
    sink.send(event(1))
    assert [json.loads(line)["event_id"] for line in file.read_text().splitlines()] == [
        "play:1",
        "play:2",
    ]


def test_processes_append_to_one_file_without_doubling(tmp_path: Path) -> None:
    def work() -> None:
        sink = open_sink(f"file:{tmp_path}?format=ndjson")
        for number in range(25):
            sink.send(event(number))

    crowd = [multiprocessing.get_context("fork").Process(target=work) for _ in range(3)]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join()
    assert [process.exitcode for process in crowd] == [0, 0, 0]
    (file,) = tmp_path.rglob("*.ndjson")
    found = [json.loads(line)["event_id"] for line in file.read_text().splitlines()]
    assert sorted(found) == sorted(f"play:{number}" for number in range(25))


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    sink = open_sink(f"file:{tmp_path}?format=ndjson")
    sink.send(event(1))
    (file,) = tmp_path.rglob("*.ndjson")
    file.rename(tmp_path / "archived")
    sink.send(event(1))
    assert file.read_bytes() == (tmp_path / "archived").read_bytes()


@pytest.mark.parametrize(
    "url", ["file", "file://host/x", "file:x?format=xml", "file:x?fromat=json", "stdout:x"]
)
def test_a_url_that_makes_no_sense_is_refused(url: str) -> None:
    with pytest.raises(PluginError):
        open_sink(url)


def test_an_ascii_terminal_gets_escapes_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    open_sink("stdout").send(event())
    written = terminal.buffer.getvalue()  # type: ignore[attr-defined]  # it is the BytesIO above
    assert json.loads(written)["metadata"]["title"] == "Für Élise"
