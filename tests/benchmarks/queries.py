"""The benchmark's queries: excerpts of music under every distortion, built once and kept.

What a query is depends on its seed, the music, and the code that distorts, and on nothing
that is measured: runs of different code ask the same questions, and can be compared.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from benchmarks.material import sound_files, speech_of

import songid.audio.encode
import songid.testing.codecs
import songid.testing.distortions
import songid.testing.speech
from songid.model import UNWARPED, Samples
from songid.progress import Progress
from songid.testing.broadcasts import RATE_HZ
from songid.testing.codecs import decode
from songid.testing.distortions import LEVELLED, WARPS, Distortion, distortions, resample
from songid.testing.speech import speech_like
from songid.worker_processes import worker_pool

I16 = npt.NDArray[np.int16]

LENGTHS_S = (5.0, 10.0, 20.0)
SPEECH_S = 600.0
"""So much of the speech given is talked over music."""

_VERSION = 2
_LONGEST_S = max(LENGTHS_S) * max(warp.tempo for warp in WARPS.values())
_TRIES = 20
_QUIET = 0.05


@dataclass(frozen=True, slots=True)
class Excerpt:
    """One place in one file, of which queries are made. `known`: the file is indexed."""

    known: bool
    number: int
    file: Path

    @property
    def seed(self) -> int:
        """What all that is random about its queries is drawn from."""
        return 2 * self.number + self.known

    @property
    def name(self) -> str:
        """As its folder is called; of another file it is another one."""
        what = "known" if self.known else "unknown"
        return f"{what}-{self.number:05d}-{zlib.crc32(self.file.name.encode()):08x}"


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: mono int16 `samples`, shape (n,), of `excerpt` under a distortion.

    `offset_s` is the recording's time at the first sample; its time runs `tempo` times
    as fast as the query's.
    """

    excerpt: Excerpt
    distortion: str
    length_s: float
    offset_s: float
    tempo: float
    samples: I16


def plan(files: Sequence[Path], count: int, *, known: bool) -> list[Excerpt]:
    """So many excerpts of files, which come in turn, in an order drawn from their names.

    More excerpts begin with the same ones.
    """
    order = sorted(files, key=lambda path: (zlib.crc32(path.name.encode()), path.name))
    return [Excerpt(known, n, order[n % len(order)]) for n in range(count)] if order else []


class Queries:
    """Queries kept in a folder of their own below `out`; what is not there yet is built.

    The folder's name holds whatever decides what the queries are: the music's names and
    sizes, the speech's, the rate, and the code that distorts.
    """

    def __init__(self, out: Path, music: Sequence[Path], speech: Path | None, rate_hz: int) -> None:
        self._speech = speech
        self._rate_hz = rate_hz
        spoken = sound_files(speech) if speech else []
        about = {
            "version": _VERSION,
            "rate_hz": rate_hz,
            "lengths_s": LENGTHS_S,
            "code": _code(),
            "music": [[p.name, p.stat().st_size] for p in sorted(music, key=lambda p: p.name)],
            "speech": [[p.name, p.stat().st_size] for p in spoken],
        }
        text = json.dumps(about)
        self.identity = hashlib.sha256(text.encode()).hexdigest()[:12]
        self.folder = out / f"queries-{self.identity}"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "about.json").write_text(text, encoding="utf-8")

    def build(
        self, excerpts: Sequence[Excerpt], names: Sequence[str], workers: int, progress: Progress
    ) -> int:
        """Build what is missing; returns how many excerpts that took."""
        missing = [
            (excerpt, left)
            for excerpt in excerpts
            if (left := [n for n in names if not self._path(excerpt, n).exists()])
        ]
        if missing:
            place = _Place(self.folder, self._speech, self._rate_hz)
            task = progress.task("building queries", len(missing))
            with worker_pool(workers, _begin, place) as pool:
                for _ in pool.map(_build, *zip(*missing, strict=True)):
                    task.advance()
        return len(missing)

    def of(self, excerpt: Excerpt, names: Sequence[str]) -> Iterator[Query]:
        """The queries of an excerpt that has been built."""
        for name in names:
            yield from load(self._path(excerpt, name), excerpt, name)

    def _path(self, excerpt: Excerpt, name: str) -> Path:
        return path_of(self.folder, excerpt, name)


def path_of(folder: Path, excerpt: Excerpt, name: str) -> Path:
    """Where the queries of an excerpt under one distortion are kept."""
    return folder / excerpt.name / (name.replace("/", "-").replace(" ", "_") + ".npz")


