"""What a segment costs where every page is asked of a server: time, or capacity units.

The same catalogue is written to PostgreSQL and to DynamoDB Local, which counts units as the
service does. Cold is a process that has read nothing yet; warm one that heard it before.
"""

from __future__ import annotations

import io
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
from benchmarks.engine import Engine, excerpt, index_files, open_engine
from benchmarks.measures_index import fill_up
from benchmarks.results import Measure, Section

from songid.audio.decode import read_all
from songid.audio.encode import encode
from songid.catalogue.catalogue import Catalogue
from songid.listening.hear import Listener
from songid.listening.rules import ListenRules
from songid.model import ComponentURL, Samples
from songid.testing.codecs import decode

_SEGMENT_S = 12.0
_SEGMENTS = 40

Count = Callable[[], tuple[float, float]]
"""Read and write units so far."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """Of one segment: whether anything was found, seconds, read units, pages read."""

    found: bool
    wall_s: float
    units: float
    pages: int


@dataclass(frozen=True, slots=True)
class _Costs:
    """headers_s: what a process spends before its first segment to know the volumes."""

    cold: Sequence[_Cost]
    warm: Sequence[_Cost]
    headers_s: float

    def middle(self, name: str, *, warm: bool = False) -> float:
        return median(getattr(cost, name) for cost in (self.warm if warm else self.cold))


def measure_dynamodb_segments(
    indexed: Sequence[Path], unknown: Sequence[Path], recordings: int, folder: Path
) -> Section:
    """Units per song written in bulk and per segment heard."""
    with ExitStack() as stack:
        url = stack.enter_context(dynamodb_server(folder))
        engine = stack.enter_context(open_engine(url))
        count = stack.enter_context(_counted(url))
        before = count()
        index_files(engine, indexed)
        fill_up(engine, indexed, recordings)
        _clear_what_was_merged(engine)
        written = count()[1] - before[1]
        total = len(engine.store.recordings())
        minutes = sum(r.landmarks for r in engine.store.recordings()) / 80 / 60
        clean = _costs(engine, indexed, count)
        foreign = _costs(engine, unknown, count)
        volumes = len(engine.store.volumes())
    return Section(
        "DynamoDB, units as DynamoDB Local counts them",
        f"{total} recordings in {volumes} volumes, {_SEGMENTS} clean segments, {_SEGMENTS} unknown",
        [
            Measure(
                "written or deleted per 4 minutes of song, in bulk",
                written / minutes * 4,
                "units",
                250,
            ),
            Measure("read for a clean segment, cold", clean.middle("units"), "units", 300),
            Measure("read for one of unknown music, cold", foreign.middle("units"), "units", 3000),
            Measure("most of a clean one", max(c.units for c in clean.cold), "units"),
            Measure("most of an unknown one", max(c.units for c in foreign.cold), "units"),
            Measure("read for a clean segment, warm", clean.middle("units", warm=True), "units", 5),
            Measure(
                "read for an unknown one, warm", foreign.middle("units", warm=True), "units", 5
            ),
            Measure("clean segments found", 100 * np.mean([c.found for c in clean.cold]), "%"),
        ],
        details={
            "clean": [c.units for c in clean.cold],
            "unknown": [c.units for c in foreign.cold],
        },
    )


def measure_postgresql_segments(
    indexed: Sequence[Path], unknown: Sequence[Path], recordings: int, folder: Path
) -> Section:
    """Milliseconds per segment, after decoding, asked of a server on this machine."""
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine(stack.enter_context(postgresql_server(folder))))
        index_files(engine, indexed)
        fill_up(engine, indexed, recordings)
        total = len(engine.store.recordings())
        clean = _costs(engine, indexed, lambda: (0.0, 0.0))
        foreign = _costs(engine, unknown, lambda: (0.0, 0.0))
    return Section(
        "PostgreSQL, a segment after decoding",
        f"{total} recordings, {_SEGMENTS} clean segments, {_SEGMENTS} unknown",
        [
            Measure("clean, cold", 1e3 * clean.middle("wall_s"), "ms", 60),
            Measure("the volumes' headers, once", 1e3 * clean.headers_s, "ms"),
            Measure("clean, warm", 1e3 * clean.middle("wall_s", warm=True), "ms", 15),
            Measure("unknown, cold", 1e3 * foreign.middle("wall_s"), "ms"),
            Measure("unknown, warm", 1e3 * foreign.middle("wall_s", warm=True), "ms"),
            Measure("pages asked for, clean, cold", clean.middle("pages"), "pages"),
            Measure("clean segments found", 100 * np.mean([c.found for c in clean.cold]), "%"),
        ],
        details={
            "clean_cold_ms": [1e3 * c.wall_s for c in clean.cold],
            "clean_warm_ms": [1e3 * c.wall_s for c in clean.warm],
        },
    )


def _clear_what_was_merged(engine: Engine) -> None:
    """Have the pages deleted that were merged into others, which costs what writing them did."""

    def later() -> datetime:
        return datetime.now(UTC) + timedelta(minutes=5)

    Catalogue(engine.store, engine.fingerprinter, clock=later).merge()


def _costs(engine: Engine, files: Sequence[Path], count: Count) -> _Costs:
    """Each segment heard twice by a listener that starts with nothing."""
    rng = np.random.default_rng(12)
    rate_hz = engine.listener.rate_hz
    cold, warm, headers_s = [], [], []
    for number in range(_SEGMENTS):
        path = files[number % len(files)]
        samples = _aired(excerpt(read_all(path, rate_hz), _SEGMENT_S, rate_hz, rng)[0], rate_hz)
        units, began = count()[0], time.perf_counter()
        catalogue = Catalogue(engine.store, engine.fingerprinter, refresh_s=3600.0)
        catalogue.snapshot()
        headers_s.append(time.perf_counter() - began)
        header_units = count()[0] - units
        engine.catalogue, engine.listener = catalogue, Listener(catalogue, ListenRules())
        first = _cost(engine, samples, count)
        cold.append(replace(first, units=first.units + header_units))
        warm.append(_cost(engine, samples, count))
    return _Costs(cold, warm, median(headers_s))


def _cost(engine: Engine, samples: Samples, count: Count) -> _Cost:
    units, pages, began = count()[0], engine.catalogue.cache.misses, time.perf_counter()
    found = engine.identify(samples)
    wall_s = time.perf_counter() - began
    pages = engine.catalogue.cache.misses - pages
    return _Cost(bool(found), wall_s, count()[0] - units, pages)


def _aired(samples: Samples, rate_hz: int) -> Samples:
    """As a station sends it: AAC in MPEG-TS."""
    file = io.BytesIO()
    encode(samples, rate_hz, file, format="ts", bitrate=96_000)
    return decode(file.getvalue(), rate_hz)


# -- the servers ----------------------------------------------------------------------


@contextmanager
def dynamodb_server(folder: Path) -> Iterator[str]:
    """A DynamoDB Local of one's own; the URL of a store in it."""
    import dynamodb_material as material

    pid, port = material.start_local(material.fetched(), folder / "dynamodb.log")
    try:
        # Where a cloud of the test's own is set up, its credentials will do.
        there = "AWS_ENDPOINT_URL" in os.environ
        with nullcontext() if there else material.credentials():
            yield material.store_url(f"http://127.0.0.1:{port}", f"songid-{uuid.uuid4().hex[:8]}")
    finally:
        os.kill(pid, 9)


@contextmanager
def postgresql_server(folder: Path) -> Iterator[str]:
    """A PostgreSQL of one's own; the URL of a store in it."""
    import postgres_material as material

    server = material.new_server()
    try:
        yield server.url("songid")
    finally:
        server.delete()


@contextmanager
def _counted(url: str) -> Iterator[Count]:
    import dynamodb_material as material

    from songid_plugins.aws_clients import client

    endpoint = ComponentURL.parse(url).options["endpoint"]
    with material.counting(client("dynamodb", endpoint=endpoint)) as told:
        yield lambda: (told.read, told.written)
