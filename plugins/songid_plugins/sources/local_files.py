"""What sources on a local disk share: listing complete files, opening them, answering.

A listing reads folders and file status only, never contents, so that a folder with a
hundred thousand files is looked through in about a second.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote_to_bytes
from uuid import uuid4

from songid.errors import AudioError, PluginError
from songid.model import AudioItem
from songid_plugins.sources.offered import is_offered, tells_of


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file below a root: its path, its key (path below the root, with `/`) and status."""

    path: str
    key: str
    size_bytes: int
    modified_ns: int

    @property
    def modified_at(self) -> datetime:
        """When it was last written."""
        return datetime.fromtimestamp(self.modified_ns / 1e9, UTC)

    @property
    def identity(self) -> str:
        """Changes whenever the bytes may have changed."""
        return f"{self.size_bytes}-{self.modified_ns}"

    @property
    def uri(self) -> str:
        """The absolute path as a `file:` URI; bytes that are no UTF-8 survive in it."""
        return f"file://{quote(os.fsencode(self.path))}"


def walk(root: str, key: str = "", skip: frozenset[str] = frozenset()) -> Iterator[FoundFile]:
    """Every offered file below `root`/`key`, by name; keys in `skip` are not entered.

    Linked folders are followed, each once. What vanishes or may not be read meanwhile is
    left out.
    """
    yield from _walk(root, key.rstrip("/"), skip, set())


def _walk(
    root: str, key: str, skip: frozenset[str], seen: set[tuple[int, int]]
) -> Iterator[FoundFile]:
    folder = os.path.join(root, key) if key else root  # noqa: PTH118  # as above
    try:
        status = os.stat(folder)  # noqa: PTH116  # as above
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        name = f"{key}/{entry.name}" if key else entry.name
        with suppress(OSError):
            if entry.is_dir():
                if not entry.name.startswith(".") and f"{name}/" not in skip:
                    yield from _walk(root, name, skip, seen)
            elif is_offered(entry.name) and entry.is_file():
                file = entry.stat()
                yield FoundFile(entry.path, name, file.st_size, file.st_mtime_ns)


@dataclass(slots=True)
class Settling:
    """Tells files that are complete from those still being written.

    A file is complete when its last change is `settle_s` ago by its own time, or when size
    and time have not changed for as long as that while this process looked on, which also
    serves files whose time lies in the future.
    """

    settle_s: float
    waiting: dict[str, tuple[str, float]] = field(default_factory=dict)

    def complete(self, files: Iterator[FoundFile]) -> Iterator[FoundFile]:
        """Those of `files` that are complete; files no longer listed are forgotten."""
        before, self.waiting = self.waiting, {}
        now_ns, tick = time.time_ns(), time.monotonic()
        for file in files:
            if now_ns - file.modified_ns >= self.settle_s * 1e9:
                yield file
                continue
            identity, since = before.get(file.path, ("", tick))
            if identity != file.identity:
                since = tick
            if tick - since >= self.settle_s:
                yield file
            self.waiting[file.path] = (file.identity, since)


def path_of(item: AudioItem) -> Path:
    """The file an item of a local source stands for."""
    return Path(os.fsdecode(unquote_to_bytes(item.uri.removeprefix("file://"))))


def open_file(item: AudioItem) -> AbstractContextManager[BinaryIO]:
    """Open an item's file; AudioError if that is not possible (any more)."""
    try:
        return path_of(item).open("rb")
    except OSError as error:
        raise AudioError(item.name, f"it cannot be opened: {error.strerror}") from error


def write_answer(item: AudioItem, document: bytes, written: dict[Path, str]) -> str:
    """Write `document` beside the item's file, whole or not at all; the answer's URI.

    It is called `<stem>.json`, or `<name>.json` where the former belongs to another file:
    of a.mp3 and a.wav the one answered first has a.json and the other a.wav.json. An
    existing a.json is known for the item's own by `written` (answer -> URI of its file) or
    by the file's name or URI among its top-level values.
    """
    audio = path_of(item)
    target = audio.with_suffix(".json")
    temporary = audio.with_name(f".{uuid4().hex}.part")
    try:
        with temporary.open("xb") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        try:
            if _taken(temporary, target):
                if not _is_about(target, item, written):
                    target = audio.with_name(f"{audio.name}.json")
                temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise PluginError(f"{target}: the answer cannot be written: {error.strerror}") from error
    written[target] = item.uri
    return f"file://{quote(os.fsencode(target))}"


def _taken(temporary: Path, target: Path) -> bool:
    """Whether `target` was there already; otherwise it is now, with `temporary`'s content."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        return True
    except OSError:  # a file system without hard links
        if target.exists():
            return True
        temporary.replace(target)
    return False


def _is_about(answer: Path, item: AudioItem, written: Mapping[Path, str]) -> bool:
    if answer in written:
        return written[answer] == item.uri
    try:
        document = answer.read_bytes()
    except OSError:
        return False
    return tells_of(document, item.uri, path_of(item).name)
