"""The folder `folder:PATH`: files in a folder of this machine.

Each is written under a hidden name first and then put in its place, so that a reader finds
the old one or the new one, whole.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from songid.errors import FolderError, PluginError
from songid.interfaces import Folder
from songid.model import ComponentURL

_UNFINISHED = ".part"


def open_folder(url: ComponentURL) -> Folder:
    """Open the folder at the URL's path; it is made when the first file is written."""
    if not url.path or (url.rest.startswith("//") and not url.rest.startswith("///")):
        raise PluginError(f"{url}: name a folder, as in folder:reports or folder:///srv/reports")
    if url.options:
        raise PluginError(f"{url}: no option {', '.join(sorted(url.options))}; there are none")
    return LocalFolder(Path(url.path).expanduser())


class LocalFolder:
    """A folder of the file system as a `songid.interfaces.Folder`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, content: bytes, media_type: str) -> str:
        """Write a file and what folders it needs; its path, beginning as the folder's does."""
        path = self._path(name)
        temporary = path.with_name(f".{uuid.uuid4().hex}{_UNFINISHED}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise FolderError(f"cannot write {path}: {error.strerror or error}") from error
            raise
        return str(path)

    def read(self, name: str) -> bytes | None:
        """A file's content; None if there is no file of that name."""
        path = self._path(name)
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise FolderError(f"cannot read {path}: {error.strerror or error}") from error

    def names(self, prefix: str = "", suffix: str = "") -> Iterator[str]:
        """The files' names; hidden ones, and what is in hidden folders, are left out."""
        within = prefix.rpartition("/")[0]
        if within and not _is_name(within):
            return
        found = [name for name in self._walk(within, set()) if name.startswith(prefix)]
        yield from sorted(name for name in found if name.endswith(suffix))

    def close(self) -> None:
        """Nothing is held."""

    def _path(self, name: str) -> Path:
        if not _is_name(name):
            raise FolderError(
                f"{name!r} is no name for a file in {self._root}: parts are joined by single "
                "'/', and none of them is empty, begins with '.' or ends in '.part'"
            )
        return self._root / name

    def _walk(self, within: str, passed: set[tuple[int, int]]) -> Iterator[str]:
        """Files below a folder, links followed; `passed` are the folders above, lest it ring."""
        folder = self._root / within
        try:
            status = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            folders = {entry.name for entry in entries if entry.is_dir()}
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise FolderError(f"cannot list {folder}: {error.strerror or error}") from error
        mark = (status.st_dev, status.st_ino)
        if mark in passed:
            return
        for entry in entries:
            name = f"{within}/{entry.name}" if within else entry.name
            if not _is_name(entry.name):
                continue
            if entry.name in folders:
                yield from self._walk(name, passed | {mark})
            elif entry.is_file():
                yield name


def _is_name(name: str) -> bool:
    """Whether it stays within the folder and is none that `names` would leave out."""
    parts = name.split("/")
    plain = all(part and not part.startswith(".") for part in parts)
    return plain and "\0" not in name and not name.endswith(_UNFINISHED)
