"""What a worker tells the process that watches over it, and that tells people."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class What(StrEnum):
    """What happened."""

    CONNECTED = "connected"
    TROUBLE = "trouble"
    SEGMENT = "segment"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    GAP = "gap"
    TITLE = "title"
    PLAY = "play"
    RESTARTED = "restarted"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """Something that happened to a station's stream; `details` are plain JSON values."""

    station: str
    what: What
    details: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The event as `songid listen --json` prints it."""
        return {"event": self.what.value, "station": self.station, **self.details}


@dataclass(frozen=True, slots=True)
class Beat:
    """A worker's sign of life; the next may come `more_s` seconds later than patience has it."""

    more_s: float = 0.0
