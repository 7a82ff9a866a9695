"""Encodes samples to audio files with the FFmpeg libraries that PyAV carries.

No `ffmpeg` program is needed: a machine that can decode can encode as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import IO, cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from songid.audio.tags import Tags
from songid.errors import AudioError

AudioArray = npt.NDArray[np.int16] | npt.NDArray[np.float32]

_CHUNK_FRAMES = 1 << 15
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one named format is made: FFmpeg's container and encoder, and their options.

    Where `rates_hz` is given, samples of another rate are resampled to the first; where
    `channels` is, samples are mixed to so many.
    """

    container: str
    codec: str
    suffix: str
    bitrate: int = 0
    rates_hz: tuple[int, ...] = ()
    channels: int = 0
    options: Mapping[str, str] = field(default_factory=dict)


# The fast coder costs a third of the default's time and is as good at these bit rates.
_AAC = {"aac_coder": "fast"}
_OPUS_HZ = (48_000, 24_000, 16_000, 12_000, 8_000)
_MP3_HZ = (44_100, 48_000, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)

ENCODINGS: Mapping[str, Encoding] = {
    "wav": Encoding("wav", "pcm_s16le", ".wav"),
    "wav24": Encoding("wav", "pcm_s24le", ".wav"),
    "wavfloat": Encoding("wav", "pcm_f32le", ".wav"),
    "flac": Encoding("flac", "flac", ".flac"),
    "mp3": Encoding("mp3", "libmp3lame", ".mp3", 192_000, _MP3_HZ),
    "aac": Encoding("adts", "aac", ".aac", 128_000, options=_AAC),
    "m4a": Encoding("ipod", "aac", ".m4a", 128_000, options=_AAC),
    "ts": Encoding("mpegts", "aac", ".ts", 128_000, options=_AAC),
    # PyAV carries FFmpeg's own Vorbis encoder only: stereo, and behind a flag. Prefer Opus.
    "ogg": Encoding("ogg", "vorbis", ".ogg", 128_000, channels=2, options={"strict": "-2"}),
    "opus": Encoding("ogg", "libopus", ".opus", 96_000, _OPUS_HZ),
    "mka": Encoding("matroska", "libopus", ".mka", 96_000, _OPUS_HZ),
}
"""Formats by the name that `encode` takes."""


def format_of(path: str | Path) -> str:
    """The format that a file name asks for by its ending; AudioError if none does."""
    suffix = Path(path).suffix.lower()
    for name, encoding in ENCODINGS.items():
        if encoding.suffix == suffix:
            return name
    endings = ", ".join(sorted({encoding.suffix for encoding in ENCODINGS.values()}))
    raise AudioError(str(path), f"its ending names no format to write; use one of {endings}")


