"""Settings: precedence, spelling, and errors that name the line to change."""

from __future__ import annotations

import os
import pickle
import tomllib
from collections.abc import Iterator
from datetime import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from songid.errors import SettingsError
from songid.model import ComponentURL
from songid.settings import Settings, describe, example, load
from songid.settings_sources import environment_name


@pytest.fixture(autouse=True)
def clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in [name for name in os.environ if name.startswith("SONGID_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    yield


def write(text: str, name: str = "songid.toml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def test_without_any_file_or_variable_the_defaults_hold() -> None:
    settings = load()
    assert settings == Settings()
    assert settings.store == "sqlite:songid-data"
    assert settings.report_formats == ("html", "json", "csv")
    assert settings.scheduler.report_time == time(0, 10)
    assert settings.listening.window_s == 12.0


def test_the_command_line_beats_the_environment_which_beats_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(
        'store = "sqlite:a"\ntimezone = "Europe/Paris"\n[index]\nworkers = 1\n'
        "batch_recordings = 8\n"
    )
    monkeypatch.setenv("SONGID_STORE", "sqlite:b")
    monkeypatch.setenv("SONGID_INDEX__WORKERS", "2")
    settings = load(None, {"store": "sqlite:c", "fingerprinter": None})
    assert settings.store == "sqlite:c"
    assert settings.timezone == "Europe/Paris"
    assert (settings.index.workers, settings.index.batch_recordings) == (2, 8)
    assert load(None, {"index.workers": 3}).index.workers == 3
    assert load(None, {"index": {"workers": 4}}).index.workers == 4


def test_the_file_is_the_one_named_then_the_variables_then_the_folders_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write('store = "own:"')
    write('store = "variable:"', "v.toml")
    named = write('store = "named:"', "n.toml")
    assert load().store == "own:"
    monkeypatch.setenv("SONGID_CONFIG", "v.toml")
    assert load().store == "variable:"
    assert load(named).store == "named:"


def test_a_named_file_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: there is no such file"):
        load(Path("nowhere.toml"))
    monkeypatch.setenv("SONGID_CONFIG", "gone.toml")
    with pytest.raises(SettingsError, match=r"gone\.toml.*\$SONGID_CONFIG"):
        load()


def test_toml_that_is_none_says_where() -> None:
    write("store = \n")
    with pytest.raises(SettingsError, match=r"songid\.toml: this is not valid TOML.*line 1"):
        load()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('stor = "x"', "songid.toml: stor: there is no such key; did you mean 'store'?"),
        ("[index]\nworker = 1", "index.worker: there is no such key; did you mean 'index.workers'"),
        ('[stations."Radio 1"]\ntimezon = "UTC"', 'stations."Radio 1".timezon: there is no such'),
        ("qqqqqq = 1", "songid.toml: qqqqqq: there is no such key; known there: cache_bytes,"),
        ('timezone = "Europe/Londn"', "'Europe/Londn' is not an IANA time zone; did you mean 'Eur"),
        ('timezone = "london"', "did you mean 'Europe/London'"),
        ('[stations.r]\ntimezone = "Mars"', "songid.toml: stations.r.timezone: 'Mars' is not an"),
        ('cache_bytes = "many"', "cache_bytes: input should be a valid integer"),
        ("listening = 3", "songid.toml: listening: this is a section with keys of its own"),
        ("[listening]\nthreshold = 1.5", "listening.threshold: input should be less than 1, not 1"),
        ('sinks = "stdout:"', "songid.toml: sinks: input should be a valid tuple"),
        ('log_level = "loud"', "log_level: input should be 'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_key(text: str, expected: str) -> None:
    write(text)
    with pytest.raises(SettingsError) as error:
        load()
    assert expected in str(error.value)


def test_every_wrong_key_is_reported_at_once() -> None:
    write('stor = "x"\nlog_level = "loud"\n')
    with pytest.raises(SettingsError) as error:
        load()
    assert len(str(error.value).splitlines()) == 2


def test_a_wrong_variable_is_named_as_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONGID_INDEX__WORKERS", "all")
    with pytest.raises(SettingsError, match=r'^SONGID_INDEX__WORKERS: .*integer.*"all"'):
        load()


def test_a_misspelt_variable_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONGID_STROE", "sqlite:x")
    with pytest.raises(SettingsError, match=r"^SONGID_STROE: there is no such key.*'store'"):
        load()


def test_lists_in_variables_are_words_or_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONGID_SINKS", "stdout: file:///srv/results?pretty=1,2")
    monkeypatch.setenv("SONGID_PLUGINS", '["my plugin.py"]')
    settings = load()
    assert settings.sinks == ("stdout:", "file:///srv/results?pretty=1,2")
    assert settings.plugins == ("my plugin.py",)
    monkeypatch.setenv("SONGID_PLUGINS", '["open')
    with pytest.raises(SettingsError, match="SONGID_PLUGINS: this is not valid JSON"):
        load()


def test_a_variable_finds_the_station_whose_name_it_can_only_approximate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write('[stations."Radio 1.fm"]\ntitle = "One"\n[stations.two_b]\n')
    monkeypatch.setenv("SONGID_STATIONS__RADIO_1_FM__TIMEZONE", "Europe/Paris")
    monkeypatch.setenv("SONGID_STATIONS__NEW_ONE__TITLE", "New")
    settings = load()
    assert settings.station("Radio 1.fm").timezone == "Europe/Paris"
    assert settings.station("Radio 1.fm").title == "One"
    assert settings.station("new_one").title == "New"
    assert set(settings.stations) == {"Radio 1.fm", "two_b", "new_one"}
    assert environment_name("Radio 1.fm") == "RADIO_1_FM"


def test_a_variable_that_may_mean_two_stations_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[stations."radio 1"]\ntitle="a"\n[stations.radio_1]\ntitle="b"\n')
    monkeypatch.setenv("SONGID_STATIONS__RADIO_1__TITLE", "x")
    with pytest.raises(SettingsError, match="'radio 1', 'radio_1'"):
        load()


def test_all_stations_may_stand_in_one_variable_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONGID_STATIONS", '{"Rádio 1": {"timezone": "Europe/Lisbon"}}')
    assert load().station("Rádio 1").zone.key == "Europe/Lisbon"


def test_a_station_never_named_gets_the_defaults() -> None:
    write('timezone = "Asia/Tokyo"\n[stations.a]\nsource = "https://example.org/a"\n')
    settings = load()
    assert settings.station("b").timezone == "Asia/Tokyo"
    assert settings.station("b").title == "b"
    assert settings.station("a").zone.key == "Asia/Tokyo"
    assert settings.station("a").source == "https://example.org/a"


def test_the_inbox_is_a_folder_a_source_or_nothing() -> None:
    assert load().inbox_url == ComponentURL.parse("folder:inbox")
    folder = load(None, {"inbox": "/srv/50% off?/in box"}).inbox_url
    assert folder is not None
    assert (folder.scheme, folder.path) == ("folder", "/srv/50% off?/in box")
    source = load(None, {"inbox": "folder:in?counter_s=12"}).inbox_url
    assert source is not None
    assert (source.path, source.options) == ("in", {"counter_s": "12"})
    assert load(None, {"inbox": ""}).inbox_url is None


def test_claims_are_remembered_as_long_as_the_journal() -> None:
    assert load(None, {"retention.journal_days": 500}).retention.claims_kept_days == 500
    assert load(None, {"retention.claims_days": 900}).retention.claims_kept_days == 900
    assert load(None, {"retention.journal_days": 0}).retention.claims_kept_days == 0


def test_the_tree_is_frozen_and_travels_to_other_processes() -> None:
    settings = load(None, {"stations": {"a b": {"title": "A"}}})
    with pytest.raises(ValidationError):
        settings.store = "other"  # type: ignore[misc]  # that it cannot is the point
    with pytest.raises(ValidationError):
        settings.index.workers = 3  # type: ignore[misc]  # as above
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_the_example_is_valid_and_says_nothing_but_the_defaults() -> None:
    write(example())
    assert load() == Settings()


def test_the_example_and_the_table_know_every_key() -> None:
    uncommented = example().replace("# [stations", "[stations")
    for line in ("timezone", "source", "title"):
        uncommented = uncommented.replace(f"# {line} =", f"{line} =")
    keys = set(tomllib.loads(uncommented))
    assert keys == set(Settings.model_fields)
    table = describe()
    assert "| `stations.NAME.timezone` | `SONGID_STATIONS__NAME__TIMEZONE` |" in table
    assert all(f"| `{name}" in table for name in Settings.model_fields)
    assert all(row.count("|") == 5 for row in table.splitlines())
