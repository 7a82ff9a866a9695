"""How fast: bare decoding, file to landmarks, samples to landmarks, and listening."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import av
from benchmarks.engine import fingerprint_file, open_fingerprinter
from benchmarks.resources import stopwatch
from benchmarks.results import Measure, Section

from songid.audio.decode import read_all

_REPEATS = 3


def measure_speed(files: Sequence[Path], most_s: float) -> Section:
    """Three passes over files (evenly chosen, about `most_s` long); medians of CPU time.

    Bare decoding is PyAV's frames, not resampled: what any program has to pay.
    """
    fingerprinter = open_fingerprinter()
    rate_hz = fingerprinter.sample_rate_hz
    chosen, total_s = choose(files, most_s)
    fingerprint_file(chosen[0], fingerprinter)  # imports and first plans are not the measure
    bare_s, resampled_s, whole_s, analysis_s = [], [], [], []
    landmarks = 0
    for _ in range(_REPEATS):
        with stopwatch() as watch:
            for path in chosen:
                decode_bare(path)
        bare_s.append(watch.cpu_s)
        with stopwatch() as watch:
            for path in chosen:
                read_all(path, rate_hz)
        resampled_s.append(watch.cpu_s)
        with stopwatch() as watch:
            landmarks = sum(len(fingerprint_file(path, fingerprinter)[0]) for path in chosen)
        whole_s.append(watch.cpu_s)
        spent_s = 0.0
        for path in chosen:
            samples = read_all(path, rate_hz)
            with stopwatch() as watch:
                fingerprinter.analyse(samples).for_index()
            spent_s += watch.cpu_s
        analysis_s.append(spent_s)
    bare, whole, analysis = median(bare_s), median(whole_s), median(analysis_s)
    return Section(
        "Speed on one core",
        f"{len(chosen)} files, {total_s / 60:.0f} minutes, median of {_REPEATS} passes",
        [
            Measure("bare decoding", total_s / bare, "x real time"),
            Measure("decoding to mono at its rate", total_s / median(resampled_s), "x real time"),
            Measure("file to landmarks", total_s / whole, "x real time"),
            Measure("file to landmarks over bare decoding", whole / bare, "x CPU", at_most=2.5),
            Measure("samples to landmarks", total_s / analysis, "x real time", at_least=1500),
            Measure("landmarks", landmarks / total_s, "per second"),
        ],
        details={
            "bare_cpu_s": bare_s,
            "resampled_cpu_s": resampled_s,
            "whole_cpu_s": whole_s,
            "analysis_cpu_s": analysis_s,
        },
    )


def decode_bare(path: Path) -> float:
    """Decode a file's frames and throw them away; their length in seconds."""
    seconds = 0.0
    with av.open(str(path), mode="r") as file:
        for frame in file.decode(audio=0):
            seconds += frame.samples / frame.sample_rate
    return seconds


def choose(files: Sequence[Path], most_s: float) -> tuple[list[Path], float]:
    """Files spread evenly over the list, together at most about `most_s` long (one at least)."""
    lengths = [decode_bare(path) for path in files]
    stride = max(1, math.ceil(sum(lengths) / most_s))
    return list(files[::stride]), sum(lengths[::stride])
