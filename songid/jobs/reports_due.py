"""Which daily reports are due, and making them: each state of a finished day once.

What is due is read from the journal and from claims, never from timers, so that a restart
neither misses a report nor repeats one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from songid.app import App
from songid.errors import SongidError, StoreError
from songid.jobs.leases import Leases
from songid.reporting.changes import version_of
from songid.reporting.clock import day_bounds

log = logging.getLogger(__name__)

_DAY = timedelta(days=1)
_RECENT = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class StationDay:
    """A station's local day."""

    station: str
    day: date


@dataclass(slots=True)
class ReportsMemory:
    """What a process knows between looks; moments are on its own monotonic clock.

    `made`: the state of the journal each finished day's report was made from (or found to
    have been); `tried_at`: when a day was last rendered, or failed to be; `looked_at`: when
    all days were last looked through.
    """

    made: dict[StationDay, str] = field(default_factory=dict)
    tried_at: dict[StationDay, float] = field(default_factory=dict)
    looked_at: float = float("-inf")


def report_moment(day: date, zone: ZoneInfo, app: App) -> datetime:
    """When the report on a local day falls due, in UTC.

    A time of day that the clock skips is taken as if it had not been put forward yet; of
    one that comes twice, the first.
    """
    at = datetime.combine(day + _DAY, app.settings.scheduler.report_time, zone)
    return max(at.astimezone(UTC), day_bounds(day, zone)[1])


def days_heard(app: App, station: str, first: datetime, last: datetime) -> list[date]:
    """The local days on which a station was heard; first, last: starts of such heards."""
    zone = app.settings.station(station).zone
    days: list[date] = []
    day, end = first.astimezone(zone).date(), last.astimezone(zone).date()
    while day <= end:
        if app.store.heards(station, *day_bounds(day, zone)):
            days.append(day)
        day += _DAY
    return days


def make_due_reports(
    app: App, memory: ReportsMemory, *, stop: Callable[[], bool] = lambda: False
) -> int:
    """Render what is due: finished days, days that changed since, running days now and then.

    A report that fails is logged and tried again after `scheduler.refresh_s`, and no day is
    rendered more often than that. Returns how many were rendered; the index page is
    renewed if any was.
    """
    began = time.monotonic()
    every_day = began - memory.looked_at >= app.settings.scheduler.refresh_s
    rendered = 0
    for due in _candidates(app, every_day=every_day):
        if stop():
            break
        rested_s = time.monotonic() - memory.tried_at.get(due, float("-inf"))
        if rested_s >= app.settings.scheduler.refresh_s:
            rendered += _make(app, memory, due)
    else:
        if every_day:
            memory.looked_at = began
    if rendered:
        app.report_index()
    return rendered


def make_report(app: App, station: str, day: date | None = None) -> list[str]:
    """Render a station's day (by default its yesterday) now, and renew the index page.

    What `make_due_reports` would make of the same state of the journal it then leaves.
    Returns the files' paths or URIs. StoreError or FolderError as they come.
    """
    zone = app.settings.station(station).zone
    day = day or app.clock().astimezone(zone).date() - _DAY
    # The version is read before the journal is: what is written in between makes another.
    key = _key(StationDay(station, day), zone, version_of(app.store, station, day))
    files = app.report(station, day) + app.report_index()
    if app.clock() >= report_moment(day, zone, app):
        with Leases(app.store, app.clock, app.settings.scheduler.lease_s) as leases:
            leases.complete(leases.take([key]))
    return files


def _candidates(app: App, *, every_day: bool) -> Iterator[StationDay]:
    """Days that retention keeps whole: all, or the recent ones, where most changes are."""
    now = app.clock()
    kept_days = app.settings.retention.journal_days
    for station, first, last in app.store.stations():
        zone = app.settings.station(station).zone
        today = now.astimezone(zone).date()
        day = first.astimezone(zone).date()
        if kept_days:
            day = max(day, (now - timedelta(days=kept_days)).astimezone(zone).date() + _DAY)
        if not every_day:
            day = max(day, today - _RECENT)
        last_day = today if station in app.settings.stations else last.astimezone(zone).date()
        while day <= min(last_day, today):
            yield StationDay(station, day)
            day += _DAY


def _make(app: App, memory: ReportsMemory, due: StationDay) -> bool:
    """Render a day if it is running, or finished and not rendered in this state before."""
    zone = app.settings.station(due.station).zone
    now = app.clock()
    if due.day == now.astimezone(zone).date():
        return _render(app, memory, due)
    # The version is read before the journal is: what is written in between makes another.
    version = version_of(app.store, due.station, due.day)
    if now < report_moment(due.day, zone, app) or memory.made.get(due) == version:
        return False
    key = _key(due, zone, version)
    if not _is_news(app, due, zone) or app.store.completed([key]):
        memory.made[due] = version
        return False
    with Leases(app.store, app.clock, app.settings.scheduler.lease_s) as leases:
        if not leases.take([key]) or not _render(app, memory, due):
            return False
        leases.complete([key])
    memory.made[due] = version
    return True


def _key(due: StationDay, zone: ZoneInfo, version: str) -> str:
    """The claim that stands for a report on one state of a day."""
    return f"report:{due.station}:{due.day.isoformat()}:{zone.key}:{version}"


def _is_news(app: App, due: StationDay, zone: ZoneInfo) -> bool:
    """Whether anything was heard, or it is worth a report that nothing was.

    It is for a station of the settings, but only while somebody may be wondering: a
    logger's old recordings read in later leave years between them.
    """
    if app.store.heards(due.station, *day_bounds(due.day, zone)):
        return True
    today = app.clock().astimezone(zone).date()
    return due.station in app.settings.stations and due.day >= today - _RECENT


def _render(app: App, memory: ReportsMemory, due: StationDay) -> bool:
    memory.tried_at[due] = time.monotonic()
    try:
        files = app.report(due.station, due.day)
    except StoreError:
        raise
    except (SongidError, OSError) as error:
        log.warning("the report of %s on %s: %s; it is tried again", due.station, due.day, error)
        return False
    except Exception:  # one day's defect must not keep the others from their reports
        log.exception("the report of %s on %s failed; please report this", due.station, due.day)
        return False
    log.info("report of %s on %s: %s", due.station, due.day, ", ".join(files))
    return True
