"""Hearing a logger's recordings of the past, file by file and in parallel.

Each recording is a job as a segment in the inbox is: one that was heard is not heard
again, so an interrupted run is continued by the same command.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import datetime, timedelta
from itertools import islice

from songid.app import App
from songid.interfaces import Source
from songid.jobs.items import leases_of
from songid.jobs.outcomes import JobResult
from songid.jobs.segments import hear_items
from songid.listening.announcements import HORIZON, Announced
from songid.model import AudioItem, ComponentURL
from songid.settings import Settings
from songid.worker_processes import worker_pool

_ANNOUNCED_AT_ONCE = timedelta(hours=6)


def logger_url(station: str, folder: str, pattern: str, timezone: str) -> str:
    """The URL of the source that lists a logger's recordings."""
    options = {"station": station, "pattern": pattern, "timezone": timezone}
    return ComponentURL.build("logger", folder, options).text


def hear_recordings(
    settings: Settings, url: str, items: Sequence[AudioItem], *, workers: int
) -> Iterator[JobResult]:
    """Hear a source's items, several at a time; yields each result as it is final.

    Nothing is announced: an announcer of each process would tell of plays whose first half
    another process still hears. `announce_span` does it when all are heard.
    """
    if workers <= 1 or len(items) <= 1:
        with App(settings) as app:
            source = app.open_source(url)
            try:
                for item in items:
                    yield _hear(app, source, item)
            finally:
                source.close()
        return
    with worker_pool(min(workers, len(items)), _begin, settings, url) as pool:
        left = iter(items)
        running: set[Future[JobResult]] = set()
        try:
            while True:
                ahead = islice(left, 2 * workers - len(running))
                running |= {pool.submit(_hear_in_worker, item) for item in ahead}
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            for future in running:
                future.cancel()


def announce_span(app: App, station: str, start: datetime, end: datetime) -> Announced:
    """Announce what a station's journal tells from `start` to `end`."""
    announced = Announced()
    while start < end:
        until = min(start + _ANNOUNCED_AT_ONCE, end)
        # Of what has long been recorded no end is awaited, but none is seen beyond the horizon.
        ended_by = min(app.clock(), until + HORIZON)
        announced += app.announcer.announce(station, start, until, ended_by=ended_by)
        start = until
    return announced


# -- in the workers -------------------------------------------------------------------

_worker: tuple[App, Source] | None = None


def _begin(settings: Settings, url: str) -> None:
    global _worker
    app = App(settings)
    _worker = app, app.open_source(url)


def _hear_in_worker(item: AudioItem) -> JobResult:
    assert _worker is not None
    return _hear(*_worker, item)


def _hear(app: App, source: Source, item: AudioItem) -> JobResult:
    with leases_of(app) as leases:
        (result,) = hear_items(app, source, [item], leases, announce=False)
        return result
