"""What is found of short excerpts after codecs, noise, talk and warps, and what wrongly."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
from benchmarks.answers import (
    COLUMNS,
    NO_ANSWER,
    Answer,
    Cell,
    as_rows,
    cells,
    is_found,
    threshold,
)
from benchmarks.engine import EPOCH, Engine, open_engine
from benchmarks.queries import LENGTHS_S, Excerpt, Queries, Query
from benchmarks.results import Entry, Measure, Section, Table
from benchmarks.targets import ALL_KINDS, FALSE_RATE, OPEN_RATE

from songid.model import Play
from songid.progress import Progress
from songid.worker_processes import worker_pool


def measure_recall(
    store: Path,
    queries: Queries,
    known: Sequence[Excerpt],
    unknown: Sequence[Excerpt],
    names: Sequence[str],
    *,
    left_out: Collection[str] = (),
    workers: int | None = None,
) -> Section:
    """Ask the catalogue in a folder every query of these excerpts under these distortions.

    left_out: files held out as unknown that proved to be known; they are asked nothing.
    """
    workers = workers or os.cpu_count() or 1
    with Progress() as progress:
        # All of them, so that what is left out this time is there the next.
        built = queries.build([*known, *unknown], names, workers, progress)
        excerpts = [*known, *(e for e in unknown if e.file.name not in left_out)]
        answers = _ask_all(store, queries, excerpts, names, workers, progress)
    section = summary(answers, names)
    section.details["queries_built"] = built
    section.details["queries_identity"] = queries.identity
    return section


def summary(answers: Sequence[Answer], names: Sequence[str]) -> Section:
    """The answers' tables and numbers."""
    found, thresholds = cells(answers, names, LENGTHS_S, FALSE_RATE)
    section = Section("Recall", _material(answers, names))
    for length_s in LENGTHS_S:
        section.measures += _of_length([a for a in answers if a.length_s == length_s], length_s)
    section.measures += _of_all(answers)
    section.measures += [
        Measure(
            f"recall of {cell.length_s:.0f} s, {cell.distortion}",
            cell.recall,
            at_least=cell.target,
            trials=cell.known,
            in_table=True,
        )
        for cell in found
    ]
    section.tables = [_at_rate(found, names), _at_own(found, names)]
    section.details = {
        "false_rate": FALSE_RATE,
        "thresholds": {f"{length_s:.0f}": list(t) for length_s, t in thresholds.items()},
        "cells": [asdict(c) | {"recall": c.recall, "reached": c.reached} for c in found],
        "columns": list(COLUMNS),
        "queries": as_rows(answers),
    }
    return section


def answer(engine: Engine, query: Query) -> Answer:
    """Ask one query; what was reported, and the best that was not."""
    samples = query.samples.astype(np.float32) / np.float32(32768)
    begun = process_time()
    heards = engine.hear_decoded(samples)
    reported = engine.plays(heards)
    cpu_ms = 1000 * (process_time() - begun)
    title, known = query.excerpt.file.name, query.excerpt.known
    right: list[Play] = []
    wrong: list[Play] = []
    for play in engine.plays(heards, accept=0.0):
        is_right = known and engine.titles[play.recording_id] == title
        (right if is_right else wrong).append(play)
    best = max(right, key=_rank, default=None)
    best_wrong = max((_rank(play) for play in wrong), default=NO_ANSWER)
    rank = best_wrong if not known else _rank(best) if best else NO_ANSWER
    names = [engine.titles[play.recording_id] for play in reported]
    return Answer(
        known=known,
        number=query.excerpt.number,
        title=title,
        distortion=query.distortion,
        length_s=query.length_s,
        confidence=rank[0],
        score=rank[1],
        wrong_confidence=best_wrong[0],
        wrong_score=best_wrong[1],
        found=known and title in names,
        offset_error_s=_offset_error_s(best, query) if best else None,
        wrong=tuple(sorted({name for name in names if not known or name != title})),
        cpu_ms=round(cpu_ms, 3),
    )


def _offset_error_s(play: Play, query: Query) -> float:
    at_s = (play.start - EPOCH) / timedelta(seconds=1)
    return round(abs(play.offset_s - query.offset_s - at_s * query.tempo), 4)


def _rank(play: Play) -> tuple[float, float]:
    return play.confidence, play.score


_engines: list[Engine] = []
_queries: list[Queries] = []
_open = ExitStack()
"""What this process asks and is asked, in worker processes; it ends with them."""


def _begin(store: Path, queries: Queries) -> None:
    _engines[:] = [_open.enter_context(open_engine(store))]
    _queries[:] = [queries]


def _ask(excerpt: Excerpt, names: Sequence[str]) -> list[Answer]:
    return [answer(_engines[0], query) for query in _queries[0].of(excerpt, names)]


