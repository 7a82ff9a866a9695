"""Which day of a station a command means."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from songid.errors import CatalogueError

if TYPE_CHECKING:
    from songid.app import App


def heard_span(app: App, station: str) -> tuple[datetime, datetime]:
    """The starts of a station's first and last heard; CatalogueError if there is none."""
    stations = {name: (first, last) for name, first, last in app.store.stations()}
    if station not in stations:
        known = ", ".join(stations) or "none; see `songid run` and `songid backfill`"
        raise CatalogueError(f"nothing was heard of a station {station!r}. Stations heard: {known}")
    return stations[station]


def chosen_day(app: App, station: str, text: str | None) -> date:
    """The day that `text` names (a date, `today`, `yesterday`), or the last that was heard."""
    zone = app.settings.station(station).zone
    if text is None:
        return heard_span(app, station)[1].astimezone(zone).date()
    today = app.clock().astimezone(zone).date()
    if text in ("today", "yesterday"):
        return today - timedelta(days=text == "yesterday")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CatalogueError(
            f"--date {text}: write it as {today.isoformat()}, or `today` or `yesterday`"
        ) from None
