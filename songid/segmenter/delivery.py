"""Takes segments out of the spool and hands them over, while listening goes on.

What cannot be handed over now is tried again; what was, is removed from the spool.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from songid.errors import SongidError
from songid.interfaces import Folder
from songid.segmenter.backoff import Backoff
from songid.segmenter.segment_file import MEDIA_TYPES
from songid.segmenter.spool import Spool
from songid.stations import STREAMS_PREFIX

log = logging.getLogger(__name__)

_LOOK_S = 5.0
_LONGEST_PAUSE_S = 60.0
_JSON = "application/json"


class Taker(Protocol):
    """Where segments and notes go."""

    def take(self, name: str, content: bytes) -> None:
        """Take a file for good; SongidError or OSError if that is not possible now."""
        ...

    def idle(self) -> None:
        """There is nothing to take at the moment."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...


class FolderTaker:
    """Writes them where `songid run` and the function look for a station's audio."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def take(self, name: str, content: bytes) -> None:
        """Write the file below `songs_to_check/streams/`."""
        media_type = MEDIA_TYPES.get(Path(name).suffix, _JSON)
        self._folder.write(f"{STREAMS_PREFIX}{name}", content, media_type)

    def idle(self) -> None:
        """A file needs no follow-up."""

    def close(self) -> None:
        """Close the folder."""
        self._folder.close()


class Delivery:
    """A thread that hands over what is in the spool, oldest first."""

    def __init__(
        self,
        spool: Spool,
        open_taker: Callable[[], Taker],
        on_trouble: Callable[[str, float], None],
        on_taken: Callable[[str], None] = lambda name: None,
        backoff: Backoff | None = None,
    ) -> None:
        self._spool = spool
        self._open_taker = open_taker
        self._on_trouble = on_trouble
        self._on_taken = on_taken
        self._backoff = backoff or Backoff(1.0, _LONGEST_PAUSE_S)
        self._more = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="deliver", daemon=True)
        self._thread.start()

    def hurry(self) -> None:
        """There is something new in the spool."""
        self._more.set()

    def stop(self, within_s: float) -> bool:
        """Hand over what is left, once; False if something is, which the spool keeps."""
        self._stopping.set()
        self._more.set()
        self._thread.join(within_s)
        return not self._thread.is_alive() and not self._spool.ready()

    def _run(self) -> None:
        taker: Taker | None = None
        try:
            while True:
                last_round = self._stopping.is_set()
                self._more.clear()
                try:
                    taker = taker or self._open_taker()
                    self._hand_over(taker)
                    taker.idle()
                    self._backoff.reset()
                except (SongidError, OSError) as error:
                    self._wait(str(error))
                except Exception as error:
                    log.exception("handing over failed; it is tried again. Please report this")
                    self._wait(f"{type(error).__name__}: {error}")
                else:
                    if not self._stopping.is_set():
                        self._more.wait(_LOOK_S)
                if last_round:
                    return
        finally:
            if taker is not None:
                taker.close()

    def _hand_over(self, taker: Taker) -> None:
        for path in self._spool.ready():
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue  # dropped meanwhile, as there was too much
            taker.take(path.name, content)
            self._spool.take(path)
            self._on_taken(path.name)

    def _wait(self, why: str) -> None:
        pause_s = self._backoff.next_s()
        self._on_trouble(why, pause_s)
        if not self._stopping.is_set():
            self._stopping.wait(pause_s)
