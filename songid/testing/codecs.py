"""To a codec and back, in memory: what MP3 or AAC of a given bit rate leaves of samples.

Decoding is done here and not by songid's own decoder, so that the tests' truth does not
rest on what they test.
"""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame

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


def gsm_encoder() -> str:
    """The name of the GSM encoder that PyAV's FFmpeg has; empty where it has none."""
    return "libgsm" if _encodes("libgsm") else ""


def through_codec(samples: Samples, rate_hz: int, encoder: str, decoder: str) -> Samples:
    """Samples after a bare encoder and decoder, by FFmpeg's names, without any container.

    For telephones' codecs, which take 16-bit mono; as many samples as came in.
    """
    coder = cast(AudioCodecContext, av.CodecContext.create(encoder, "w"))
    listener = cast(AudioCodecContext, av.CodecContext.create(decoder, "r"))
    for side in (coder, listener):
        side.sample_rate = rate_hz
        side.layout = "mono"
    coder.format = "s16"
    coder.time_base = Fraction(1, rate_hz)
    coder.open()
    size = coder.frame_size or len(samples)
    heard: list[Samples] = []
    for at in range(0, len(samples), size or 1):
        part = np.clip(samples[at : at + size], -1.0, 1.0)
        part = np.pad(part, (0, size - len(part)))
        frame = AudioFrame.from_ndarray((part * 32767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate = rate_hz
        frame.time_base = coder.time_base
        frame.pts = at
        for packet in coder.encode(frame):
            heard += [f.to_ndarray()[0] / np.float32(32768) for f in listener.decode(packet)]
    out = np.concatenate(heard) if heard else np.zeros(0, dtype=np.float32)
    return np.pad(out[: len(samples)], (0, max(0, len(samples) - len(out))))


def _encodes(codec: str) -> bool:
    try:
        return bool(av.Codec(codec, "w").is_encoder)
    except av.codec.codec.UnknownCodecError:
        return False
