"""Conversions between the domain's values and PostgreSQL's.

PostgreSQL's text holds any Unicode but NUL and lone surrogates; tags and file names may
hold those, so they are written as an escape character and four hexadecimal digits.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

_ESCAPE = "\x1b"
_HARD = re.compile("[\x00\x1b\ud800-\udfff]")
_ESCAPED = re.compile("\x1b([0-9a-f]{4})")
# A B-tree's entry must fit a third of its page (8 kB): a key of more characters than
# this is cut, and told from others that begin alike by its hash.
_LONGEST_KEY = 500


def to_sql(text: str) -> str:
    """Text as PostgreSQL can keep it; `from_sql` gives it back."""
    return _HARD.sub(lambda found: f"{_ESCAPE}{ord(found[0]):04x}", text)


def from_sql(text: str) -> str:
    """The text that `to_sql` was given."""
    if _ESCAPE not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def key_to_sql(text: str) -> str:
    """A text that is only ever asked for again, short enough for an index."""
    if len(text) <= _LONGEST_KEY:
        return to_sql(text)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{to_sql(text[:_LONGEST_KEY])}{_ESCAPE}{digest}"


def to_utc(moment: datetime) -> datetime:
    """A moment in UTC; ValueError if it has no time zone."""
    if moment.utcoffset() is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; all times of songid have one")
    return moment.astimezone(UTC)
