"""What is found of short excerpts after codecs and noise, and what is found wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
from benchmarks.engine import EPOCH, Engine, excerpt
from benchmarks.results import Measure, Section

from songid.model import Samples
from songid.testing.broadcasts import RATE_HZ
from songid.testing.codecs import decode
from songid.testing.distortions import DISTORTIONS, Distortion

LENGTHS_S = (5.0, 10.0, 20.0)
FIRST_TABLE = ("clean AAC/TS", "MP3 32 kbit/s", "white noise 0 dB")
# Where an excerpt lies in a song that repeats itself cannot be told to the second.
_OFFSET_TOLERANCE_S = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One excerpt and its answer: the recordings played, and whether that is right."""

    distortion: str
    length_s: float
    title: str
    offset_s: float
    known: bool
    found: bool
    placed: bool
    wrong: tuple[str, ...]


def measure_recall(
    engine: Engine,
    indexed: Sequence[Path],
    unknown: Sequence[Path],
    *,
    excerpts: int,
    names: Sequence[str] = FIRST_TABLE,
) -> Section:
    """So many excerpts of known music per cell of the table, and half as many of unknown."""
    asked: list[Asked] = []
    for known, files, count in ((True, indexed, excerpts), (False, unknown, excerpts // 2)):
        rng = np.random.default_rng(20 + known)
        for number in range(count):
            path = files[number % len(files)]
            samples = decode(path.read_bytes(), RATE_HZ)
            longest, offset_s = excerpt(samples, max(LENGTHS_S), RATE_HZ, rng)
            for name in names:
                asked += [
                    _ask(engine, path.name, known, longest, length_s, offset_s, name, number)
                    for length_s in LENGTHS_S
                ]
    section = Section(
        "Recall",
        f"{excerpts} excerpts of known and {excerpts // 2} of unknown music per cell",
        details={
            "cells": _cells(asked, names),
            "missed": [asdict(a) for a in asked if a.known and not a.found],
            "false": [asdict(a) for a in asked if a.wrong],
        },
    )
    section.lines = _table(asked, names)
    for name in names[:2]:
        cell = [a for a in asked if a.known and a.distortion == name and a.length_s == 10.0]
        section.measures.append(
            Measure(f"recall of 10 s, {name}", _share(cell, "found"), at_least=1.0)
        )
    strangers = [a for a in asked if not a.known]
    section.measures += [
        Measure("excerpts of unknown music that were named", _named(strangers), at_most=0.0),
        Measure("wrong names among excerpts of known music", _named([a for a in asked if a.known])),
    ]
    return section


def _ask(
    engine: Engine,
    title: str,
    known: bool,
    longest: Samples,
    length_s: float,
    offset_s: float,
    name: str,
    seed: int,
) -> Asked:
    # The same middle for all lengths: a longer excerpt then only has more to go by.
    spare = max(0, len(longest) - round(length_s * RATE_HZ)) // 2
    part = longest[spare : spare + round(length_s * RATE_HZ)]
    distort: Distortion = DISTORTIONS[name]
    plays = engine.plays(engine.hear_samples(distort(part, RATE_HZ, seed)))
    begins_s = offset_s + spare / RATE_HZ
    right = [p for p in plays if known and engine.titles[p.recording_id] == title]
    placed = any(
        abs(p.offset_s - begins_s - (p.start - EPOCH) / timedelta(seconds=1)) < _OFFSET_TOLERANCE_S
        for p in right
    )
    wrong = tuple(
        engine.titles[p.recording_id] for p in plays if engine.titles[p.recording_id] != title
    )
    return Asked(name, length_s, title, round(begins_s, 2), known, bool(right), placed, wrong)


def _table(asked: Sequence[Asked], names: Sequence[str]) -> list[str]:
    head = "".join(f"{f'{length:.0f} s':>22}" for length in LENGTHS_S)
    lines = [f"{'recall (right place; unknown named)':<36}{head}"]
    for name in names:
        cells = ""
        for length_s in LENGTHS_S:
            cell = [a for a in asked if a.distortion == name and a.length_s == length_s]
            known = [a for a in cell if a.known]
            named = _named([a for a in cell if not a.known])
            text = f"{_share(known, 'found'):.2f} ({_share(known, 'placed'):.2f}; {named:.2f})"
            cells += f"{text:>22}"
        lines.append(f"{name:<36}{cells}")
    return lines


def _cells(asked: Sequence[Asked], names: Sequence[str]) -> list[dict[str, object]]:
    cells: list[dict[str, object]] = []
    for name in names:
        for length_s in LENGTHS_S:
            cell = [a for a in asked if a.distortion == name and a.length_s == length_s]
            known = [a for a in cell if a.known]
            cells.append(
                {
                    "distortion": name,
                    "length_s": length_s,
                    "recall": _share(known, "found"),
                    "right_place": _share(known, "placed"),
                    "unknown_named": _named([a for a in cell if not a.known]),
                }
            )
    return cells


def _share(asked: Sequence[Asked], what: str) -> float:
    return sum(getattr(a, what) for a in asked) / len(asked) if asked else float("nan")


def _named(asked: Sequence[Asked]) -> float:
    return sum(bool(a.wrong) for a in asked) / len(asked) if asked else float("nan")
