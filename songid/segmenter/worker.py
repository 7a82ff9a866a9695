"""The process that listens to one station: connects, cuts, delivers, connects again.

It beats while it makes progress. Where FFmpeg hangs for good, the beat fails, and whoever
watches over it starts another one.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from songid.errors import SongidError
from songid.interfaces import Folder
from songid.segmenter.backoff import Backoff
from songid.segmenter.cutting import Cutter, Segment
from songid.segmenter.delivery import Delivery, FolderTaker, Taker
from songid.segmenter.events import Beat, StreamEvent, What
from songid.segmenter.http_stream import without_login
from songid.segmenter.notes import (
    GAP_SUFFIX,
    TITLE_SUFFIX,
    Gap,
    Title,
    as_bytes,
    gap_document,
    time_name,
    title_document,
    utc_text,
)
from songid.segmenter.placing import IN_PIECES, LIVE, Placer, PlacingRules
from songid.segmenter.positions import TICKS_HZ
from songid.segmenter.reading import Ended, Opened, Reader, Received
from songid.segmenter.spool import Past, Spool
from songid.segmenter.wall_clock import WallClock
from songid.settings import Settings

log = logging.getLogger(__name__)

STOP = "stop"

_LOOK_S = 0.1
_BEAT_S = 1.0
_HEALTHY_S = 60.0
_DELIVER_AT_END_S = 10.0
_NOT_RUNNING = "songid listen was not running"
_LOG_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


@dataclass(frozen=True, slots=True)
class StationPlan:
    """How one station is listened to; it pickles.

    `to` is the URL of the folder that segments go to; empty: they are identified at once.
    `timeout_s` is the longest wait for data, `cause` why the worker before this one ended.
    """

    settings: Settings
    station: str
    url: str
    to: str
    spool: Path
    spool_bytes: int
    timeout_s: float
    segment_s: int = 12
    backoff_s: float = 1.0
    placing: PlacingRules = LIVE
    placing_in_pieces: PlacingRules = IN_PIECES
    cause: str = ""


class Worker:
    """Listens until told to stop."""

    def __init__(
        self,
        plan: StationPlan,
        send: Callable[[StreamEvent | Beat], None],
        stop: Callable[[], bool],
    ) -> None:
        self._plan = plan
        self._send = send
        self._stop = stop
        self._clock = WallClock()
        self._beaten_s = float("-inf")
        self._spool = Spool(plan.spool, plan.station, most_bytes=plan.spool_bytes)
        past = self._spool.recall()
        cause = plan.cause or past.cause or _NOT_RUNNING
        self._cutter = Cutter(
            plan.station, self._spool, plan.segment_s, self._tell, Past(past.until_s, cause)
        )
        self._backoff = Backoff(plan.backoff_s)
        self._delivery = Delivery(
            self._spool,
            partial(_open_taker, plan, lambda document: self._say(What.PLAY, **document)),
            lambda why, pause_s: self._say(What.UNDELIVERED, cause=why, again_s=round(pause_s, 1)),
            self._delivered,
        )

    def run(self) -> None:
        """Connect, again and again, until told to stop; deliver what is left."""
        attempt = 0
        while not self._stop():
            connected_at = time.monotonic()
            cause = self._connection(attempt)
            if cause is None:
                break
            attempt += 1
            self._cutter.interrupt(cause)
            if time.monotonic() - connected_at >= _HEALTHY_S:
                self._backoff.reset()
            pause_s = self._backoff.next_s()
            self._say(What.TROUBLE, cause=cause, again_s=round(pause_s, 1))
            self._rest(pause_s)
        self._cutter.stop(_NOT_RUNNING)
        if not self._delivery.stop(_DELIVER_AT_END_S):
            log.warning("%s: not all is delivered; the next start will", self._plan.station)

    def _connection(self, attempt: int) -> str | None:
        """Listen to one connection; why it ended, None if told to stop."""
        plan = self._plan
        reader = Reader(plan.url, timeout_s=plan.timeout_s, attempt=attempt)
        placer: Placer[Received] = Placer(self._clock, plan.placing, self._cutter.set_clock)
        progress = -1
        try:
            while not self._stop():
                items = list(reader.take())
                if items or reader.progress != progress:
                    more_s = reader.timeout_s - plan.timeout_s
                    self._beat(more_s, at_once=reader.progress != progress)
                    progress = reader.progress
                for item in items:
                    if isinstance(item, Ended):
                        return item.cause
                    if isinstance(item, Opened):
                        placer = self._opened(item)
                    else:
                        self._received(item, placer)
                time.sleep(_LOOK_S)
            return None
        finally:
            for placed in placer.flush():
                self._cutter.add(placed)
            reader.close()

    def _opened(self, opened: Opened) -> Placer[Received]:
        plan = self._plan
        url = without_login(plan.url)
        self._say(What.CONNECTED, url=url, codec=opened.codec, pid=os.getpid())
        rules = plan.placing_in_pieces if opened.in_pieces else plan.placing
        return Placer(self._clock, rules, self._cutter.set_clock)

    def _received(self, received: Received, placer: Placer[Received]) -> None:
        position_s, duration_s = received.position / TICKS_HZ, received.duration / TICKS_HZ
        for placed in placer.arrived(received, position_s, duration_s, received.arrived_s):
            self._cutter.add(placed)

    def _rest(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while not self._stop() and time.monotonic() < until_s:
            self._beat()
            time.sleep(min(_LOOK_S, max(0.0, until_s - time.monotonic())))

    def _beat(self, more_s: float = 0.0, *, at_once: bool = False) -> None:
        now_s = time.monotonic()
        if at_once or now_s - self._beaten_s >= _BEAT_S:
            self._beaten_s = now_s
            self._send(Beat(more_s))

    def _say(self, what: What, **details: Any) -> None:
        self._send(StreamEvent(self._plan.station, what, details))

    def _tell(self, what: Segment | Gap | Title) -> None:
        if isinstance(what, Segment):
            start, length_s = utc_text(what.start_s), round(what.duration_s, 3)
            self._say(What.SEGMENT, name=what.name, start_utc=start, duration_s=length_s)
        elif isinstance(what, Gap):
            self._note(What.GAP, what.start_s, GAP_SUFFIX, gap_document(what))
        else:
            self._note(What.TITLE, what.at_s, TITLE_SUFFIX, title_document(what))
        self._delivery.hurry()

    def _note(self, what: What, at_s: float, suffix: str, document: dict[str, Any]) -> None:
        self._spool.put(time_name(self._plan.station, at_s) + suffix, as_bytes(document))
        self._say(what, **{key: document[key] for key in document if key not in _KNOWN})

    def _delivered(self, name: str) -> None:
        self._say(What.DELIVERED, name=name)


_KNOWN = frozenset({"schema", "station"})


def _open_taker(plan: StationPlan, on_play: Callable[[Any], None]) -> Taker:
    if plan.to:
        from songid.plugin_manager import load

        folder = cast(Folder, load(plan.settings.plugins).open("folders", plan.to))
        return FolderTaker(folder)
    # The engine, and all it needs, only where it is asked for: a worker is small without.
    from songid.segmenter.identifying import HearingTaker

    return HearingTaker(plan.settings, on_play)


def work(plan: StationPlan, connection: Connection) -> None:
    """Be a worker process; `connection` takes events, and says when to stop."""
    logging.basicConfig(
        level=plan.settings.log_level.upper(), format=_LOG_FORMAT, stream=sys.stderr, force=True
    )
    stopped = threading.Event()
    # Ctrl-C goes to every process of a terminal; the one that watches decides. SIGTERM may
    # come from a service manager that ends a whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.set())
    lock = threading.Lock()

    def send(message: StreamEvent | Beat) -> None:
        try:
            with lock:
                connection.send(message)
        except OSError:
            stopped.set()  # nobody is there any more

    def stop() -> bool:
        try:
            if not stopped.is_set() and connection.poll():
                connection.recv()
                stopped.set()
        except (EOFError, OSError):
            stopped.set()
        return stopped.is_set()

    code = 0
    try:
        Worker(plan, send, stop).run()
    except (SongidError, OSError) as error:
        log.error("%s: %s", plan.station, error)
        code = 1
    except Exception:
        log.exception("%s: songid failed; it is tried again. Please report this", plan.station)
        code = 1
    connection.close()
    logging.shutdown()
    # A thread that hangs in FFmpeg would keep the process from ending.
    os._exit(code)
