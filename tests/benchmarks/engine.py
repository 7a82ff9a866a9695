"""songid as the benchmark uses it: its rooms put together by hand, its plugins by URL."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from songid.audio.decode import Block, decode, read_all
from songid.audio.encode import encode
from songid.catalogue.catalogue import Addition, Catalogue
from songid.interfaces import Fingerprinter, Migratable, Store
from songid.listening.hear import Listener
from songid.listening.plays import plays
from songid.listening.rules import ListenRules, PlayRules
from songid.listening.windows import cut_windows
from songid.model import Fingerprint, Heard, Play, Recording, Samples
from songid.plugin_manager import load
from songid.testing.broadcasts import RATE_HZ

EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
FINGERPRINTER = "landmark"
_BATCH = 256


def open_fingerprinter() -> Fingerprinter:
    """The fingerprinter that songid uses if nothing else is set."""
    fingerprinter: Fingerprinter = load().open("fingerprinters", FINGERPRINTER)
    return fingerprinter


@dataclass(slots=True)
class Engine:
    """A catalogue with what listens to it. `titles`: recording id to file name."""

    store: Store
    catalogue: Catalogue
    listener: Listener
    rules: PlayRules
    titles: dict[str, str] = field(default_factory=dict)
    durations_s: dict[str, float] = field(default_factory=dict)

    @property
    def fingerprinter(self) -> Fingerprinter:
        """What made the postings."""
        return self.catalogue.fingerprinter

    def learn(self) -> None:
        """Read the titles and lengths of all recordings."""
        for recording in self.store.recordings():
            self.titles[recording.recording_id] = recording.title
            self.durations_s[recording.recording_id] = recording.duration_s

    def hear_samples(self, samples: Samples) -> list[Heard]:
        """Heards of samples at RATE_HZ, by way of a WAV file in memory, as of any file."""
        file = io.BytesIO()
        encode(samples, RATE_HZ, file, format="wav")
        file.seek(0)
        return self.hear(file)

    def hear(
        self, source: io.BytesIO | Path, *, station: str = "bench", start: datetime = EPOCH
    ) -> list[Heard]:
        """Heards of a file."""
        with decode(source, rate_hz=self.listener.rate_hz) as audio:
            return list(self.listener.listen(audio, station=station, start=start))

    def hear_decoded(self, samples: Samples) -> list[Heard]:
        """Heards of samples at the fingerprinter's rate, cut into windows as a file's are."""
        listener = self.listener
        blocks = [Block(0.0, samples)] if len(samples) else []
        windows = cut_windows(blocks, listener.rate_hz, listener.rules.window_s)
        return list(listener.hear_windows(windows, station="bench", start=EPOCH))

    def plays(self, heards: Iterable[Heard], *, accept: float | None = None) -> list[Play]:
        """Plays of heards; `accept` is another confidence to report them from."""
        rules = self.rules if accept is None else replace(self.rules, accept=accept)
        return plays(heards, rules, durations_s=self.durations_s)

    def identify(self, samples: Samples) -> list[Play]:
        """The plays in samples at the fingerprinter's rate: what follows decoding."""
        return self.plays(self.hear_decoded(samples))


@contextmanager
def open_engine(place: Path | str | Store, *, close: bool = True) -> Iterator[Engine]:
    """Open (or begin) the catalogue in a store, by its URL, or in a folder of the embedded one."""
    if isinstance(place, Path):
        place = f"sqlite:{place}"
    store: Store = load().open("stores", place) if isinstance(place, str) else place
    try:
        if isinstance(store, Migratable):
            store.migrate()
        catalogue = Catalogue(store, open_fingerprinter())
        engine = Engine(store, catalogue, Listener(catalogue, ListenRules()), PlayRules())
        engine.learn()
        yield engine
    finally:
        if close:
            store.close()


def fingerprint_file(path: Path, fingerprinter: Fingerprinter) -> tuple[Fingerprint, float]:
    """A file's fingerprint for the index, and its length in seconds."""
    samples = read_all(path, fingerprinter.sample_rate_hz)
    return fingerprinter.analyse(samples).for_index(), len(samples) / fingerprinter.sample_rate_hz


def index_files(engine: Engine, files: Sequence[Path]) -> None:
    """Add files to the catalogue under their names, in batches, and merge."""
    batch: list[Addition] = []
    for number, path in enumerate(files, 1):
        fingerprint, duration_s = fingerprint_file(path, engine.fingerprinter)
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        batch.append(addition(path.name, content, duration_s, fingerprint))
        if len(batch) == _BATCH or number == len(files):
            engine.catalogue.add(batch)
            batch = []
    engine.catalogue.merge()
    engine.learn()


def addition(title: str, content: str, duration_s: float, fingerprint: Fingerprint) -> Addition:
    """A recording to be added, named by its title alone."""
    recording = Recording(
        recording_id="",
        title=title,
        duration_s=duration_s,
        source=f"bench:{title}",
        content_sha256=content,
    )
    return Addition(recording, fingerprint)


def excerpt(
    samples: Samples, length_s: float, rate_hz: int, rng: np.random.Generator
) -> tuple[Samples, float]:
    """A random excerpt that is not silent, and where it begins in seconds."""
    count = round(length_s * rate_hz)
    loud = 0.05 * float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0
    first = 0
    for _ in range(20):
        first = int(rng.integers(0, max(1, len(samples) - count)))
        part = samples[first : first + count]
        if float(np.sqrt(np.mean(np.square(part)))) > loud:
            break
    return samples[first : first + count], first / rate_hz
