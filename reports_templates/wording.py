"""How the report's pages write times, lengths, shares and confidences."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from typing import Any

from songid.model import Calibration
from songid.report_model import length_words, share_words

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_NO_BREAK = "\N{NO-BREAK SPACE}"


def long_date(day: dt.date) -> str:
    """`Saturday 31 January 2026`, whatever the machine's locale is."""
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def short_date(day: dt.date) -> str:
    """`31 Jan`."""
    return f"{day.day}{_NO_BREAK}{_MONTHS[day.month - 1][:3]}"


def month(day: dt.date) -> str:
    """`January 2026`."""
    return f"{_MONTHS[day.month - 1]} {day.year}"


def weekday(day: dt.date) -> str:
    """`Sat`."""
    return _DAYS[day.weekday()][:3]


def clock(moment: dt.datetime, day: dt.date | None = None, *, zone: bool = False) -> str:
    """`08:15:02`, with the date where it is not `day`'s, with the `zone` where it matters."""
    text = moment.strftime("%H:%M:%S")
    if day is not None and moment.date() != day:
        text = f"{short_date(moment.date())} {text}"
    return f"{text}{_NO_BREAK}{zone_name(moment)}" if zone else text


def hour_name(moment: dt.datetime, *, zone: bool = False) -> str:
    """`08:00`, with the zone where the day's clock changes."""
    text = moment.strftime("%H:%M")
    return f"{text}{_NO_BREAK}{zone_name(moment)}" if zone else text


def zone_name(moment: dt.datetime) -> str:
    """`BST`, or `UTC+10:30` where the zone's time has no name."""
    name = moment.tzname() or ""
    return name if name.isalpha() else utc_offset(moment)


def zone_in_full(moment: dt.datetime) -> str:
    """`BST (UTC+01:00)`, or the offset alone where the zone's time has no name."""
    name, offset = zone_name(moment), utc_offset(moment)
    return offset if name == offset else f"{name} ({offset})"


def utc_offset(moment: dt.datetime) -> str:
    """`UTC+01:00`."""
    seconds = round((moment.utcoffset() or dt.timedelta()).total_seconds())
    sign = "\N{MINUS SIGN}" if seconds < 0 else "+"
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"UTC{sign}{hours:02}:{minutes:02}"


def stamp(moment: dt.datetime) -> str:
    """`31 January 2026, 08:15 GMT`."""
    day = f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"
    return f"{day}, {moment:%H:%M}{_NO_BREAK}{zone_name(moment)}"


def duration(seconds: float) -> str:
    """`3:04` or `1:03:04`, to the nearest second."""
    whole = max(0, math.floor(seconds + 0.5))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def confidence_number(confidence: float) -> str:
    """A confidence as a number up to 100, never rounded up to it."""
    return "100" if confidence >= 1 else f"{math.floor(max(0.0, confidence) * 1000) / 10:.1f}"


def thousands(number: int) -> str:
    """`12 345`, with narrow spaces that do not break."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def small_share(share: float) -> str:
    """A share below a few percent with the digits it needs: `0.03 %`."""
    percent = share * 100
    if percent == 0:
        return "0 %"
    digits = max(0, min(4, 1 - math.floor(math.log10(percent))))
    return f"{percent:.{digits}f} %"


def rate_at_most(calibration: Calibration) -> float:
    """What the false-positive rate is at most, with 95 % confidence, one-sided.

    Wilson's score interval (Wilson 1927, JASA 22:209) for `false_windows` of `windows`;
    none seen in n leaves it at about 2.7/n.
    """
    z, n = 1.6449, calibration.windows
    share = calibration.false_windows / n
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return min(1.0, (share + z * z / (2 * n) + spread) / (1 + z * z / n))


def whole_parts(parts: Sequence[float], whole: float, unit: float = 1.0) -> list[float]:
    """Round parts to `unit` so that they add up to the rounded whole (largest remainders)."""
    counts = [max(0, math.floor(part / unit + 1e-9)) for part in parts]
    remainders = [part / unit - count for part, count in zip(parts, counts, strict=True)]
    missing = math.floor(whole / unit + 0.5) - sum(counts)
    for _ in range(missing):
        most = max(range(len(parts)), key=remainders.__getitem__)
        counts[most] += 1
        remainders[most] -= 1
    for _ in range(-missing):
        least = min((at for at, count in enumerate(counts) if count), key=remainders.__getitem__)
        counts[least] -= 1
        remainders[least] += 1
    return [round(count * unit, 6) for count in counts]


FILTERS: dict[str, Callable[..., Any]] = {
    "long_date": long_date,
    "short_date": short_date,
    "month": month,
    "weekday": weekday,
    "clock": clock,
    "hour_name": hour_name,
    "zone_name": zone_name,
    "zone_in_full": zone_in_full,
    "stamp": stamp,
    "duration": duration,
    "length_words": length_words,
    "share_words": share_words,
    "confidence_number": confidence_number,
    "thousands": thousands,
    "small_share": small_share,
    "rate_at_most": rate_at_most,
}
