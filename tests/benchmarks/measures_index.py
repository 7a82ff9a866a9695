"""What the catalogue costs: bytes on disk, and searching it when it is large."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
from benchmarks.engine import (
    Engine,
    addition,
    excerpt,
    index_files,
    open_engine,
    open_fingerprinter,
)
from benchmarks.resources import median_cpu_s, stopwatch
from benchmarks.results import Measure, Section

from songid.audio.decode import read_all
from songid.listening.rules import ListenRules
from songid.model import UNWARPED, Fingerprint, Samples, Warp

_BATCH = 256


def measure_index(files: Sequence[Path], store_path: Path) -> Section:
    """Index files into a new store; bytes are those of all files in its folder once closed."""
    with open_engine(store_path) as engine, stopwatch() as watch:
        index_files(engine, files)
    with open_engine(store_path) as engine:
        recordings = engine.store.recordings()
    size_bytes = sum(p.stat().st_size for p in store_path.rglob("*") if p.is_file())
    postings = sum(r.landmarks for r in recordings if not r.same_audio_as)
    hours = sum(r.duration_s for r in recordings) / 3600
    return Section(
        "Index on disk",
        f"{len(recordings)} recordings, {hours:.1f} hours",
        [
            Measure("bytes per posting, all in", size_bytes / postings, "bytes", at_most=12),
            Measure("MB per hour of audio", size_bytes / 1e6 / hours, "MB", at_most=4.5),
            Measure("indexing, one process", hours * 3600 / watch.cpu_s, "x real time"),
        ],
        details={"size_bytes": size_bytes, "postings": postings},
    )


def measure_search(
    indexed: Sequence[Path], unknown: Sequence[Path], store_path: Path, recordings: int
) -> Section:
    """10-second excerpts against a catalogue filled up to so many recordings.

    What the music lacks in number is made from it: fingerprints of the same music under
    other pitches, which hold other hashes spread as music's are. Warm: every excerpt has
    been asked once before.
    """
    with open_engine(store_path) as engine:
        index_files(engine, indexed)
        fill_up(engine, indexed, recordings)
        rate_hz = engine.listener.rate_hz
        rng = np.random.default_rng(10)
        known_parts = [_excerpt_of(path, rate_hz, rng) for path in _some(indexed, 30)]
        unknown_parts = [_excerpt_of(path, rate_hz, rng) for path in _some(unknown, 15)]
        known_ms = [_identify_ms(engine, part) for part in known_parts]
        unknown_ms = [_identify_ms(engine, part) for part in unknown_parts]
        analyses_ms = [_analyse_ms(engine, part) for part in known_parts]
        searches_ms = [_search_ms(engine, part) for part in known_parts]
        total = len(engine.store.recordings())
        postings = sum(r.landmarks for r in engine.store.recordings())
    return Section(
        "Identifying a 10 s excerpt, warm",
        f"{total} recordings, {postings / 1e6:.1f} million postings",
        [
            Measure("known, median CPU after decoding", median(known_ms), "ms", at_most=25),
            Measure("known, slowest", max(known_ms), "ms"),
            Measure("unknown, median CPU after decoding", median(unknown_ms), "ms"),
            Measure("samples to landmarks alone, median", median(analyses_ms), "ms"),
            Measure("known, landmarks to alignments alone, median", median(searches_ms), "ms"),
        ],
        details={"known_ms": known_ms, "unknown_ms": unknown_ms},
    )


def fill_up(engine: Engine, indexed: Sequence[Path], recordings: int) -> None:
    """Fill a catalogue up to so many recordings with the same music under other pitches."""
    fingerprinter = open_fingerprinter()
    there = len(engine.store.recordings())
    copies = -(-max(0, recordings - there) // len(indexed))
    pitches = [0.78 + 0.44 * copy / max(1, copies) for copy in range(copies)]
    # Fingerprints of a pitch near 1 would be the music itself under another name.
    pitches = [p if abs(p - 1) > 0.01 else p + 0.02 for p in pitches]
    batch = []
    for path in indexed:
        analysis = fingerprinter.analyse(read_all(path, fingerprinter.sample_rate_hz))
        size = len(analysis.for_index())
        for pitch in pitches[: max(0, recordings - there)]:
            fingerprint = _thinned(analysis.for_query(Warp(UNWARPED.tempo, pitch)), size)
            title = f"{path.name} at {pitch:.3f}"
            batch.append(addition(title, title, 0.0, fingerprint))
            there += 1
            if len(batch) == _BATCH:
                engine.catalogue.add(batch)
                batch = []
    if batch:
        engine.catalogue.add(batch)
    engine.catalogue.merge()
    engine.learn()


def _thinned(fingerprint: Fingerprint, size: int) -> Fingerprint:
    """At most `size` landmarks, evenly taken: a query has more than the index keeps."""
    if len(fingerprint) <= size:
        return fingerprint
    kept = np.linspace(0, len(fingerprint) - 1, size).astype(np.intp)
    return Fingerprint(fingerprint.hashes[kept], fingerprint.offsets_frames[kept])


def _identify_ms(engine: Engine, samples: Samples) -> float:
    return 1000 * median_cpu_s(lambda: engine.identify(samples), 5)


def _analyse_ms(engine: Engine, samples: Samples) -> float:
    return 1000 * median_cpu_s(lambda: engine.fingerprinter.analyse(samples).for_query(), 5)


def _search_ms(engine: Engine, samples: Samples) -> float:
    query = engine.fingerprinter.analyse(samples).for_query()
    least = ListenRules().least_score
    return 1000 * median_cpu_s(lambda: engine.catalogue.search(query, least_score=least), 5)


def _excerpt_of(path: Path, rate_hz: int, rng: np.random.Generator) -> Samples:
    return excerpt(read_all(path, rate_hz), 10.0, rate_hz, rng)[0]


def _some(files: Sequence[Path], count: int) -> list[Path]:
    return list(files[:: max(1, len(files) // count)][:count])
