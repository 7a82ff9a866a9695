"""Makes audio files for tests: sines, noise and clicks in every format, and broken files.

Every maker is given its seed or has none, so the same call gives the same bytes.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from songid.audio.encode import ENCODINGS, encode
from songid.audio.tags import Tags
from songid.model import Samples

FORMATS = tuple(ENCODINGS)
"""Every format that `encoded` makes; `video` makes videos."""


def sine(seconds: float, frequency_hz: float, rate_hz: int, amplitude: float = 0.5) -> Samples:
    """A sine, mono float32, shape (n,)."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * frequency_hz * t)).astype(np.float32)


def noise(seconds: float, rate_hz: int, seed: int = 0, amplitude: float = 0.1) -> Samples:
    """White noise of this RMS amplitude, mono float32, shape (n,)."""
    rng = np.random.default_rng(seed)
    return (amplitude * rng.standard_normal(round(seconds * rate_hz))).astype(np.float32)


def clicks(seconds: float, at_s: tuple[float, ...], rate_hz: int) -> Samples:
    """Silence with bursts of 1 ms that begin at the given seconds, mono float32, shape (n,)."""
    samples = np.zeros(round(seconds * rate_hz), dtype=np.float32)
    for second in at_s:
        begin = round(second * rate_hz)
        samples[begin : begin + rate_hz // 1000] = 0.9
    return samples


def stereo(samples: Samples) -> npt.NDArray[np.float32]:
    """Mono samples in both channels, shape (n, 2)."""
    return np.stack([samples, samples], axis=1)


def encoded(
    samples: npt.NDArray[np.float32],
    rate_hz: int,
    format: str,
    *,
    bitrate: int = 0,
    tags: Tags | None = None,
    variable: bool = False,
) -> bytes:
    """The bytes of a file; `variable` asks the MP3 encoder for a variable bit rate."""
    out = io.BytesIO()
    # LAME takes a quality instead of a bit rate only if asked by FFmpeg's flag for it.
    options = {"flags": "+qscale", "global_quality": "236"} if variable else None
    encode(samples, rate_hz, out, format=format, bitrate=bitrate, tags=tags, options=options)
    return out.getvalue()


def video(
    seconds: float,
    sound: npt.NDArray[np.float32] | None = None,
    rate_hz: int = 44_100,
    container: str = "mp4",
) -> bytes:
    """The bytes of a video file (mp4 or matroska), grey, with the sound, shape (n, 2), if any."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        pictures = file.add_stream("mpeg4", rate=5, width=64, height=64, pix_fmt="yuv420p")
        track = None if sound is None else file.add_stream("aac", rate=rate_hz, layout="stereo")
        for k in range(round(seconds * 5)):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), k % 255, np.uint8))
            file.mux(pictures.encode(picture))
        file.mux(pictures.encode(None))
        if track is not None and sound is not None:
            packed = np.ascontiguousarray(sound, dtype=np.float32).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout="stereo")
            frame.sample_rate = rate_hz
            file.mux(track.encode(frame))
            file.mux(track.encode(None))
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A broken file, how it was broken, and how much sound it was made of."""

    path: Path
    kind: str
    seconds: float


BROKEN_KINDS = (
    "truncated",
    "random bytes",
    "wrong ending",
    "zero length",
    "huge header",
    "garbled header",
    "garbled inside",
    "a hole",
    "zeros",
    "text",
)
_SECONDS = 3.0
_RATE_HZ = 44_100
_HUGE_HEADERS = (
    b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f",
    b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff",
    b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0" + b"\xff" * 12 + b"\x20\0data",
    b"fLaC\x00\xff\xff\xff",
    b"\x00\x00\x00\x18ftypM4A \0\0\0\0M4A mp42\x7f\xff\xff\xffmoov",
    b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xfe",
    b"OggS\x00\x02" + b"\xff" * 20 + b"\xff" + b"\xff" * 255,
    b"FORM\xff\xff\xff\xffAIFFCOMM\xff\xff\xff\xff",
)


def broken_files(folder: Path, count: int = 200, seed: int = 0) -> Iterator[BrokenFile]:
    """Write `count` broken files of all kinds and formats into a folder, one by one."""
    chance = random.Random(seed)
    samples = stereo(sine(_SECONDS, 440, _RATE_HZ) * 0.5 + noise(_SECONDS, _RATE_HZ, seed))
    whole = {name: encoded(samples, _RATE_HZ, name) for name in FORMATS}
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(count):
        kind = BROKEN_KINDS[k % len(BROKEN_KINDS)]
        name = FORMATS[k // len(BROKEN_KINDS) % len(FORMATS)]
        data, suffix = _broken(whole[name], kind, ENCODINGS[name].suffix, chance)
        path = folder / f"{k:03d} {kind} {name}{suffix}"
        path.write_bytes(data)
        yield BrokenFile(path, kind, _SECONDS)


def _broken(whole: bytes, kind: str, suffix: str, chance: random.Random) -> tuple[bytes, str]:
    size = len(whole)
    third = size // 3
    match kind:
        case "truncated":
            return whole[: chance.randrange(1, size - size // 10)], suffix
        case "random bytes":
            return chance.randbytes(chance.choice((1, 100, 10_000, 300_000))), suffix
        case "wrong ending":
            # Garbled besides: a whole file with a wrong ending is not broken.
            wrong = chance.choice([other for other in (".mp3", ".wav", ".m4a") if other != suffix])
            return whole[:third], wrong
        case "zero length":
            return b"", suffix
        case "huge header":
            return chance.choice(_HUGE_HEADERS) + whole[:third], suffix
        case "garbled header":
            garbled = chance.randrange(16, 200)
            return chance.randbytes(garbled) + whole[garbled:], suffix
        case "garbled inside":
            return whole[:third] + chance.randbytes(third) + whole[2 * third :], suffix
        case "a hole":
            return whole[:third] + whole[third + size // 4 :], suffix
        case "zeros":
            return whole[:third] + bytes(size - third), suffix
        case _:
            return ("This is not a song.\n" * chance.randrange(1, 500)).encode(), suffix
