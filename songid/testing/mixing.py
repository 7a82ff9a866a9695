"""Mixes sounds to stereo as a small studio does: pan, a light room, a limiter, an ending."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.fft

from songid.model import Samples


class Sound(NamedTuple):
    """A mono sound in the mix: its first sample there, gain and pan (-1 left, 1 right)."""

    first: int
    samples: Samples
    gain: float
    pan: float


def mix(sounds: Iterable[Sound], count: int, rate_hz: int) -> npt.NDArray[np.float32]:
    """Stereo float32, shape (count, 2), peak 0.89, with a fade over the last 2 seconds."""
    stereo = np.zeros((2, count), dtype=np.float32)
    for first, sound, gain, pan in sounds:
        room = min(len(sound), count - first)
        if room <= 0:
            continue
        angle = (pan + 1) * np.pi / 4
        for channel, weight in enumerate((np.cos(angle), np.sin(angle))):
            stereo[channel, first : first + room] += sound[:room] * np.float32(gain * weight)
    _add_room(stereo, rate_hz)
    peak = float(np.abs(stereo).max(initial=0.0))
    # Loudest moments are rounded off (a cubic soft limiter) as a mastered song's are.
    stereo *= np.float32(1.25 / peak if peak else 1.0)
    np.clip(stereo, -1, 1, out=stereo)
    stereo *= 1.335 - np.float32(0.445) * stereo * stereo
    ending = min(count, rate_hz * 2)
    stereo[:, count - ending :] *= np.linspace(1, 0, ending, dtype=np.float32)
    return np.ascontiguousarray(stereo.T)


def _add_room(stereo: npt.NDArray[np.float32], rate_hz: int, *, wet: float = 0.16) -> None:
    """Add a light room: the mix at half rate through two short decaying noises."""
    rng = np.random.default_rng(7)
    half = rate_hz // 2
    length = round(0.5 * half)
    block = 1 << 15
    step = block - length
    sent = (stereo[0, 0::2][: stereo.shape[1] // 2] + stereo[1, 1::2][: stereo.shape[1] // 2]) * 0.5
    pieces = -(-len(sent) // step)
    framed = np.zeros((pieces, block), dtype=np.float32)
    padded = np.zeros(pieces * step, dtype=np.float32)
    padded[: len(sent)] = sent
    framed[:, :step] = padded.reshape(pieces, step)
    spectrum = scipy.fft.rfft(framed, axis=1)
    decay = np.exp(-np.arange(length) / (0.11 * half))
    for channel in range(2):
        response = (rng.standard_normal(length) * decay).astype(np.float32)
        response *= np.float32(wet) / np.sqrt(np.sum(response * response))
        answer = scipy.fft.irfft(spectrum * scipy.fft.rfft(response, block), block, axis=1)
        tail = np.zeros(pieces * step + length, dtype=np.float32)
        tail[: pieces * step] = answer[:, :step].ravel()
        for piece in range(pieces):
            start = (piece + 1) * step
            tail[start : start + length] += answer[piece, step:]
        tail = tail[: len(sent) + 1]
        even, odd = stereo[channel, 0::2], stereo[channel, 1::2]
        even[: len(sent)] += tail[:-1]
        odd[: len(sent)] += 0.5 * (tail[:-1] + tail[1:])
