"""Station names and times: what a segment's file name and its place in an inbox say.

Sources use it (a plugin may import it, as it may import the model); it reads names only,
never files, and knows no setting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from songid.errors import SettingsError
from songid.model import Job

INDEX_PREFIX = "songs_to_index/"
CHECK_PREFIX = "songs_to_check/"
STREAMS_PREFIX = "songs_to_check/streams/"

# The length this project's own recipes cut segments to.
SEGMENT_S = 12.0


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo:
    """The IANA time zone of that name; SettingsError, with a guess, if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    known = {zone.casefold(): zone for zone in available_timezones()}
    places = {zone.rpartition("/")[2]: zone for zone in sorted(known)}
    wanted = name.strip().casefold().replace(" ", "_")
    # "London" alone is as likely a slip as "Europe/Londn".
    close = [places[wanted]] if wanted in places else get_close_matches(wanted, known, n=1)
    hint = f"did you mean {known[close[0]]!r}" if close else "names look like 'Europe/London'"
    raise SettingsError(f"{name!r} is not an IANA time zone; {hint}")


# -- places -----------------------------------------------------------------------------


def job_at(key: str) -> Job | None:
    """What the place of `key` (a path below the inbox, or an object's key) asks for.

    Below `songs_to_check/streams/` only names that `parse_segment_name` reads are
    segments; any other file there is checked like one directly in `songs_to_check/`.
    """
    if key.startswith(STREAMS_PREFIX):
        return Job.SEGMENT if parse_segment_name(key) else Job.CHECK
    if key.startswith(CHECK_PREFIX):
        return Job.CHECK
    return Job.INDEX if key.startswith(INDEX_PREFIX) else None


# -- segments' names --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SegmentName:
    """What `<station>_<time>.<counter>.<suffix>` says; `time` is in UTC.

    Not both of `time` and `counter` are None.
    """

    station: str
    time: datetime | None
    counter: int | None

    def start(self, counter_s: float = 0.0) -> datetime | None:
        """When the segment starts: `time`, plus `counter_s` for every count.

        0 reads the date as the segment's own start, anything else as the start of the
        channel that counts its segments. None where the name carries no date: then only
        the file's own time can tell (it was finished when the segment ended).
        """
        if self.time is None:
            return None
        return self.time + timedelta(seconds=(self.counter or 0) * counter_s)


_FILE = re.compile(r"(?P<head>.+?)(?:\.(?P<counter>\d+))?\.(?=\w*[A-Za-z])[A-Za-z0-9]+", re.ASCII)
_DATED = re.compile(
    r"(?P<station>.+)_"
    r"(?P<year>\d{4})(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)[T_-]?"
    r"(?P<hour>\d\d)(?P<colon>[-:]?)(?P<minute>\d\d)(?P=colon)(?P<second>\d\d)"
    r"(?P<zone>Z|[+-]\d\d:?\d\d)?"
    r"(?P<modifier>_.+)?",
    re.ASCII,
)

_DATE_PARTS = ("year", "month", "day", "hour", "minute", "second")


def parse_segment_name(name: str) -> SegmentName | None:
    """Read a segment's name; None if it holds neither a date nor a counter.

    `name` may be a whole path or key. Dates are `20240131T081500` (MediaLive's `$dt$`),
    `20240131_081500` (`$d$_$t$`) or `2024-01-31T08-15-00`, in UTC unless `+HHMM` or
    `-HHMM` follows. The station is what stands before the last `_` after which a date
    follows, so it may hold `_`, digits and dots. Text that a name modifier adds after the
    date (`_64k`, `_es`) becomes part of the station: two outputs of one channel are two
    programmes, not one heard twice. A date that no calendar has makes it no segment.

    MediaLive resolves `$dt$` to the time of each segment in HLS outputs but to the start
    of the channel in archive outputs, where a six-digit counter tells the files apart
    (user guide, "Identifiers for variable data" and "Archive examples"); `counter_s` of
    `SegmentName.start` is for the latter.
    """
    file = _FILE.fullmatch(name.rpartition("/")[2])
    if file is None:
        return None
    counter = int(file["counter"]) if file["counter"] else None
    dated = _DATED.fullmatch(file["head"])
    if dated is None:
        return None if counter is None else SegmentName(file["head"], None, counter)
    year, month, day, hour, minute, second = (int(dated[part]) for part in _DATE_PARTS)
    try:
        zone = _offset(dated["zone"])
        time = datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return SegmentName(dated["station"] + (dated["modifier"] or ""), time, counter)


def _offset(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def channel_starts(names: Iterable[SegmentName]) -> set[tuple[str, datetime]]:
    """The (station, time) that segments with different counters share.

    Such a date cannot be each segment's own start, so it is the channel's.
    """
    counters: dict[tuple[str, datetime], int] = {}
    shared: set[tuple[str, datetime]] = set()
    for name in names:
        if name.time is None or name.counter is None:
            continue
        key = (name.station, name.time)
        if counters.setdefault(key, name.counter) != name.counter:
            shared.add(key)
    return shared
