"""Spectral peaks for `landmark`: from samples to a constellation.

The spectrogram is walked in blocks that stay in the cache, a running maximum is taken by
doubling, and peaks are compared as power, so that no logarithm touches what is no peak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from songid.audio import fourier
from songid.model import Samples

RATE_HZ = 11025
FFT_SAMPLES = 1024
HOP_SAMPLES = 256

BIN_RADIUS = 12
FRAME_RADIUS = 6
LOWEST_BIN, HIGHEST_BIN = 8, 480
"""86 Hz to 5.2 kHz: what codecs and small loudspeakers leave."""

# Power of a full-scale sine in this scale is about 65,000; this is 118 dB below it, so
# that digital silence and dither have no peaks and quiet music has all of them.
_LEAST_POWER = 1e-7
_BLOCK_FRAMES = 128
_SLAB_FRAMES = 43
"""Peaks compete within slabs of 43 frames, 0.998 s."""

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Constellation:
    """Peaks ordered by frame, then bin. frames, bins (fractional), powers: float32, shape (n,)."""

    frames: F32
    bins: F32
    powers: F32

    def __len__(self) -> int:
        return len(self.frames)

    def whole_frames(self) -> npt.NDArray[np.int64]:
        """Frames rounded to integers, int64, ascending; a first one may be at -0.5, and is 0."""
        return np.rint(self.frames).astype(np.int64).clip(0)

    def whole_bins(self) -> npt.NDArray[np.int64]:
        """Bins rounded to integers, int64, kept within 0 to 511."""
        return np.rint(self.bins).astype(np.int64).clip(0, FFT_SAMPLES // 2 - 1)

    def moved(self, times: float, frequencies: float) -> Constellation:
        """The constellation with times and frequencies multiplied; peaks out of range dropped."""
        moved, keep = self.moved_in_place(times, frequencies)
        return _ordered(moved.frames[keep], moved.bins[keep], moved.powers[keep])

    def moved_in_place(
        self, times: float, frequencies: float
    ) -> tuple[Constellation, npt.NDArray[np.bool_]]:
        """The constellation likewise, each peak where it was among them, and which are in range."""
        bins = self.bins * np.float32(frequencies)
        keep = (bins >= LOWEST_BIN) & (bins < HIGHEST_BIN)
        return Constellation(self.frames * np.float32(times), bins, self.powers), keep


def find_peaks(samples: Samples) -> Constellation:
    """The local maxima of the power spectrogram of float32 samples, shape (n,), at 11025 Hz."""
    count = (len(samples) - FFT_SAMPLES) // HOP_SAMPLES + 1
    if count < 1:
        return Constellation(*(np.empty(0, np.float32) for _ in range(3)))
    samples = np.ascontiguousarray(samples, np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, FFT_SAMPLES)[::HOP_SAMPLES]
    found = [_peaks_in(frames, at, count) for at in range(0, count, _BLOCK_FRAMES)]
    times, bins, powers = (np.concatenate(column) for column in zip(*found, strict=True))
    return _ordered(times, bins, powers)


def strongest(peaks: Constellation, per_second: int) -> Constellation:
    """Keep the `per_second` strongest peaks of each second, high notes lifted by 1.5 dB/octave.

    Music falls off with frequency; unlifted, a bass line would leave no room for others.
    """
    if not len(peaks):
        return peaks
    slab = (peaks.frames / _SLAB_FRAMES).astype(np.int64)
    weight = peaks.powers * np.sqrt(peaks.bins)
    order = np.lexsort((-weight, slab))
    ordered = slab[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered, "left")
    kept = np.sort(order[rank < per_second])
    return Constellation(peaks.frames[kept], peaks.bins[kept], peaks.powers[kept])


def running_maximum(values: F32, radius: int, axis: int) -> F32:
    """The maximum within `radius` on both sides along axis 0 or 1; beyond the edges is 0."""
    length = 2 * radius + 1
    padding = [(0, 0), (0, 0)]
    padding[axis] = (radius, radius)
    result = np.pad(values, padding)
    covered = 1
    while covered < length:
        step = min(covered, length - covered)
        size = result.shape[axis] - step
        if axis == 0:
            result = np.maximum(result[:size], result[step:])
        else:
            result = np.maximum(result[:, :size], result[:, step:])
        covered += step
    return result


_WINDOW = np.hanning(FFT_SAMPLES + 1)[:-1].astype(np.float32)


def _peaks_in(frames: F32, at: int, count: int) -> tuple[F32, F32, F32]:
    """Peaks of frames [at, at + block), found with FRAME_RADIUS frames of context."""
    low, high = max(0, at - FRAME_RADIUS), min(count, at + _BLOCK_FRAMES + FRAME_RADIUS)
    first, last = at - low, min(at + _BLOCK_FRAMES, count) - low
    spectrum = fourier.rfft(frames[low:high] * _WINDOW)[:, : FFT_SAMPLES // 2]
    power: F32 = spectrum.real**2 + spectrum.imag**2
    highest = running_maximum(running_maximum(power, BIN_RADIUS, 1), FRAME_RADIUS, 0)
    inside = np.s_[first:last, LOWEST_BIN:HIGHEST_BIN]
    is_peak = (power[inside] == highest[inside]) & (power[inside] > _LEAST_POWER)
    frame, band = np.nonzero(is_peak)
    frame, band = frame + first, band + LOWEST_BIN
    value = power[frame, band]
    before, after = np.maximum(frame - 1, 0), np.minimum(frame + 1, high - low - 1)
    time = frame + low + _vertex(power[before, band], value, power[after, band])
    bins = band + _vertex(power[frame, band - 1], value, power[frame, band + 1])
    return time.astype(np.float32), bins.astype(np.float32), value


def _vertex(left: F32, centre: F32, right: F32) -> F32:
    """Where the parabola through three log powers has its top, -0.5 to 0.5 from the centre.

    The usual quadratic interpolation of spectral peaks (J. O. Smith, Spectral Audio
    Signal Processing, 2011).
    """
    left, centre, right = (np.log(power + np.float32(1e-12)) for power in (left, centre, right))
    bend = left - 2 * centre + right
    curved = bend < -1e-6
    return np.where(curved, (left - right) / np.where(curved, 2 * bend, -1), 0).clip(-0.5, 0.5)


def _ordered(frames: F32, bins: F32, powers: F32) -> Constellation:
    order = np.lexsort((bins, np.rint(frames)))
    return Constellation(frames[order], bins[order], powers[order])
