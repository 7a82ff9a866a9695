"""Catalogues of any size whose hashes are distributed as real music's are.

All constellations of the music lie one after another on a tape. A made-up recording is a
stretch of it, warped by 14 to 70 % in time and frequency: too far for any query to match where
it came from, and no two alike. The real recordings are mixed in as they are.
"""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt
from benchmarks.engine import addition, open_engine, open_fingerprinter
from benchmarks.material import Music

from songid.audio.decode import read_all
from songid.catalogue.catalogue import Addition
from songid.model import Fingerprint
from songid.worker_processes import worker_pool
from songid_plugins.fingerprinters.landmark import Landmark, LandmarkAnalysis
from songid_plugins.fingerprinters.landmark_peaks import Constellation

NEAREST, FARTHEST = 1.14, 1.7
"""How far times and frequencies are moved, up or down."""

_SHORTEST_S, _LONGEST_S = 165.0, 225.0
_BATCH = 256
_BATCHES_PER_MERGE = 32
_MADE = "made.json"
_RULE = 1
"""To be raised when the same number would make another catalogue."""

# Powers of the real root of x^4 = x + 1: their multiples, modulo 1, fill three dimensions
# evenly, so that copies stay apart (M. Roberts, "The unreasonable effectiveness of
# quasirandom sequences", 2018).
_ROOT = 1.2207440846057596
_STEPS = np.array([_ROOT**-1, _ROOT**-2, _ROOT**-3])

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Copy:
    """Where on the tape a made-up recording begins (0 to 1), its warp and its length."""

    begins: float
    times: float
    frequencies: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Tape:
    """All music's peaks on one axis of `frames` frames; see `Constellation`."""

    peaks: Constellation
    frames: int

    def copy(self, how: Copy) -> Constellation:
        """The stretch of a copy, warped; the tape's end is joined to its beginning."""
        length = how.seconds / Landmark.frame_s / how.times
        first = how.begins * self.frames
        parts = [self._between(first, min(first + length, self.frames), first)]
        if first + length > self.frames:
            parts.append(self._between(0.0, first + length - self.frames, first - self.frames))
        frames, bins, powers = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Constellation(frames, bins, powers).moved(how.times, how.frequencies)

    def _between(self, low: float, high: float, zero: float) -> tuple[npt.NDArray[np.float32], ...]:
        here = slice(*np.searchsorted(self.peaks.frames, [low, high]).tolist())
        frames = (self.peaks.frames[here].astype(np.float64) - zero).astype(np.float32)
        return frames, self.peaks.bins[here], self.peaks.powers[here]


