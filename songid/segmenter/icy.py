"""The audio of an Icecast or Shoutcast stream, and the titles that stand between it.

A server that is asked for them puts a block of metadata behind every `icy-metaint` bytes
of audio: a byte that counts sixteens, then text such as `StreamTitle='Artist - Song';`.
Ogg has its own: each track is a stream of its own with its comments at the beginning.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections.abc import Callable
from typing import Protocol

_TITLE = re.compile(r"StreamTitle='(.*?)';(?:\s*\w+=|\s*\Z)", re.S)
_PACE_S = 0.25
_MOST_BYTES = 1 << 16
_OGG = b"OggS"
_OGG_HEADER_BYTES = 27
_OGG_BEGINS = 0x02
_OGG_CONTINUES = 0x01


class Readable(Protocol):
    """Bytes as they come."""

    def read(self, size: int) -> bytes:
        """At most `size` bytes, b"" at the end."""
        ...


def title_in(block: bytes) -> str | None:
    """The title that a metadata block states, which may be empty; None if it states none."""
    data = block.rstrip(b"\0")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    found = _TITLE.search(text)
    return " ".join(found[1].split()) if found else None


class Paced:
    """Bytes taken a few times a second, not whenever some arrive: each wake-up costs."""

    def __init__(
        self,
        body: Readable,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._body = body
        self._monotonic = monotonic
        self._sleep = sleep
        self._data = memoryview(b"")
        self._due_s = 0.0

    def read(self, size: int) -> bytes:
        """At most `size` bytes."""
        if not self._data:
            wait_s = self._due_s - self._monotonic()
            if wait_s > 0:
                self._sleep(wait_s)
            data = self._body.read(_MOST_BYTES)
            self._data = memoryview(data)
            # Of what comes faster than it is played, as much as there is.
            self._due_s = self._monotonic() + (_PACE_S if len(data) < _MOST_BYTES else 0.0)
        data, self._data = bytes(self._data[:size]), self._data[size:]
        return data


class IcyAudio:
    """The audio alone, for FFmpeg to read; titles are kept with their place in it."""

    def __init__(self, body: Readable, titles_every_bytes: int) -> None:
        self._body = body
        self._every = titles_every_bytes
        self._until_title = titles_every_bytes
        self._places: list[int] = []
        self._titles: list[str] = []
        self.position = 0

    def read(self, size: int) -> bytes:
        """At most `size` bytes of audio."""
        if self._every:
            if not self._until_title and not self._read_title():
                return b""
            size = min(size, self._until_title)
        data = self._body.read(size)
        self.position += len(data)
        self._until_title -= len(data)
        return data

    def title_at(self, position: int) -> str | None:
        """The title in force at a byte of the audio; None if none was stated yet."""
        index = bisect_right(self._places, position)
        return self._titles[index - 1] if index else None

    def _read_title(self) -> bool:
        block, wanted = b"", 1
        while len(block) < wanted:
            data = self._body.read(wanted - len(block))
            if not data:
                return False
            block += data
            wanted = 1 + block[0] * 16
        self._until_title = self._every
        title = title_in(block[1:])
        if title is not None and (not self._titles or title != self._titles[-1]):
            self._places.append(self.position)
            self._titles.append(title)
            del self._places[:-50], self._titles[:-50]
        return True


class OggTracks:
    """Chained Ogg as one file after another: `read` ends where `more` says another begins.

    FFmpeg goes on over such seams with the first track's codec and clock; here each track
    is opened anew, with what it says of itself.
    """

    def __init__(self, body: Readable) -> None:
        self._body = body
        self._buffer = b""
        self._page_left = 0
        self._has_audio = False
        self._at_seam = False

    def read(self, size: int) -> bytes:
        """At most `size` bytes of the current track; b"" at its end."""
        if not self._page_left and not self._next_page():
            return b""
        if not self._buffer:
            self._buffer = self._body.read(min(size, self._page_left))
            if not self._buffer:
                return b""
        size = min(size, self._page_left, len(self._buffer))
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        self._page_left -= len(data)
        return data

    def more(self) -> bool:
        """Whether another track follows at once; reading goes on with it then."""
        seam, self._at_seam = self._at_seam, False
        self._has_audio = False
        return seam

    def _next_page(self) -> bool:
        """Find the next page (RFC 3533, section 6); False at a seam or the end."""
        while True:
            if not self._fill(_OGG_HEADER_BYTES):
                # What no page begins with is FFmpeg's to judge.
                self._page_left = len(self._buffer)
                return bool(self._buffer)
            at = self._buffer.find(_OGG)
            if at == 0:
                break
            self._page_left = at if at > 0 else len(self._buffer) - len(_OGG) + 1
            return True
        segments = self._buffer[26]
        if not self._fill(_OGG_HEADER_BYTES + segments):
            self._page_left = len(self._buffer)
            return bool(self._buffer)
        begins = bool(self._buffer[5] & _OGG_BEGINS)
        if begins and self._has_audio:
            self._at_seam = True
            return False
        # Headers have granule position 0 (RFC 7845, section 4; Vorbis I, A.2).
        self._has_audio |= self._buffer[6:14] != bytes(8)
        table = self._buffer[_OGG_HEADER_BYTES : _OGG_HEADER_BYTES + segments]
        self._page_left = _OGG_HEADER_BYTES + segments + sum(table)
        return True

    def _fill(self, size: int) -> bool:
        while len(self._buffer) < size:
            data = self._body.read(size - len(self._buffer))
            if not data:
                return False
            self._buffer += data
        return True
