"""A window's spectrogram as a PNG, light where it is quiet, so that lines stand out on it.

Frequencies are spread as the ear does it, after the mel scale of O'Shaughnessy (1987), for
most of music's landmarks are in the lowest two kilohertz.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

from songid.audio import fourier
from songid.model import Samples

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

_FRAME_S, _HOP_S = 0.0929, 0.0232
_RANGE_DB = 60.0
_BEND_HZ = 700.0
_LIGHT, _DARK = np.array([255, 255, 255]), np.array([72, 92, 112])


def height_of(frequencies_hz: F64, top_hz: float) -> F64:
    """How high frequencies stand, from 0 at 0 Hz to 1 at `top_hz`."""
    height: F64 = np.log1p(frequencies_hz / _BEND_HZ) / np.log1p(top_hz / _BEND_HZ)
    return height


def spectrogram(samples: Samples, rate_hz: int, rows: int) -> bytes:
    """A PNG of `rows` rows, the highest frequency on top; one column each 23 ms."""
    size = fourier.next_fast_len(round(_FRAME_S * rate_hz))
    hop = round(_HOP_S * rate_hz)
    padded = np.pad(samples.astype(np.float32), size // 2)  # each column is its frame's middle
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    spectra = fourier.rfft(np.ascontiguousarray(frames) * window)
    power: F64 = np.square(np.abs(spectra)).astype(np.float64).T
    bins_hz: F64 = np.arange(len(power)) * np.float64(rate_hz / size)
    row = np.minimum(height_of(bins_hz, rate_hz / 2) * rows, rows - 1).astype(np.int64)
    decibels = 10 * np.log10(_by_row(power, row, rows) + 1e-12)
    top = float(np.percentile(decibels, 99.7))
    shade = np.clip((decibels - top) / _RANGE_DB + 1, 0, 1) if top > -60 else 0 * decibels
    return png((255 * shade[::-1] ** 1.5).astype(np.uint8), _LIGHT, _DARK)


def _by_row(power: F64, row: npt.NDArray[np.int64], rows: int) -> F64:
    """The greatest power of the bins that fall into each row; between bins, what is between."""
    at = np.arange(rows)
    first = np.searchsorted(row, at, "left")
    high = np.maximum.reduceat(power, np.minimum(first, len(power) - 1), axis=0)
    # Where no bin falls into a row, those around it are laid out between them.
    hit = np.flatnonzero(np.bincount(row, minlength=rows))
    above = np.clip(np.searchsorted(hit, at), 0, len(hit) - 1)
    below = np.clip(np.searchsorted(hit, at, "right") - 1, 0, len(hit) - 1)
    wide = np.maximum(hit[above] - hit[below], 1)
    share = ((at - hit[below]) / wide)[:, None]
    result: F64 = high[hit[below]] * (1 - share) + high[hit[above]] * share
    return result


def png(values: U8, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> bytes:
    """Grey values, shape (rows, columns), as a PNG whose colours run from `low` to `high`."""
    height, width = values.shape
    steps = np.linspace(0, 1, 256)[:, None]
    palette = np.rint(low + (high - low) * steps).astype(np.uint8)
    # Each row has a first byte that says how it is filtered: not at all.
    rows = np.pad(values, ((0, 0), (1, 0)))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", palette.tobytes()),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )
