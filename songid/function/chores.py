"""What a schedule asks of a function: reports, merged volumes, retention, what is untold.

So does a deployment, of a function that may make the store's tables. The input names it:

| input | what is done |
| --- | --- |
| `{"songid": "report", "station": "radio1"}` | the report on the station's own yesterday, |
| | or on a `"date": "2026-01-31"`, is made, whether it was made before or not |
| `{"songid": "reports"}` | every report that is due is made, each state of a day once |
| `{"songid": "announce"}` | what sinks did not take is sent again, and the end of the last play |
| | of each station that went quiet; meant for every minute |
| `{"songid": "merge"}` | volumes are merged |
| `{"songid": "retention"}` | what the retention settings give up is cleared |
| `{"songid": "migrate"}` | the store's tables are made, or brought to this version |

All may be given again, and at the same time, without harm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from songid.app import App
from songid.errors import NotificationError
from songid.function.logs import facts
from songid.interfaces import Migratable
from songid.jobs.reports_due import ReportsMemory, make_due_reports, make_report
from songid.jobs.retention import clear
from songid.jobs.untold import tell

log = logging.getLogger(__name__)

CHORE = "songid"

_Stop = Callable[[], bool]
_Chore = Callable[[App, Mapping[str, Any], _Stop], dict[str, Any]]


def do_chore(app: App, event: Mapping[str, Any], stop: _Stop) -> dict[str, Any]:
    """Do what a schedule's input names; returns what was done, for whoever invoked it.

    NotificationError if it names nothing known; any other error means that it failed.
    """
    name = event[CHORE]
    if not isinstance(name, str) or name not in _CHORES:
        known = ", ".join(sorted(_CHORES))
        raise NotificationError(f"there is no chore {name!r}; there are: {known}")
    done = _CHORES[name](app, event, stop)
    log.info("%s: done", name, extra=facts(job=name, outcome="done", **done))
    return done


def _report(app: App, event: Mapping[str, Any], stop: _Stop) -> dict[str, Any]:
    station, day = event.get("station"), event.get("date")
    if not isinstance(station, str) or not station:
        raise NotificationError('a report is of a station: {"songid": "report", "station": "..."}')
    try:
        asked = date.fromisoformat(day) if day else None
    except (TypeError, ValueError):
        raise NotificationError(f"{day!r} is no date; write it as 2026-01-31") from None
    return {"station": station, "files": make_report(app, station, asked)}


def _reports(app: App, event: Mapping[str, Any], stop: _Stop) -> dict[str, Any]:
    return {"reports": make_due_reports(app, ReportsMemory(), stop=stop)}


def _merge(app: App, event: Mapping[str, Any], stop: _Stop) -> dict[str, Any]:
    return {"merges": app.catalogue.merge()}


def _retention(app: App, event: Mapping[str, Any], stop: _Stop) -> dict[str, Any]:
    cleared = clear(app)
    return {"heards": cleared.heards, "claims": cleared.claims}


def _announce(app: App, event: Mapping[str, Any], stop: _Stop) -> dict[str, Any]:
    announced = tell(app, stop=stop)
    return {"delivered": announced.delivered, "waiting": announced.waiting}


def _migrate(app: App, event: Mapping[str, Any], stop: _Stop) -> dict[str, Any]:
    return {"steps": app.store.migrate() if isinstance(app.store, Migratable) else []}


_CHORES: Mapping[str, _Chore] = {
    "announce": _announce,
    "merge": _merge,
    "migrate": _migrate,
    "report": _report,
    "reports": _reports,
    "retention": _retention,
}
