"""Conversions between the domain's values and SQLite's, and lists too long for one query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

SqlText = str | bytes
T = TypeVar("T")

_CHUNK = 500  # well below the least limit of parameters SQLite is built with (999)


def to_sql(text: str) -> SqlText:
    """Text as SQLite keeps it; a blob where it is no valid Unicode (odd file names)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def from_sql(value: SqlText) -> str:
    """The text that `to_sql` was given."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """`values` in pieces that fit one query."""
    for begin in range(0, len(values), _CHUNK):
        yield values[begin : begin + _CHUNK]


def marks(values: Sequence[object]) -> str:
    """`?,?,?` for an IN (...) over `values`."""
    return ",".join("?" * len(values))