def encode(
    samples: AudioArray,
    rate_hz: int,
    target: str | Path | IO[bytes],
    *,
    format: str = "",
    bitrate: int = 0,
    tags: Tags | None = None,
    options: Mapping[str, str] | None = None,
) -> None:
    """Write samples, int16 or float32 in [-1, 1], shape (n,) or (n, channels), to a file.

    `format` is a key of ENCODINGS (default: what the path's ending names); `bitrate` is in
    bit/s; `options` are the encoder's own, by FFmpeg's names. An open file is left open.
    """
    if isinstance(target, (str, Path)):
        chosen = format or format_of(target)
        with Path(target).open("wb") as file:
            encode(
                samples, rate_hz, file, format=chosen, bitrate=bitrate, tags=tags, options=options
            )
        return
    encoding = _encoding(format)
    with _open_output(target, encoding) as output:
        stream = _add_stream(output, encoding, rate_hz, _layout(samples), bitrate, options or {})
        if tags is not None:
            output.metadata.update(tags.as_metadata())
        for frame in _frames(samples, rate_hz):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def encode_segments(
    parts: Iterable[AudioArray],
    rate_hz: int,
    open_segment: Callable[[int], AbstractContextManager[IO[bytes]] | None],
    *,
    segment_s: float = 12.0,
    format: str = "ts",
    bitrate: int = 0,
) -> int:
    """Encode consecutive parts as one stream, cut into files of `segment_s`; returns how many.

    One encoder runs through, as a live station's does: a packet goes to the segment in which
    its first sample lies, so nothing drifts, and each file's clock starts anew. The file of
    segment k comes from `open_segment(k)`; None leaves that segment out.
    """
    encoding = _encoding(format)
    packets = _packets(parts, rate_hz, encoding, bitrate)
    written = 0
    current, output, stream = -1, None, None
    file: AbstractContextManager[IO[bytes]] | None = None
    try:
        for layout, packet in packets:
            start_s = float((packet.pts or 0) * (packet.time_base or 0))
            # A hair is added: 12.0 as a sum of 1024/48000 must not fall into segment 0.
            index = int((start_s + 1e-6) // segment_s)
            if start_s < 0:  # the encoder's priming, before the first sample
                continue
            if index != current:
                _close(output, file)
                output, stream, current = None, None, index
                file = open_segment(index)
                if file is not None:
                    output = _open_output(file.__enter__(), encoding)
                    stream = _add_stream(output, encoding, rate_hz, layout, bitrate, {})
                    written += 1
            if output is not None and stream is not None:
                packet.stream = stream
                output.mux(packet)
    finally:
        _close(output, file)
    return written


def _close(output: OutputContainer | None, file: AbstractContextManager[IO[bytes]] | None) -> None:
    try:
        if output is not None:
            output.close()
    finally:
        if file is not None:
            file.__exit__(None, None, None)


def _packets(
    parts: Iterable[AudioArray], rate_hz: int, encoding: Encoding, bitrate: int
) -> Iterator[tuple[str, Packet[AudioStream]]]:
    encoder: AudioCodecContext | None = None
    layout = ""
    position = 0
    for part in parts:
        if encoder is None:
            layout = _layout(part)
            encoder = cast(AudioCodecContext, av.CodecContext.create(encoding.codec, "w"))
            encoder.sample_rate = rate_hz
            encoder.layout = _LAYOUTS[encoding.channels] if encoding.channels else layout
            assert encoder.codec.audio_formats
            encoder.format = encoder.codec.audio_formats[0]
            encoder.bit_rate = bitrate or encoding.bitrate
            encoder.time_base = Fraction(1, rate_hz)
            encoder.options = dict(encoding.options)
        for frame in _frames(part, rate_hz, position):
            for packet in encoder.encode(frame):
                yield layout, packet
        position += len(part)
    if encoder is not None:
        for packet in encoder.encode(None):
            yield layout, packet


def _encoding(name: str) -> Encoding:
    try:
        return ENCODINGS[name]
    except KeyError:
        raise ValueError(f"no format {name!r}; there are {', '.join(ENCODINGS)}") from None


def _layout(samples: AudioArray) -> str:
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    if channels not in _LAYOUTS:
        raise ValueError(f"{channels} channels cannot be encoded; 1, 2, 6 or 8 can")
    return _LAYOUTS[channels]


def _open_output(file: IO[bytes], encoding: Encoding) -> OutputContainer:
    return av.open(file, "w", format=encoding.container)


def _add_stream(
    output: OutputContainer,
    encoding: Encoding,
    rate_hz: int,
    layout: str,
    bitrate: int,
    options: Mapping[str, str],
) -> AudioStream:
    rates = encoding.rates_hz
    stream = cast(
        AudioStream,
        output.add_stream(
            encoding.codec,
            rate=rate_hz if not rates or rate_hz in rates else rates[0],
            layout=_LAYOUTS[encoding.channels] if encoding.channels else layout,
            options={**encoding.options, **options},
        ),
    )
    if bitrate or encoding.bitrate:
        stream.bit_rate = bitrate or encoding.bitrate
    return stream


def _frames(samples: AudioArray, rate_hz: int, start: int = 0) -> Iterator[AudioFrame]:
    """Chunks of samples as frames with timestamps counted in samples from `start`."""
    layout = _layout(samples)
    packed = samples.reshape(len(samples), -1)
    for at in range(0, len(packed), _CHUNK_FRAMES):
        chunk = packed[at : at + _CHUNK_FRAMES].reshape(1, -1)
        if chunk.dtype == np.int16:
            data = np.ascontiguousarray(chunk, dtype=np.int16)
            frame = AudioFrame.from_ndarray(data, format="s16", layout=layout)
        else:
            clipped = np.clip(chunk, -1.0, 1.0).astype(np.float32)
            frame = AudioFrame.from_ndarray(clipped, format="flt", layout=layout)
        frame.sample_rate = rate_hz
        frame.time_base = Fraction(1, rate_hz)
        frame.pts = start + at
        yield frame
