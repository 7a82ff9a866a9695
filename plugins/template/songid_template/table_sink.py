"""The sink `table:FILE?name=events`: a row per event in a table of an SQLite file.

An event that comes again replaces its row, so whoever reads the table sees each once.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from pathlib import Path

from songid.documents import event_document
from songid.errors import PluginError
from songid.model import ComponentURL, Event


def open_sink(url: ComponentURL) -> TableSink:
    """Open the file that the URL names, creating it where there is none.

    Raises PluginError, with what to write instead, for anything the URL gets wrong.
    """
    unknown = set(url.options) - {"name"}
    if unknown:
        raise PluginError(f"{url}: no option {', '.join(sorted(unknown))}; there is: name")
    name = url.options.get("name", "events")
    # A table's name cannot be passed as a parameter, so nothing odd may be in it.
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise PluginError(f"{url}: name={name!r} is no name of a table; use letters, digits, _")
    if not url.path:
        raise PluginError(f"{url}: name the file, as in table:results.sqlite3")
    path = Path(url.path).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return TableSink(path, name)
    except sqlite3.Error as error:
        raise PluginError(f"{url}: {path} cannot be used as a database ({error})") from error


class TableSink:
    """A `songid.interfaces.Sink`; safe from many threads."""

    def __init__(self, path: Path, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, timeout=30, check_same_thread=False)
        with self._database:
            self._database.execute(
                f"CREATE TABLE IF NOT EXISTS {name}"
                " (event_id TEXT, event TEXT, station TEXT, document TEXT,"
                " PRIMARY KEY (event_id, station))"
            )

    def send(self, event: Event) -> None:
        """Write the event's row; it is on disk when this returns."""
        # JSON escapes what a text of SQLite cannot hold: names that are no valid Unicode.
        row = (
            json.dumps(event.event_id)[1:-1],
            event.kind.value,
            json.dumps(event.station)[1:-1],
            json.dumps(event_document(event)),
        )
        with self._lock, self._database:
            self._database.execute(f"INSERT OR REPLACE INTO {self._name} VALUES (?, ?, ?, ?)", row)

    def close(self) -> None:
        """Close the file; closing again does nothing."""
        with self._lock:
            self._database.close()
