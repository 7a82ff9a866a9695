"""Progress on a terminal, in a log, and for machines."""

from __future__ import annotations

import io

import pytest

from songid.progress import Progress, print_table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_a_log_gets_plain_lines_now_and_then_and_the_end_result() -> None:
    log = io.StringIO()
    with Progress(stream=log, every_s=60) as progress:
        task = progress.task("Indexing", 1000)
        for _ in range(1000):
            task.advance()
        progress.say("[bold] stays as it is: a.mp3")
    assert log.getvalue() == "[bold] stays as it is: a.mp3\nIndexing: 1000 of 1000 (100%)\n"


def test_a_log_is_told_every_so_often() -> None:
    log = io.StringIO()
    with Progress(stream=log, every_s=0) as progress:
        task = progress.task("Listening")
        task.advance(12.5)
        task.advance(12.5, "Listening on")
    assert log.getvalue().splitlines() == [
        "Listening: 12.5",
        "Listening on: 25",
        "Listening on: 25",
    ]


def test_an_error_is_not_followed_by_a_result() -> None:
    log = io.StringIO()
    with pytest.raises(KeyError), Progress(stream=log) as progress:
        progress.task("Indexing", 3)
        raise KeyError
    assert log.getvalue() == ""


def test_a_terminal_gets_a_bar_and_messages_above_it() -> None:
    terminal = Terminal()
    with Progress(stream=terminal) as progress:
        task = progress.task("Indexing [x]", 2)
        other = progress.task("Other", None)
        progress.say("one file is damaged")
        task.advance(2)
        other.advance()
    text = terminal.getvalue()
    assert "one file is damaged" in text
    assert "Indexing [x]" in text
    assert "2/2" in text


def test_for_machines_nothing_is_shown() -> None:
    for stream in (io.StringIO(), Terminal()):
        with Progress(silent=True, stream=stream) as progress:
            progress.task("Indexing", 2).advance()
            progress.say("message")
        assert stream.getvalue() == ""


def test_a_table_in_a_pipe_keeps_every_row_on_one_line() -> None:
    out = io.StringIO()
    title = "A very long title " * 10
    print_table(["title", "s"], [(title, 3), ("[b]", 12)], right={"s"}, stream=out)
    head, first, second = out.getvalue().splitlines()
    assert head.split() == ["title", "s"]
    assert first.startswith(title.strip())
    assert first.endswith(" 3")
    assert second.startswith("[b]")
    assert second.endswith("12")