def load(path: Path, excerpt: Excerpt, name: str) -> Iterator[Query]:
    """The queries kept in one file, shorter ones first."""
    tempo = WARPS.get(name, UNWARPED).tempo
    with np.load(path) as kept:
        offsets_s = kept["offsets_s"]
        cuts = kept["cuts"]
        for number, length_s in enumerate(LENGTHS_S):
            key, first, last = cuts[number]
            samples = kept[f"part{key}"][first:last]
            yield Query(excerpt, name, length_s, float(offsets_s[number]), tempo, samples)


def make(
    samples: Samples, centre_s: float, name: str, distort: Distortion, seed: int, rate_hz: int
) -> dict[str, npt.NDArray[np.generic]]:
    """The arrays of one file: queries of all lengths about one middle of a recording.

    samples: the recording, mono float32 at RATE_HZ, shape (n,). Where a ratio to the music
    is part of the distortion it holds for each length by itself; else the shorter queries
    are cut out of the longest. cuts: int64 (lengths, 3): part, first and end sample.
    """
    tempo = WARPS.get(name, UNWARPED).tempo
    parts: list[I16] = []
    cuts: list[tuple[int, int, int]] = []
    offsets_s: list[float] = []
    apart = name.startswith(LEVELLED)
    for length_s in LENGTHS_S if apart else LENGTHS_S[-1:]:
        first = max(0, round((centre_s - length_s * tempo / 2) * RATE_HZ))
        last = round((centre_s + length_s * tempo / 2) * RATE_HZ)
        heard = distort(samples[first:last], RATE_HZ, seed)
        parts.append(_to_int16(resample(heard, Fraction(rate_hz, RATE_HZ))))
        for each_s in (length_s,) if apart else LENGTHS_S:
            count = min(len(parts[-1]), round(each_s * rate_hz))
            at = (len(parts[-1]) - count) // 2
            cuts.append((len(parts) - 1, at, at + count))
            offsets_s.append(first / RATE_HZ + at / rate_hz * tempo)
    return {
        **{f"part{n}": part for n, part in enumerate(parts)},
        "cuts": np.array(cuts),
        "offsets_s": np.array(offsets_s),
    }


def centre_of(samples: Samples, seed: int) -> float:
    """The middle, in seconds, of an excerpt whose shortest query is not silent."""
    rng = np.random.default_rng([seed, 0xB37C])
    longest, shortest = round(_LONGEST_S * RATE_HZ), round(min(LENGTHS_S) * RATE_HZ)
    quiet = _QUIET * _rms(samples)
    middle = len(samples) // 2
    for _ in range(_TRIES):
        middle = longest // 2 + int(rng.integers(0, max(1, len(samples) - longest)))
        if len(samples) < longest:
            middle = len(samples) // 2
        if _rms(samples[max(0, middle - shortest // 2) : middle + shortest // 2]) > quiet:
            break
    return middle / RATE_HZ


def talk(parts: Sequence[Samples]) -> Callable[[int, float, int], Samples]:
    """Someone who speaks the parts, at RATE_HZ, from one on that the seed picks."""

    def speak(seed: int, seconds: float, rate_hz: int) -> Samples:
        count = round(seconds * rate_hz)
        said: list[Samples] = []
        while sum(map(len, said)) < count:
            said.append(parts[(7 * seed + len(said)) % len(parts)])
        return np.concatenate(said)[:count]

    return speak


@dataclass(frozen=True, slots=True)
class _Place:
    folder: Path
    speech: Path | None
    rate_hz: int


_places: list[_Place] = []
"""Where this process builds queries, in worker processes."""


def _begin(place: _Place) -> None:
    _places[:] = [place]


@cache
def _table(speech: Path | None) -> Mapping[str, Distortion]:
    return distortions(talk(speech_of(speech, SPEECH_S)[0]) if speech else speech_like)


def _build(excerpt: Excerpt, names: Sequence[str]) -> None:
    (place,) = _places
    samples = decode(excerpt.file.read_bytes(), RATE_HZ)
    centre_s = centre_of(samples, excerpt.seed)
    for name in names:
        path = path_of(place.folder, excerpt, name)
        path.parent.mkdir(exist_ok=True)
        distort = _table(place.speech)[name]
        made = make(samples, centre_s, name, distort, excerpt.seed, place.rate_hz)
        unfinished = path.with_suffix(".unfinished.npz")
        np.savez(unfinished, allow_pickle=False, **made)
        unfinished.rename(path)


def _to_int16(samples: Samples) -> I16:
    """At the level at which nothing is clipped, as a recorder would be set."""
    peak = float(np.abs(samples).max(initial=0.0))
    return np.asarray(np.round(samples * (32_000 / max(peak, 1.0))), dtype=np.int16)


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def _code() -> str:
    modules = (
        songid.audio.encode,
        songid.testing.codecs,
        songid.testing.distortions,
        songid.testing.speech,
    )
    sources = [Path(str(module.__file__)).read_bytes() for module in modules]
    return hashlib.sha256(b"".join(sources)).hexdigest()
