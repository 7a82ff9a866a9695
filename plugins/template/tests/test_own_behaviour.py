"""What only this plugin promises: its schemes, its options, what it logs."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from songid_template import open_playlist, open_table

from songid.errors import PluginError
from songid.model import ComponentURL, Job
from songid.plugin_manager import PluginStatus, load
from songid.testing.sinks import event


def test_songid_loads_the_plugin_and_opens_what_it_offers(tmp_path: Path) -> None:
    plugins = load(["songid_template"])
    row = next(each for each in plugins.listing() if each.name in ("songid_template", "template"))
    assert row.status is PluginStatus.LOADED, row.why
    assert set(row.offers) == {"sinks: table", "sources: playlist"}
    assert row.observes == ("songid_play_started",)
    plugins.open("sinks", f"table:{tmp_path}/results.sqlite3").close()
    plugins.open("sources", f"playlist:{tmp_path}/songs.m3u").close()


def test_a_play_that_starts_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="songid_template"):
        load(["songid_template"]).notify("songid_play_started", event=event())
    assert "Radio 1 plays Für Élise (Ludwig van Beethoven)" in caplog.text


@pytest.mark.parametrize("text", ["table", "table:x?names=y", "table:x?name=a%20b"])
def test_a_url_that_makes_no_sense_says_what_to_write(text: str) -> None:
    with pytest.raises(PluginError, match="table"):
        open_table(ComponentURL.parse(text))


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database " * 100)
    with pytest.raises(PluginError, match="cannot be used as a database"):
        open_table(ComponentURL.parse(f"table:{tmp_path}/notes.txt"))


def test_a_playlist_gives_what_is_there_once_and_passes_over_the_rest(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"a")
    (tmp_path / "a.ogg").write_bytes(b"aa")
    (tmp_path / "songs.m3u").write_text("#EXTM3U\na.mp3\n\nnot there.mp3\na.mp3\na.ogg\n")
    source = open_playlist(ComponentURL.parse(f"playlist:{tmp_path}/songs.m3u"))
    items = list(source.items())
    assert [item.name for item in items] == ["a.mp3", "a.ogg"]
    assert {item.job for item in items} == {Job.CHECK}
    answers = {source.answer(item, b"{}") for item in items}
    assert {answer.rpartition("/")[2] for answer in answers} == {"a.mp3.json", "a.ogg.json"}
