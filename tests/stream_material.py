"""A small server that plays the part of Icecast, Shoutcast and an HLS packager, for tests.

A mount has been on air since `air_s` (seconds since 1970): a client that connects gets the
last `burst_s` seconds at once, then what is aired, when it is aired. So what a segment of a
given name must hold is known to the millisecond.
"""

from __future__ import annotations

import contextlib
import io
import socket
import socketserver
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import av
import numpy as np

from songid.audio.encode import encode, encode_segments
from songid.audio.tags import Tags
from songid.model import Samples
from songid.testing.music import compose

RATE_HZ = 22_050


@lru_cache
def music(seconds: float, seed: int = 401) -> Samples:
    """Music that is nowhere like itself, mono."""
    stereo, _ = compose(seed, seconds, RATE_HZ)
    return stereo.mean(axis=1, dtype=np.float32)


@lru_cache
def packets(kind: str, seconds: float, seed: int = 401) -> tuple[tuple[bytes, float], ...]:
    """A stream of music as `packets_of` gives it."""
    return packets_of(music(seconds, seed), kind)


def packets_of(samples: Samples, kind: str) -> tuple[tuple[bytes, float], ...]:
    """A stream of `kind` (`mp3`, `aac`) as packets with their lengths in seconds."""
    file = io.BytesIO()
    encode(samples, RATE_HZ, file, format=kind, bitrate=48_000)
    file.seek(0)
    with av.open(file, "r") as container:
        return tuple(
            (bytes(packet), float(packet.duration * packet.time_base))
            for packet in container.demux(container.streams.audio[0])
            if packet.size and packet.duration and packet.time_base
        )


def ogg_pages(*tracks: tuple[float, int, str]) -> list[tuple[bytes, float]]:
    """Tracks (length, seed, title) of Opus as chained Ogg: its pages with their lengths."""
    pages: list[tuple[bytes, float]] = []
    for seconds, seed, title in tracks:
        file = io.BytesIO()
        encode(music(seconds, seed), RATE_HZ, file, format="opus", tags=Tags(title=title))
        last = 0
        for page in file.getvalue().split(b"OggS")[1:]:
            granule = int.from_bytes(page[2:10], "little")
            pages.append((b"OggS" + page, (granule - last) / 48_000))
            last = granule
    return pages


@dataclass
class Mount:
    """What a path gives. `faults`, one for each connection, tell what goes wrong with it:

    `404`, `drop 2` (after 2 s), `hang 2`, `html`, or "" for nothing.
    """

    packets: Sequence[tuple[bytes, float]]
    media_type: str = "audio/mpeg"
    burst_s: float = 2.0
    titles: Sequence[tuple[float, str]] = ()
    metaint: int = 0
    faults: list[str] = field(default_factory=list)
    status_line: str = "HTTP/1.0 200 OK"
    off_air: tuple[float, float] = (1e18, 1e18)
    """Between these positions nothing is sent, as if the encoder was away; time goes on."""
    air_s: float = field(default_factory=time.time)
    connections: int = 0
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ends = np.cumsum([length_s for _, length_s in self.packets])

    @property
    def position_s(self) -> float:
        """What is on air now, in seconds from the beginning."""
        return time.time() - self.air_s


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            data = self.request.recv(4096)
            if not data:
                return
            request += data
        text = request.decode("latin-1")
        path = text.split()[1]
        with contextlib.suppress(OSError):
            self.answer(path, text)

    def answer(self, path: str, request: str) -> None:
        fixed = self.server.files.get(path)
        if callable(fixed):
            fixed = fixed()
        if isinstance(fixed, tuple):
            media_type, content = fixed
            self.send(f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\n", content)
            return
        if isinstance(fixed, str):
            self.send(f"HTTP/1.1 302 Found\r\nLocation: {fixed}\r\n", b"")
            return
        mount = self.server.mounts.get(path)
        if mount is None:
            self.send("HTTP/1.1 404 Not Found\r\n", b"")
            return
        mount.requests.append(request)
        number, mount.connections = mount.connections, mount.connections + 1
        fault = mount.faults[number] if number < len(mount.faults) else ""
        if fault == "404":
            self.send("HTTP/1.1 404 Not Found\r\n", b"")
        elif fault == "html":
            self.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", b"<html>gone</html>")
        else:
            self.stream(mount, fault)

    def send(self, head: str, content: bytes) -> None:
        head += f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        self.request.sendall(head.encode() + content)

    def stream(self, mount: Mount, fault: str) -> None:
        head = f"{mount.status_line}\r\nContent-Type: {mount.media_type}\r\n"
        if mount.metaint:
            head += f"icy-metaint: {mount.metaint}\r\n"
        self.request.sendall((head + "\r\n").encode())
        what, _, after = fault.partition(" ")
        until_s = time.time() + float(after) if after else 1e18
        left = mount.metaint
        said = ""
        first_s = mount.position_s - mount.burst_s
        for (data, length_s), end_s in zip(mount.packets, mount.ends, strict=True):
            if end_s - length_s < first_s:
                continue
            wait_s = end_s - mount.position_s
            if wait_s > 0 and self.server.stopped.wait(wait_s):
                return
            if time.time() > until_s:
                if what == "hang":
                    self.server.stopped.wait(60)
                return
            if mount.off_air[0] <= end_s < mount.off_air[1]:
                continue
            title = max((pair for pair in mount.titles if pair[0] <= end_s), default=(0, ""))[1]
            while mount.metaint and len(data) >= left:
                self.request.sendall(data[:left] + _block(title if title != said else ""))
                data, left, said = data[left:], mount.metaint, title
            self.request.sendall(data)
            left -= len(data)


def _block(title: str) -> bytes:
    if not title:
        return b"\0"
    text = f"StreamTitle='{title}';StreamUrl='';".encode()
    count = -(-len(text) // 16)
    return bytes([count]) + text.ljust(count * 16, b"\0")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mounts: dict[str, Mount] = {}
        self.files: dict[str, Any] = {}
        self.stopped = threading.Event()


@dataclass
class StreamServer:
    """The server; `files` holds (type, content), a function that gives it, or a redirect."""

    server: _Server

    @property
    def mounts(self) -> dict[str, Mount]:
        return self.server.mounts

    @property
    def files(self) -> dict[str, Any]:
        return self.server.files

    def url(self, path: str, *, login: str = "") -> str:
        at = f"{login}@" if login else ""
        return f"http://{at}127.0.0.1:{self.server.server_address[1]}{path}"


@contextlib.contextmanager
def stream_server() -> Iterator[StreamServer]:
    """A server on a free port of this machine."""
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield StreamServer(server)
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()


def silent_port() -> socket.socket:
    """A port that takes connections and never says a word."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    return listener


def where(part: Samples, whole: Samples) -> tuple[float, float]:
    """Where in `whole` the middle of `part` is: seconds of part's start, and how alike."""
    a, b = len(part) // 4, 3 * len(part) // 4
    probe = part[a:b] - part[a:b].mean()
    size = 1 << (len(whole) + len(probe) - 1).bit_length()
    found = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(probe, size)), size)
    at = int(np.argmax(found[: len(whole) - len(probe)]))
    same = whole[at : at + len(probe)]
    alike = float(probe @ same / (np.linalg.norm(probe) * np.linalg.norm(same) + 1e-9))
    return (at - a) / RATE_HZ, alike


