"""Short audio files, and fingerprinters that die or dawdle at one of them, for indexing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from songid.audio.encode import encode
from songid.audio.tags import Tags
from songid.catalogue.catalogue import Catalogue
from songid.catalogue.indexing import index, walk
from songid.catalogue.reading import Work
from songid.model import ComponentURL, Samples
from songid_plugins.fingerprinters.landmark import Landmark, LandmarkAnalysis
from songid_plugins.stores.sqlite import open_store

RATE_HZ = Landmark.sample_rate_hz
DEADLY_S = 7.0
"""A file of this length kills the process that fingerprints it, if that is a `Deadly` one."""


def write(path: Path, samples: Samples, *, tags: Tags | None = None) -> Path:
    """Write samples at 11025 Hz in the format of the path's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encode(samples, RATE_HZ, path, tags=tags)
    return path


def works(*paths: Path) -> list[Work]:
    """Everything in these folders and files, as `songid index` would take it."""
    return [Work(path, str(path)) for path in walk(paths)]


class Deadly(Landmark):
    """The real fingerprinter, but one length of audio crashes it as a decoder might."""

    def analyse(self, samples: Samples) -> LandmarkAnalysis:
        """As the real one does, if it lives."""
        if abs(len(samples) / RATE_HZ - DEADLY_S) < 0.01:
            os._exit(139)
        return super().analyse(samples)


class Forbidden(Landmark):
    """Fails the test if anything is fingerprinted at all."""

    def analyse(self, samples: Samples) -> LandmarkAnalysis:
        """Never to be called."""
        raise AssertionError(f"{len(samples)} samples were fingerprinted again")


def clip(samples: Samples, start_s: float, length_s: float) -> Samples:
    """A part of a song."""
    first = round(start_s * RATE_HZ)
    return np.ascontiguousarray(samples[first : first + round(length_s * RATE_HZ)])


def main(store: str, folder: str) -> None:
    """Index a folder in small batches and say of each file, at once, what became of it."""
    catalogue = Catalogue(open_store(ComponentURL.parse(f"sqlite:{store}")), Landmark())
    for done in index(catalogue, works(Path(folder)), Landmark, workers=2, batch_recordings=2):
        print(f"{done.outcome} {done.source}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
