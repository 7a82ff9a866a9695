"""`songid run`: watches the inbox, makes reports, merges volumes, clears what is too old.

Timers only say when to look; what is to be done is read from the inbox, the journal and
claims, so a restart at any moment continues where the last run was.
"""

from __future__ import annotations

import itertools
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import FrameType

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from songid.app import App
from songid.catalogue.catalogue import Catalogue
from songid.errors import SongidError
from songid.interfaces import Source
from songid.jobs.inbox import InboxMemory, Span, process_inbox, wider
from songid.jobs.reports_due import ReportsMemory, make_due_reports
from songid.jobs.retention import clear
from songid.listening.announcements import HORIZON
from songid.model import without_secrets

log = logging.getLogger(__name__)

_LOOK_S = 30.0
_RECENTLY = timedelta(days=1)
_MERGE_CACHE_BYTES = 16 * 2**20


@dataclass(slots=True)
class _StationState:
    """What the announcing of a station's events needs to know.

    `waiting`: starts of the first and last heard with events that sinks have not all
    taken; `arrived`: when audio of it last came, on the monotonic clock; `ended`: whether
    its last play was announced as over since.
    """

    waiting: Span | None = None
    arrived: float = field(default_factory=time.monotonic)
    ended: bool = False


class Service:
    """The parts that `run` puts on timers; each method is one round of one of them.

    Only `watch` and `announce` announce, and both run on one thread: one announcer is one
    owner of claims, which it may renew itself.
    """

    def __init__(self, app: App, source: Source | None, stop: Callable[[], bool]) -> None:
        self._app = app
        self._source = source
        self._stop = stop
        self._inbox = InboxMemory()
        self._pages = (0, 0)
        self._reports = ReportsMemory()
        self._stations: dict[str, _StationState] = {}
        # Its own view of the catalogue: the listener's belongs to another thread.
        self._merger = Catalogue(
            app.store, app.fingerprinter, cache_bytes=_MERGE_CACHE_BYTES, clock=app.clock
        )

    def watch(self) -> None:
        """Do what is new in the inbox."""
        if self._source is None:
            return
        memory = self._inbox
        try:
            done = process_inbox(self._app, self._source, memory, stop=self._stop)
        finally:
            while memory.arrived:
                station = memory.arrived.pop()
                state = self._stations.setdefault(station, _StationState())
                state.arrived, state.ended = time.monotonic(), False
                if span := memory.unannounced.pop(station, None):
                    state.waiting = wider(state.waiting, span)
        if str(done):
            log.info("inbox: %s%s", done, self._pages_in_memory())

    def _pages_in_memory(self) -> str:
        """How much of what was looked up since last time the store was not asked for."""
        cache = self._app.catalogue.cache
        hits, misses = cache.hits - self._pages[0], cache.misses - self._pages[1]
        self._pages = cache.hits, cache.misses
        asked = hits + misses
        return f"; {hits / asked:.1%} of {asked:,} pages from memory" if asked else ""

    def recall(self) -> None:
        """After a start: announce what the last run wrote to the journal but did not announce.

        A job is completed only after its events were offered, so what may be left are those
        that a sink refused, and the end of each station's last play.
        """
        now = self._app.clock()
        for station, first, last in self._app.store.stations():
            back = _RECENTLY if last > now - _RECENTLY else timedelta(0)
            self._stations[station] = _StationState(waiting=(max(first, last - back), last))
        self.announce()

    def announce(self) -> None:
        """Announce again what sinks have not taken, and the end of a quiet station's plays."""
        quiet_s = self._app.settings.scheduler.quiet_s
        for station, state in self._stations.items():
            if self._stop():
                return
            quiet = time.monotonic() - state.arrived >= quiet_s
            span = state.waiting
            if quiet and not state.ended and span is None:
                span = self._last_heard(station)
            if span is None:
                continue
            first, last = span
            announced = self._app.announcer.announce(
                station,
                first,
                last + timedelta(microseconds=1),
                ended_by=min(self._app.clock(), last + HORIZON) if quiet else None,
            )
            state.waiting = span if announced.waiting else None
            state.ended = quiet

    def _last_heard(self, station: str) -> Span | None:
        for name, _, last in self._app.store.stations():
            if name == station:
                return last, last
        return None

    def report(self) -> None:
        """Make the reports that are due."""
        make_due_reports(self._app, self._reports, stop=self._stop)

    def merge(self) -> None:
        """Merge volumes."""
        merged = self._merger.merge()
        if merged:
            log.info("merged volumes %d times", merged)

    def clear(self) -> None:
        """Clear what the retention settings give up."""
        clear(self._app)