class Hls:
    """A packager's output: `length_s` long segments of a stream in a sliding window."""

    def __init__(
        self,
        kind: str,
        seconds: float,
        air_s: float,
        *,
        length_s: int = 2,
        window: int = 5,
        latency_s: float | None = None,
    ) -> None:
        """`latency_s`: how long after they aired pieces are there, where it says when they did."""
        self.latency_s = latency_s
        self.length_s = length_s
        self.window = window
        self.air_s = air_s
        self.segments: list[io.BytesIO] = []
        self.missing: set[int] = set()

        def open_segment(index: int) -> io.BytesIO:
            self.segments.append(_Kept())
            return self.segments[-1]

        parts = [music(seconds)]
        encode_segments(
            parts, RATE_HZ, open_segment, segment_s=length_s, format=kind, bitrate=48_000
        )

    def put_on(self, server: StreamServer) -> str:
        """Serve it; the playlist's URL."""
        for number, segment in enumerate(self.segments):
            server.files[f"/hls/{number}.ts"] = ("video/mp2t", segment.getvalue())
        server.files["/hls/live.m3u8"] = self.playlist
        server.files["/hls/all.m3u8"] = (
            "application/vnd.apple.mpegurl",
            b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=64000\nlive.m3u8\n",
        )
        return server.url("/hls/all.m3u8")

    @property
    def position_s(self) -> float:
        """How much of it can be had by now."""
        return time.time() - self.air_s - (self.latency_s or 0.0)

    def playlist(self) -> tuple[str, bytes]:
        made = min(len(self.segments), int(self.position_s / self.length_s))
        first = max(0, made - self.window)
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:3",
            f"#EXT-X-TARGETDURATION:{self.length_s}",
            f"#EXT-X-MEDIA-SEQUENCE:{first}",
        ]
        for number in range(first, made):
            if self.latency_s is not None:
                aired = datetime.fromtimestamp(self.air_s + number * self.length_s, UTC)
                lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{aired.isoformat()}")
            lines += [f"#EXTINF:{self.length_s:.3f},", f"{number}.ts"]
        return "application/vnd.apple.mpegurl", ("\n".join(lines) + "\n").encode()


class _Kept(io.BytesIO):
    """Still readable when a muxer has closed it."""

    def __exit__(self, *_: object) -> None:
        """Nothing is released."""

    def close(self) -> None:
        """Nothing is released."""
