"""songid's conformance kits: everything that any sink and any source must do."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from songid_template import open_playlist, open_table

from songid.interfaces import Sink, Source
from songid.model import ComponentURL
from songid.testing.sinks import SinkConformance
from songid.testing.sources import SourceConformance


class TestTableSink(SinkConformance):
    def open_sink(self, place: Path) -> Sink:
        return open_table(ComponentURL.parse(f"table:{place}/results.sqlite3"))

    def delivered(self, place: Path) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(place / "results.sqlite3")) as database:
            rows = database.execute("SELECT document FROM events").fetchall()
        return [json.loads(document) for (document,) in rows]


class TestPlaylistSource(SourceConformance):
    clock = 1_700_000_000

    def open_source(self, place: Path) -> Source:
        return open_playlist(ComponentURL.parse(f"playlist:{place}/songs.m3u"))

    def add(self, place: Path, number: int, content: bytes) -> None:
        file = place / f"söng {number}%.mp3"
        file.write_bytes(content)
        TestPlaylistSource.clock += 1
        os.utime(file, (self.clock, self.clock))
        with (place / "songs.m3u").open("a", encoding="utf-8") as playlist:
            playlist.write(f"{file.name}\n")

    def remove(self, place: Path, number: int) -> None:
        (place / f"söng {number}%.mp3").unlink()

    def read_answer(self, place: Path, uri: str) -> bytes:
        return Path(unquote(urlsplit(uri).path)).read_bytes()
