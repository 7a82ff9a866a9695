"""Real streams from a server on this machine, each listened to for some seconds, all at once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
from stream_material import (
    RATE_HZ,
    Hls,
    Mount,
    StreamServer,
    music,
    ogg_pages,
    packets,
    silent_port,
    stream_server,
    where,
)

from songid.schemas import load_schema
from songid.segmenter.events import Beat, StreamEvent, What
from songid.segmenter.placing import PlacingRules
from songid.segmenter.worker import StationPlan, Worker
from songid.settings import Settings
from songid.stations import parse_segment_name
from songid.testing.codecs import decode

LISTENED_S = 11.0
SEGMENT_S = 2
QUICK = PlacingRules(settle_s=1.0, pause_s=1.2, longest_s=3.0)
LENGTH_S = 60.0


@dataclass
class Station:
    """A worker with what it said and wrote; `air_s` is when its stream's beginning aired."""

    plan: StationPlan
    air_s: float
    events: list[StreamEvent] = field(default_factory=list)
    beats: int = 0

    def run(self, until_s: float) -> None:
        Worker(self.plan, self.hear, lambda: time.time() >= until_s).run()

    def hear(self, message: StreamEvent | Beat) -> None:
        if isinstance(message, Beat):
            self.beats += 1
        else:
            self.events.append(message)

    def said(self, what: What) -> list[dict[str, object]]:
        return [event.details for event in self.events if event.what is what]

    def files(self, suffix: str) -> list[Path]:
        folder = Path(self.plan.to.removeprefix("folder:")) / "songs_to_check/streams"
        return sorted(path for path in folder.iterdir() if path.name.endswith(suffix))

    def placed(self, suffix: str = ".ts", seed: int = 401) -> list[tuple[float, float, float]]:
        """Of each segment: where its name puts it, where its sound is, its length; seconds."""
        found = []
        for path in self.files(suffix):
            samples = decode(path.read_bytes(), RATE_HZ)
            if len(samples) < RATE_HZ * 0.9:
                continue  # too little to find again
            at_s, alike = where(samples, music(LENGTH_S, seed))
            if alike < 0.9:
                continue  # of another piece
            named = parse_segment_name(path.name)
            assert named is not None and named.time is not None
            found.append((named.time.timestamp() - self.air_s, at_s, len(samples) / RATE_HZ))
        return found


@pytest.fixture(scope="module")
def server() -> Iterator[StreamServer]:
    with stream_server() as started:
        yield started


