"""Opens a file's container with FFmpeg and judges what it claims to be.

FFmpeg finds MP3 frames in random bytes and guesses durations from bit rates; here such
claims are checked before anybody builds on them.
"""

from __future__ import annotations

from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from songid.audio.file_bytes import (
    AudioBytes,
    counted_mp3_frames,
    declared_wav_duration_s,
    id3_bytes,
    ogg_has_its_end,
    why_not_audio,
)
from songid.errors import AudioError

# Larger reads mean fewer calls from FFmpeg back into Python.
_READ_BYTES = 1 << 16
_RATES_HZ = range(1_000, 1_000_000)
_MOST_CHANNELS = 64
# Containers that state their duration (Ogg by the clock of its last page); that of others
# is guessed from the bit rate.
_STATE_DURATION = frozenset(
    {"mov", "matroska", "flac", "ogg", "w64", "aiff", "caf", "asf", "ape", "wv", "tta", "avi"}
)
# Formats that are a row of frames with a few bits to know each by: chance can make one.
_UNFRAMED = frozenset(
    {"mp3", "aac", "ac3", "eac3", "dts", "loas", "mpegts", "mpeg", "amr", "truehd"}
)
_LEAST_UNFRAMED_S = 1.0
_LEAST_SHARE = 0.5


def open_container(data: AudioBytes, name: str) -> tuple[InputContainer, AudioStream]:
    """The container and its main audio stream; AudioError says why there is none."""
    if not data.head:
        raise AudioError(name, why_not_audio(data.head))
    try:
        container = av.open(
            data,
            mode="r",
            metadata_errors="replace",
            buffer_size=_READ_BYTES,
            # A playlist that calls itself audio must not make FFmpeg open anything.
            container_options={"protocol_whitelist": "none"},
        )
    except (FFmpegError, ValueError) as error:
        raise AudioError(name, why_not_audio(data.head)) from error
    try:
        return container, _audio_stream(container, data, name)
    except BaseException:
        container.close()
        raise


def _audio_stream(container: InputContainer, data: AudioBytes, name: str) -> AudioStream:
    stream = container.streams.best("audio")
    if stream is None:
        if not container.streams:
            raise AudioError(name, why_not_audio(data.head))
        kinds = sorted({stream.type for stream in container.streams})
        if data.head and "text" in (reason := why_not_audio(data.head)):
            raise AudioError(name, reason)
        if "audio" in kinds:
            raise AudioError(name, "it says that there is sound in it, but not of what kind")
        raise AudioError(name, f"there is no sound in it, only {' and '.join(kinds)}")
    if stream.codec_context is None:
        raise AudioError(name, "its sound is coded in a way that FFmpeg cannot decode here")
    stream = cast(AudioStream, stream)
    rate_hz, channels = stream.codec_context.sample_rate, stream.codec_context.channels
    if rate_hz and rate_hz not in _RATES_HZ:
        raise AudioError(name, f"its header is garbled: a sample rate of {rate_hz} Hz")
    if channels > _MOST_CHANNELS:
        raise AudioError(name, f"its header is garbled: {channels} channels")
    return stream


def declared_duration_s(
    container: InputContainer, stream: AudioStream, data: AudioBytes
) -> float | None:
    """The duration that the file itself states in seconds; None where it would be a guess."""
    kind = container.format.name.split(",")[0]
    if kind == "wav":
        return declared_wav_duration_s(data.head)
    if kind == "mp3":
        return _mp3_duration_s(stream, data)
    if kind not in _STATE_DURATION or (kind == "ogg" and not ogg_has_its_end(data.tail())):
        return None
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # The container's duration is that of its longest stream, which may be a picture.
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return None


def _mp3_duration_s(stream: AudioStream, data: AudioBytes) -> float | None:
    frames = counted_mp3_frames(data.peek(id3_bytes(data.head), 512))
    rate_hz = stream.codec_context.sample_rate
    if not frames or not rate_hz:
        return None
    if stream.duration is None or stream.time_base is None:
        return frames * (1152 if rate_hz >= 32_000 else 576) / rate_hz
    # FFmpeg takes off the encoder's padding; but where it finds the count wrong, it guesses
    # from the bit rate. A count is a whole number of samples, a guess hardly ever.
    duration_s = stream.duration * stream.time_base
    return float(duration_s) if (duration_s * rate_hz).denominator == 1 else None


def why_implausible(
    container: InputContainer,
    *,
    heard_s: float,
    good_packets: int,
    bad_packets: int,
    good_bytes: int,
    read_bytes: int,
) -> str:
    """A clause that says why what was decoded cannot be taken for sound; empty if it can."""
    kind = container.format.name.split(",")[0]
    if heard_s <= 0:
        if bad_packets:
            return f"no sound could be decoded: all its {bad_packets} packets are garbled"
        return "it has no sound in it, only a header"
    if kind not in _UNFRAMED:
        return ""
    if bad_packets > good_packets:
        return (
            f"it is no {kind} file: {bad_packets} of {good_packets + bad_packets} packets "
            "that look so cannot be decoded"
        )
    if heard_s < _LEAST_UNFRAMED_S and good_bytes < _LEAST_SHARE * read_bytes:
        return f"it is no {kind} file: only {good_bytes} of {read_bytes} bytes look so"
    return ""
