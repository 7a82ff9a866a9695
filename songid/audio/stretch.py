"""Gathers decoded frames into stretches without a hole, mixed down and resampled.

Frames are short (20 to 26 ms): they are joined by FFmpeg and then worked on seconds at a
time, so that numpy's cost per call is paid rarely.
"""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame

from songid.audio.resample import Resampler
from songid.model import Samples

# A second of stereo, read and mixed, stays within a common second-level cache.
BLOCK_S = 1.0
# Containers round timestamps (to 1 ms in Matroska, 11 µs in MPEG-TS) and a lost packet is
# 20 to 50 ms; what adds up to this much is a hole, or sound that is there twice.
JUMP_S = 0.1
# A clock that leaps further was started anew or garbled: the sound itself goes on.
LONGEST_HOLE_S = 6 * 3600.0
# Sound is within ±1, a little more from lossy codecs; floats beyond this are garbage.
_LOUDEST = 64.0
_FULL_SCALE: dict[str, tuple[str, float]] = {
    "u8": ("u1", 128.0),
    "s16": ("i2", 32768.0),
    "s32": ("i4", 2147483648.0),
    "flt": ("f4", 1.0),
    "dbl": ("f8", 1.0),
}
# PyAV finds the planes of a frame by the empty pointer after them; FFmpeg has room for 8.
_MOST_PLANES = 7


class Stretch:
    """Consecutive frames of one format; starts at `start_s` in the file."""

    def __init__(
        self, frame: AudioFrame, start_s: float, time_base: Fraction, rate_hz: int
    ) -> None:
        self.start_s = start_s
        self.samples = 0
        self._rate_in_hz = frame.sample_rate
        self._rate_hz = rate_hz
        self._layout = frame.layout
        self._ticks = 1 / (float(time_base) * frame.sample_rate)
        self._tolerance = JUMP_S / float(time_base)
        self._time_base = float(time_base)
        self._first_pts = frame.pts
        self._fifo = AudioFifo()
        self._full = round(BLOCK_S * frame.sample_rate)
        self._unread = 0
        self._resampler = Resampler(frame.sample_rate, rate_hz)
        self._given = 0

    @property
    def end_s(self) -> float:
        """Where in the file the frames so far end."""
        return self.start_s + self.duration_s

    @property
    def duration_s(self) -> float:
        """How long the frames so far last."""
        return self.samples / self._rate_in_hz

    @property
    def is_full(self) -> bool:
        """Whether a block is due."""
        return self._unread >= self._full

    def take(self, frame: AudioFrame) -> bool:
        """Add a frame, unless it is of another format or time: then a new stretch begins."""
        pts = frame.pts
        if pts is not None:
            if self._first_pts is None:
                self._first_pts = pts - round(self.samples * self._ticks)
            elif abs(pts - self._first_pts - self.samples * self._ticks) > self._tolerance:
                return False
            frame.pts = None  # AudioFifo would insist on exact ones
        # AudioFifo does not compare the number of channels, and would read past the end.
        if frame.layout != self._layout:
            return self._refuse(frame, pts)
        try:
            self._fifo.write(frame)
        except ValueError:  # another sample rate or format
            return self._refuse(frame, pts)
        count = frame.samples
        self.samples += count
        self._unread += count
        return True

    @staticmethod
    def _refuse(frame: AudioFrame, pts: int | None) -> bool:
        frame.pts = pts
        return False

    def start_of_next(self, frame: AudioFrame) -> float:
        """When a frame that this stretch refused starts: after a hole, or at once."""
        pts = frame.pts
        if pts is None or self._first_pts is None:
            return self.end_s
        hole_s = (pts - self._first_pts - self.samples * self._ticks) * self._time_base
        return self.end_s + (hole_s if 0 < hole_s <= LONGEST_HOLE_S else 0.0)

    def block(self) -> tuple[float, Samples] | None:
        """Start and samples (mono float32, shape (n,)) of what is new; None if nothing is."""
        frame = self._fifo.read(0)
        self._unread = 0
        if frame is None:
            return None
        return self._placed(self._resampler.push(mix_down(frame)))

    def last_block(self) -> tuple[float, Samples] | None:
        """As `block`, of the stretch's end."""
        frame = self._fifo.read(0)
        parts = [] if frame is None else [self._resampler.push(mix_down(frame))]
        return self._placed(np.concatenate((*parts, self._resampler.finish())))

    def _placed(self, samples: Samples) -> tuple[float, Samples] | None:
        if not len(samples):
            return None
        start_s = self.start_s + self._given / self._rate_hz
        self._given += len(samples)
        return start_s, samples


def mix_down(frame: AudioFrame) -> Samples:
    """The mean of a frame's channels, float32 in ±1, shape (n,); garbage becomes silence."""
    channels = frame.layout.nb_channels
    name = frame.format.name.removesuffix("p")
    if name not in _FULL_SCALE or (frame.format.is_planar and channels > _MOST_PLANES):
        name = "flt"
        (frame,) = av.AudioResampler("flt", frame.layout, frame.sample_rate).resample(frame)
    with np.errstate(over="ignore", invalid="ignore"):  # garbled floats overflow
        mono = _mean(frame, name, channels)
        return _without_garbage(mono) if name in ("flt", "dbl") else mono


def _mean(frame: AudioFrame, name: str, channels: int) -> Samples:
    dtype, full_scale = _FULL_SCALE[name]
    count = frame.samples
    if frame.format.is_planar:
        parts = [
            np.frombuffer(memoryview(plane), dtype, count) for plane in frame.planes[:channels]
        ]
    else:
        packed = np.frombuffer(memoryview(frame.planes[0]), dtype, count * channels)
        parts = list(packed.reshape(count, channels).T)
    if channels == 1:
        mono = parts[0].astype(np.float32)
    else:
        mono = np.add(parts[0], parts[1], dtype=np.float32)
        for part in parts[2:]:
            mono += part
    if name == "u8":
        mono -= 128.0 * channels
    if channels * full_scale != 1:
        mono *= np.float32(1 / (channels * full_scale))
    return mono


def _without_garbage(mono: Samples) -> Samples:
    """Samples with NaN, infinity and absurd values, of garbled floats, replaced by 0."""
    # The energy tells in one pass whether there is anything to look for.
    if np.dot(mono, mono) <= 4.0 * len(mono):
        return mono
    return np.where(np.abs(mono) <= _LOUDEST, mono, np.float32(0))
