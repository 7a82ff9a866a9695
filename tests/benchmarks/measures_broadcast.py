"""Whole broadcasts in 12-second segments, held against what was aired."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from benchmarks.engine import Engine
from benchmarks.measures_speed import decode_bare
from benchmarks.resources import stopwatch
from benchmarks.results import Measure, Section

from songid.model import Heard, Samples
from songid.testing.broadcasts import SEGMENT_S, Broadcast, Song, Voices, build_broadcast
from songid.testing.comparison import Comparison, Row, compare, describe
from songid.testing.programmes import plan_programme
from songid.testing.segments import write_segments

EDGE_S = 2.0
"""How near a start or end is to be."""
AUDIBLE_S = 5.0
"""No play is asked for of a song that is heard for less."""

_START = datetime(2025, 3, 1, 6, 0, tzinfo=UTC)


def measure_broadcasts(
    engine: Engine,
    indexed: Sequence[Path],
    unknown: Sequence[Path],
    speech: Sequence[Samples],
    folder: Path,
    *,
    hours: float,
    stations: int = 2,
) -> Section:
    """`hours` in all, shared by the stations; every segment is decoded and heard once.

    The same segments are first decoded and thrown away, which any program has to pay. The
    journal is read in order, shuffled, and with all entries twice: the plays must be the
    same to the byte.
    """
    results: list[Comparison] = []
    same, listened_s, cpu_s, bare_s, wrong_s = True, 0.0, 0.0, 0.0, 0.0
    lines: list[str] = []
    for number in range(stations):
        broadcast = _build(number, indexed, unknown, speech, hours * 3600 / stations)
        segments = folder / broadcast.station
        paths = write_segments(broadcast, segments)
        decode_bare(paths[0])  # what is done once by a process is not the measure
        with stopwatch() as bare:
            for path in paths:
                decode_bare(path)
        bare_s += bare.cpu_s
        with stopwatch() as watch:
            heards = _listen(engine, broadcast, paths)
            plays = engine.plays(heards)
        shutil.rmtree(segments)
        cpu_s += watch.cpu_s
        listened_s += sum(heard.duration_s for heard in heards)
        shuffled = random.Random(number).sample(heards, len(heards))
        same &= repr(engine.plays(shuffled)) == repr(plays)
        same &= repr(engine.plays(heards + shuffled)) == repr(plays)
        results.append(compare(broadcast.truth, plays, engine.titles, broadcast.start))
        wrong_s += results[-1].wrong_s
        lines += [f"{broadcast.station}:", *describe(results[-1]).splitlines()]
        lines += [
            f"false: {engine.titles[p.recording_id]} at {(p.start - broadcast.start)} "
            f"for {p.duration_s:.0f} s, score {p.score:.1f}"
            for p in results[-1].false_plays
        ]
    known_s = sum(r.known_s for r in results)
    rows = [row for result in results for row in result.rows]
    pooled = Comparison(known_s, sum(r.right_s for r in results), wrong_s, tuple(rows), ())
    return Section(
        "Broadcasts in 12 s segments",
        f"{stations} stations, {listened_s / 3600:.2f} hours heard, {len(rows)} songs aired",
        [
            Measure("known airtime right", 100 * pooled.right_share, "%", at_least=99),
            *edges(rows),
            Measure("false plays", sum(len(r.false_plays) for r in results), at_most=0),
            Measure("airtime reported wrong", wrong_s, "s"),
            Measure("error of starts, median", pooled.start_error_s, "s"),
            Measure("error of ends, median", pooled.end_error_s, "s"),
            Measure("error of offsets, median", pooled.offset_error_s, "s"),
            Measure("same plays shuffled and doubled (1: yes)", float(same), at_least=1),
            Measure("CPU over bare decoding of its segments", cpu_s / bare_s, "times", at_most=3),
            Measure("listening", listened_s / cpu_s, "x real time"),
        ],
        lines=lines,
        details={
            "rows": [asdict(row) for row in rows],
            "cpu_s": cpu_s,
            "bare_cpu_s": bare_s,
        },
    )


def edges(rows: Sequence[Row]) -> list[Measure]:
    """How many of the songs aired were found, and how many of their starts and ends.

    A song of which a hole left less than AUDIBLE_S is not asked for; a start or end that
    was not reported is not within any time.
    """
    asked = [row for row in rows if row.audible_s >= AUDIBLE_S]
    starts = [row.start_error_s for row in asked]
    ends = [row.end_error_s for row in asked]
    both = starts + ends
    near = [error is not None and abs(error) <= EDGE_S for error in both]
    sizes = [abs(error) for error in both if error is not None]
    return [
        Measure(
            "songs aired that were found",
            _share([row.plays > 0 for row in asked]),
            at_least=1,
            trials=len(asked),
        ),
        Measure(
            f"starts and ends within {EDGE_S:.0f} s", _share(near), at_least=0.95, trials=len(near)
        ),
        Measure(
            "error of starts and ends, 95 % at most",
            float(np.percentile(sizes, 95)) if sizes else float("nan"),
            "s",
        ),
    ]


def _share(each: Sequence[bool]) -> float:
    return sum(each) / len(each) if each else float("nan")


def _build(
    number: int,
    indexed: Sequence[Path],
    unknown: Sequence[Path],
    speech: Sequence[Samples],
    length_s: float,
) -> Broadcast:
    known = [Song(path.name, path) for path in indexed]
    strangers = [Song(path.name, path, known=False) for path in unknown]
    programme = plan_programme(known, strangers, length_s, seed=number)
    return build_broadcast(
        f"bench_{number + 1}",
        _START,
        programme,
        holes_s=[(length_s * 0.4, length_s * 0.4 + 60)],
        voices=Voices(number, speech),
    )


def _listen(engine: Engine, broadcast: Broadcast, paths: Sequence[Path]) -> list[Heard]:
    heards: list[Heard] = []
    for path in paths:
        number = int(path.name.split(".")[-2])
        start = broadcast.start + timedelta(seconds=number * SEGMENT_S)
        heards += engine.hear(path, station=broadcast.station, start=start)
    return heards
