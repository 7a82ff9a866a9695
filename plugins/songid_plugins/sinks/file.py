"""The sink `file:FOLDER`: each event a JSON file, or a line in a file of its day.

`file:FOLDER` writes `<kind>/<station>/<date>/<event_id>.json`, whole or not at all.
`file:FOLDER?format=ndjson` appends to `<kind>/<station>/<date>.ndjson`, once per event
however often it comes. The date is that of the event's `timestamp_utc`.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from songid.documents import compact_json, event_document
from songid.errors import PluginError
from songid.interfaces import Sink
from songid.model import ComponentURL, Event
from songid_plugins.sinks.names import date_of, safe_name

_FORMATS = ("json", "ndjson")
_REMEMBERED_FILES = 64


def open_sink(url: ComponentURL) -> Sink:
    """Open the sink on the folder that the URL names; the folder is made when needed."""
    if not url.path or (url.rest.startswith("//") and not url.rest.startswith("///")):
        raise PluginError(f"{url}: name a folder, as in file:results or file:///srv/results")
    unknown = set(url.options) - {"format"}
    if unknown:
        raise PluginError(f"{url}: no option {', '.join(sorted(unknown))}; there is: format")
    chosen = url.options.get("format", "json")
    if chosen not in _FORMATS:
        raise PluginError(f"{url}: no format {chosen!r}; there are: {', '.join(_FORMATS)}")
    folder = Path(url.path).expanduser()
    return JsonFileSink(folder) if chosen == "json" else NdjsonFileSink(folder)


class JsonFileSink:
    """A `songid.interfaces.Sink` that writes a file per event."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, event: Event) -> None:
        """Write the event's file, replacing it where the event came before."""
        document = event_document(event)
        folder = _folder_of(self._folder, event) / date_of(document)
        folder.mkdir(parents=True, exist_ok=True)
        name = safe_name(event.event_id)
        text = json.dumps(document, indent=2, ensure_ascii=False)
        temporary = folder / f".{name}.{os.getpid()}.{threading.get_ident()}.tmp"
        try:
            with temporary.open("wb") as file:
                # What UTF-8 has no bytes for becomes \udcxx, which JSON reads back.
                file.write(text.encode("utf-8", "backslashreplace") + b"\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(folder / f"{name}.json")
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(folder)

    def close(self) -> None:
        """Nothing is kept open."""


@dataclass
class _Known:
    """The events that a file holds up to `size_bytes`; `inode` tells a file from its heir."""

    inode: int = 0
    size_bytes: int = 0
    event_ids: set[str] = field(default_factory=set)


class NdjsonFileSink:
    """A `songid.interfaces.Sink` that appends lines to a file per kind, station and day.

    Any number of processes may append to one file: each line is written under a lock, and
    what others wrote meanwhile is read first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: OrderedDict[Path, _Known] = OrderedDict()

    def send(self, event: Event) -> None:
        """Append the event's line unless the file has it."""
        document = event_document(event)
        path = _folder_of(self._folder, event) / f"{date_of(document)}.ndjson"
        path.parent.mkdir(parents=True, exist_ok=True)
        line = compact_json(document).encode() + b"\n"
        with self._lock, path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # given back when the file is closed
            known = self._read_on(path, file)
            if event.event_id in known.event_ids:
                return
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
            known.event_ids.add(event.event_id)
            known.size_bytes += len(line)

    def close(self) -> None:
        """Nothing is kept open."""

    def _read_on(self, path: Path, file: BinaryIO) -> _Known:
        """Read what was appended since this sink last looked; cut off a torn last line."""
        status = os.fstat(file.fileno())
        known = self._known.get(path)
        if known is None or known.inode != status.st_ino or known.size_bytes > status.st_size:
            known = _Known(status.st_ino)
        self._known[path] = known
        self._known.move_to_end(path)
        while len(self._known) > _REMEMBERED_FILES:
            self._known.popitem(last=False)
        file.seek(known.size_bytes)
        for line in file:
            if not line.endswith(b"\n"):  # whoever wrote it was killed at it
                file.truncate(known.size_bytes)
                break
            known.size_bytes += len(line)
            known.event_ids.add(_event_id(line))
        return known


def _folder_of(folder: Path, event: Event) -> Path:
    return folder / event.kind.value / safe_name(event.station)


def _event_id(line: bytes) -> str:
    try:
        document = json.loads(line)
    except ValueError:  # a line that somebody else wrote
        return ""
    return str(document.get("event_id", "")) if isinstance(document, dict) else ""


def _sync_folder(folder: Path) -> None:
    """Have the file's new name survive a loss of power, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
