"""The shipped sources, held to what every source must do."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from songid.interfaces import Source
from songid.plugin_manager import load
from songid.testing.sources import SourceConformance


class LocalSourceConformance(SourceConformance):
    """Files that were written an hour ago, each later than the one before."""

    clock = 1_700_000_000

    def file(self, place: Path, number: int) -> Path:
        raise NotImplementedError

    def add(self, place: Path, number: int, content: bytes) -> None:
        file = self.file(place, number)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        LocalSourceConformance.clock += 1
        os.utime(file, (self.clock, self.clock))

    def remove(self, place: Path, number: int) -> None:
        self.file(place, number).unlink()

    def read_answer(self, place: Path, uri: str) -> bytes:
        return Path(unquote(urlsplit(uri).path)).read_bytes()


class TestFolderSourceSongs(LocalSourceConformance):
    def open_source(self, place: Path) -> Source:
        source: Source = load().open("sources", f"folder:{place}")
        return source

    def file(self, place: Path, number: int) -> Path:
        return place / "songs_to_check" / f"söng {number}%.mp3"


class TestFolderSourceSegments(TestFolderSourceSongs):
    def file(self, place: Path, number: int) -> Path:
        return place / "songs_to_check/streams" / f"radio_1_20240501T12{number:02}00.000001.ts"


class TestLoggerSource(LocalSourceConformance):
    def open_source(self, place: Path) -> Source:
        url = f"logger:{place}?station=radio1&pattern=%25Y%25m%25d_%25H&timezone=Europe/Berlin"
        source: Source = load().open("sources", url)
        return source

    def file(self, place: Path, number: int) -> Path:
        return place / f"20240501_{number:02}.mp3"
