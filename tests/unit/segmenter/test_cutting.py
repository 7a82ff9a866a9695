from __future__ import annotations

import math
from pathlib import Path

import av
import pytest
from stream_material import RATE_HZ, packets

from songid.segmenter.cutting import Cutter, Segment
from songid.segmenter.notes import Gap, Title
from songid.segmenter.placing import Placed
from songid.segmenter.positions import TICKS_HZ
from songid.segmenter.reading import Received
from songid.segmenter.segment_file import Template
from songid.segmenter.spool import Past, Spool
from songid.stations import parse_segment_name
from songid.testing.codecs import decode

GRID_S = 1_700_000_004.0
"""A multiple of twelve."""


NOTHING = Past()


class Station:
    """A cutter with a spool, fed by the second."""

    def __init__(self, folder: Path, past: Past = NOTHING) -> None:
        file = folder / "stream.mp3"
        self.packets = packets("mp3", 60.0)
        file.write_bytes(b"".join(data for data, _ in self.packets))
        with av.open(str(file)) as container:
            self.template = Template(container.streams.audio[0])
        self.spool = Spool(folder / "spool", "one", most_bytes=10**9)
        self.told: list[Segment | Gap | Title] = []
        self.cutter = Cutter("one", self.spool, 12, self.told.append, past)
        self.number = 0
        self.position = 0

    def air(
        self, start_s: float, seconds: float, *, broken: str = "", title: str | None = None
    ) -> float:
        """Packets from `start_s` on for so many seconds; where they end."""
        at_s = start_s
        while at_s < start_s + seconds:
            data, length_s = self.packets[self.number % len(self.packets)]
            ticks = round(length_s * TICKS_HZ)
            received = Received(data, self.template, self.position, ticks, 0.0, title)
            self.cutter.add(Placed(received, at_s, length_s, broken))
            self.number += 1
            self.position += ticks
            at_s += length_s
            broken = ""
        return at_s

    @property
    def segments(self) -> list[Segment]:
        return [each for each in self.told if isinstance(each, Segment)]

    @property
    def gaps(self) -> list[Gap]:
        return [each for each in self.told if isinstance(each, Gap)]

    def spans(self) -> list[tuple[float, float]]:
        """Start and length of each segment, from the grid's moment on."""
        return [(each.start_s - GRID_S, round(each.duration_s, 1)) for each in self.segments]


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path)


def test_segments_begin_on_the_clocks_grid_and_lose_no_packet(station: Station) -> None:
    station.air(GRID_S + 3.4, 32)
    station.cutter.stop("over")
    assert station.spans() == [(4.0, 8.0), (12.0, 12.0), (24.0, 11.4)]
    assert station.gaps == []
    names = [path.name for path in station.spool.ready()]
    assert names == [each.name for each in station.segments]
    for each in station.segments:
        parsed = parse_segment_name(each.name)
        assert parsed is not None and parsed.station == "one" and parsed.counter is None
        assert parsed.start() is not None and parsed.start().timestamp() == each.start_s
    total_s = sum(each.duration_s for each in station.segments)
    dropped = math.ceil(0.6 / station.packets[0][1])
    lengths_s = [length_s for _, length_s in station.packets[: station.number]]
    assert total_s == pytest.approx(sum(lengths_s[dropped - 1 :]), abs=0.06)
    found_s = [len(decode(path.read_bytes(), RATE_HZ)) / RATE_HZ for path in station.spool.ready()]
    assert found_s == pytest.approx([each.duration_s for each in station.segments], abs=0.03)


def test_a_break_ends_the_segment_and_the_gap_is_told_with_its_causes(station: Station) -> None:
    end_s = station.air(GRID_S, 5.0)
    station.cutter.interrupt("no data for 15 s")
    station.cutter.interrupt("connection refused")
    station.cutter.interrupt("connection refused")
    station.air(GRID_S + 40.2, 3.0)
    station.cutter.stop("over")
    assert station.spans() == [(0.0, 5.0), (41.0, 2.2)]
    (gap,) = station.gaps
    assert gap == Gap(
        "one", pytest.approx(end_s), GRID_S + 41, "no data for 15 s; connection refused"
    )


