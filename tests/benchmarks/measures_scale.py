"""What a large catalogue costs, and what it still finds, beside smaller ones of the same kind.

Each catalogue is asked in a process of its own, with a page cache that holds all that is
asked for: so memory is that of one catalogue, and a query asked again is warm.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import median

import numpy as np
from benchmarks.answers import Answer, Cell, as_rows, cells
from benchmarks.engine import Engine, open_engine
from benchmarks.measures_recall import answer
from benchmarks.queries import Excerpt, Queries
from benchmarks.resources import median_cpu_s, own_peak_bytes
from benchmarks.results import Entry, Measure, Section, Table
from benchmarks.targets import FALSE_RATE

from songid.catalogue.catalogue import Catalogue
from songid.listening.hear import Listener
from songid.listening.rules import ListenRules
from songid.model import Samples
from songid.worker_processes import worker_pool

LENGTH_S = 10.0
CLEAN = "clean AAC/TS"

_CACHE_BYTES = 6 << 30
_ASKED = 12
_REPEATS = 3
_KEPT = 0.4
"""Matches are kept from this share of the usual least score on, so that a threshold may be drawn
wherever chance asks for it."""


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU of each query in milliseconds, asked before: of known and of unknown music.

    other_bytes: the peak of the process's memory less what the page cache holds.
    """

    known_ms: list[float]
    unknown_ms: list[float]
    unwarped_known_ms: list[float]
    unwarped_unknown_ms: list[float]
    other_bytes: int
    cached_bytes: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One catalogue, and all that was asked of it. answers: without warps."""

    recordings: int
    postings: int
    volumes: int
    size_bytes: int
    answers: list[Answer]
    costs: Costs


def ask_catalogue(
    store: Path,
    queries: Queries,
    excerpts: Sequence[Excerpt],
    names: Sequence[str],
    left_out: Collection[str],
) -> Asked:
    """Ask the catalogue in a folder in a fresh process; the queries must have been built."""
    excerpts = [each for each in excerpts if each.file.name not in left_out]
    with worker_pool(1, _begin, store, queries) as pool:
        # Costs first: a process's peak of memory is that of all it has done.
        costs = pool.submit(_costs, excerpts).result()
        answers = [a for some in pool.map(_ask, excerpts, [names] * len(excerpts)) for a in some]
    with open_engine(store) as engine:
        recordings = engine.store.recordings()
        volumes = engine.store.volumes()
    return Asked(
        len(recordings),
        sum(volume.postings for volume in volumes),
        len(volumes),
        sum(volume.size_bytes for volume in volumes),
        answers,
        costs,
    )


def summary(real: Asked, smaller: Asked, large: Asked, names: Sequence[str]) -> Section:
    """The large catalogue's numbers beside those of the smaller ones, and their targets."""
    section = Section(
        "A large catalogue",
        f"{large.recordings:,} recordings, {large.postings / 1e6:.1f} million postings, "
        f"{large.volumes} volumes; beside {smaller.recordings:,} and the {real.recordings:,} real",
    )
    of, to = large.costs, smaller.costs
    section.measures = [
        Measure("10 s unknown, no warps: median CPU", median(of.unwarped_unknown_ms), "ms", 60),
        Measure("10 s known, no warps: median CPU", median(of.unwarped_known_ms), "ms", 60),
        Measure("10 s unknown, all warps: median CPU", median(of.unknown_ms), "ms", 1000),
        Measure("slowest of all", max(of.unknown_ms + of.known_ms), "ms"),
        Measure(
            f"cost over that of {smaller.recordings:,}, no warps",
            _times(of.unwarped_unknown_ms, to.unwarped_unknown_ms),
            "times",
            7,
        ),
        Measure("the same with all warps", _times(of.unknown_ms, to.unknown_ms), "times", 7),
        Measure("memory besides the page cache", of.other_bytes / 1e6, "MB", 1000),
        Measure("page cache, all pages asked for", of.cached_bytes / 1e6, "MB"),
        Measure("index, bytes per posting", large.size_bytes / large.postings, "bytes", 12),
    ]
    found = [_cells(asked, names) for asked in (real, smaller, large)]
    lost = [before.recall - after.recall for before, after in zip(found[0], found[2], strict=True)]
    section.measures += [
        Measure("recall lost to size, all kinds", float(np.mean(lost)), at_most=0.02),
        Measure("the most lost of one kind", max(lost), at_most=0.02),
        Measure("unknown music named, large catalogue", _named(large), at_most=FALSE_RATE),
    ]
    section.tables = [_table(names, (real, smaller, large), found)]
    section.details = {
        "false_rate": FALSE_RATE,
        "catalogues": [
            {
                **{f.name: getattr(asked, f.name) for f in fields(asked) if f.name != "answers"},
                "costs": asdict(asked.costs),
                "cells": [asdict(cell) | {"recall": cell.recall} for cell in some],
                "queries": as_rows(asked.answers),
            }
            for asked, some in zip((real, smaller, large), found, strict=True)
        ],
    }
    return section


