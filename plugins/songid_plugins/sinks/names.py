"""Names that sinks give to what they write: of a station, an event, its day.

An event that comes again is given the same names, so that it meets what it left before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from urllib.parse import quote

_LONGEST_NAME_BYTES = 120


def safe_name(text: str) -> str:
    """`text` as a file name on any system, another for each text.

    Everything but letters, digits, `_`, `-`, `~` and inner dots is percent-encoded; what
    would be too long ends in a hash of the whole.
    """
    name = quote(text.encode("utf-8", "surrogatepass"), safe="")
    if name.startswith(".") or not name:
        name = "%2E" + name[1:] if name else "%"
    if len(name) > _LONGEST_NAME_BYTES:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        name = f"{name[: _LONGEST_NAME_BYTES - 17]}~{digest}"
    return name


def date_of(document: Mapping[str, object]) -> str:
    """The day of the event; never today's, so that a repetition meets the same file."""
    try:
        return date.fromisoformat(str(document.get("timestamp_utc", ""))[:10]).isoformat()
    except ValueError:
        return "undated"