def run(app: App) -> int:
    """Run until SIGINT or SIGTERM; returns the exit code.

    The first signal lets the item at hand be finished and gives back what was claimed, a
    second one stops at once. SettingsError, StoreError or PluginError if it cannot start.
    """
    stop = _Stop()
    url = app.settings.inbox_url
    source = app.open_source(url.text) if url else None
    # Opened here, once: parts made on first use must not be made by two threads.
    parts = (app.listener, app.announcer, app.report_formats, app.reports_folder)
    log.debug("opened %d parts", len(parts))
    service = Service(app, source, stop)
    scheduler = _scheduled(app, service, stop)
    give_back_signals = stop.listen()
    try:
        scheduler.start()
        reports = without_secrets(app.settings.reports)
        log.info("watching %s; reports go to %s", url or "no inbox", reports)
        stop.wait()
        log.info("stopping; what is at hand is finished first")
        stop.wait_for(scheduler.shutdown)
    finally:
        give_back_signals()
        if source is not None:
            source.close()
    log.info("stopped")
    return 0


def _scheduled(app: App, service: Service, stop: Callable[[], bool]) -> BackgroundScheduler:
    # A round that takes longer than its interval is no news.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    times = app.settings.scheduler
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"inbox": ThreadPoolExecutor(1), "house": ThreadPoolExecutor(1)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    now = datetime.now(UTC)
    scheduler.add_job(_guarded(service.recall, stop), executor="inbox")
    for work, every_s, executor, delay_s in (
        (service.watch, times.poll_s, "inbox", 0.0),
        (service.announce, min(_LOOK_S, times.quiet_s), "inbox", min(_LOOK_S, times.quiet_s)),
        (service.report, min(_LOOK_S, times.refresh_s), "house", 0.0),
        (service.merge, times.merge_every_s, "house", 0.0),
        (service.clear, times.clear_every_s, "house", 0.0),
    ):
        scheduler.add_job(
            _guarded(work, stop),
            "interval",
            seconds=every_s,
            executor=executor,
            next_run_time=now + timedelta(seconds=delay_s),
        )
    return scheduler


def _guarded(work: Callable[[], None], stop: Callable[[], bool]) -> Callable[[], None]:
    """`work` as a round whose failure is told and does not end the service."""

    def round_of_work() -> None:
        if stop():
            return
        try:
            work()
        except SongidError as error:
            log.warning("%s: %s; it is tried again", work.__name__, error)
        except Exception:
            log.exception("%s failed; it is tried again. Please report this", work.__name__)

    return round_of_work


class _Stop:
    """Whether a signal asked to stop, for any thread to ask; the main thread waits for it.

    A signal may come while the handler of another runs, so nothing here takes a lock (as an
    Event does). It may also be caught by another thread, which leaves the main one asleep
    in whatever it waits for: so that waits at a pipe into which every signal is written.
    """

    def __init__(self) -> None:
        self._asked = False
        self._signals = itertools.count(1)
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def __call__(self) -> bool:
        return self._asked

    def listen(self) -> Callable[[], None]:
        """Take over SIGINT and SIGTERM; returns how to give them back."""
        both = (signal.SIGINT, signal.SIGTERM)
        handlers = {number: signal.signal(number, self._on_signal) for number in both}
        wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

        def give_back() -> None:
            signal.set_wakeup_fd(wakeup)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            os.close(self._reader)
            os.close(self._writer)

        return give_back

    def wait(self) -> None:
        """Until it is asked."""
        while not self._asked:
            os.read(self._reader, 1)

    def wait_for(self, work: Callable[[], None]) -> None:
        """Do `work` in another thread and wait for its end, still awake for signals."""
        done = False

        def do() -> None:
            nonlocal done
            try:
                work()
            finally:
                done = True
                os.write(self._writer, b"\0")

        thread = threading.Thread(target=do, name="stop")
        thread.start()
        while not done:
            os.read(self._reader, 1)
        thread.join()  # it may not have written yet; the pipe is closed next

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if next(self._signals) > 1:
            os._exit(128 + number)  # a second time: now; what is claimed runs out by itself
        self._asked = True
