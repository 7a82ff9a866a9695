"""Writes a stream's packets, as they came, into one segment's file: nothing is decoded.

The container is chosen by the codec: MPEG-TS where it has a place for it, as MediaLive's
archive has, Ogg and WAV where those are at home, Matroska for the rest.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError, InvalidDataError
from av.packet import Packet

from songid.segmenter.positions import TICKS_HZ

_FLUSH_BYTES = 4096
_TIME_BASE = Fraction(1, TICKS_HZ)
_TS_PACKET_BYTES = 188


@dataclass(frozen=True, slots=True)
class Format:
    """A container: FFmpeg's name, the file's ending and media type, FFmpeg's options."""

    name: str
    suffix: str
    media_type: str
    options: Mapping[str, str] = field(default_factory=dict)


# A second of audio to a PES packet: left to itself the muxer makes one of every frame, which
# costs two thirds more bytes.
_TS = Format("mpegts", ".ts", "video/mp2t", {"max_delay": "1000000", "pes_payload_size": "8000"})
_OGG = Format("ogg", ".ogg", "audio/ogg", {"page_duration": "250000"})
_WAV = Format("wav", ".wav", "audio/wav")
_MATROSKA = Format("matroska", ".mka", "audio/x-matroska")
_FORMATS = {
    **dict.fromkeys(("aac", "aac_latm", "mp1", "mp2", "mp3", "ac3", "eac3"), _TS),
    **dict.fromkeys(("opus", "vorbis", "flac", "speex"), _OGG),
    **dict.fromkeys(("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le"), _WAV),
    **dict.fromkeys(("pcm_mulaw", "pcm_alaw"), _WAV),
}
MEDIA_TYPES = {each.suffix: each.media_type for each in (_TS, _OGG, _WAV, _MATROSKA)}


def format_for(codec: str) -> Format:
    """The container for a codec, by the name of FFmpeg's codec or decoder (`mp3float`)."""
    return _FORMATS.get(codec.removesuffix("float").removesuffix("_fixed"), _MATROSKA)


class Template:
    """What a file needs to know of a stream, still there when the stream is closed."""

    def __init__(self, stream: AudioStream) -> None:
        context = stream.codec_context
        self.format = format_for(context.name)
        # Nothing is ever written to it: it keeps FFmpeg's description of the codec.
        self._keeper: OutputContainer = av.open(io.BytesIO(), "w", format=self.format.name)
        self.stream: AudioStream = self._keeper.add_stream_from_template(stream)
        self._facts = (
            context.name,
            context.sample_rate,
            context.channels,
            _settings(context.name, context.extradata or b""),
        )

    def fits(self, other: Template) -> bool:
        """Whether packets of one may follow those of the other in a file."""
        return self._facts == other._facts


def _settings(codec: str, extradata: bytes) -> bytes:
    """The part of a codec's set-up on which decoding depends; comments and totals are not."""
    if codec == "flac":
        return b""  # each of its frames says all it needs
    if codec != "vorbis" or extradata[:1] != b"\2":
        return extradata
    # Three headers: two lengths in bytes of 255 and a rest, then the second is the comments.
    lengths, at = [], 1
    for _ in range(2):
        length = 0
        while at < len(extradata) and extradata[at] == 255:
            length, at = length + 255, at + 1
        lengths.append(length + (extradata[at] if at < len(extradata) else 0))
        at += 1
    return extradata[at : at + lengths[0]] + extradata[at + sum(lengths) :]


class SegmentFile:
    """One segment being written; `finish` it or lose what the muxer still holds."""

    def __init__(self, path: Path, template: Template, tags: Mapping[str, str]) -> None:
        kind = template.format
        # Unbuffered: whoever is killed leaves all but the last second.
        self._file = path.open("wb", buffering=0)
        self._container: OutputContainer = av.open(
            self._file,
            "w",
            format=kind.name,
            container_options=dict(kind.options),
            buffer_size=_FLUSH_BYTES,
        )
        self._container.metadata.update(tags)
        self._stream = self._container.add_stream_from_template(template.stream)
        self._first: int | None = None
        self._end = 0

    def add(self, data: bytes, position: int, duration: int) -> None:
        """Add a packet that is at `position` of the stream, in ticks; the first begins the file."""
        if self._first is None:
            self._first = position
        packet = cast("Packet[AudioStream]", av.Packet(data))
        packet.time_base = _TIME_BASE
        packet.pts = packet.dts = position - self._first
        packet.duration = duration
        packet.stream = self._stream
        # A packet that came damaged is left out; there is a hole in the file then.
        with contextlib.suppress(InvalidDataError):
            self._container.mux(packet)
        self._end = position + duration

    @property
    def duration_s(self) -> float:
        """Seconds of audio written."""
        return 0.0 if self._first is None else (self._end - self._first) / TICKS_HZ

    def finish(self) -> None:
        """Write the end and close the file."""
        try:
            self._container.close()
        finally:
            self._file.close()


def mend(path: Path) -> float:
    """Make a file whole that was being written when its writer died; its length in seconds.

    0.0 if there is no audio in it.
    """
    if path.stat().st_size >= _TS_PACKET_BYTES:
        with path.open("rb") as file:
            is_ts = file.read(1) == b"G"
        if is_ts:
            os.truncate(path, path.stat().st_size // _TS_PACKET_BYTES * _TS_PACKET_BYTES)
    length_s = 0.0
    try:
        with av.open(str(path), "r", metadata_errors="replace") as container:
            stream = container.streams.best("audio")
            for packet in container.demux(stream) if stream is not None else ():
                if packet.duration and packet.time_base:
                    length_s += float(packet.duration * packet.time_base)
    except (FFmpegError, OSError, ValueError):
        return length_s
    return length_s
