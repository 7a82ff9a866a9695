"""Jobs that can never be done, and jobs that take another run, as documents for sinks.

`songid.refused/1` goes to where dead letters go, with the reason; `songid.continue/1`
comes back to the function, which then goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from songid.documents import time_text
from songid.function.messages import CONTINUE_SCHEMA
from songid.jobs.outcomes import job_key
from songid.model import AudioItem, Event, EventKind
from songid.results import timestamp

REFUSED_SCHEMA = "songid.refused/1"


def refused_event(
    reason: str, told: Any, *, item: AudioItem | None = None, message_id: str = "", at: datetime
) -> Event:
    """Tells that a job is refused. Its id is the same whenever the same job is.

    `told` is what told of it: a notice, or a message that could not be read.
    """
    key = job_key(item) if item else json.dumps(told, sort_keys=True, default=str)
    document: dict[str, Any] = {
        "schema": REFUSED_SCHEMA,
        "reason": reason,
        "notice": told,
        "timestamp_utc": timestamp(at),
    }
    if item is not None:
        document["item"] = item_document(item)
    if message_id:
        document["message_id"] = message_id
    station = item.station if item else ""
    return Event(_event_id(f"refused:{key}"), EventKind.REFUSED, station, document)


def continued_event(item: AudioItem, told: Mapping[str, Any], windows: int) -> Event:
    """Asks for another run of a job that came as far as `windows`."""
    document = {"schema": CONTINUE_SCHEMA, "notice": dict(told), "windows": windows}
    event_id = _event_id(f"continued:{job_key(item)}:{windows}")
    return Event(event_id, EventKind.CONTINUED, item.station, document)


def item_document(item: AudioItem) -> dict[str, Any]:
    """An item as JSON."""
    document: dict[str, Any] = {
        "uri": item.uri,
        "name": item.name,
        "identity": item.identity,
        "job": item.job.value,
        "size_bytes": item.size_bytes,
    }
    if item.station:
        document["station"] = item.station
    if item.start is not None:
        document["start"] = time_text(item.start)
    return document


def _event_id(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
