from __future__ import annotations

from pathlib import Path

import pytest

from songid.cli import run
from songid.commands.listen import _Shown
from songid.segmenter.events import StreamEvent, What

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no station in the settings has a source"),
        (["--station", "one"], "station 'one' has no source in the settings"),
        (["http://x/"], "say with one --station NAME whose stream it is"),
        (["http://x/", "--station", "a", "--to", "ftp://x"], "there is no 'ftp' among the folders"),
        (["http://x/", "--station", "a", "--to", "x", "--identify"], "leave out --to"),
        (["http://x/", "--station", "a", "--patience", "0"], "patience"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_begins(
    arguments: list[str], said: str, capsys: Capture, folder: Path
) -> None:
    assert run(["listen", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (folder / "songid-spool").exists()


PLAY = {
    "event": "play_ended",
    "metadata": {
        "timestamp_utc": "2026-11-21 17:46:00",
        "end_timestamp_utc": "2026-11-21 17:48:27",
        "played_duration": 147.99,
        "title": "Midnight Rivers",
        "artists": [{"name": "The Lonesome Trains"}],
    },
}


def test_plays_are_lines_for_people_and_everything_else_is_the_logs(capsys: Capture) -> None:
    shown = _Shown(as_json=False, live=False)
    shown.event(StreamEvent("one", What.PLAY, {**PLAY, "event": "play_started"}))
    shown.event(StreamEvent("one", What.PLAY, PLAY))
    for what, details in (
        (What.CONNECTED, {"url": "http://x/", "codec": "mp3"}),
        (What.TROUBLE, {"cause": "connection refused", "again_s": 1.5}),
        (What.RESTARTED, {"cause": "the reader hung", "again_s": 1.5}),
        (What.UNDELIVERED, {"cause": "no bucket", "again_s": 1.5}),
        (What.GAP, {"start_utc": "x", "duration_s": 1.5, "cause": "y"}),
        (What.TITLE, {"title": ""}),
        (What.SEGMENT, {"name": "x", "duration_s": 12.0}),
        (What.DELIVERED, {"name": "x"}),
        (What.ENDED, {}),
    ):
        shown.event(StreamEvent("one", what, details))
    assert capsys.readouterr().out.splitlines() == [
        "2026-11-21 17:46:00  one  begins  The Lonesome Trains - Midnight Rivers",
        "2026-11-21 17:48:27  one  ended   The Lonesome Trains - Midnight Rivers (148 s)",
    ]


def test_on_a_terminal_one_line_shows_how_things_stand(capsys: Capture) -> None:
    shown = _Shown(as_json=False, live=True)
    shown.event(StreamEvent("one", What.SEGMENT, {"name": "x", "duration_s": 12.0}))
    shown._drawn_s = float("-inf")
    shown.event(StreamEvent("one", What.TROUBLE, {"cause": "connection refused", "again_s": 1}))
    assert "\rone: 1 segment, connection refused" in capsys.readouterr().err
    shown.end()
    assert capsys.readouterr().err.isspace()


def test_programs_get_a_json_document_in_a_line_for_each_event(capsys: Capture) -> None:
    shown = _Shown(as_json=True, live=False)
    shown.event(StreamEvent("one", What.SEGMENT, {"name": "x", "duration_s": 12.0}))
    shown.event(StreamEvent("one", What.PLAY, {"event": "play_started", "metadata": {}}))
    assert capsys.readouterr().out.splitlines() == [
        '{"event": "segment", "station": "one", "name": "x", "duration_s": 12.0}',
        '{"event": "play_started", "station": "one", "metadata": {}}',
    ]
