"""The features by which music and speech are told apart, every half second of some audio.

They are numbers of a window's spectrogram alone; `sound` says what each means, where it
comes from, and how they are weighed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from songid.audio import fourier
from songid.model import Samples

Floats = npt.NDArray[np.float32]

STEP_S = 0.5
CONTEXT_S = 5.0
FEATURES = (
    "swing",
    "level spread",
    "change",
    "steady lines",
    "steady lines in pauses",
    "pulse",
    "context",
)

# 93 ms frames, half overlapped: bins of 10.8 Hz, fine enough to tell a held note from a
# glide; 21.5 frames a second, fast enough for syllables. 16 groups of 20 bins from 200 Hz.
_FRAME_S = 1024 / 11025
_LOWEST_HZ = 200.0
_GROUPS = 16
_GROUP_BINS = 20
_BINS = _GROUPS * _GROUP_BINS
# Eight bands of about equal width on a logarithmic scale, by first bin.
_BAND_STARTS = np.array([0, 8, 20, 37, 61, 95, 145, 217])
_DYNAMIC_RANGE = 10**-5.5
# A bin stands out when its amplitude exceeds its group's mean by this factor.
_STANDS_OUT = np.float32(1.7)
_STEADIEST_BINS = 10
_PULSE_FRAMES = (5, 26)


def features(samples: Samples, rate_hz: int) -> Floats:
    """The features of every half second, shape (steps, 7), in the order of FEATURES.

    At least one step; the context is cut to what there is. The level of the whole does
    not matter: every feature is a ratio, or relative to the loudest frame.
    """
    power, frames_per_s = _power(samples, rate_hz)
    frames = len(power)
    amplitude = np.sqrt(power)
    amplitude += np.float32(1e-9)
    bands = np.add.reduceat(power, _BAND_STARTS, axis=1)
    energy = bands.sum(axis=1) + np.float32(1e-15)
    floor = energy.max() * np.float32(_DYNAMIC_RANGE)
    level_db = 10 * np.log10(np.maximum(energy, floor))
    bands_db = 10 * np.log10(np.maximum(bands, floor))
    loudness = np.sqrt(energy)

    swing_db = _moving_mean(bands_db, 7) - _moving_mean(bands_db, 43)
    swing = np.square(swing_db).mean(axis=1)
    likeness = np.ones(frames, np.float32)
    products = np.einsum("ij,ij->i", amplitude[1:], amplitude[:-1])
    likeness[1:] = np.minimum(products / (loudness[1:] * loudness[:-1]), 1)
    groups = amplitude.reshape(frames, _GROUPS, _GROUP_BINS)
    stands_out = groups > _STANDS_OUT * groups.mean(axis=2, keepdims=True)
    lines = stands_out.reshape(frames, _BINS).astype(np.float32)
    onset_db = np.maximum(np.diff(bands_db, axis=0, prepend=bands_db[:1]), 0).mean(axis=1)

    context = min(frames, round(CONTEXT_S * frames_per_s))
    steps = max(1, round(len(samples) / rate_hz / STEP_S))
    centres = (np.arange(steps) + 0.5) * frames / steps
    firsts = np.clip(np.round(centres - context / 2).astype(np.int64), 0, frames - context)
    at = np.arange(frames)
    within = (at >= firsts[:, None]) & (at < firsts[:, None] + context)
    mean = within.astype(np.float32) / np.float32(context)

    weight = np.sqrt(loudness)
    series = (swing, level_db, np.square(level_db), weight, weight * likeness, loudness)
    means = _product(mean, np.stack(series, axis=1))
    spread_db = np.sqrt(np.maximum(means[:, 2] - np.square(means[:, 1]), 0))
    pauses = mean * (loudness < 0.5 * means[:, 5:])
    # The small constant keeps a context without pauses from dividing by nothing.
    pauses /= pauses.sum(axis=1, keepdims=True) + np.float32(0.05)
    return np.stack(
        (
            np.log(means[:, 0] + 0.1),
            spread_db,
            np.log(1.01 - means[:, 4] / means[:, 3]),
            _steadiness(_product(mean, lines)),
            _steadiness(_product(pauses, lines)),
            _pulse(onset_db[firsts[:, None] + np.arange(context)]),
            np.full(steps, min(len(samples) / rate_hz / CONTEXT_S, 1.0)),
        ),
        axis=1,
    ).astype(np.float32)


def _power(samples: Samples, rate_hz: int) -> tuple[Floats, float]:
    """Power of the bins from 200 Hz on, shape (frames, 320), and frames per second."""
    size = round(rate_hz * _FRAME_S)
    hop = size // 2
    if len(samples) < size:
        samples = np.pad(samples, (0, size - len(samples)))
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    framed = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop] * window
    first = round(_LOWEST_HZ * size / rate_hz)
    spectra = fourier.rfft(framed)[:, first : first + _BINS]
    return np.square(spectra.real) + np.square(spectra.imag), rate_hz / hop


def _product(left: Floats, right: Floats) -> Floats:
    """The matrix product, a few rows at a time.

    OpenBLAS spreads a product of more than 2**18 multiplications over threads, which for
    one of this size costs ten times its work.
    """
    rows = max(1, 2**18 // max(1, right.size))
    parts = [left[at : at + rows] @ right for at in range(0, len(left), rows)]
    return np.concatenate(parts)


def _moving_mean(values: Floats, width: int) -> Floats:
    """The mean over `width` (odd) frames around each, fewer at the ends; shape kept."""
    sums = np.concatenate((np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=float)))
    at = np.arange(len(values))
    first = np.maximum(at - width // 2, 0)
    last = np.minimum(at + width // 2 + 1, len(values))
    return np.asarray((sums[last] - sums[first]) / (last - first)[:, None], np.float32)


def _steadiness(shares: Floats) -> Floats:
    """By how much the ten steadiest bins exceed their groups, of shares (steps, 320)."""
    groups = shares.reshape(len(shares), _GROUPS, _GROUP_BINS)
    excess = (groups - groups.mean(axis=2, keepdims=True)).reshape(len(shares), _BINS)
    best: Floats = np.partition(excess, _BINS - _STEADIEST_BINS, axis=1)[:, -_STEADIEST_BINS:]
    return np.asarray(best.mean(axis=1), np.float32)


def _pulse(onsets: Floats) -> Floats:
    """The highest normalised autocorrelation within _PULSE_FRAMES of onsets (steps, context)."""
    steps, context = onsets.shape
    if context <= _PULSE_FRAMES[0]:
        return np.zeros(steps, np.float32)
    centred = onsets - onsets.mean(axis=1, keepdims=True)
    size = fourier.next_fast_len(2 * context)
    spectra = fourier.rfft(centred, size)
    power = np.square(spectra.real) + np.square(spectra.imag)
    lags = fourier.irfft(power.astype(np.complex64), size)
    highest = lags[:, _PULSE_FRAMES[0] : min(_PULSE_FRAMES[1], context)].max(axis=1)
    return np.asarray(highest / (lags[:, 0] + 1e-9), np.float32)
