from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_material import aired, put, song, title

from songid.cli import run

Capture = pytest.CaptureFixture[str]
PATTERN = ["--pattern", "%Y-%m-%d_%H-%M-%S"]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a catalogue, and logger recordings of two evenings that were heard."""
    folder = tmp_path_factory.mktemp("heard")
    put(folder / "songs/1.mp3", song(1))
    put(folder / "songs/2.mp3", song(2))
    put(folder / "log/2026-03-01_22-00-00.ts", aired(1, 3))
    put(folder / "log/2026-03-01_22-00-40.ts", aired(2))
    put(folder / "log/2026-03-02_23-30-00.ts", aired(3, 2))
    put(folder / "log/2026-03-02_23-31-00.mp3", b"junk" * 999)
    put(folder / "log/without a time.ts", aired(3))
    (folder / "songid.toml").write_text(
        f"""
        store = "sqlite:{folder}/songid-data"
        reports = "{folder}/reports"
        report_formats = ["json", "csv"]
        sinks = ["file:{folder}/events?format=ndjson"]
        [stations.radio_one]
        timezone = "America/New_York"
        """
    )
    config = ["--config", str(folder / "songid.toml")]
    assert run([*config, "index", str(folder / "songs"), "--workers", "1"]) == 0
    assert run([*config, "backfill", "radio_one", str(folder / "log"), *PATTERN]) == 3
    return folder


@pytest.fixture
def config(heard: Path) -> list[str]:
    return ["--config", str(heard / "songid.toml")]


def test_recordings_are_heard_at_their_local_times(config: list[str], capsys: Capture) -> None:
    assert run([*config, "plays", "radio_one", "--date", "2026-03-01", "--json"]) == 0
    plays = json.loads(capsys.readouterr().out)
    assert [play["title"] for play in plays] == [title(1), title(2)]
    assert plays[0]["timestamp_utc"] == "2026-03-02 03:00:00"
    assert run([*config, "plays", "radio_one"]) == 0
    out = capsys.readouterr().out
    assert "2026-03-02 (America/New_York): 1 play" in out and "23:30:20" in out


def test_each_play_was_announced_though_two_processes_heard(heard: Path) -> None:
    for kind in ("play_started", "play_ended"):
        lines = [
            json.loads(line)
            for file in (heard / "events" / kind).rglob("*.ndjson")
            for line in file.read_text().splitlines()
        ]
        titles = sorted(line["metadata"]["title"] for line in lines)
        assert titles == sorted([title(1), title(2), title(2)]), kind


def test_what_was_heard_is_not_heard_again_and_problems_are_told(
    heard: Path, config: list[str], capsys: Capture
) -> None:
    assert run([*config, "backfill", "radio_one", str(heard / "log"), *PATTERN]) == 0
    captured = capsys.readouterr()
    assert "0 recordings heard" in captured.out and "4 were before" in captured.out
    assert "songid report --station radio_one --all" in captured.out
    assert "without a time.ts: no time that fits the pattern" in captured.err


def test_a_time_that_the_clock_skipped_is_told(
    tmp_path: Path, config: list[str], capsys: Capture
) -> None:
    put(tmp_path / "log/2026-03-08_02-30-00.ts", b"")
    put(tmp_path / "log/2026-03-08_04-30-00.ts", b"")
    dry = [*config, "backfill", "radio_one", str(tmp_path / "log"), *PATTERN, "--dry-run"]
    assert run(dry) == 0
    captured = capsys.readouterr()
    assert "2026-03-08 08:30:00+00:00  2026-03-08_04-30-00.ts" in captured.out
    assert "02:30:00 does not exist in America/New_York" in captured.err


def test_a_folder_without_recordings_is_an_error(
    tmp_path: Path, config: list[str], capsys: Capture
) -> None:
    assert run([*config, "backfill", "radio_one", str(tmp_path), *PATTERN]) == 2
    assert "no complete recording" in capsys.readouterr().err


def test_reports_are_rendered_for_the_last_day_one_day_or_all(
    heard: Path, config: list[str], capsys: Capture
) -> None:
    folder = heard / "reports/radio_one"
    assert run([*config, "report", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["reports"][0]["date"] == "2026-03-02"
    assert not (folder / "2026-03-01.json").exists()
    assert run([*config, "report", "--station", "radio_one", "--all"]) == 0
    assert f"{folder}/2026-03-01.json" in capsys.readouterr().out.splitlines()
    assert (folder / "2026-03-01.csv").exists() and (folder / "2026-03-02.csv").exists()
    assert run([*config, "report", "--date", "2026-02-30"]) == 2
    assert "write it as" in capsys.readouterr().err
