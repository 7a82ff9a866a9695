"""What a file says about the recording in it: title, artist, album, label and ISRC.

Containers name these things in many ways (ID3 frames, Vorbis comments, MP4 atoms, RIFF
INFO); all are read without regard to case and brought to one form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAMES = {
    "title": ("title", "tit2", "inam", "\xa9nam"),
    "artist": ("artist", "tpe1", "iart", "\xa9art", "author", "performer", "album_artist",
               "albumartist", "tpe2"),
    "album": ("album", "talb", "iprd", "\xa9alb"),
    "label": ("label", "publisher", "tpub", "organization", "organisation", "record_label"),
    "isrc": ("isrc", "tsrc", "wm/isrc"),
}  # fmt: skip
# ISO 3901: two letters, three letters or digits, two digits of year, five digits.
_ISRC = re.compile(r"(?<![A-Z0-9])([A-Z]{2})[- ]?([A-Z0-9]{3})[- ]?(\d{2})[- ]?(\d{5})(?!\d)")
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags of a recording, empty where the file has none; an ISRC without hyphens."""

    title: str = ""
    artist: str = ""
    album: str = ""
    label: str = ""
    isrc: str = ""

    def as_metadata(self) -> dict[str, str]:
        """The names under which FFmpeg's muxers write these tags; empty ones left out."""
        pairs = {
            "title": self.title,
            "artist": self.artist,
            "album": self.album,
            "publisher": self.label,
            "TSRC": self.isrc,
            "ISRC": self.isrc,
        }
        return {name: value for name, value in pairs.items() if value}


def read_tags(*sources: Mapping[str, str]) -> Tags:
    """Tags from the metadata of a container and its streams; earlier sources win."""
    found: dict[str, str] = {}
    for source in sources:
        for name, value in source.items():
            found.setdefault(_plain_name(name), value)
    chosen = {
        field: next((text for name in names if (text := _clean(found.get(name, "")))), "")
        for field, names in _NAMES.items()
    }
    code = _ISRC.search(chosen["isrc"].upper())
    return Tags(**{**chosen, "isrc": "".join(code.groups()) if code else ""})


def _plain_name(name: str) -> str:
    """`----:com.apple.iTunes:LABEL` and `TPUB` alike in the form that `_NAMES` uses."""
    return name.rsplit(":", 1)[-1].strip().lower().replace(" ", "_")


def _clean(text: str) -> str:
    """One line without control characters (ID3 separates several values by NUL)."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST]
