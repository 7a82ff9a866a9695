"""What HLS playlists say (RFC 8216): which stream to read, and when its newest piece aired.

FFmpeg tells neither; and where it begins to read at a random moment, the edge it sees is up
to a piece old. So its start waits for a new piece, which is then known to be new.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin

from songid.segmenter.http_stream import StreamError

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')
_VIDEO = re.compile(r"\b(avc|hvc|hev|vp0?[89]|av01|mp4v)", re.I)
_LONGEST_LATENCY_S = 300.0
_LOOKS_PER_PIECE = 12
_LEAST_PAUSE_S = 0.25


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """A playlist of pieces: the number behind its last piece, and what it says of time.

    `end_s` is when its last piece ended by the station's clock (EXT-X-PROGRAM-DATE-TIME),
    in seconds since 1970; None where it does not say.
    """

    next_number: int
    target_s: float
    end_s: float | None
    is_over: bool


def best_variant(text: str, base: str) -> str | None:
    """The playlist to read of those a master playlist lists; None if it is no master.

    Sound alone before sound with pictures, and the least of pictures.
    """
    found: list[tuple[int, float, str]] = []
    attributes: dict[str, str] | None = None
    for line in map(str.strip, text.splitlines()):
        name, _, value = line.partition(":")
        if name == "#EXT-X-MEDIA":
            given = _attributes(value)
            if given.get("TYPE") == "AUDIO" and "URI" in given:
                default = given.get("DEFAULT") == "YES"
                found.append((1, 0.0 if default else 1.0, urljoin(base, given["URI"])))
        elif name == "#EXT-X-STREAM-INF":
            attributes = _attributes(value)
        elif line and not line.startswith("#") and attributes is not None:
            bandwidth = float(attributes.get("BANDWIDTH") or 0)
            codecs = attributes.get("CODECS", "")
            pictures = "RESOLUTION" in attributes or bool(_VIDEO.search(codecs))
            # Of those with sound alone the best: it costs little.
            rank = (2, bandwidth) if pictures else (0, -bandwidth)
            found.append((*rank, urljoin(base, line)))
            attributes = None
    return min(found)[2] if found else None


def media_playlist(text: str) -> MediaPlaylist:
    """Read a playlist of pieces."""
    number, target_s, is_over = 0, 0.0, False
    end_s: float | None = None
    length_s = 0.0
    for line in map(str.strip, text.splitlines()):
        name, _, value = line.partition(":")
        if name == "#EXT-X-MEDIA-SEQUENCE":
            number += int(_number(value))
        elif name == "#EXT-X-TARGETDURATION":
            target_s = _number(value)
        elif name == "#EXT-X-PROGRAM-DATE-TIME":
            end_s = _time_s(value)
        elif name == "#EXTINF":
            length_s = _number(value.partition(",")[0])
        elif name == "#EXT-X-ENDLIST":
            is_over = True
        elif line and not line.startswith("#"):
            number += 1
            if end_s is not None:
                end_s += length_s
    return MediaPlaylist(number, target_s, end_s, is_over)


def wait_for_new_piece(
    fetch: Callable[[], str],
    stopped: Callable[[], bool],
    *,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> float:
    """Wait until a piece is new; how long before that it ended, by the station's clock.

    0.0 where the station does not say when. StreamError if none comes for three pieces'
    length, or none will: what is still listed then was on air before, and heard.
    """
    first = playlist = media_playlist(fetch())
    until_s = now() + 3 * first.target_s
    while playlist.next_number == first.next_number and not playlist.is_over and not stopped():
        if now() >= until_s:
            raise StreamError(f"its playlist stood still for {3 * first.target_s:g} s")
        sleep(max(_LEAST_PAUSE_S, first.target_s / _LOOKS_PER_PIECE))
        playlist = media_playlist(fetch())
    if playlist.is_over:
        raise StreamError("its playlist says that it is over")
    if playlist.end_s is None:
        return 0.0
    latency_s = now() - playlist.end_s
    return latency_s if 0 <= latency_s <= _LONGEST_LATENCY_S else 0.0


def _attributes(text: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(text)}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _time_s(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None
