"""What the segmenter says of a stream: names of segments, gaps with their cause, titles.

The documents' JSON Schemas are `songid/schemas/gap.schema.json` and `title.schema.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from songid.errors import SettingsError
from songid.stations import parse_segment_name

GAP_SUFFIX = ".gap.json"
TITLE_SUFFIX = ".title.json"
_EXAMPLE = "_20240131T081500Z.ts"
_UNSAFE = re.compile(r"[/\\\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a station's time of which there is no audio, and why; seconds since 1970."""

    station: str
    start_s: float
    end_s: float
    cause: str


@dataclass(frozen=True, slots=True)
class Title:
    """What the stream itself said was on, from a moment on; seconds since 1970."""

    station: str
    at_s: float
    title: str


def station_name(name: str) -> str:
    """The name as it is; SettingsError if segments called so would not be read as its own."""
    parsed = parse_segment_name(name + _EXAMPLE)
    if not name or _UNSAFE.search(name) or name.startswith(".") or not parsed:
        raise SettingsError(
            f"{name!r} cannot be a station's name in file names; use letters, digits, _ and -"
        )
    if parsed.station != name:
        raise SettingsError(f"{name!r} cannot be a station's name: a part of it reads as a date")
    return name


def time_name(station: str, at_s: float) -> str:
    """`<station>_<YYYYMMDDTHHMMSSZ>`, the moment rounded to a whole second."""
    return f"{station}_{_datetime(round(at_s)):%Y%m%dT%H%M%SZ}"


def utc_text(at_s: float) -> str:
    """A moment as ISO 8601 in UTC with milliseconds."""
    return _datetime(at_s).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def gap_document(gap: Gap) -> dict[str, Any]:
    """A gap as a `songid.gap/1` document."""
    return {
        "schema": "songid.gap/1",
        "station": gap.station,
        "start_utc": utc_text(gap.start_s),
        "end_utc": utc_text(gap.end_s),
        "duration_s": round(gap.end_s - gap.start_s, 3),
        "cause": gap.cause,
    }


def title_document(title: Title) -> dict[str, Any]:
    """A title as a `songid.title/1` document."""
    return {
        "schema": "songid.title/1",
        "station": title.station,
        "at_utc": utc_text(title.at_s),
        "title": title.title,
    }


def as_bytes(document: Mapping[str, Any]) -> bytes:
    """A document as it is written."""
    return (json.dumps(document, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def _datetime(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
