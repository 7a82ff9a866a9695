"""Playlists that stand where a stream is expected: the addresses in M3U and PLS files."""

from __future__ import annotations

import re
from urllib.parse import urljoin

_PLS_FILE = re.compile(r"file\d+\s*=\s*(\S.*)", re.I)
_TYPES = frozenset(
    {
        "audio/x-mpegurl",
        "audio/mpegurl",
        "application/x-mpegurl",
        "application/mpegurl",
        "application/vnd.apple.mpegurl",
        "audio/x-scpls",
        "application/pls+xml",
    }
)


def is_playlist(media_type: str, head: bytes) -> bool:
    """Whether what begins with `head` lists streams instead of being one."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:16].lower()
    return media_type in _TYPES or start.startswith((b"#extm3u", b"[playlist]"))


def is_hls(text: str) -> bool:
    """Whether it is HLS (RFC 8216): every such playlist has a tag that begins `#EXT-X-`."""
    return re.search(r"^#EXT-X-", text, re.M) is not None


def addresses(text: str, base: str) -> list[str]:
    """The addresses a playlist lists, in order, relative ones resolved against `base`."""
    found: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if pls := _PLS_FILE.fullmatch(line):
            found.append(urljoin(base, pls[1]))
        elif line and not line.startswith(("#", "[")) and not re.match(r"\w+\s*=", line):
            found.append(urljoin(base, line))
    return found