@pytest.fixture(scope="module")
def stations(server: StreamServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Station]:
    folder = tmp_path_factory.mktemp("streams")
    made: dict[str, Station] = {}
    mp3, aac = packets("mp3", LENGTH_S), packets("aac", LENGTH_S)
    pages = ogg_pages((2.0, 401, "one"), (LENGTH_S, 402, "two"))
    hls = Hls("ts", LENGTH_S, 0.0, latency_s=5.0)
    silent = silent_port()

    def add(name: str, path: str, air_s: float, timeout_s: float = 6.0) -> None:
        url = path if "://" in path else server.url(path)
        made[name] = Station(
            StationPlan(
                settings=Settings(),
                station=name,
                url=url,
                to=f"folder:{folder}/{name}/inbox",
                spool=folder / name / "spool",
                spool_bytes=10**9,
                timeout_s=timeout_s,
                segment_s=SEGMENT_S,
                backoff_s=0.1,
                placing=QUICK,
                placing_in_pieces=PlacingRules(1.0, 60.0, 3.0),
            ),
            air_s,
        )

    now_s = time.time()
    air_s = now_s - 10.3
    titles = ((0.0, "First - One"), (14.0, "Second - Two"))
    server.mounts["/mp3"] = Mount(
        mp3, titles=titles, metaint=1000, faults=["drop 4", "404"], air_s=air_s
    )
    add("mp3", "/mp3", air_s)
    server.mounts["/aac"] = Mount(aac, "audio/aac", status_line="ICY 200 OK", air_s=air_s)
    server.files["/aac.pls"] = ("audio/x-scpls", b"[playlist]\nFile1=moved\n")
    server.files["/moved"] = "/aac"
    add("aac", "/aac.pls", air_s)
    server.mounts["/hangs"] = Mount(mp3, faults=["hang 3"], air_s=air_s)
    add("hangs", "/hangs", air_s, timeout_s=1.0)
    server.mounts["/stops"] = Mount(mp3, off_air=(14.0, 17.0), air_s=air_s)
    add("stops", "/stops", air_s)
    server.mounts["/ogg"] = Mount(pages, "application/ogg", burst_s=1e9, air_s=now_s)
    add("ogg", "/ogg", now_s)
    hls.air_s = now_s - 17.0
    add("hls", hls.put_on(server), hls.air_s)
    add("silent", f"tcp://127.0.0.1:{silent.getsockname()[1]}", now_s, timeout_s=1.0)
    threads = [
        threading.Thread(target=each.run, args=(now_s + LISTENED_S,)) for each in made.values()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    silent.close()
    return made


@pytest.mark.parametrize("name", ["mp3", "aac", "hangs", "stops", "hls"])
def test_segments_hold_what_was_on_air_when_their_names_say(
    stations: dict[str, Station], name: str
) -> None:
    placed = stations[name].placed()
    assert len(placed) >= 3
    for named_s, found_s, _ in placed:
        # The sound stands a frame of the encoder's delay further back; then comes the way here.
        assert found_s - named_s == pytest.approx(-0.05, abs=0.35)


@pytest.mark.parametrize(("name", "suffix"), [("aac", ".ts"), ("hls", ".ts"), ("ogg", ".ogg")])
def test_nothing_is_lost_or_doubled_from_one_segment_to_the_next(
    stations: dict[str, Station], name: str, suffix: str
) -> None:
    placed = stations[name].placed(suffix, seed=402 if name == "ogg" else 401)
    assert len(placed) >= 2
    for (_, found_s, length_s), (_, next_s, _) in pairwise(placed):
        assert next_s - found_s == pytest.approx(length_s, abs=0.03)


@pytest.mark.parametrize("name", ["mp3", "aac", "hangs", "stops", "hls", "ogg"])
def test_segments_begin_on_the_clocks_grid_but_after_a_gap(
    stations: dict[str, Station], name: str
) -> None:
    starts = [path.name for path in stations[name].files(".ogg" if name == "ogg" else ".ts")]
    after_a_gap = 1 + len(stations[name].said(What.GAP)) + len(stations[name].said(What.TROUBLE))
    times = [parse_segment_name(start) for start in starts]
    seconds = [each.time.timestamp() for each in times if each and each.time]
    assert len(seconds) == len(starts) >= 3
    assert sum(second % SEGMENT_S != 0 for second in seconds) <= after_a_gap


def test_a_stream_that_ends_is_connected_again_and_the_gap_has_its_causes(
    stations: dict[str, Station],
) -> None:
    station = stations["mp3"]
    assert [each["cause"] for each in station.said(What.TROUBLE)] == [
        "the stream ended",
        "HTTP 404 Not Found",
    ]
    assert len(station.said(What.CONNECTED)) == 2
    for path in station.files(".gap.json"):
        document = json.loads(path.read_bytes())
        jsonschema.validate(document, load_schema("gap"))
        assert document["cause"] == "the stream ended; HTTP 404 Not Found"
        assert document["duration_s"] < 3


def test_a_stream_from_which_nothing_comes_any_more_is_given_up(
    stations: dict[str, Station],
) -> None:
    station = stations["hangs"]
    assert station.said(What.TROUBLE)[0]["cause"] == "no data for 1 s"
    assert len(station.said(What.CONNECTED)) == 2


def test_a_station_that_fell_silent_is_a_gap_and_what_follows_is_in_its_place(
    stations: dict[str, Station],
) -> None:
    station = stations["stops"]
    (gap,) = station.said(What.GAP)
    assert "the stream stood still for" in str(gap["cause"])
    assert gap["duration_s"] == pytest.approx(3.0, abs=1.1)
    assert len(station.said(What.CONNECTED)) == 1
    before = [each for each in station.placed() if each[0] < 14]
    after = [each for each in station.placed() if each[0] > 14]
    assert before and after


def test_where_ffmpeg_waits_in_vain_it_is_told(stations: dict[str, Station]) -> None:
    causes = [each["cause"] for each in stations["silent"].said(What.TROUBLE)]
    assert causes and set(causes) == {"no data for 1 s"}
    assert stations["silent"].beats


def test_titles_are_carried_along(stations: dict[str, Station]) -> None:
    station = stations["mp3"]
    documents = [json.loads(path.read_bytes()) for path in station.files(".title.json")]
    for document in documents:
        jsonschema.validate(document, load_schema("title"))
    assert [document["title"] for document in documents] == ["First - One", "Second - Two"]
    assert [each["title"] for each in stations["ogg"].said(What.TITLE)] == ["one", "two"]
    (path, *_) = stations["ogg"].files(".ogg")
    assert b"title=one" in path.read_bytes()


def test_everything_is_delivered_and_the_spool_is_empty(stations: dict[str, Station]) -> None:
    for station in stations.values():
        if station.plan.station == "silent":
            continue
        left = [path.name for path in station.plan.spool.iterdir() if path.suffix]
        assert left == []
        written = {each["name"] for each in station.said(What.SEGMENT)}
        suffix = ".ogg" if station.plan.station == "ogg" else ".ts"
        assert written == {path.name for path in station.files(suffix)}
