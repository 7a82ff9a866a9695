"""When a logger's recordings begin, read from file names that carry local times.

A name is read by a strftime pattern in a time zone; the hour that comes twice in autumn is
told apart by the files' own times, lengths and order, and the one missing in spring is
reported rather than bent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePosixPath
from statistics import median
from zoneinfo import ZoneInfo

from songid.errors import SettingsError

_MONTHS = "january february march april may june july august september october november december"
_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
_SHORT_MONTHS = "|".join(month[:3] for month in _MONTHS.split())
_SHORT_DAYS = "|".join(day[:3] for day in _DAYS.split())

_DIRECTIVES = {
    "Y": r"(?:19|20)\d\d",
    "y": r"\d\d",
    "m": r"0[1-9]|1[0-2]",
    "d": r"0[1-9]|[12]\d|3[01]",
    "j": r"[0-2]\d\d|3[0-6]\d",
    "H": r"[01]\d|2[0-3]",
    "I": r"0[1-9]|1[0-2]",
    "M": r"[0-5]\d",
    "S": r"[0-5]\d",
    "f": r"\d{1,6}",
    "p": r"[ap]m",
    "b": _SHORT_MONTHS,
    "B": _MONTHS.replace(" ", "|"),
    "a": _SHORT_DAYS,
    "A": _DAYS.replace(" ", "|"),
    "z": r"Z|[+-]\d\d:?\d\d",
    "s": r"\d{9,10}",
}
_SHORTHANDS = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%D": "%m/%d/%y"}
_HINT = "It needs a date, such as '%Y%m%d_%H%M%S' or '%Y-%m-%d/%H-%M', or '%s'"


@dataclass(frozen=True, slots=True)
class LoggerFile:
    """One recording of a logger: its path below the logger's folder, with `/`.

    `modified_at` is when it was last written, `duration_s` how long it plays; each helps
    to tell the two autumn hours apart, neither is needed otherwise.
    """

    name: str
    modified_at: datetime | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class LoggerTime:
    """When a recording begins, in UTC; or None and the `problem`, in a sentence.

    `assumed` marks the first of two possible hours, taken for want of any evidence.
    """

    file: LoggerFile
    start: datetime | None
    problem: str = ""
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class StrftimeName:
    """Names that carry their recording's start by `pattern`, in local time of `zone`.

    The pattern is searched anywhere in the file's name, or, if it holds a `/`, in the
    path below the logger's folder. Numbers are zero-padded, names of months and days
    English; `%s` (Unix time) and `%z` (an offset) need no zone. SettingsError if the
    pattern is no pattern.
    """

    pattern: str
    zone: ZoneInfo

    def __post_init__(self) -> None:
        _compiled(self.pattern)

    def read(self, name: str) -> datetime | None:
        """The time in `name`: naive local, or in UTC where the name itself says so."""
        text = name if "/" in self.pattern else PurePosixPath(name).name
        # A date inside a longer number is believed only where no free-standing one is.
        for expression in _compiled(self.pattern):
            position = 0
            while found := expression.search(text, position):
                time = _time(found.groupdict())
                if time is not None:
                    return time
                position = found.start() + 1
        return None

    def starts(self, files: Iterable[LoggerFile]) -> list[LoggerTime]:
        """Every file's start, in order of time; those with a problem come last."""
        known: list[_Candidates] = []
        problems: list[LoggerTime] = []
        for file in files:
            local = self.read(file.name)
            if local is None:
                problem = f"{file.name}: no time that fits the pattern {self.pattern!r} in its name"
                problems.append(LoggerTime(file, None, problem))
                continue
            instants = _instants(local, self.zone)
            if instants:
                known.append(_Candidates(file, local, instants[0], instants[-1]))
            else:
                problems.append(LoggerTime(file, None, _missing(file, local, self.zone)))
        found = _settle(known)
        return sorted(found, key=lambda time: (time.start, time.file.name)) + problems


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    for short, long in _SHORTHANDS.items():
        pattern = pattern.replace(short, long)
    seen: set[str] = set()
    parts: list[str] = []
    for piece in re.findall(r"%-?.|[^%]+|%$", pattern, re.DOTALL):
        if piece == "%%" or not piece.startswith("%"):
            parts.append(re.escape(piece.replace("%%", "%")))
            continue
        letter = piece[-1]
        if letter not in _DIRECTIVES:
            known = " ".join(f"%{name}" for name in _DIRECTIVES)
            raise SettingsError(f"pattern {pattern!r}: {piece!r} is not known; known are {known}")
        if letter in seen:
            parts.append(f"(?P={letter})")
            continue
        seen.add(letter)
        digits = r"\d{1,2}" if piece.startswith("%-") else _DIRECTIVES[letter]
        parts.append(f"(?P<{letter}>{digits})")
    year, day = seen & {"Y", "y"}, "j" in seen or ("d" in seen and seen & {"m", "b", "B"})
    if "s" not in seen and not (year and day):
        raise SettingsError(f"pattern {pattern!r} does not tell the day. {_HINT}")
    if ("I" in seen) != ("p" in seen):
        raise SettingsError(f"pattern {pattern!r}: %I and %p go together; use %H for 0 to 23")
    core, flags = "".join(parts), re.IGNORECASE | re.ASCII
    return re.compile(rf"(?<!\d){core}(?!\d)", flags), re.compile(core, flags)


