"""Which stations are listened to, from where to where: settings and options become plans."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import quote

from songid.errors import SettingsError
from songid.model import ComponentURL
from songid.segmenter.notes import station_name
from songid.segmenter.worker import StationPlan
from songid.settings import Settings

# Of those that inboxes have, the options that a folder has no use for.
_WATCHING = frozenset({"settle_s", "counter_s"})
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:")


def plans_for(
    settings: Settings,
    *,
    url: str = "",
    stations: Sequence[str] = (),
    to: str = "",
    identify: bool = False,
    spool: Path,
    spool_bytes: int,
    timeout_s: float,
) -> list[StationPlan]:
    """A plan for each station; SettingsError says what is missing.

    `url` is for one station only; without it, those of `stations` (or all of the settings)
    are listened to where their `source` says.
    """
    folder = "" if identify else folder_url(settings, to)
    return [
        StationPlan(
            settings=settings,
            station=station_name(station),
            url=source,
            to=folder,
            spool=spool / quote(station, safe=""),
            spool_bytes=spool_bytes,
            timeout_s=timeout_s,
        )
        for station, source in _sources(settings, url, stations)
    ]


def folder_url(settings: Settings, to: str) -> str:
    """The folder that `to` (a path or a URL) names, the settings' inbox if it is empty.

    The inbox's URL is a source's: options that say how it is watched are left out.
    """
    if to:
        return to if _URL.match(to) else ComponentURL.build("folder", to).text
    inbox = settings.inbox_url
    if inbox is None:
        raise SettingsError("there is no inbox in the settings; say with --to where segments go")
    options = {name: value for name, value in inbox.options.items() if name not in _WATCHING}
    return ComponentURL.build(inbox.scheme, inbox.rest, options).text


def _sources(settings: Settings, url: str, stations: Sequence[str]) -> list[tuple[str, str]]:
    known = {name: station.source for name, station in settings.stations.items() if station.source}
    if url:
        if len(stations) != 1:
            raise SettingsError(f"{url}: say with one --station NAME whose stream it is")
        if Path(url.removeprefix("file://")).is_file():
            raise SettingsError(f"{url} is a file, not a stream; try `songid identify`")
        return [(stations[0], url)]
    if not stations:
        if not known:
            raise SettingsError(
                "no station in the settings has a source; give a URL and --station NAME, or set"
                ' stations.NAME.source = "https://..." in songid.toml'
            )
        return sorted(known.items())
    for name in stations:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            guess = f" (did you mean {close[0]!r}?)" if close else ""
            raise SettingsError(
                f"station {name!r} has no source in the settings{guess}; give its URL, or set"
                f' stations.{name}.source = "https://..." in songid.toml'
            )
    return [(name, known[name]) for name in dict.fromkeys(stations)]
