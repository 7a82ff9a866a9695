"""The sink `stdout`: one JSON document a line (NDJSON), flushed with each event.

An event that comes twice is written twice; readers tell by `event_id`.
"""

from __future__ import annotations

import sys
import threading

from songid.documents import compact_json, event_document
from songid.errors import PluginError
from songid.model import ComponentURL, Event


def open_sink(url: ComponentURL) -> StdoutSink:
    """Open the sink; it takes neither a path nor options."""
    if url.rest or url.options:
        raise PluginError(f"{url}: the stdout sink takes no path and no options; write: stdout")
    return StdoutSink()


class StdoutSink:
    """A `songid.interfaces.Sink` on whatever `sys.stdout` is when an event comes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def send(self, event: Event) -> None:
        """Write one line; OSError (a closed pipe) where it could not be written."""
        out = sys.stdout
        line = compact_json(event_document(event), getattr(out, "encoding", None) or "utf-8")
        with self._lock:
            out.write(line + "\n")
            out.flush()

    def close(self) -> None:
        """Nothing to release: standard output is not this sink's own."""
