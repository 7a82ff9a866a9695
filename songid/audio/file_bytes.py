"""The bytes of an audio file on their way to FFmpeg, and what they say by themselves.

FFmpeg gets no file name, so a wrong ending cannot mislead it and no playlist makes it open
other files or addresses; and it does not say why it refuses a file, so the bytes are asked.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
from io import SEEK_END
from pathlib import Path
from typing import BinaryIO, cast

from songid.errors import AudioError

_HEAD_BYTES = 4096
_TAIL_BYTES = 1 << 17
_EBML_HEADER = b"\x1a\x45\xdf\xa3"
_MATROSKA_SEGMENT = b"\x18\x53\x80\x67"
_OGG_PAGE = b"OggS"
_OGG_END_OF_STREAM = 0x04
_LONGEST_TEXT_SUFFIX = 3

_STARTS = (
    (b"RIFF", "WAV or AVI"),
    (b"RF64", "WAV"),
    (b"fLaC", "FLAC"),
    (b"OggS", "Ogg"),
    (b"ID3", "MP3"),
    (b"FORM", "AIFF"),
    (_EBML_HEADER, "Matroska or WebM"),
    (b"0&\xb2u", "Windows Media"),
    (b"G", "MPEG transport stream"),
)


class AudioBytes:
    """A binary file for FFmpeg to read; one that cannot seek is read once, in order."""

    def __init__(self, file: BinaryIO) -> None:
        self._spool: BinaryIO | None = None
        self._can_seek = _can_seek(file)
        if not self._can_seek:
            start = _read_fully(file, _HEAD_BYTES)
            if start[4:8] == b"ftyp":
                # The index of an MP4 may be at its end: only a file can be read so.
                file = self._spool = _spooled(start, file)
                self._can_seek = True
        self._file = file
        self._begin = file.tell() if self._can_seek else 0
        self.size: int | None = None
        if self._can_seek:
            self.size = file.seek(0, SEEK_END) - self._begin
            file.seek(self._begin)
        self.head = _read_fully(file, _HEAD_BYTES) if self._can_seek else start
        self._ahead = self.head
        self._last = bytearray()
        self.read_bytes = 0
        if self._can_seek:
            file.seek(self._begin)
            self._ahead = b""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
        else:
            # Not bytes but a view where a file object is generous; None where it has no data.
            data = bytes(self._file.read(size) or b"")
        self.read_bytes += len(data)
        if data and not self._can_seek:
            self._last += data
            del self._last[:-_TAIL_BYTES]
        return data

    def seekable(self) -> bool:
        """Whether the file can be read at any place."""
        return self._can_seek

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place in the file, counted from where it was handed over."""
        if whence == 0:
            offset += self._begin
        return self._file.seek(offset, whence) - self._begin

    def tell(self) -> int:
        """The place in the file."""
        return self._file.tell() - self._begin

    @property
    def length(self) -> int:
        """The length of the file; of one that cannot seek, what was read of it so far."""
        return self.read_bytes if self.size is None else self.size

    def close(self) -> None:
        """Release what was made here; the file that was handed over stays open."""
        if self._spool is not None:
            self._spool.close()

    def peek(self, begin: int, size: int) -> bytes:
        """Some bytes, wherever FFmpeg is; of a file that cannot seek, only of its head."""
        if begin + size <= len(self.head) or not self._can_seek:
            return self.head[begin : begin + size]
        here = self._file.tell()
        self._file.seek(self._begin + begin)
        data = _read_fully(self._file, size)
        self._file.seek(here)
        return data

    def tail(self) -> bytes:
        """The last bytes of the file; of one that cannot seek, the last that were read."""
        if self.size is None:
            return bytes(self._last)
        return self.peek(max(0, self.size - _TAIL_BYTES), _TAIL_BYTES)


