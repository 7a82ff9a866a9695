"""Jobs that can never be done, and jobs that take another run, told to sinks of their own.

`songid.refused/1` goes to where dead letters go, with the reason; `songid.continue/1`
comes back to the function, which then goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from songid.app import App
from songid.documents import time_text
from songid.function.logs import facts
from songid.function.messages import CONTINUE_SCHEMA
from songid.interfaces import Sink
from songid.jobs.outcomes import JobOutcome, JobResult, job_key
from songid.model import AudioItem, Event, EventKind
from songid.results import timestamp

log = logging.getLogger(__name__)

REFUSED_SCHEMA = "songid.refused/1"


class Letters:
    """The two sinks, where the settings name them; each is opened when it is first needed."""

    def __init__(self, app: App) -> None:
        self._app = app

    @cached_property
    def dead(self) -> Sink | None:
        """Where dead letters go."""
        return self._sink(self._app.settings.function.dead_letters)

    @cached_property
    def again(self) -> Sink | None:
        """Where a job that takes another run goes."""
        return self._sink(self._app.settings.function.continue_to)

    def _sink(self, url: str) -> Sink | None:
        return cast(Sink, self._app.plugins.open("sinks", url)) if url else None

    def close(self) -> None:
        """Close what was opened."""
        for name in ("dead", "again"):
            sink = self.__dict__.get(name)
            if sink is not None:
                sink.close()

    def refuse_message(self, told: Any, message_id: str, reason: str) -> bool:
        """Send a message that nothing can be done with; whether it was taken."""
        about = facts(message_id=message_id, reason=reason, outcome="refused")
        log.warning("a message is refused: %s", reason, extra=about)
        event = refused_event(reason, told, message_id=message_id, at=self._app.clock())
        return _sent(self.dead, event)

    def refuse(self, result: JobResult, told: Mapping[str, Any]) -> JobResult:
        """Send a refused job, before it is remembered as refused.

        Where it is not taken it is left open, and its messages fail each time, until their
        queue gives them to its own dead letters.
        """
        event = refused_event(result.note, told, item=result.item, at=self._app.clock())
        return result if _sent(self.dead, event) else replace(result, outcome=JobOutcome.LATER)

    def ask_again(self, item: AudioItem, told: Mapping[str, Any], windows: int) -> bool:
        """Ask for another run of a job that came as far as `windows`; whether that was taken."""
        return _sent(self.again, continued_event(item, told, windows))


def _sent(sink: Sink | None, event: Event) -> bool:
    if sink is None:
        return False
    try:
        sink.send(event)
    except Exception as error:  # a plugin's, of whatever kind
        log.error("%s was not taken: %s: %s", event.kind.value, type(error).__name__, error)
        return False
    return True


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