def copies() -> Iterator[Copy]:
    """How each made-up recording is made, without an end."""
    reach = np.log(FARTHEST / NEAREST)
    for number in count():
        begins, time, frequency = np.modf((number + 1) * _STEPS)[0].tolist()
        longer, higher = (-1, 1)[number % 2], (-1, 1)[number // 2 % 2]
        yield Copy(
            begins,
            float((NEAREST * np.exp(reach * time)) ** longer),
            float((NEAREST * np.exp(reach * frequency)) ** higher),
            _SHORTEST_S + (_LONGEST_S - _SHORTEST_S) * (number * 0.754877666 % 1),
        )


def scale_catalogue(folder: Path, music: Music, recordings: int, workers: int) -> Path:
    """The folder of a store of so many recordings, the indexed music among them.

    One that is there already, of the same music, is used again. With no more recordings
    than there is indexed music, that alone is what it holds.
    """
    made = folder / _MADE
    identity = {
        "rule": _RULE,
        "fingerprinter": open_fingerprinter().identity,
        "music": [_checksum(music.indexed), _checksum(music.unknown)],
        "recordings": max(recordings, len(music.indexed)),
    }
    if made.exists() and json.loads(made.read_text()) == identity:
        return folder / "store"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    peaks = _constellations(folder.parent, music, workers)
    real = [(path.name, LandmarkAnalysis(peaks[path]).for_index()) for path in music.indexed]
    wanted = max(0, recordings - len(real))
    tape = tape_of(list(peaks.values()))
    made_up = _fingerprints(tape, wanted, workers) if wanted else iter(())
    _write(folder / "store", _mixed(real, made_up, wanted))
    made.write_text(json.dumps(identity))
    return folder / "store"


def _checksum(files: Sequence[Path]) -> int:
    names = [f"{path.name} {path.stat().st_size}" for path in sorted(files)]
    return zlib.crc32("\n".join(names).encode())


def _constellations(folder: Path, music: Music, workers: int) -> dict[Path, Constellation]:
    """The peaks of each file, kept in a folder, for most of the time goes into decoding."""
    files = sorted(music.files)
    kept = folder / f"peaks-{_checksum(files):08x}.npz"
    if not kept.exists():
        with worker_pool(workers, _begin) as pool:
            found = list(pool.map(_peaks_of, files))
        columns = [np.stack((each.frames, each.bins, each.powers)) for each in found]
        unfinished = kept.with_suffix(".unfinished.npz")
        np.savez(unfinished, *columns)
        unfinished.rename(kept)
    with np.load(kept) as arrays:
        found = [Constellation(*arrays[name]) for name in arrays.files]
    return dict(zip(files, found, strict=True))


def tape_of(constellations: Sequence[Constellation]) -> Tape:
    """Constellations one after another; the tape's frames stay below 2**24, for float32."""
    ends = np.cumsum([float(each.frames.max(initial=0.0)) + 1 for each in constellations])
    frames = [
        each.frames + np.float32(begins)
        for each, begins in zip(constellations, [0.0, *ends], strict=False)
    ]
    return Tape(
        Constellation(
            np.concatenate(frames),
            np.concatenate([each.bins for each in constellations]),
            np.concatenate([each.powers for each in constellations]),
        ),
        int(ends[-1]),
    )


def _mixed(
    real: Sequence[tuple[str, Fingerprint]],
    made_up: Iterator[tuple[str, Fingerprint]],
    wanted: int,
) -> Iterator[tuple[str, Fingerprint]]:
    """The real ones spread evenly among the others."""
    each = wanted // max(1, len(real))
    for one in real:
        yield one
        for _ in range(each):
            yield next(made_up)
    yield from made_up


def _write(store: Path, recordings: Iterator[tuple[str, Fingerprint]]) -> None:
    """Add recordings as indexing does: in batches, merged every few of them."""
    with open_engine(store) as engine:
        batch: list[Addition] = []
        batches = 0
        for name, fingerprint in recordings:
            seconds = float(fingerprint.offsets_frames.max(initial=0)) * Landmark.frame_s
            batch.append(addition(name, name, round(seconds, 3), fingerprint))
            if len(batch) == _BATCH:
                engine.catalogue.add(batch)
                batch, batches = [], batches + 1
                if batches % _BATCHES_PER_MERGE == 0:
                    engine.catalogue.merge()
        if batch:
            engine.catalogue.add(batch)
        engine.catalogue.merge()


def _fingerprints(tape: Tape, wanted: int, workers: int) -> Iterator[tuple[str, Fingerprint]]:
    """Made-up recordings by name, in order, made some batches ahead in processes."""
    how = copies()
    jobs = [[next(how) for _ in range(min(_BATCH, wanted - at))] for at in range(0, wanted, _BATCH)]
    number = 0
    with worker_pool(workers, _begin, tape) as pool:
        running: list[Future[list[Fingerprint]]] = []
        while jobs or running:
            while jobs and len(running) < 2 * workers:
                running.append(pool.submit(_copies_of, jobs.pop(0)))
            for fingerprint in running.pop(0).result():
                yield f"copy {number:06}", fingerprint
                number += 1


# -- in the workers -------------------------------------------------------------------

_tape: Tape | None = None


def _begin(tape: Tape | None = None) -> None:
    global _tape
    _tape = tape


def _peaks_of(path: Path) -> Constellation:
    fingerprinter = Landmark()
    return fingerprinter.analyse(read_all(path, fingerprinter.sample_rate_hz)).peaks


def _copies_of(some: Sequence[Copy]) -> list[Fingerprint]:
    assert _tape is not None
    return [LandmarkAnalysis(_tape.copy(how)).for_index() for how in some]
