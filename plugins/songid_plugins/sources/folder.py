"""The inbox: a folder whose three prefixes say what is to be done with the audio in them.

`folder:PATH?settle_s=2&counter_s=12` lists complete files only and writes answers beside
them; it has the same prefixes as a bucket, so that what is learnt here holds there.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from songid.errors import PluginError
from songid.interfaces import Source
from songid.model import AudioItem, ComponentURL, Job
from songid.stations import (
    CHECK_PREFIX,
    INDEX_PREFIX,
    SEGMENT_S,
    STREAMS_PREFIX,
    SegmentName,
    channel_starts,
    parse_segment_name,
)
from songid_plugins.sources.local_files import (
    FoundFile,
    Settling,
    open_file,
    walk,
    write_answer,
)
from songid_plugins.sources.options import refuse_unknown_options, seconds_option

logger = logging.getLogger(__name__)

OPTIONS = ("settle_s", "counter_s")
SETTLE_S = 2.0


def open_source(url: ComponentURL) -> Source:
    """Open the inbox at the URL's path; it and its three folders are made if need be.

    Options: `settle_s` (2): a file must not have changed for so long. `counter_s`: how
    long each counted segment of a channel is, where the date in the names is the channel's
    start; 0 where it is always the segment's own. Left out, a date that segments with
    different counters share is taken for the channel's, and 12 s for their length.
    """
    refuse_unknown_options(url, OPTIONS)
    if not url.path:
        raise PluginError(f"{url}: name the folder, as in folder:inbox.")
    settle_s = seconds_option(url, "settle_s")
    root = Path(os.path.abspath(Path(url.path).expanduser()))  # noqa: PTH100  # links stay as named
    try:
        for prefix in (INDEX_PREFIX, STREAMS_PREFIX):
            (root / prefix).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PluginError(f"{url}: the inbox cannot be made: {error}.") from error
    return FolderSource(
        root, SETTLE_S if settle_s is None else settle_s, seconds_option(url, "counter_s")
    )


class FolderSource:
    """An inbox folder as a `songid.interfaces.Source`."""

    def __init__(self, root: Path, settle_s: float, counter_s: float | None) -> None:
        self._root = str(root)
        self._counter_s = counter_s
        self._settling = Settling(settle_s)
        self._written: dict[Path, str] = {}
        self._told: set[str] = set()
        self._seen: dict[str, _Entry] = {}

    def items(self) -> Iterator[AudioItem]:
        """Complete files: songs for the catalogue first, then files, then segments.

        So a song that came together with a station's audio is known when it is listened
        for. A file in `streams/` whose name is no segment's is checked like any other.
        """
        seen, self._seen = self._seen, {}
        # One walk for all prefixes, so that what waits to settle is remembered for all.
        for file in self._settling.complete(self._walk()):
            known = seen.get(file.key)
            # Most files are the same at every look; reading their names anew would cost
            # as much as listing them.
            entry = known if known and known.file == file else _entry(file, self._counter_s or 0.0)
            self._seen[file.key] = entry
        entries = list(self._seen.values())
        yield from (entry.item for entry in entries if entry.name is None)
        segments = [(entry.item, entry.name) for entry in entries if entry.name]
        shared = channel_starts(name for _, name in segments) if self._counter_s is None else set()
        for item, name in segments:
            if (name.station, name.time) in shared:
                self._tell_shared(name.station)
                yield replace(item, start=name.start(SEGMENT_S))
            else:
                yield item

    def _walk(self) -> Iterator[FoundFile]:
        yield from walk(self._root, INDEX_PREFIX)
        yield from walk(self._root, CHECK_PREFIX, frozenset({STREAMS_PREFIX}))
        yield from walk(self._root, STREAMS_PREFIX)

    def _tell_shared(self, station: str) -> None:
        if station in self._told:
            return
        self._told.add(station)
        logger.warning(
            "%s: its segments share one date, so that is taken for the channel's start and each"
            " count for %g s; set the inbox to 'folder:%s?counter_s=...' if they are of another"
            " length",
            station,
            SEGMENT_S,
            self._root,
        )

    def open(self, item: AudioItem) -> AbstractContextManager[BinaryIO]:
        """Open the item's file."""
        return open_file(item)

    def answer(self, item: AudioItem, document: bytes) -> str:
        """Write `<stem>.json`, or `<name>.json` where that is another file's, beside it."""
        return write_answer(item, document, self._written)

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class _Entry:
    file: FoundFile
    name: SegmentName | None
    item: AudioItem


def _entry(file: FoundFile, counter_s: float) -> _Entry:
    name = parse_segment_name(file.key) if file.key.startswith(STREAMS_PREFIX) else None
    song = Job.INDEX if file.key.startswith(INDEX_PREFIX) else Job.CHECK
    item = AudioItem(
        uri=file.uri,
        name=os.fsencode(file.key).decode("utf-8", "replace"),
        identity=file.identity,
        job=Job.SEGMENT if name else song,
        size_bytes=file.size_bytes,
        station=name.station if name else "",
        start=name.start(counter_s) if name else None,
        modified_at=file.modified_at,
    )
    return _Entry(file, name, item)
