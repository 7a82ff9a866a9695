"""Finds held-out files that hold the very sound of an indexed one, under another name.

A folder of music often has a piece twice. Naming such a file is no error, so it must not
be counted among the unknown; that it is the same sound is proved on the samples
themselves, without a fingerprint.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import scipy.fft
from benchmarks.engine import EPOCH, Engine

from songid.model import Play, Samples
from songid.testing.codecs import decode

_RATE_HZ = 11_025
_PART_S = 6.0
_SLACK_S = 0.5
_SAME = 0.5


def truly_unknown(
    engine: Engine, unknown: Sequence[Path], indexed: Sequence[Path]
) -> tuple[list[Path], list[str]]:
    """The held-out files without those proved to be of the catalogue, and a line on each."""
    by_name = {path.name: path for path in indexed}
    kept, lines = [], []
    for path in unknown:
        plays = engine.plays(engine.hear(path))
        same = next((p for p in plays if _proved(engine, path, p, by_name)), None)
        if same is None:
            kept.append(path)
        else:
            title = engine.titles[same.recording_id]
            lines.append(f"{path.name} left out: it has the very sound of {title}")
    return kept, lines


def _proved(engine: Engine, path: Path, play: Play, by_name: dict[str, Path]) -> bool:
    middle_s = play.duration_s / 2
    at_s = (play.start - EPOCH) / timedelta(seconds=1) + middle_s
    there_s = play.offset_s + middle_s
    title = engine.titles[play.recording_id]
    return likeness(_part(path, at_s, 0.0), _part(by_name[title], there_s, _SLACK_S)) > _SAME


def likeness(part: Samples, longer: Samples) -> float:
    """The highest normalised correlation of `part` (n,) anywhere in `longer` (m,), m >= n.

    1 is the same wave; two performances, or two takes of one machine's notes that are
    not in step to the sample, stay well below 0.5.
    """
    if not len(part) or len(longer) < len(part):
        return 0.0
    size = scipy.fft.next_fast_len(len(longer) + len(part), real=True)
    dots = scipy.fft.irfft(scipy.fft.rfft(longer, size) * scipy.fft.rfft(part, size).conj(), size)
    energy = np.cumsum(np.pad(np.square(longer, dtype=np.float64), (1, 0)))
    norms = np.sqrt((energy[len(part) :] - energy[: -len(part)]) * np.sum(part * part))
    return float(np.max(np.abs(dots[: len(norms)]) / np.maximum(norms, 1e-9)))


def _part(path: Path, middle_s: float, slack_s: float) -> Samples:
    samples = decode(path.read_bytes(), _RATE_HZ)
    first = max(0, round((middle_s - _PART_S / 2 - slack_s) * _RATE_HZ))
    return samples[first : round((middle_s + _PART_S / 2 + slack_s) * _RATE_HZ)]