def _time(groups: dict[str, str | None]) -> datetime | None:
    text = {letter: value.lower() for letter, value in groups.items() if value}
    try:
        if "s" in text:
            return datetime.fromtimestamp(int(text["s"]), UTC)
        year = int(text["Y"]) if "Y" in text else 2000 + int(text["y"])
        hour = int(text.get("H", 0))
        if "I" in text:
            hour = int(text["I"]) % 12 + (12 if text["p"] == "pm" else 0)
        minute, second = int(text.get("M", 0)), int(text.get("S", 0))
        micro = int(text.get("f", "0").ljust(6, "0"))
        if "j" in text:
            day = datetime(year, 1, 1) + timedelta(days=int(text["j"]) - 1)  # noqa: DTZ001  # local by intent
            if day.year != year:
                return None
            local = day.replace(hour=hour, minute=minute, second=second, microsecond=micro)
        else:
            month = int(text["m"]) if "m" in text else _month(text.get("b") or text["B"])
            local = datetime(year, month, int(text["d"]), hour, minute, second, micro)  # noqa: DTZ001  # local by intent
    except ValueError:
        return None
    if "z" not in text:
        return local
    offset = "+00:00" if text["z"] == "z" else text["z"]
    return datetime.fromisoformat(local.isoformat() + offset).astimezone(UTC)


def _month(name: str) -> int:
    return _SHORT_MONTHS.split("|").index(name[:3]) + 1


def _instants(local: datetime, zone: ZoneInfo) -> list[datetime]:
    """The instants at which clocks in `zone` show `local`: none, one or two."""
    if local.tzinfo is not None:
        return [local]
    both = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(at for at in both if at.astimezone(zone).replace(tzinfo=None) == local)


def _missing(file: LoggerFile, local: datetime, zone: ZoneInfo) -> str:
    after = local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return (
        f"{file.name}: {local:%Y-%m-%d %H:%M:%S} does not exist in {zone.key} (clocks were put"
        f" forward; it would be {after:%H:%M:%S} there); give the time zone the logger keeps,"
        " 'UTC' or 'Etc/GMT-1' if it does not change its clock"
    )


# -- the hour that comes twice ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Candidates:
    """A file whose name means `first`, or, if clocks were put back, perhaps `second`."""

    file: LoggerFile
    local: datetime
    first: datetime
    second: datetime


def _settle(files: Sequence[_Candidates]) -> list[LoggerTime]:
    usual_s = _usual_length_s(files)
    settled: list[LoggerTime] = []
    end: datetime | None = None
    # Of two names for one local time the shorter, then the first by name, came first:
    # loggers add `_1` or `(2)` to what is already there.
    for one in sorted(files, key=lambda f: (f.first, len(f.file.name), f.file.name)):
        known_s = one.file.duration_s if one.file.duration_s is not None else usual_s
        length = timedelta(seconds=known_s or 0.0)
        start, assumed = one.first, False
        if one.first != one.second:
            decided = _by_own_time(one, known_s)
            if decided is None:
                decided, assumed = _by_order(one, end, length)
            start = decided
        if start == one.first:
            end = max(end or start, start + length)
        settled.append(LoggerTime(one.file, start, assumed=assumed))
    return settled


def _usual_length_s(files: Sequence[_Candidates]) -> float | None:
    plain = sorted({one.first for one in files if one.first == one.second})
    steps = [(after - before).total_seconds() for before, after in pairwise(plain)]
    return median(steps) if steps else None


def _by_own_time(one: _Candidates, length_s: float | None) -> datetime | None:
    """Whichever start, with the file's length, comes to when it was last written."""
    written = one.file.modified_at
    if written is None:
        return None
    if length_s is None:
        # Finished before the second hour began, so it is not of the second hour; whether
        # it was copied earlier than it was recorded need not be asked.
        return one.first if one.first <= written <= one.second else None
    half = (one.second - one.first) / 2
    length = timedelta(seconds=length_s)
    for start in (one.first, one.second):
        if abs(start + length - written) < half:
            return start
    return None


def _by_order(one: _Candidates, end: datetime | None, length: timedelta) -> tuple[datetime, bool]:
    """The first hour unless the files before fill it; and whether that is only assumed."""
    if end is None:
        return one.first, True
    slack = length / 2
    # A file of no known length still fills the instant it starts at.
    taken = one.first + slack < end if length else one.first <= end
    if taken:
        return one.second, False
    return one.first, abs(one.first - end) > slack