def open_file(path: Path, name: str) -> BinaryIO:
    """A file opened for reading, unbuffered; AudioError, called `name`, if it cannot be."""
    try:
        # FFmpeg reads large blocks: a second buffer would only copy them.
        return path.open("rb", buffering=0)
    except FileNotFoundError:
        raise AudioError(name, "there is no such file") from None
    except IsADirectoryError:
        raise AudioError(name, "it is a folder, not a file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioError(name, f"it cannot be opened: {reason}") from error


def why_not_audio(head: bytes) -> str:
    """A clause that says what a file is whose start FFmpeg could not make sense of."""
    if not head:
        return "the file is empty"
    if not head.strip(b"\0"):
        return "it holds nothing but zeros"
    if _is_text(head):
        start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower()
        if start.startswith((b"<!doctype html", b"<html")):
            return "it is a web page (HTML), not audio"
        if start.startswith(b"#extm3u"):
            return "it is a playlist, not audio; give the files it lists"
        return "it is a text file, not audio"
    if head[4:8] in (b"ftyp", b"mdat", b"moov", b"wide", b"free"):
        return "its index (the MP4/M4A `moov` box) is missing or broken, as if it were cut off"
    if head[:2] == b"PK":
        return "it is a ZIP archive, not audio; unpack it first"
    for start, kind in _STARTS:
        if head.startswith(start):
            return f"it begins like {kind}, but is broken or cut off before any sound"
    return "it is in no audio format that FFmpeg knows"


def declared_wav_duration_s(head: bytes) -> float | None:
    """The duration a WAV header promises; FFmpeg shortens it to what the file holds.

    None for anything else, and for the sizes 0 and 2**32 - 1 that mean "not known yet".
    """
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    at, bytes_per_s = 12, 0
    while at + 8 <= len(head):
        name, size = head[at : at + 4], struct.unpack_from("<I", head, at + 4)[0]
        if name == b"fmt " and at + 20 <= len(head):
            bytes_per_s = struct.unpack_from("<I", head, at + 16)[0]
        if name == b"data":
            known = bytes_per_s and 0 < size < 0xFFFF_F000
            return size / bytes_per_s if known else None
        at += 8 + size + (size & 1)
    return None


def id3_bytes(head: bytes) -> int:
    """The length of the ID3v2 tag before an MP3's first frame: 7 bits in each size byte."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    a, b, c, d = (byte & 0x7F for byte in head[6:10])
    return 10 + (a << 21 | b << 14 | c << 7 | d)


def counted_mp3_frames(frame: bytes) -> int:
    """The frames that the Xing, Info or VBRI header in an MP3's first frame counts; 0: none."""
    for name in (b"Xing", b"Info"):
        at = frame.find(name)
        if 0 <= at <= len(frame) - 12:
            flags, frames = struct.unpack_from(">II", frame, at + 4)
            return int(frames) if flags & 1 else 0
    at = frame.find(b"VBRI")
    return int.from_bytes(frame[at + 14 : at + 18], "big") if at >= 0 else 0


def ogg_has_its_end(tail: bytes) -> bool:
    """Whether the last Ogg page (RFC 3533, section 6) is whole and marked as the last."""
    at = tail.rfind(_OGG_PAGE)
    if at < 0 or at + 27 > len(tail):
        return False
    segments = tail[at + 26]
    table = tail[at + 27 : at + 27 + segments]
    whole = len(table) == segments and at + 27 + segments + sum(table) <= len(tail)
    return whole and bool(tail[at + 5] & _OGG_END_OF_STREAM)


def matroska_is_cut(head: bytes, length: int) -> bool:
    """Whether a Matroska or WebM file is shorter than its Segment says (RFC 8794, section 6)."""
    at = 0
    for element in (_EBML_HEADER, _MATROSKA_SEGMENT):
        first = head[at + 4 : at + 5]
        if head[at : at + 4] != element or not first or not first[0]:
            return False
        width = 9 - first[0].bit_length()
        value = int.from_bytes(head[at + 4 : at + 4 + width], "big") & ((1 << 7 * width) - 1)
        if value == (1 << 7 * width) - 1:  # all ones: not known when it was written
            return False
        at += 4 + width + value
    return at > length


def mpegts_is_cut(head: bytes, length: int) -> bool:
    """Whether an MPEG transport stream of packets of 188 bytes ends within one."""
    return head[:1] == head[188:189] == head[376:377] == b"G" and length % 188 != 0


def _can_seek(file: BinaryIO) -> bool:
    seekable = getattr(file, "seekable", None)
    return bool(seekable()) if seekable is not None else hasattr(file, "seek")


def _read_fully(file: BinaryIO, size: int) -> bytes:
    """`size` bytes unless the file ends: pipes and sockets give what they have."""
    parts = []
    while size > 0 and (data := file.read(size)):
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def _spooled(start: bytes, rest: BinaryIO) -> BinaryIO:
    spool = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - closed by AudioBytes
    spool.write(start)
    shutil.copyfileobj(rest, spool)
    spool.seek(0)
    return spool


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16 writes its byte order first,
        try:  # but an MPEG frame may begin the same way.
            text = head[: len(head) // 2 * 2].decode("utf-16")
        except UnicodeDecodeError:
            return False
        return all(c.isprintable() or c.isspace() for c in text)
    for cut in range(_LONGEST_TEXT_SUFFIX + 1):  # the head may end within a character
        try:
            text = head[: len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return all(c.isprintable() or c.isspace() for c in text)
    return all(b >= 0xA0 or 0x20 <= b < 0x7F or b in b"\t\r\n\f" for b in head)