def _ask_all(
    store: Path,
    queries: Queries,
    excerpts: Sequence[Excerpt],
    names: Sequence[str],
    workers: int,
    progress: Progress,
) -> list[Answer]:
    task = progress.task("asking", len(excerpts) * len(names) * len(LENGTHS_S))
    answers: list[Answer] = []
    with worker_pool(workers, _begin, store, queries) as pool:
        for some in pool.map(_ask, excerpts, [names] * len(excerpts)):
            answers += some
            task.advance(len(some))
    return answers


def _material(answers: Sequence[Answer], names: Sequence[str]) -> str:
    known = len({a.number for a in answers if a.known})
    unknown = len({a.number for a in answers if not a.known})
    return (
        f"{known} excerpts of known and {unknown} of unknown music, {len(names)} distortions, "
        f"{len(answers):,} queries"
    )


def _of_length(answers: Sequence[Answer], length_s: float) -> list[Measure]:
    known = [a for a in answers if a.known]
    unknown = [a for a in answers if not a.known]
    of, ten = f"of {length_s:.0f} s, all kinds", length_s == 10
    named = [a for a in answers if a.found or a.wrong]

    def recall(rate: float) -> float:
        above = threshold(unknown, rate)
        return _share([is_found(a, above) for a in known])

    return [
        Measure(
            f"recall {of}, at {FALSE_RATE:.1%} false positives",
            recall(FALSE_RATE),
            trials=len(known),
        ),
        Measure(
            f"recall {of}, at {OPEN_RATE:.0%} false positives",
            recall(OPEN_RATE),
            at_least=ALL_KINDS if ten else None,
            trials=len(known),
        ),
        Measure(
            f"recall {of}, at songid's own threshold",
            _share([a.found for a in known]),
            trials=len(known),
        ),
        Measure(
            f"unknown music named, {length_s:.0f} s, own threshold",
            _share([bool(a.wrong) for a in unknown]),
            at_most=FALSE_RATE,
            trials=len(unknown),
        ),
        Measure(
            f"precision {of}, own threshold",
            _share([not a.wrong for a in named]),
            trials=len(named),
        ),
    ]


def _of_all(answers: Sequence[Answer]) -> list[Measure]:
    found = [a for a in answers if a.found]
    errors_s = [a.offset_error_s for a in found if a.offset_error_s is not None]
    known_ms = [a.cpu_ms for a in answers if a.known and a.length_s == 10]
    unknown_ms = [a.cpu_ms for a in answers if not a.known and a.length_s == 10]
    return [
        Measure("found at the right place, of those found", _share([a.placed for a in found])),
        Measure("error of offsets, median", median(errors_s) if errors_s else _NAN, "s"),
        Measure("error of offsets, 95 % at most", _percentile(errors_s, 95), "s"),
        Measure("known 10 s, median CPU after decoding", _percentile(known_ms, 50), "ms"),
        Measure("known 10 s, 95 % at most", _percentile(known_ms, 95), "ms"),
        Measure("unknown 10 s, median CPU after decoding", _percentile(unknown_ms, 50), "ms"),
    ]


_NAN = float("nan")


def _share(each: Sequence[bool]) -> float:
    return sum(each) / len(each) if each else _NAN


def _percentile(values: Sequence[float], percent: float) -> float:
    return float(np.percentile(values, percent)) if values else _NAN


def _at_rate(found: Sequence[Cell], names: Sequence[str]) -> Table:
    def entry(cell: Cell) -> Entry:
        wanted = "" if cell.target is None else f" ≥{cell.target:.2f}"
        return Entry(f"{cell.recall:.2f} ({cell.low:.2f}-{cell.high:.2f}){wanted}", cell.reached)

    return _table(
        f"recall at no more than {FALSE_RATE:.1%} false positives on unknown music "
        f"(95 % interval of {found[0].known if found else 0}), target",
        found,
        names,
        entry,
    )


def _at_own(found: Sequence[Cell], names: Sequence[str]) -> Table:
    def entry(cell: Cell) -> Entry:
        of, unknown = max(1, cell.known), f"{cell.named}/{cell.unknown}"
        return Entry(f"{cell.found / of:.2f}  {cell.placed / of:.2f}  {unknown}")

    title = "at songid's own threshold: recall, of that at the right place, unknown music named"
    return _table(title, found, names, entry)


def _table(
    title: str, found: Sequence[Cell], names: Sequence[str], entry: Callable[[Cell], Entry]
) -> Table:
    by_cell = {(cell.distortion, cell.length_s): cell for cell in found}
    rows = [
        (Entry(name), *(entry(by_cell[name, length_s]) for length_s in LENGTHS_S)) for name in names
    ]
    return Table(title, ("", *(f"{length_s:.0f} s" for length_s in LENGTHS_S)), tuple(rows))
