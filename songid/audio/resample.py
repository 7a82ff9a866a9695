"""Resamples mono float32 audio block by block, at a rate near that of the memory.

The polyphase filter is laid out as a few small matrices, so nearly all work is BLAS; the
stream's blocks join without a seam and the filter's delay is taken out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from songid.model import Samples

# In shares of the lower Nyquist frequency: flat to 5.0 kHz and gone above 6.4 kHz at an
# output of 11,025 Hz. What folds lands above 4.6 kHz.
_PASS = 0.907
_STOP = 1.161
_ATTENUATION_DB = 66.0
# Output samples per matrix: wide enough for BLAS, narrow enough not to multiply zeros.
_GROUP = 16
_LEAST_PERIOD = 128
# OpenBLAS spreads a product of more than 2**18 multiplications over threads, which for
# matrices this small costs up to a hundred times the product itself.
_MOST_MULTIPLICATIONS = 250_000


@dataclass(frozen=True, slots=True)
class _Group:
    """The filter for output samples [begin, end) of a period, from input sample `offset` on."""

    begin: int
    end: int
    offset: int
    taps: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Design:
    """A rate change: `period_in` input samples give `period_out` output samples."""

    period_in: int
    period_out: int
    half_length: int
    span: int
    groups: tuple[_Group, ...]


@lru_cache(maxsize=16)
def _design(rate_in_hz: int, rate_out_hz: int) -> _Design:
    """A Kaiser-windowed sinc (Kaiser 1974), sampled at every phase of the rate change."""
    common = math.gcd(rate_in_hz, rate_out_hz)
    unit_out, unit_in = rate_out_hz // common, rate_in_hz // common
    nyquist_hz = min(rate_in_hz, rate_out_hz) / 2
    width = 2 * math.pi * (_STOP - _PASS) * nyquist_hz / rate_in_hz
    half = math.ceil((_ATTENUATION_DB - 7.95) / (2.285 * width) / 2)
    beta = 0.1102 * (_ATTENUATION_DB - 8.7)
    cutoff = (_PASS + _STOP) / 2 * nyquist_hz / rate_in_hz

    repeats = max(1, round(_LEAST_PERIOD / unit_out))
    # BLAS wants rows that do not overlap in memory: the period must outlast the filter.
    while repeats * unit_in < 2 * half + _GROUP * unit_in / unit_out + 2:
        repeats *= 2
    period_out, period_in = unit_out * repeats, unit_in * repeats

    groups = []
    for begin in range(0, period_out, _GROUP):
        end = min(begin + _GROUP, period_out)
        centres = np.arange(begin, end) * (unit_in / unit_out)
        first = math.floor(centres[0]) - half + 1
        last = math.floor(centres[-1]) + half + 1
        distance = centres[None, :] - np.arange(first, last)[:, None]
        inside = np.sqrt(np.clip(1 - (distance / half) ** 2, 0, None))
        taps = np.sinc(2 * cutoff * distance) * np.i0(beta * inside) * (np.abs(distance) < half)
        taps /= taps.sum(axis=0)
        groups.append(_Group(begin, end, first + half - 1, np.ascontiguousarray(taps, np.float32)))
    span = max(group.offset + len(group.taps) for group in groups)
    return _Design(period_in, period_out, half, span, tuple(groups))


class Resampler:
    """Changes the rate of one continuous stream; the first output falls on the first input.

    Everything pushed so far gives, after `finish`, ceil(n * rate_out / rate_in) samples.
    """

    def __init__(self, rate_in_hz: int, rate_out_hz: int) -> None:
        self._rates = (rate_in_hz, rate_out_hz)
        self._design = None if rate_in_hz == rate_out_hz else _design(rate_in_hz, rate_out_hz)
        half = self._design.half_length if self._design else 0
        self._waiting: Samples = np.zeros(max(0, half - 1), dtype=np.float32)
        self._pushed = 0
        self._given = 0

    def push(self, samples: Samples) -> Samples:
        """Take mono float32 samples, shape (n,); give those whose surroundings are known."""
        self._pushed += len(samples)
        if self._design is None:
            self._given += len(samples)
            return samples
        self._waiting = np.concatenate((self._waiting, samples))
        return self._drain()

    def finish(self) -> Samples:
        """The rest, as if silence followed."""
        rate_in_hz, rate_out_hz = self._rates
        rest = -(-self._pushed * rate_out_hz // rate_in_hz) - self._given
        if self._design is None or rest <= 0:
            return np.zeros(0, dtype=np.float32)
        tail = np.zeros(self._design.span + self._design.period_in, dtype=np.float32)
        self._waiting = np.concatenate((self._waiting, tail))
        return self._drain()[:rest]

    def _drain(self) -> Samples:
        design = self._design
        assert design is not None
        waiting = self._waiting
        rows = (len(waiting) - design.span) // design.period_in + 1
        if rows <= 0:
            return np.zeros(0, dtype=np.float32)
        out = np.empty((rows, design.period_out), dtype=np.float32)
        stride = waiting.strides[0]
        for group in design.groups:
            length, width = group.taps.shape
            # numpy checks that this stays within the buffer, and is ten times faster at it
            # than `as_strided`.
            windows: Samples = np.ndarray(
                (rows, length),
                np.float32,
                waiting,
                group.offset * stride,
                (design.period_in * stride, stride),
            )
            step = max(1, _MOST_MULTIPLICATIONS // (length * width))
            for row in range(0, rows, step):
                block = slice(row, row + step)
                np.matmul(windows[block], group.taps, out=out[block, group.begin : group.end])
        self._waiting = waiting[rows * design.period_in :].copy()
        self._given += out.size
        return out.reshape(-1)


def resample(samples: Samples, rate_in_hz: int, rate_out_hz: int) -> Samples:
    """All of a mono float32 signal, shape (n,), at another rate."""
    resampler = Resampler(rate_in_hz, rate_out_hz)
    return np.concatenate((resampler.push(samples), resampler.finish()))
