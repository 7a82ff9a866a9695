"""Cuts, fades, joins and exports clips with pydub, which does its part on samples only.

pydub runs an `ffmpeg` program for anything but WAV, and a fresh machine has none: files
are read and written through PyAV here instead.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, BinaryIO

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError

with warnings.catch_warnings():
    # It warns of the missing program, which is not needed.
    warnings.simplefilter("ignore")
    from pydub import AudioSegment

from songid.audio.container import open_container
from songid.audio.encode import encode, encode_segments, format_of
from songid.audio.file_bytes import AudioBytes, open_file
from songid.audio.tags import Tags
from songid.errors import AudioError


def to_segment(
    source: str | Path | BinaryIO,
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    rate_hz: int = 0,
    channels: int = 0,
    name: str = "",
) -> AudioSegment:
    """Decode a file, or the part of it between two times, to 16-bit samples in memory.

    Rate and channels (1 or 2) are the file's own unless given. AudioError says why a file
    cannot be decoded; what is damaged within it is left out.
    """
    if isinstance(source, (str, Path)):
        name = name or str(source)
        with open_file(Path(source), name) as file:
            return to_segment(
                file,
                start_s=start_s,
                end_s=end_s,
                rate_hz=rate_hz,
                channels=channels,
                name=name,
            )
    data = AudioBytes(source)
    name = name or "the audio stream"
    container, stream = open_container(data, name)
    rate_hz = rate_hz or stream.sample_rate
    channels = channels or min(2, stream.codec_context.channels)
    resampler = av.AudioResampler("s16", "mono" if channels == 1 else "stereo", rate_hz)
    first, last = round(start_s * rate_hz), None if end_s is None else round(end_s * rate_hz)
    width = 2 * channels
    parts: list[bytes] = []
    position = 0
    with container:
        for packet in container.demux(stream):
            if last is not None and position >= last:
                break
            try:
                frames = packet.decode()
            except FFmpegError:
                continue
            for frame in frames:
                frame.pts = None  # the parts are joined whatever a damaged file's clock says
                for piece in resampler.resample(frame):
                    begin = max(0, first - position)
                    end = piece.samples if last is None else min(piece.samples, last - position)
                    if begin < end:
                        parts.append(bytes(piece.planes[0])[begin * width : end * width])
                    position += piece.samples
    data.close()
    if not position:
        raise AudioError(name, "no sound could be decoded")
    return AudioSegment(b"".join(parts), sample_width=2, frame_rate=rate_hz, channels=channels)


def from_samples(
    samples: npt.NDArray[np.float32] | npt.NDArray[np.int16], rate_hz: int
) -> AudioSegment:
    """A segment of samples, float32 in [-1, 1] or int16, shape (n,) or (n, channels)."""
    whole = samples if samples.dtype == np.int16 else np.round(samples.clip(-1, 1) * 32767)
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    data = np.ascontiguousarray(whole, dtype="<i2").tobytes()
    return AudioSegment(data, sample_width=2, frame_rate=rate_hz, channels=channels)


def to_samples(segment: AudioSegment) -> npt.NDArray[np.int16]:
    """The samples of a segment as int16, shape (n, channels)."""
    data = np.frombuffer(segment.set_sample_width(2).raw_data, dtype="<i2")
    return data.reshape(-1, segment.channels)


def cut(segment: AudioSegment, start_s: float, end_s: float | None = None) -> AudioSegment:
    """The part between two times, exact to the sample; to the end if `end_s` is not given."""
    rate_hz = segment.frame_rate
    end = segment.frame_count() if end_s is None else min(segment.frame_count(), end_s * rate_hz)
    return segment.get_sample_slice(round(max(0.0, start_s) * rate_hz), round(end))


def fade(segment: AudioSegment, *, in_s: float = 0.0, out_s: float = 0.0) -> AudioSegment:
    """The segment, faded in over its first and out over its last seconds."""
    return segment.fade_in(round(in_s * 1000)).fade_out(round(out_s * 1000))


def crossfade(segments: Iterable[AudioSegment], seconds: float) -> AudioSegment:
    """One after another, each faded over the end of the one before as far as both reach."""
    joined: AudioSegment | None = None
    for segment in segments:
        if joined is None:
            joined = segment
            continue
        overlap_ms = min(round(seconds * 1000), len(joined), len(segment))
        joined = joined.append(segment, crossfade=overlap_ms)
    return AudioSegment.empty() if joined is None else joined


def export(
    segment: AudioSegment,
    target: str | Path | IO[bytes],
    *,
    format: str = "",
    bitrate: int = 0,
    tags: Tags | None = None,
) -> None:
    """Write a segment to a file; formats as of `songid.audio.encode.encode`."""
    encode(
        to_samples(segment), segment.frame_rate, target, format=format, bitrate=bitrate, tags=tags
    )


def write_segments(
    audio: AudioSegment | Iterable[AudioSegment],
    folder: Path,
    name_for: Callable[[int], str | None],
    *,
    seconds: float = 12.0,
    bitrate: int = 0,
) -> list[Path]:
    """Write audio as consecutive files, AAC in MPEG-TS, as a live encoder's archive has them.

    File k, named `name_for(k)`, holds what begins at k * seconds; None leaves it out. A long
    broadcast may come in parts of one rate and channel count. Files appear whole.
    """
    parts = iter([audio] if isinstance(audio, AudioSegment) else audio)
    first = next(parts, None)
    if first is None:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []

    def arrays() -> Iterator[npt.NDArray[np.int16]]:
        yield to_samples(first)
        for part in parts:
            yield to_samples(part.set_frame_rate(first.frame_rate).set_channels(first.channels))

    def open_segment(k: int) -> AbstractContextManager[IO[bytes]] | None:
        name = name_for(k)
        if name is None:
            return None
        written.append(folder / name)
        return _appearing_whole(folder / name)

    encode_segments(
        arrays(),
        first.frame_rate,
        open_segment,
        segment_s=seconds,
        format="ts",
        bitrate=bitrate,
    )
    return written


@contextmanager
def _appearing_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when it is complete, so no watcher reads half of it."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("wb") as file:
        yield file
    unfinished.replace(path)


__all__ = [
    "AudioSegment",
    "crossfade",
    "cut",
    "export",
    "fade",
    "format_of",
    "from_samples",
    "to_samples",
    "to_segment",
    "write_segments",
]
