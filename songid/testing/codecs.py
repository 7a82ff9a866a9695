"""To a codec and back, in memory: what MP3 or AAC of a given bit rate leaves of samples.

Decoding is done here and not by songid's own decoder, so that the tests' truth does not
rest on what they test.
"""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np

from songid.audio.encode import encode
from songid.model import Samples


def decode(data: bytes, rate_hz: int) -> Samples:
    """The first audio stream of a file's bytes as mono float32, shape (n,), at `rate_hz`."""
    blocks: list[Samples] = []
    with av.open(io.BytesIO(data), mode="r") as file:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate_hz)
        for frame in file.decode(audio=0):
            blocks += [part.to_ndarray()[0] for part in resampler.resample(frame)]
        blocks += [part.to_ndarray()[0] for part in resampler.resample(None)]
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)


def probe_duration_s(path: Path) -> float:
    """How long a file says its sound is, without decoding it; 0 if it does not say."""
    with av.open(str(path), mode="r") as file:
        stream = file.streams.audio[0]
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        return (file.duration or 0) / av.time_base


def round_trip(samples: Samples, rate_hz: int, audio_format: str, *, bit_rate: int) -> Samples:
    """Samples after encoding (`mp3`, `ts`, ... bit/s) and decoding; as many as came in."""
    file = io.BytesIO()
    encode(samples, rate_hz, file, format=audio_format, bitrate=bit_rate)
    heard = decode(file.getvalue(), rate_hz)
    return np.pad(heard[: len(samples)], (0, max(0, len(samples) - len(heard))))
