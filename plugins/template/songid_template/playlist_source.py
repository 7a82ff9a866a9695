"""The source `playlist:FILE`: the files that an M3U playlist names, each to be checked.

Lines are paths, relative to the playlist; those that begin with `#` are passed over. What
is not there (yet) is not listed, and is once it has arrived.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote_to_bytes, urlsplit

from songid.errors import AudioError, PluginError
from songid.model import AudioItem, ComponentURL, Job


def open_source(url: ComponentURL) -> PlaylistSource:
    """Open the playlist that the URL names; it may be written later."""
    if url.options:
        raise PluginError(f"{url}: a playlist has no options ({', '.join(url.options)})")
    if not url.path:
        raise PluginError(f"{url}: name the playlist, as in playlist:songs.m3u")
    return PlaylistSource(Path(url.path).expanduser().absolute())


class PlaylistSource:
    """A `songid.interfaces.Source` of the files in a playlist."""

    def __init__(self, playlist: Path) -> None:
        self._playlist = playlist

    def items(self) -> Iterator[AudioItem]:
        """The files that are there, in the playlist's order, each once."""
        for path in self._paths():
            try:
                status = path.stat()
            except OSError:
                continue  # not there yet, or taken away since
            yield AudioItem(
                uri=path.as_uri(),
                name=os.fsencode(path.name).decode("utf-8", "replace"),
                # Changes whenever the bytes may have changed, so that they are heard anew.
                identity=f"{status.st_size}-{status.st_mtime_ns}",
                job=Job.CHECK,
                size_bytes=status.st_size,
                modified_at=datetime.fromtimestamp(status.st_mtime, UTC),
            )

    def open(self, item: AudioItem) -> AbstractContextManager[BinaryIO]:
        """Open the item's file; AudioError if it is gone or may not be read."""
        try:
            return _path_of(item).open("rb")
        except OSError as error:
            raise AudioError(item.name, f"cannot be read: {error.strerror}") from error

    def answer(self, item: AudioItem, document: bytes) -> str:
        """Write `<stem>.json`, or `<name>.json` where stems clash, beside the item."""
        path = _path_of(item)
        stems = Counter(each.with_suffix("") for each in self._paths())
        clash = stems[path.with_suffix("")] > 1
        target = path.with_name(f"{path.name}.json") if clash else path.with_suffix(".json")
        # Whole or not at all: a reader never meets half an answer.
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            temporary.write_bytes(document)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return target.as_uri()

    def close(self) -> None:
        """Nothing is held."""

    def _paths(self) -> list[Path]:
        try:
            text = self._playlist.read_text("utf-8", "surrogateescape")
        except FileNotFoundError:
            return []
        lines = (line.strip() for line in text.splitlines())
        names = dict.fromkeys(line for line in lines if line and not line.startswith("#"))
        return [self._playlist.parent / name for name in names]


def _path_of(item: AudioItem) -> Path:
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(item.uri).path)))
