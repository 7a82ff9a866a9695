"""A logger's recordings: a folder of long files whose names carry times.

`logger:FOLDER?pattern=%25Y%25m%25d_%25H&timezone=Europe/London&station=radio1` lists them
with their start times, through both changes of the clock.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from songid.errors import PluginError, SettingsError
from songid.interfaces import Source
from songid.logger_names import LoggerFile, LoggerTime, StrftimeName
from songid.model import AudioItem, ComponentURL, Job
from songid.stations import zone_named
from songid_plugins.sources.local_files import (
    FoundFile,
    Settling,
    open_file,
    walk,
    write_answer,
)
from songid_plugins.sources.options import refuse_unknown_options, seconds_option

logger = logging.getLogger(__name__)

OPTIONS = ("pattern", "timezone", "station", "settle_s")
# A logger writes to its newest file all the time, but through a buffer.
SETTLE_S = 60.0


def open_source(url: ComponentURL) -> Source:
    """Open the logger's folder at the URL's path.

    Options: `station`, whose recordings they are; `pattern`, by which names carry times
    (see `songid.logger_names.StrftimeName`), its `%` written `%25`; `timezone` (UTC), in
    which they do; `settle_s` (60): a file must not have changed for so long.
    """
    refuse_unknown_options(url, OPTIONS)
    for needed, sample in (("station", "radio1"), ("pattern", "%25Y%25m%25d_%25H%25M")):
        if not url.options.get(needed):
            raise PluginError(f"{url}: it needs the option {needed}, as in {needed}={sample}.")
    root = Path(os.path.abspath(Path(url.path or ".").expanduser()))  # noqa: PTH100  # links stay as named
    if not root.is_dir():
        raise PluginError(f"{url}: there is no folder {root}.")
    try:
        zone = zone_named(url.options.get("timezone", "UTC"))
        names = StrftimeName(url.options["pattern"], zone)
    except SettingsError as error:
        raise PluginError(f"{url}: {error}.") from error
    settle_s = seconds_option(url, "settle_s")
    return LoggerSource(
        root, url.options["station"], names, SETTLE_S if settle_s is None else settle_s
    )


class LoggerSource:
    """A logger's folder as a `songid.interfaces.Source`.

    `problems` holds a sentence for each file of the last listing that has no time of its
    own, and for each whose time had to be assumed.
    """

    def __init__(self, root: Path, station: str, names: StrftimeName, settle_s: float) -> None:
        self.problems: list[str] = []
        self._root = str(root)
        self._station = station
        self._names = names
        self._settling = Settling(settle_s)
        self._written: dict[Path, str] = {}
        self._told: set[str] = set()

    def items(self) -> Iterator[AudioItem]:
        """The complete recordings that have a time, in order of time."""
        self.problems = []
        files = {file.key: file for file in self._settling.complete(walk(self._root))}
        taken: dict[datetime, str] = {}
        for found in self._times(files):
            key = found.file.name
            if found.start is None:
                self._tell(found.problem)
                continue
            if found.start in taken:
                self._tell(f"{key}: it begins when {taken[found.start]} does, and is left out")
                continue
            if found.assumed:
                self._tell(
                    f"{key}: clocks showed this time twice, and nothing tells which is meant;"
                    f" taken for the first, {found.start:%Y-%m-%d %H:%M:%S} UTC"
                )
            taken[found.start] = key
            yield self._item(files[key], found.start)

    def _times(self, files: dict[str, FoundFile]) -> list[LoggerTime]:
        listed = [LoggerFile(key, file.modified_at) for key, file in files.items()]
        times = self._names.starts(listed)
        unsure = {time.file.name for time in times if time.assumed}
        if not unsure:
            return times
        # Reading lengths means opening files; it is worth it for one hour of a year, and
        # for what precedes it.
        before = {b.file.name for b, after in pairwise(times) if after.file.name in unsure}
        near = unsure | before
        return self._names.starts(
            replace(file, duration_s=_duration_s(files[file.name].path))
            if file.name in near
            else file
            for file in listed
        )

    def _tell(self, problem: str) -> None:
        self.problems.append(problem)
        if problem not in self._told:
            self._told.add(problem)
            logger.warning("%s", problem)

    def _item(self, file: FoundFile, start: datetime) -> AudioItem:
        return AudioItem(
            uri=file.uri,
            name=os.fsencode(file.key).decode("utf-8", "replace"),
            identity=file.identity,
            job=Job.SEGMENT,
            size_bytes=file.size_bytes,
            station=self._station,
            start=start,
            modified_at=file.modified_at,
        )

    def open(self, item: AudioItem) -> AbstractContextManager[BinaryIO]:
        """Open the item's file."""
        return open_file(item)

    def answer(self, item: AudioItem, document: bytes) -> str:
        """Write `<stem>.json`, or `<name>.json` where that is another file's, beside it."""
        return write_answer(item, document, self._written)

    def close(self) -> None:
        """Nothing is held."""


def _duration_s(path: str) -> float | None:
    """The length a file's header claims; None if it does not say."""
    import av  # only here: most listings never need it

    try:
        with av.open(path) as container:
            return None if container.duration is None else container.duration / av.time_base
    except (av.error.FFmpegError, OSError):
        return None
