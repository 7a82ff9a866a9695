"""Two short stations, really encoded and heard: the same plays however they are delivered."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from small_material import make_app

from songid.app import App
from songid.audio.encode import encode
from songid.audio.tags import Tags
from songid.catalogue.indexing import Outcome
from songid.catalogue.reading import Work
from songid.model import Samples
from songid.results import play_document
from songid.stations import parse_segment_name
from songid.testing.broadcasts import AiredKind, Broadcast, Song, Voices, build_broadcast
from songid.testing.comparison import compare, describe
from songid.testing.music import compose
from songid.testing.programmes import plan_programme
from songid.testing.segments import write_segments

RATE_HZ = 44_100
SONG_S = 70.0
START = datetime(2025, 3, 1, 9, 57, tzinfo=UTC)
STATIONS = ("radio_one", "radio_two")


@dataclass(frozen=True)
class Aired:
    """A station's broadcast and its segment files, in order."""

    broadcast: Broadcast
    segments: list[Path]


@pytest.fixture(scope="module")
def music() -> dict[str, list[tuple[Song, Samples]]]:
    """Five songs that are indexed and two that are not."""
    made: dict[str, list[tuple[Song, Samples]]] = {"known": [], "unknown": []}
    for seed in range(7):
        stereo, piece = compose(7_100 + seed, SONG_S, RATE_HZ)
        kind = "known" if seed < 5 else "unknown"
        made[kind].append((Song(piece.title, stereo, known=seed < 5), stereo))
    return made


@pytest.fixture(scope="module")
def app(
    music: dict[str, list[tuple[Song, Samples]]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[App]:
    """An app over an embedded store that knows the known songs."""
    folder = tmp_path_factory.mktemp("app")
    work = []
    for song, samples in music["known"]:
        path = folder / f"{song.title}.flac"
        encode(samples, RATE_HZ, path, tags=Tags(song.title))
        work.append(Work(path, path.name))
    formats = ["html", "json", "csv"]
    with make_app(folder, store=f"sqlite:{folder}/data", report_formats=formats) as app:
        done = list(app.index(work, workers=1))
        assert {each.outcome for each in done} == {Outcome.ADDED}
        yield app


@pytest.fixture(scope="module")
def aired(
    music: dict[str, list[tuple[Song, Samples]]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Aired]:
    """Two stations of about six minutes, with crossfades, talk, a hole and a fast song."""
    known, unknown = ([song for song, _ in music[kind]] for kind in ("known", "unknown"))
    stations = {}
    for number, name in enumerate(STATIONS):
        programme = plan_programme(known, unknown, 360.0, seed=number + 1)
        holes = [(130.0, 140.0)] if number else []
        broadcast = build_broadcast(
            name, START, programme, holes_s=holes, voices=Voices(seed=number)
        )
        folder = tmp_path_factory.mktemp(name)
        stations[name] = Aired(broadcast, write_segments(broadcast, folder))
    return stations


def hear(app: App, segments: Sequence[Path]) -> None:
    """Hear segments in the order given, as an inbox does with what it finds."""
    for path in segments:
        name = parse_segment_name(path.name)
        assert name is not None and name.time is not None
        with app.open_audio(path) as audio:
            app.announce(app.hear(audio, name.station, name.time, path.name))


def written(app: App, station: str) -> bytes:
    """A station's plays, as they are handed out."""
    plays = app.plays(station, START - timedelta(hours=1), START + timedelta(hours=1))
    known = app.recordings_by_id([play.recording_id for play in plays])
    documents = [play_document(play, known[play.recording_id]) for play in plays]
    return json.dumps(documents, ensure_ascii=False).encode()


def forget(app: App) -> None:
    app.store.drop_heards(START + timedelta(days=1))
    assert app.store.stations() == []


@pytest.fixture(scope="module")
def in_order(app: App, aired: dict[str, Aired]) -> dict[str, bytes]:
    """The plays of both stations when every segment came once and in order."""
    forget(app)
    for station in aired.values():
        hear(app, station.segments)
    return {name: written(app, name) for name in aired}


def test_what_was_aired_is_reported_and_nothing_else(
    app: App, aired: dict[str, Aired], in_order: dict[str, bytes]
) -> None:
    titles = {each.recording_id: each.title for each in app.store.recordings()}
    for name, station in aired.items():
        plays = app.plays(name, START, START + timedelta(hours=1))
        result = compare(station.broadcast.truth, plays, titles, START)
        assert result.right_share >= 0.95, describe(result)
        assert result.false_plays == (), describe(result)
        assert result.wrong_s <= 5, describe(result)
        kinds = {each.kind for each in station.broadcast.truth}
        assert kinds >= {AiredKind.RECORDING, AiredKind.UNKNOWN, AiredKind.SPEECH}
        assert any(each.speed != 1.0 for each in station.broadcast.truth)
        assert in_order[name].count(b"recording_id") == len(plays)


def test_shuffled_and_mixed_stations_give_the_same_plays(
    app: App, aired: dict[str, Aired], in_order: dict[str, bytes]
) -> None:
    forget(app)
    segments = [path for station in aired.values() for path in station.segments]
    random.Random(1).shuffle(segments)
    hear(app, segments)
    assert {name: written(app, name) for name in aired} == in_order


def test_every_segment_twice_and_some_late_gives_the_same_plays(
    app: App, aired: dict[str, Aired], in_order: dict[str, bytes]
) -> None:
    forget(app)
    segments = [path for station in aired.values() for path in station.segments]
    late = segments[5::9]
    hear(app, [path for path in segments if path not in late])
    assert {name: written(app, name) for name in aired} != in_order
    again = [*segments, *late]
    random.Random(2).shuffle(again)
    hear(app, again)
    assert {name: written(app, name) for name in aired} == in_order


def test_the_day_is_reported_in_every_format(
    app: App, aired: dict[str, Aired], in_order: dict[str, bytes]
) -> None:
    for name, station in aired.items():
        paths = [Path(path) for path in app.report(name, START.date())]
        assert sorted(path.suffix for path in paths) == [".csv", ".html", ".json"]
        assert all(path.stat().st_size > 200 for path in paths)
        document = json.loads(next(path for path in paths if path.suffix == ".json").read_text())
        told = [play["title"] for play in document["plays"]]
        assert told == [play["title"] for play in json.loads(in_order[name])]
        heard_s = document["airtime"]["heard_s"]
        assert heard_s == pytest.approx(12 * len(station.segments), abs=13)
    assert {Path(path).suffix for path in app.report_index()} == {".html"}


def test_ten_minutes_of_music_that_is_not_known_give_no_play(app: App, tmp_path: Path) -> None:
    pieces = [compose(8_200 + seed, 100.0, 22_050)[0] for seed in range(6)]
    stream = np.concatenate(pieces).mean(axis=1, dtype=np.float32)
    path = tmp_path / "strangers.ts"
    encode(stream, 22_050, path, bitrate=96_000)
    with app.open_audio(path) as audio:
        heards = app.hear(audio, "strangers", START, path.name)
    assert sum(heard.duration_s for heard in heards) == pytest.approx(600, abs=1)
    assert app.plays("strangers", START, START + timedelta(hours=1)) == []
    assert max((m.confidence for heard in heards for m in heard.matches), default=0.0) < 0.9
