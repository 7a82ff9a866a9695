"""Decodes anything FFmpeg reads to mono float32 blocks with their true time in the file.

Memory stays constant however long the file is; what is damaged is skipped and counted, and
a file whose sound cannot be trusted at all is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.packet import Packet

from songid.audio.container import declared_duration_s, open_container, why_implausible
from songid.audio.file_bytes import (
    AudioBytes,
    matroska_is_cut,
    mpegts_is_cut,
    ogg_has_its_end,
    open_file,
)
from songid.audio.stretch import Stretch
from songid.audio.tags import Tags, read_tags
from songid.errors import AudioError
from songid.model import Samples

# As much may be missing at the end before a file counts as cut off: encoders round.
_END_TOLERANCE_S = 0.15
_TRUSTED_AFTER_S = 2.0
_MOST_BAD_IN_A_ROW = 100_000
_MOST_READ_ERRORS = 100


@dataclass(frozen=True, slots=True)
class Block:
    """Mono float32 samples, shape (n,), n > 0, from `start_s` in the file without a hole."""

    start_s: float
    samples: Samples


class Decoding:
    """A file being decoded: iterate it once for its blocks, then ask how it went.

    `heard_s` is the sound decoded so far, `declared_s` what the file states (None where it
    states nothing, or a guess). `damaged` and `damage`, a clause that says why, are final
    when iteration is over.
    """

    def __init__(self, source: str | Path | BinaryIO, rate_hz: int, name: str) -> None:
        self._rate_hz = rate_hz
        self._own_file: BinaryIO | None = None
        if isinstance(source, (str, Path)):
            self.name = name or str(source)
            self._own_file = source = open_file(Path(source), self.name)
        else:
            self.name = name or "the audio stream"
        self._bytes = AudioBytes(source)
        try:
            self._container, self._stream = open_container(self._bytes, self.name)
        except BaseException:
            self._close_files()
            raise
        self.tags: Tags = read_tags(self._container.metadata, self._stream.metadata)
        self.declared_s = declared_duration_s(self._container, self._stream, self._bytes)
        self.damage = ""
        self._stretch: Stretch | None = None
        self._earlier_s = self._missing_s = 0.0
        self._holes = 0
        self._good = self._good_bytes = self._corrupt = self._read_errors = 0
        self._bad = self._bad_in_a_row = 0
        self._bad_at_start = False
        self._blocks = self._checked(self._decode())

    def __iter__(self) -> Generator[Block, None, None]:
        return self._blocks

    def __enter__(self) -> Decoding:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def damaged(self) -> bool:
        """Whether the file is not whole; `damage` says why."""
        return bool(self.damage)

    @property
    def heard_s(self) -> float:
        """Seconds of sound decoded so far."""
        return self._earlier_s + (self._stretch.duration_s if self._stretch else 0.0)

    def close(self) -> None:
        """Stop decoding and release the file; one that was handed over open stays open."""
        self._blocks.close()
        self._container.close()
        self._close_files()

    def _close_files(self) -> None:
        self._bytes.close()
        if self._own_file is not None:
            self._own_file.close()

    def _checked(self, blocks: Iterator[Block]) -> Generator[Block, None, None]:
        """The blocks, held back until it is clear that they are sound and not chance."""
        waiting: list[Block] | None = []
        for block in blocks:
            if waiting is None:
                yield block
                continue
            waiting.append(block)
            if self.heard_s >= _TRUSTED_AFTER_S:
                self._refuse_if_implausible()
                yield from waiting
                waiting = None
        if waiting is not None:
            self._refuse_if_implausible()
            yield from waiting
        self.damage = self._judge()

    def _decode(self) -> Iterator[Block]:
        # Frames are many and short: this loop does as little as it can for each.
        stretch: Stretch | None = None
        time_base = self._stream.time_base or Fraction(1, self._stream.sample_rate)
        for packet in self._packets():
            for frame in self._frames(packet):
                if stretch is None or not stretch.take(frame):
                    if not frame.samples or not frame.sample_rate:
                        continue
                    start_s = 0.0
                    if stretch is not None:
                        start_s = stretch.start_of_next(frame)
                        self._note_hole(start_s - stretch.end_s)
                        self._earlier_s += stretch.duration_s
                        if placed := stretch.last_block():
                            yield Block(*placed)
                    stretch = self._stretch = Stretch(frame, start_s, time_base, self._rate_hz)
                    stretch.take(frame)
            if stretch is not None and stretch.is_full and (placed := stretch.block()):
                yield Block(*placed)
        if stretch is not None and (placed := stretch.last_block()):
            yield Block(*placed)

    def _note_hole(self, seconds: float) -> None:
        if seconds > 0:
            self._holes += 1
            self._missing_s += seconds

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        """Packets of the sound; where the container is garbled, those that come after."""
        while self._read_errors < _MOST_READ_ERRORS:
            try:
                yield from self._container.demux(self._stream)
                return
            except (FFmpegError, IndexError):  # PyAV's own, for a packet of no known stream
                self._read_errors += 1

    def _frames(self, packet: Packet[AudioStream]) -> list[AudioFrame]:
        """The frames of a packet; none, and a count, if it is damaged."""
        try:
            frames = packet.decode()
        except EOFError:
            return []
        except FFmpegError:
            self._bad += 1
            self._bad_in_a_row += 1
            if self._bad_in_a_row > _MOST_BAD_IN_A_ROW:
                reason = f"{self._bad_in_a_row} packets in a row could not be decoded"
                raise AudioError(self.name, reason) from None
            # A stream that was tapped in the middle begins with the rest of a packet.
            self._bad_at_start |= self._good == 0
            return []
        if frames:
            self._good += 1
            self._good_bytes += packet.size
            self._bad_in_a_row = 0
        if packet.is_corrupt:
            self._corrupt += 1
        return frames

    def _refuse_if_implausible(self) -> None:
        reason = why_implausible(
            self._container,
            heard_s=self.heard_s,
            good_packets=self._good,
            bad_packets=self._bad,
            good_bytes=self._good_bytes,
            read_bytes=self._bytes.read_bytes,
        )
        if reason:
            raise AudioError(self.name, reason)

    def _judge(self) -> str:
        """A clause that says what is damaged; empty if nothing is."""
        clauses = []
        end_s = self._stretch.end_s if self._stretch else 0.0
        bad = self._bad - self._bad_at_start
        if self.declared_s is not None and end_s < self.declared_s - _END_TOLERANCE_S:
            clauses.append(f"ended after {end_s:.1f} of {self.declared_s:.1f} s")
        elif self._is_cut():
            clauses.append(f"broke off after {end_s:.1f} s")
        if self._holes:
            clauses.append(f"{self._missing_s:.1f} s are missing in {_count(self._holes, 'place')}")
        if bad:
            clauses.append(f"{_count(bad, 'packet')} could not be decoded")
        # Where a WAV written to a pipe ends, nobody knows: its last packet is always cut short.
        endless = self._container.format.name == "wav" and self.declared_s is None
        corrupt = self._corrupt - endless
        if corrupt > 0:
            clauses.append(f"{_count(corrupt, 'packet')} came damaged")
        if self._read_errors:
            clauses.append(f"garbled in {_count(self._read_errors, 'place')}")
        return ", ".join(clauses)

    def _is_cut(self) -> bool:
        """Whether the container has no proper end."""
        data = self._bytes
        if self._container.format.name == "ogg":
            return not ogg_has_its_end(data.tail())
        return mpegts_is_cut(data.head, data.length) or matroska_is_cut(data.head, data.length)


def decode(source: str | Path | BinaryIO, *, rate_hz: int, name: str = "") -> Decoding:
    """Open a file (path or binary file object, seekable or not) to be decoded at a rate.

    AudioError, raised here or while iterating, says why there is no usable sound in it;
    `name` is what the error calls the file. An OSError from a file object passes through.
    """
    return Decoding(source, rate_hz, name)


def read_all(source: str | Path | BinaryIO, rate_hz: int) -> Samples:
    """All samples of a short file, mono float32, shape (n,); holes in time are closed up."""
    with decode(source, rate_hz=rate_hz) as decoding:
        return np.concatenate([block.samples for block in decoding])


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