def test_what_comes_twice_is_kept_once(station: Station) -> None:
    station.air(GRID_S, 7.2)
    station.cutter.interrupt("the stream ended")
    # Connected again within a second: the server sends its last five seconds again.
    station.air(GRID_S + 3.0, 9.0)
    station.cutter.stop("over")
    assert station.spans() == [(0.0, 7.2), (8.0, 4.0)]
    assert [gap.end_s - gap.start_s for gap in station.gaps] == [pytest.approx(0.8, abs=0.06)]


def test_a_seam_without_a_hole_ends_nothing(station: Station) -> None:
    end_s = station.air(GRID_S, 5.0)
    station.air(end_s + 0.01, 5.0, broken="discontinuity: the stream's timestamps began anew")
    station.cutter.stop("over")
    assert station.spans() == [(0.0, 10.0)]
    assert station.gaps == []


def test_a_hole_within_the_stream_is_a_gap(station: Station) -> None:
    station.air(GRID_S, 5.0)
    station.air(GRID_S + 9.0, 2.0, broken="the stream stood still for 4.0 s")
    station.cutter.stop("over")
    assert station.spans() == [(0.0, 5.0), (9.0, 2.0)]
    assert station.gaps[0].cause == "the stream stood still for 4.0 s"


def test_the_gap_since_the_last_run_is_told(tmp_path: Path) -> None:
    station = Station(tmp_path, Past(GRID_S - 100, "songid listen was not running"))
    station.air(GRID_S, 1.0)
    (gap,) = station.gaps
    assert (gap.start_s, gap.end_s) == (GRID_S - 100, GRID_S)
    assert gap.cause == "songid listen was not running"


def test_until_when_it_was_recorded_is_kept_for_the_next_run(station: Station) -> None:
    end_s = station.air(GRID_S, 3.0)
    station.cutter.stop("songid listen was not running")
    assert station.spool.recall() == Past(pytest.approx(end_s), "songid listen was not running")


def test_a_clock_set_back_far_begins_times_anew(station: Station) -> None:
    station.air(GRID_S, 5.0)
    station.cutter.set_clock(-3600.0)
    station.air(GRID_S + 5.0 - 3600, 3.0, broken="this machine's clock was set back by 3600.0 s")
    station.cutter.stop("over")
    assert station.spans() == [(0.0, 5.0), (-3594.0, 2.0)]


def test_a_clock_set_back_a_little_is_waited_for(station: Station) -> None:
    station.air(GRID_S, 5.0)
    station.cutter.set_clock(-2.0)
    station.air(GRID_S + 3.0, 5.0, broken="this machine's clock was set back by 2.0 s")
    station.cutter.stop("over")
    assert station.spans() == [(0.0, 5.0), (6.0, 2.0)]


def test_what_is_too_short_to_hear_anything_in_is_dropped(station: Station) -> None:
    station.air(GRID_S + 11.0, 1.3)
    station.cutter.stop("over")
    assert station.spans() == [(11.0, 1.0)]
    assert len(station.spool.ready()) == 1


def test_titles_are_told_when_they_change(station: Station) -> None:
    at_s = station.air(GRID_S, 1.0)
    at_s = station.air(at_s, 1.0, title="A - B")
    station.air(at_s, 1.0, title="A - B")
    station.cutter.interrupt("the stream ended")
    at_s = station.air(GRID_S + 5, 1.0)
    at_s = station.air(at_s, 1.0, title="A - B")
    station.air(at_s, 1.0, title="")
    titles = [each for each in station.told if isinstance(each, Title)]
    assert [each.title for each in titles] == ["A - B", ""]
    assert titles[0].at_s == pytest.approx(GRID_S + 1, abs=0.06)
