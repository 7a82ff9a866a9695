"""Which state of the journal a day's report was made from, so that a changed day is known.

Whoever writes heards marks the days they may change with a new version; a report claims
the version it was made from, and a day whose version nobody has claimed is due.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from songid.interfaces import Store
from songid.model import Heard

_BORDER = timedelta(minutes=10)
"""What is heard so near a day's border may belong to a play of the day beyond it."""


def days_touched(heards: Iterable[Heard], zone: ZoneInfo) -> set[date]:
    """The local days whose report these heards may change."""
    days: set[date] = set()
    for heard in heards:
        days.add((heard.start - _BORDER).astimezone(zone).date())
        days.add((heard.end + _BORDER).astimezone(zone).date())
    return days


def mark_changed(store: Store, station: str, days: Iterable[date]) -> None:
    """Give days a new version. To be called after the heards are written, never before: a
    report made in between is then made once more, instead of missing them."""
    for day in sorted(days):
        store.put_meta(_key(station, day), secrets.token_hex(8))


def version_of(store: Store, station: str, day: date) -> str:
    """The day's version; empty where nothing was marked."""
    return store.get_meta(_key(station, day)) or ""


def _key(station: str, day: date) -> str:
    return f"day:{day.isoformat()}:{station}"