def _times(large_ms: Sequence[float], small_ms: Sequence[float]) -> float:
    return median(large_ms) / median(small_ms)


def _cells(asked: Asked, names: Sequence[str]) -> list[Cell]:
    return cells(asked.answers, names, [LENGTH_S], FALSE_RATE)[0]


def _named(asked: Asked) -> float:
    unknown = [each for each in asked.answers if not each.known]
    return sum(bool(each.wrong) for each in unknown) / len(unknown)


def _table(names: Sequence[str], asked: Sequence[Asked], found: Sequence[Sequence[Cell]]) -> Table:
    """Recall at the same rate, and in brackets at songid's own threshold, by catalogue."""
    rows = []
    for number, name in enumerate(names):
        row = [Entry(name)]
        for some in found:
            own = some[number].found / max(1, some[number].known)
            row.append(Entry(f"{some[number].recall:.3f} ({own:.3f})"))
        rows.append(tuple(row))
    title = f"recall of 10 s at {FALSE_RATE:.1%} false positives (at songid's threshold), no warps"
    return Table(title, ("", *(f"{each.recordings:,}" for each in asked)), tuple(rows))


# -- in the process that asks ---------------------------------------------------------

_engines: list[Engine] = []
_unwarped: list[Listener] = []
_queries: list[Queries] = []
_open = ExitStack()


def without_warps(rules: ListenRules) -> ListenRules:
    """The same rules with every kind of warp switched off."""
    return replace(rules, **{f.name: 0.0 for f in fields(rules) if f.name.startswith("widest_")})


def _begin(store: Path, queries: Queries) -> None:
    engine = _open.enter_context(open_engine(store))
    engine.catalogue = Catalogue(
        engine.store, engine.fingerprinter, cache_bytes=_CACHE_BYTES, refresh_s=3600.0
    )
    engine.listener = Listener(engine.catalogue, ListenRules())
    _engines[:], _queries[:] = [engine], [queries]


def _costs(excerpts: Sequence[Excerpt]) -> Costs:
    """CPU of clean queries, each asked once before; all without warps, then with them."""
    (engine,) = _engines
    rules = ListenRules()
    asked = [
        [_samples(each) for each in excerpts if each.known == known][:_ASKED]
        for known in (True, False)
    ]
    times = []
    for some in (without_warps(rules), rules):
        engine.listener = Listener(engine.catalogue, some)
        times += [[_cpu_ms(engine, samples) for samples in kind] for kind in asked]
    cached = engine.catalogue.cache.held_bytes
    return Costs(times[2], times[3], times[0], times[1], own_peak_bytes() - cached, cached)


def _cpu_ms(engine: Engine, samples: Samples) -> float:
    return 1000 * median_cpu_s(lambda: engine.identify(samples), _REPEATS)


def _samples(excerpt: Excerpt) -> Samples:
    query = next(q for q in _queries[0].of(excerpt, [CLEAN]) if q.length_s == LENGTH_S)
    return query.samples.astype(np.float32) / np.float32(32768)


def _ask(excerpt: Excerpt, names: Sequence[str]) -> list[Answer]:
    (engine,) = _engines
    rules = without_warps(ListenRules())
    kept = replace(rules, least_score=_KEPT * rules.least_score)
    engine.listener = Listener(engine.catalogue, kept)
    return [
        answer(engine, query)
        for query in _queries[0].of(excerpt, names)
        if query.length_s == LENGTH_S
    ]
