"""Opens a stream and reads its packets in a thread of its own, which may hang alone.

Whoever takes them can stop, or give up, at any moment.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import ExitError, FFmpegError

from songid.segmenter.hls import best_variant, media_playlist, wait_for_new_piece
from songid.segmenter.http_stream import USER_AGENT, Body, Response, StreamError, ask, reason_of
from songid.segmenter.icy import IcyAudio, OggTracks, Paced
from songid.segmenter.playlists import addresses, is_hls, is_playlist
from songid.segmenter.positions import Positions
from songid.segmenter.segment_file import Template

_HEAD_BYTES = 512
_PLAYLIST_BYTES = 1 << 18
_MOST_PLAYLISTS = 3
_QUEUED = 20_000
_FULL_S = 0.2
_READ_BYTES = 4096
_ANALYSE_US = "3000000"
# MPEG audio frames need no more to be known; FFmpeg would look at seconds of it.
_HLS_OPTIONS = {"user_agent": USER_AGENT, "http_persistent": "1", "max_reload": "1000"}


@dataclass(frozen=True, slots=True)
class Opened:
    """The stream is there; `in_pieces`: it comes as files of several seconds (HLS)."""

    codec: str
    in_pieces: bool


@dataclass(frozen=True, slots=True)
class Received:
    """A packet, where it is in the stream (in ticks), and what was said of it.

    `arrived_s` is on the monotonic clock, less what the station says the way here took.
    `template` describes the codec; `broken` says why the packet does not follow on the one
    before; `title` is None where none was stated yet.
    """

    data: bytes
    template: Template
    position: int
    duration: int
    arrived_s: float
    title: str | None = None
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """The stream is over, or was never there, and why."""

    cause: str


Item = Opened | Received | Ended


class Reader:
    """One connection to a stream."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        attempt: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self.progress = 0
        """Grows with every answer of a server, and when `timeout_s` does."""
        self._attempt = attempt
        self._monotonic = monotonic
        self._items: deque[Item] = deque()
        self._stopped = threading.Event()
        self._body: Body | None = None
        self._positions = Positions()
        self._latency_s = 0.0
        self._opened = False
        self._thread = threading.Thread(target=self._run, name="read", daemon=True)
        self._thread.start()

    def take(self) -> Iterator[Item]:
        """What has come since; `Ended` is the last item.

        To be asked a few times a second: to be woken for each packet would cost more than
        all that is done with it.
        """
        while self._items:
            yield self._items.popleft()

    @property
    def timeout_s(self) -> float:
        """The longest wait for data; longer where a stream comes in long pieces."""
        return self._timeout_s

    def close(self) -> None:
        """Have the thread end; one that hangs in FFmpeg is left behind."""
        self._stopped.set()
        if self._body is not None:
            self._body.close()
        self._thread.join(0.5)

    # -- in the thread ------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._read()
            cause = "the stream ended"
        except StreamError as error:
            cause = str(error)
        except ExitError:
            cause = f"no data for {self._timeout_s:g} s"
        except (FFmpegError, OSError, ValueError, IndexError) as error:
            cause = f"it cannot be read: {reason_of(error)}"
        except Exception as error:
            cause = f"songid failed on it: {type(error).__name__}: {error}"
        finally:
            with contextlib.suppress(OSError):
                if self._body is not None:
                    self._body.close()
        self._put(Ended(cause))

    def _put(self, item: Item) -> None:
        while len(self._items) >= _QUEUED and not self._stopped.is_set():
            time.sleep(_FULL_S)
        self._items.append(item)

    def _read(self) -> None:
        url = self._url
        for _ in range(_MOST_PLAYLISTS):
            if urlsplit(url).scheme not in ("http", "https"):
                self._read_by_ffmpeg(url, {"user_agent": USER_AGENT}, in_pieces=False)
                return
            response = self._ask(url)
            head = response.body.head(_HEAD_BYTES)
            if not is_playlist(response.media_type, head):
                self._read_stream(response, head)
                return
            text = response.body.head(_PLAYLIST_BYTES).decode("utf-8", "replace")
            response.body.close()
            if is_hls(text):
                self._read_hls(response.url, text)
                return
            listed = addresses(text, response.url)
            if not listed:
                raise StreamError("its playlist lists no stream")
            url = listed[self._attempt % len(listed)]
        raise StreamError("its playlists list nothing but playlists")

    def _ask(self, url: str) -> Response:
        response = ask(url, timeout_s=self._timeout_s)
        self.progress += 1
        self._body = response.body
        if self._stopped.is_set():
            response.body.close()
        return response

    def _read_stream(self, response: Response, head: bytes) -> None:
        if response.media_type == "text/html" or head.lstrip()[:14].lower() == b"<!doctype html":
            raise StreamError("it is a web page, not a stream")
        audio = IcyAudio(Paced(response.body), response.titles_every_bytes)
        if not head.startswith(b"OggS"):
            self._read_file(audio, audio.title_at)
            return
        tracks = OggTracks(audio)
        while True:
            self._read_file(tracks, None)
            if not tracks.more():
                return
            self._positions.restart()

    def _read_hls(self, url: str, text: str) -> None:
        def fetch() -> str:
            body = self._ask(url).body
            with contextlib.closing(body):
                return body.head(_PLAYLIST_BYTES).decode("utf-8", "replace")

        if variant := best_variant(text, url):
            url = variant
        self._latency_s = wait_for_new_piece(fetch, self._stopped.is_set)
        self._timeout_s = max(self._timeout_s, 3 * media_playlist(fetch()).target_s)
        self.progress += 1
        if not self._stopped.is_set():
            self._read_by_ffmpeg(url, _HLS_OPTIONS, in_pieces=True)

    def _read_file(self, file: Any, title_at: Callable[[int], str | None] | None) -> None:
        with av.open(
            file,
            "r",
            metadata_errors="replace",
            buffer_size=_READ_BYTES,
            container_options={"analyzeduration": _ANALYSE_US, "protocol_whitelist": "none"},
        ) as container:
            self._read_container(container, in_pieces=False, title_at=title_at)

    def _read_by_ffmpeg(self, url: str, options: Mapping[str, str], *, in_pieces: bool) -> None:
        with av.open(
            url,
            "r",
            metadata_errors="replace",
            # Opening has two steps, each with a wait of its own; both fit into patience.
            timeout=(self._timeout_s * 0.6, self._timeout_s),
            container_options={"analyzeduration": _ANALYSE_US, **options},
        ) as container:
            self._read_container(container, in_pieces=in_pieces, title_at=None)

    def _read_container(
        self,
        container: InputContainer,
        *,
        in_pieces: bool,
        title_at: Callable[[int], str | None] | None,
    ) -> None:
        stream = container.streams.best("audio")
        if not isinstance(stream, AudioStream) or stream.codec_context is None:
            raise StreamError("there is no sound in it that FFmpeg knows")
        said = _title_of({**container.metadata, **stream.metadata}) or None
        template = Template(stream)
        if not self._opened:
            self._opened = True
            self._put(Opened(stream.codec_context.name, in_pieces))
        for packet in container.demux(stream):
            if self._stopped.is_set():
                return
            if not packet.size:
                continue
            position, duration, broken = self._positions.place(
                packet.pts, packet.duration or 0, packet.time_base or Fraction(1, 90_000)
            )
            title = title_at(packet.pos or 0) if title_at else said
            now_s = self._monotonic() - self._latency_s
            self._put(Received(bytes(packet), template, position, duration, now_s, title, broken))


def _title_of(metadata: Mapping[str, str]) -> str:
    known = {key.lower(): value for key, value in metadata.items()}
    title = known.get("streamtitle") or known.get("title") or ""
    artist = known.get("artist", "")
    return f"{artist} - {title}" if artist and title else title or artist
