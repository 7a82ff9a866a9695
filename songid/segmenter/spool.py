"""A station's folder on the local disk, where segments are until somebody has taken them.

Whatever is in it when the process dies, at any moment, is there when the next one starts.
"""

from __future__ import annotations

import fcntl
import json
import threading
from dataclasses import dataclass
from pathlib import Path

from songid.errors import SettingsError
from songid.segmenter.notes import GAP_SUFFIX, Gap, as_bytes, gap_document, time_name
from songid.segmenter.segment_file import MEDIA_TYPES, mend
from songid.stations import parse_segment_name

_UNFINISHED = ".part"
_STATE = "state"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Past:
    """Until when (seconds since 1970) the station was recorded, and why no further."""

    until_s: float = float("-inf")
    cause: str = ""


class Spool:
    """The folder. One thread adds, another takes."""

    def __init__(self, folder: Path, station: str, *, most_bytes: int) -> None:
        self._folder = folder
        self._station = station
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self.dropped = 0
        folder.mkdir(parents=True, exist_ok=True)
        # Held until the process ends, however it does.
        self._lock_file = (folder / _LOCK).open("w")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SettingsError(
                f"{folder}: another `songid listen` has this spool; give each one its own --spool"
            ) from error

    def unfinished(self, name: str) -> Path:
        """Where the segment of that name is to be written."""
        return self._folder / f"{name}{_UNFINISHED}"

    def finish(self, name: str) -> None:
        """The segment is whole: to be taken from now on."""
        path = self.unfinished(name)
        path.rename(path.with_suffix(""))
        self._keep_in_bounds()

    def put(self, name: str, content: bytes) -> None:
        """Add a small file."""
        path = self.unfinished(name)
        path.write_bytes(content)
        path.rename(path.with_suffix(""))

    def ready(self) -> list[Path]:
        """What is to be taken, oldest first."""
        return sorted(
            path
            for path in self._folder.iterdir()
            if path.name != _STATE and path.suffix != _UNFINISHED and path.name[0] != "."
        )

    def take(self, path: Path) -> None:
        """It was taken: remove it."""
        with self._lock:
            path.unlink(missing_ok=True)

    # -- what the next process has to know ----------------------------------------------

    def remember(self, past: Past) -> None:
        """Note until when the station was recorded."""
        path = self._folder / f".{_STATE}{_UNFINISHED}"
        path.write_text(json.dumps({"until_s": past.until_s, "cause": past.cause}))
        path.replace(self._folder / _STATE)

    def recall(self) -> Past:
        """Make whole what was left unfinished; until when the station was recorded."""
        past = Past()
        try:
            state = json.loads((self._folder / _STATE).read_bytes())
            past = Past(float(state["until_s"]), str(state["cause"]))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # none yet, or it was being written: the segments themselves tell as well
        for path in self._folder.glob(f"*{_UNFINISHED}"):
            name = path.name.removesuffix(_UNFINISHED)
            length_s = mend(path) if path.suffix and Path(name).suffix in MEDIA_TYPES else 0.0
            parsed = parse_segment_name(name)
            if length_s and parsed and parsed.time:
                until_s = parsed.time.timestamp() + length_s
                if until_s > past.until_s:
                    past = Past(until_s, "")
                path.rename(path.with_suffix(""))
            else:
                path.unlink()
        return past

    # -- bounds -------------------------------------------------------------------------

    def _keep_in_bounds(self) -> None:
        """Drop the oldest segments while there are too many bytes, with a note for each."""
        sizes = {path: _size(path) for path in self.ready() if path.suffix in MEDIA_TYPES}
        total = sum(sizes.values())
        for path in list(sizes)[:-1]:
            if total <= self._most_bytes:
                return
            total -= sizes[path]
            with self._lock:
                if not path.exists():
                    continue
                length_s = mend(path)
                path.unlink()
            self.dropped += 1
            parsed = parse_segment_name(path.name)
            if parsed is not None and parsed.time is not None:
                start_s = parsed.time.timestamp()
                why = "it could not be delivered, and the spool was full"
                gap = Gap(self._station, start_s, start_s + length_s, why)
                name = time_name(self._station, start_s) + GAP_SUFFIX
                self.put(name, as_bytes(gap_document(gap)))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
