"""A logger's folder: recordings in order of time, and what is wrong with the others."""

from __future__ import annotations

import os
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from songid.errors import PluginError
from songid.interfaces import Source
from songid.model import ComponentURL, Job
from songid_plugins.sources.logger import LoggerSource, open_source

BERLIN = ZoneInfo("Europe/Berlin")


def put(root: Path, name: str, modified: datetime | None = None) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"sound")
    stamp = (modified or datetime(2025, 1, 1, tzinfo=UTC)).timestamp()
    os.utime(path, (stamp, stamp))


def logger(root: Path, **options: str) -> LoggerSource:
    given = {"pattern": "%Y%m%d_%H%M%S", "timezone": "Europe/Berlin", "station": "radio 1"}
    source = open_source(ComponentURL.build("logger", str(root), given | options))
    assert isinstance(source, LoggerSource)
    return source


def test_recordings_come_in_order_of_time_with_their_station(tmp_path: Path) -> None:
    put(tmp_path, "b/studio_20240131_090000.mp3")
    put(tmp_path, "c/studio_20240131_080000.mp3")
    source = logger(tmp_path)
    assert isinstance(source, Source)
    items = list(source.items())
    assert [(item.name, item.start) for item in items] == [
        ("c/studio_20240131_080000.mp3", datetime(2024, 1, 31, 7, tzinfo=UTC)),
        ("b/studio_20240131_090000.mp3", datetime(2024, 1, 31, 8, tzinfo=UTC)),
    ]
    assert {(item.station, item.job) for item in items} == {("radio 1", Job.SEGMENT)}
    with source.open(items[0]) as stream:
        assert stream.read() == b"sound"
    assert source.answer(items[0], b"{}").endswith("/c/studio_20240131_080000.json")


def test_times_may_stand_in_folders(tmp_path: Path) -> None:
    put(tmp_path, "2024-01-31/08.mp3")
    (item,) = logger(tmp_path, pattern="%Y-%m-%d/%H").items()
    assert item.start == datetime(2024, 1, 31, 7, tzinfo=UTC)


def test_an_autumn_night_of_hours_keeps_its_25_hours(tmp_path: Path) -> None:
    begin = datetime(2024, 10, 26, 22, tzinfo=UTC)
    truth = [begin + timedelta(hours=hour) for hour in range(6)]
    for start in truth:
        name = f"{start.astimezone(BERLIN):%Y%m%d_%H%M%S}"
        name = f"{name}_1.mp3" if (tmp_path / f"{name}.mp3").exists() else f"{name}.mp3"
        put(tmp_path, name, start + timedelta(hours=1))
    source = logger(tmp_path)
    assert [item.start for item in source.items()] == truth
    assert source.problems == []


def test_the_length_of_the_recording_before_tells_which_hour_is_meant(tmp_path: Path) -> None:
    for name, seconds in (("20241027_010000", 7200), ("20241027_020000", 3600)):
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as file:
            file.setparams((1, 1, 100, 0, "NONE", "not compressed"))
            file.writeframes(b"\x80" * (100 * seconds))
        os.utime(tmp_path / f"{name}.wav", (1_740_000_000, 1_740_000_000))
    items = list(logger(tmp_path).items())
    assert items[1].start == datetime(2024, 10, 27, 1, tzinfo=UTC)


def test_what_has_no_time_is_said_and_left_out(tmp_path: Path) -> None:
    for name in (
        "jingle.mp3",
        "20240331_023000.mp3",
        "20240131_080000.mp3",
        "20240131_080000.wav",
        "20241027_023000.mp3",
    ):
        put(tmp_path, name)
    source = logger(tmp_path)
    assert [item.name for item in source.items()] == [
        "20240131_080000.mp3",
        "20241027_023000.mp3",
    ]
    text = "\n".join(source.problems)
    assert "jingle.mp3: no time that fits the pattern" in text
    assert "20240331_023000.mp3: 2024-03-31 02:30:00 does not exist in Europe/Berlin" in text
    assert "20240131_080000.wav: it begins when 20240131_080000.mp3 does" in text
    assert "20241027_023000.mp3: clocks showed this time twice" in text
    assert len(source.problems) == 4


def test_the_recording_being_written_is_left_for_later(tmp_path: Path) -> None:
    put(tmp_path, "20240131_080000.mp3")
    put(tmp_path, "20240131_090000.mp3", datetime.now(UTC))
    assert [item.name for item in logger(tmp_path).items()] == ["20240131_080000.mp3"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"patern": "x"}, "has no option 'patern'; it knows pattern, timezone, station, settle_s"),
        ({"station": ""}, "needs the option station"),
        ({"pattern": ""}, "needs the option pattern"),
        ({"pattern": "%H"}, "does not tell the day"),
        ({"timezone": "Europe/Berln"}, "did you mean 'Europe/Berlin'"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, str], complaint: str) -> None:
    with pytest.raises(PluginError, match=complaint):
        logger(tmp_path, **options)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="there is no folder"):
        logger(tmp_path / "gone")
