"""What sinks have not been told yet, where no process runs on to remember it.

A job whose events no sink took is done all the same: its days are noted in the store,
and announced again from there. So is the end of the last play of a station that is quiet.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from songid.app import App
from songid.errors import StoreError
from songid.interfaces import Store
from songid.jobs.items import leases_of
from songid.listening.announcements import HORIZON, Announced
from songid.listening.parts import never
from songid.model import Heard
from songid.reporting.changes import version_of

_PAUSES_S = (0.2, 0.8)
_LOCK_WAIT_S = 10.0
_DAY = timedelta(days=1)
_AN_INSTANT = timedelta(microseconds=1)


# -- noting ---------------------------------------------------------------------------


def tell_or_note(app: App, heards: Sequence[Heard]) -> None:
    """Announce heards of one station once more or twice; note their days if that is no use.

    Mostly another process has the events in hand at the very moment.
    """
    for pause_s in _PAUSES_S:
        time.sleep(pause_s)
        if not app.announce(heards).waiting:
            return
    station = heards[0].station
    days = {_utc_day(heard.start) for heard in heards}
    with _noted(app, station) as noted:
        noted.update((day, secrets.token_hex(4)) for day in sorted(days))


# -- telling --------------------------------------------------------------------------


def tell(app: App, *, stop: Callable[[], bool] = never) -> Announced:
    """Announce what is noted, and the ends of the last plays of stations that went quiet.

    To be called every minute or so; a station is quiet when nothing came of it between two
    calls that lie `scheduler.quiet_s` apart. Calls at the same time do no harm.
    """
    announced = Announced()
    for station, _, last in app.store.stations():
        if stop():
            break
        announced += _tell_noted(app, station)
        announced += _tell_end(app, station, last)
    return announced


def _tell_noted(app: App, station: str) -> Announced:
    announced = Announced()
    told: dict[str, str] = {}
    for day, token in _read(app.store, station).items():
        start = datetime.fromisoformat(day).replace(tzinfo=UTC)
        now = app.announcer.announce(station, start, start + _DAY)
        announced += now
        if not now.waiting:
            told[day] = token
    if told:
        with _noted(app, station) as noted:
            for day, token in told.items():
                if noted.get(day) == token:  # else more of it was noted meanwhile
                    del noted[day]
    return announced


def _tell_end(app: App, station: str, last: datetime) -> Announced:
    day = last.astimezone(app.settings.station(station).zone).date()
    version = version_of(app.store, station, day) or last.isoformat()
    now, key = app.clock(), f"quiet:{station}"
    seen = json.loads(app.store.get_meta(key) or "{}")
    if seen.get("version") != version:
        seen = {"version": version, "since": now.isoformat(), "ended": False}
        app.store.put_meta(key, json.dumps(seen))
        return Announced()
    quiet_s = (now - datetime.fromisoformat(seen["since"])).total_seconds()
    if seen["ended"] or quiet_s < app.settings.scheduler.quiet_s:
        return Announced()
    announced = app.announcer.announce(
        station, last, last + _AN_INSTANT, ended_by=min(now, last + HORIZON)
    )
    if not announced.waiting:
        app.store.put_meta(key, json.dumps(seen | {"ended": True}))
    return announced


# -- the note -------------------------------------------------------------------------


def _read(store: Store, station: str) -> dict[str, str]:
    noted: dict[str, str] = json.loads(store.get_meta(_key(station)) or "{}")
    return noted


@contextmanager
def _noted(app: App, station: str) -> Iterator[dict[str, str]]:
    """A station's days with events that wait, each with a token, to be changed by one at a time."""
    key = _key(station)
    with leases_of(app) as leases:
        deadline = time.monotonic() + _LOCK_WAIT_S
        while not leases.take([key]):
            if time.monotonic() > deadline:
                raise StoreError(f"{key} is held by another process; try again")
            time.sleep(0.05)
        noted = _read(app.store, station)
        before = dict(noted)
        yield noted
        _write(app.store, key, before, noted)


def _write(store: Store, key: str, before: Mapping[str, str], noted: Mapping[str, str]) -> None:
    if noted and noted != before:
        store.put_meta(key, json.dumps(noted))
    elif before and not noted:
        store.delete_meta([key])


def _utc_day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _key(station: str) -> str:
    return f"untold:{station}"
