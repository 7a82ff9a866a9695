"""The trace of plugins tells every call, how long it took, and no secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from songid.errors import PluginError
from songid.model import Event, EventKind, Recording
from songid.plugin_manager import load
from songid.plugin_trace import TRACE_VARIABLE, tracing
from songid.settings import load as load_settings

PLUGIN = """
from songid.errors import PluginError
from songid.hookspecs import hookimpl

class Sink:
    def send(self, event): pass
    def close(self): pass

def open_sink(url):
    if url.rest == "fails":
        raise PluginError(f"no password=hidden for {url.text}")
    return Sink()

@hookimpl
def songid_sinks(register):
    register("one", open_sink)
    register("two", open_sink)

@hookimpl
def songid_recording_indexed(recording):
    pass

@hookimpl
def songid_play_started(event):
    raise ValueError("out of\\norder")
"""


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "traced.py"
    path.write_text(PLUGIN)
    return str(path)


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRACE_VARIABLE, "1")


def lines(capsys: pytest.CaptureFixture[str], of: str) -> list[str]:
    """What was traced of a plugin, less the time."""
    # A test before may have left logging on standard error.
    traced = re.compile(r"\d\d:\d\d:\d\d\.\d{6} (open )?songid_\w+ .*\d\.\d ms( ->|$)")
    found = list(filter(traced.match, capsys.readouterr().err.splitlines()))
    mine = [line.partition(" ")[2] for line in found]
    return [re.sub(r"\d+\.\d ms", "N ms", line) for line in mine if f" {of} " in line]


@pytest.mark.usefixtures("traced")
def test_offers_are_told_with_their_schemes(
    plugin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    load([plugin])
    assert lines(capsys, "traced") == ["songid_sinks traced N ms -> one -> two"]


@pytest.mark.usefixtures("traced")
def test_opening_is_told_with_what_came_of_it_and_no_secret(
    plugin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plugins = load([plugin])
    capsys.readouterr()
    plugins.open("sinks", "one:x?secret=hidden&a=b")
    plugins.open("sinks", "one://me:hidden@host")
    with pytest.raises(PluginError):
        plugins.open("sinks", "two:fails?token=hidden")
    assert lines(capsys, "traced") == [
        "open songid_sinks traced url=one:x?secret=***&a=b N ms -> Sink",
        "open songid_sinks traced url=one://me:***@host N ms -> Sink",
        "open songid_sinks traced url=two:fails?token=*** N ms"
        " -> raised PluginError: no password=hidden for two:fails?token=***",
    ]


@pytest.mark.usefixtures("traced")
def test_events_are_told_with_their_arguments_shortened(
    plugin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plugins = load([plugin])
    capsys.readouterr()
    source = "https://me:hidden@host/a?X-Amz-Signature=hidden"
    plugins.notify("songid_recording_indexed", recording=Recording("r1", "A\nB", source=source))
    plugins.notify("songid_recording_indexed", recording=Recording("r1", "A" * 1000))
    first, second = lines(capsys, f"traced ({plugin})")
    assert first.startswith(f"songid_recording_indexed traced ({plugin}) recording=Recording(")
    assert r"title='A\nB'" in first
    assert "hidden" not in first
    assert second.endswith("A... N ms")
    assert len(second) < 300 + len(plugin)


@pytest.mark.usefixtures("traced")
def test_an_event_hook_that_raises_is_told_in_one_line(
    plugin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plugins = load([plugin])
    capsys.readouterr()
    event = Event("e1", EventKind.PLAY_STARTED, "radio", {})
    plugins.notify("songid_play_started", event=event)
    (line,) = lines(capsys, f"traced ({plugin})")
    assert line.endswith("-> raised ValueError: out of order")


@pytest.mark.parametrize("value", [None, "", "0", "no", "False", "OFF"])
def test_nothing_is_told_unless_it_is_asked_for(
    plugin: str,
    value: str | None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(TRACE_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(TRACE_VARIABLE, value)
    assert not tracing()
    load([plugin]).open("sinks", "one").close()
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("traced")
def test_the_variable_is_no_setting(tmp_path: Path) -> None:
    (tmp_path / "songid.toml").write_text("")
    load_settings(tmp_path / "songid.toml")
