"""Encodes samples to a container's bytes and back, all in memory, with PyAV.

The tests' and benchmark's way to MP3 and AAC; files for users are written elsewhere.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream

from songid.model import Samples


@dataclass(frozen=True, slots=True)
class _Coding:
    codec: str
    sample_format: str
    options: Mapping[str, str]


_CODINGS: Mapping[str, _Coding] = MappingProxyType(
    {
        "mp3": _Coding("libmp3lame", "s16p", {}),
        # The fast coder costs a third of the default's time and is as good at these rates.
        "mpegts": _Coding("aac", "fltp", {"aac_coder": "fast"}),
        "ogg": _Coding("libvorbis", "fltp", {}),
        "opus": _Coding("libopus", "flt", {}),
        "flac": _Coding("flac", "s16", {}),
        "wav": _Coding("pcm_s16le", "s16", {}),
    }
)


def encode(
    samples: Samples | npt.NDArray[np.float32],
    rate_hz: int,
    container: str,
    *,
    bit_rate: int = 0,
    tags: Mapping[str, str] | None = None,
) -> bytes:
    """The bytes of a file of `container`: mp3, mpegts (AAC), ogg, opus, flac or wav.

    samples: float32 in -1 to 1, shape (n,) or (n, channels). Values beyond are clipped.
    """
    coding = _CODINGS[container]
    planes = np.clip(np.atleast_2d(samples.T), -1, 1)
    data = np.ascontiguousarray(planes.T).reshape(1, -1)
    layout = {1: "mono", 2: "stereo"}[len(planes)]
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        file.metadata.update(tags or {})
        stream = cast(AudioStream, file.add_stream(coding.codec, rate=rate_hz, layout=layout))
        if bit_rate:
            stream.bit_rate = bit_rate
        stream.codec_context.options = dict(coding.options)
        resampler = av.AudioResampler(format=coding.sample_format, layout=layout, rate=rate_hz)
        frame = av.AudioFrame.from_ndarray(data, format="flt", layout=layout)
        frame.sample_rate = rate_hz
        for part in (*resampler.resample(frame), None):
            for packet in stream.encode(part):
                file.mux(packet)
    return out.getvalue()


def decode(data: bytes, rate_hz: int) -> Samples:
    """The first audio stream of a file's bytes as mono float32, shape (n,), at `rate_hz`."""
    blocks: list[Samples] = []
    with av.open(io.BytesIO(data), mode="r") as file:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate_hz)
        for frame in file.decode(audio=0):
            blocks += [part.to_ndarray()[0] for part in resampler.resample(frame)]
        blocks += [part.to_ndarray()[0] for part in resampler.resample(None)]
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)


def round_trip(samples: Samples, rate_hz: int, container: str, *, bit_rate: int = 0) -> Samples:
    """Samples after encoding and decoding; as many as came in."""
    heard = decode(encode(samples, rate_hz, container, bit_rate=bit_rate), rate_hz)
    return np.pad(heard[: len(samples)], (0, max(0, len(samples) - len(heard))))
