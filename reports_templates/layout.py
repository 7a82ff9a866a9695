"""Where the marks of the report's charts stand, and what its tables add up to.

Positions are in percent of the drawing's width, so the SVGs stretch with the page while
their text keeps its size.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from reports_templates.wording import clock, duration, whole_parts
from songid.model import SoundKind
from songid.report_model import (
    DailyReport,
    DayEntry,
    HourRow,
    PlayRow,
    StationEntry,
    StretchRow,
)

SHORT_S = 5.0
"""Unidentified stretches below this are summed up rather than listed."""

_HOUR_S = 3600.0
# Plays that overlap by more than a crossfade are drawn above one another.
_CROSSFADE_S = 20.0
# A gap is drawn at least this wide, so that even a short one is seen.
_GAP_PERCENT = 0.25
# So many hours in a row, and no fewer, are folded.
_FOLDED = 3
# A ribbon row is about this many pixels wide, and a letter of its text this many.
_ROW_PX, _LETTER_PX = 1010.0, 5.7

KINDS: tuple[tuple[str, str], ...] = (
    ("identified", "Identified music"),
    ("music", "Music, not identified"),
    ("speech", "Speech"),
    ("silence", "Silence"),
    ("unclassified", "Sound, not classified"),
    ("gap", "Not heard"),
)
_FILES = {"text/html": "Report", "text/csv": "CSV", "application/json": "JSON"}


@dataclass(frozen=True, slots=True)
class Block:
    """A mark in a row of the ribbon; `lane` is 0 (full height), 1 (upper), 2 (lower half)."""

    css: str
    left: float
    width: float
    hint: str
    text: str = ""
    lane: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """One kind of time in a day or an hour: its name, seconds and share in percent."""

    key: str
    name: str
    seconds: float
    percent: float


def shares(report: DailyReport) -> list[Share]:
    """The day's kinds of time as the hour table adds them up; the total's percent is 100.

    Unclassified sound is left out where there is none.
    """
    table = hour_table(report)
    seconds = [total(row[key] for _, row in table) for key, _ in KINDS]
    whole = sum(seconds)
    percents = whole_parts(
        [part / whole * 100 if whole else 0.0 for part in seconds], 100.0 if whole else 0.0, 0.1
    )
    return [
        Share(key, name, part, percent)
        for (key, name), part, percent in zip(KINDS, seconds, percents, strict=True)
        if key != "unclassified" or report.airtime.unclassified_s > 0
    ]


def hour_table(report: DailyReport) -> list[tuple[HourRow, dict[str, float]]]:
    """Each hour with whole seconds by kind (and `heard`) that add up to the hour's span.

    What an hour's rounding took from a kind is given to the next hour, so the columns
    stay within a second or two of the truth over the whole day.
    """
    rows = []
    carried = [0.0] * len(KINDS)
    for hour in report.hours:
        exact = [getattr(hour.airtime, f"{key}_s") for key, _ in KINDS]
        wanted = [part + carry if part else 0.0 for part, carry in zip(exact, carried, strict=True)]
        rounded = whole_parts(wanted, hour.airtime.span_s)
        carried = [
            carry + part - whole for carry, part, whole in zip(carried, exact, rounded, strict=True)
        ]
        row = dict(zip((key for key, _ in KINDS), rounded, strict=True))
        rows.append((hour, row | {"heard": sum(rounded) - row["gap"]}))
    return rows


def ribbon(report: DailyReport) -> list[tuple[HourRow, list[Block]]]:
    """A row per hour of the day with its blocks, the plays last so that they lie on top."""
    lanes = _lanes(report.plays)
    rows = []
    for hour in report.hours:
        blocks = [
            _stretch_block(gap, hour, "gap", "Not heard", report)
            for gap in report.gaps
            if _touches(gap, hour)
        ]
        for stretch in report.unidentified:
            if _touches(stretch, hour):
                css = stretch.kind or "unclassified"
                blocks.append(_stretch_block(stretch, hour, css, dict(KINDS)[css], report))
        for index, (play, lane) in enumerate(zip(report.plays, lanes, strict=True)):
            if _touches(play, hour):
                blocks.append(_play_block(play, hour, lane, index, report))
        rows.append((hour, [block for block in blocks if block.width > 0]))
    return rows


def folded(report: DailyReport) -> tuple[int, int]:
    """How many hours at the day's start, and at its end, are shown as one row.

    They are those before the station was first heard, and after it was last, if there are
    some; a recorder that ran for an hour should not drown in the day. An hour between is
    never folded, nor any of a day that is not over or on which the clock is changed.
    """
    heard = [hour.airtime.heard_s > 0 for hour in report.hours]
    if not any(heard) or report.running or report.clock_changes:
        return 0, 0
    before, after = heard.index(True), heard[::-1].index(True)
    return before if before >= _FOLDED else 0, after if after >= _FOLDED else 0


def _touches(what: PlayRow | StretchRow, hour: HourRow) -> bool:
    return what.end.timestamp() > hour.start.timestamp() and (
        what.start.timestamp() < hour.end.timestamp()
    )


def _place(start: dt.datetime, end: dt.datetime, hour: HourRow) -> tuple[float, float]:
    """Left and width within the hour's row; minute 0 is the left end, minute 60 the right."""
    minute_zero = hour.start.timestamp() - hour.start.minute * 60 - hour.start.second
    left = max(start.timestamp(), hour.start.timestamp()) - minute_zero
    right = min(end.timestamp(), hour.end.timestamp()) - minute_zero
    return round(left / _HOUR_S * 100, 3), round(max(0.0, right - left) / _HOUR_S * 100, 3)


def _stretch_block(
    stretch: StretchRow, hour: HourRow, css: str, name: str, report: DailyReport
) -> Block:
    left, width = _place(stretch.start, stretch.end, hour)
    if css == "gap" and width:
        width = max(width, _GAP_PERCENT)
    return Block(css, left, width, f"{name}, {_when(stretch, report, stretch.length_s)}")


def _play_block(play: PlayRow, hour: HourRow, lane: int, index: int, report: DailyReport) -> Block:
    until = min(play.end, report.until, key=dt.datetime.timestamp)
    left, width = _place(play.start, until, hour)
    by = f" by {play.artist}" if play.artist else ""
    return Block(
        f"play{index % 2}",
        left,
        width,
        f"{play.title}{by}, {_when(play, report, play.aired_s)}",
        _fitting(play.title, width),
        lane,
    )


def _when(what: PlayRow | StretchRow, report: DailyReport, length_s: float) -> str:
    zone = report.clock_changes
    start, end = (clock(at, report.date, zone=zone) for at in (what.start, what.end))
    return f"{start} to {end} ({duration(length_s)})"


def _fitting(text: str, width_percent: float) -> str:
    """As much of a title as its block has room for; nothing if that is too little to read."""
    letters = int((width_percent / 100 * _ROW_PX - 10) / _LETTER_PX)
    if letters < 4:
        return ""
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"


def _lanes(plays: Sequence[PlayRow]) -> list[int]:
    """The lane of each play: 0 unless it and another sound at the same time."""
    spans = [(play.start.timestamp(), play.end.timestamp()) for play in plays]
    lanes = [0] * len(plays)
    for later, (start, end) in enumerate(spans):
        for earlier in range(later):
            if min(end, spans[earlier][1]) - start > _CROSSFADE_S:
                lanes[earlier] = lanes[earlier] or 1
                lanes[later] = 3 - lanes[earlier]
    return lanes


def listed(stretches: Iterable[StretchRow]) -> list[StretchRow]:
    """The stretches long enough for a line of their own."""
    return [stretch for stretch in stretches if stretch.length_s >= SHORT_S]


def by_kind(report: DailyReport) -> list[tuple[str, str, tuple[StretchRow, ...]]]:
    """Unidentified stretches by kind, as (key, name, stretches), kinds without any left out."""
    groups = [(key, name, report.of_kind(SoundKind(key))) for key, name in KINDS[1:4]]
    groups.append((*KINDS[4], report.of_kind(None)))
    return [group for group in groups if group[2]]


def months(station: StationEntry) -> list[tuple[dt.date, list[DayEntry]]]:
    """A station's days by month, as (first day listed, days)."""
    groups = groupby(station.days, key=lambda day: (day.date.year, day.date.month))
    return [(days[0].date, days) for days in (list(group) for _, group in groups)]


def files_of(day: DayEntry) -> list[tuple[str, str]]:
    """A day's files as (name, path), the page first."""
    files = ((file.media_type.split(";")[0], file.path) for file in day.files)
    known = [(_FILES[media_type], path) for media_type, path in files if media_type in _FILES]
    known.sort(key=lambda file: list(_FILES.values()).index(file[0]))
    others = [
        (file.path.rpartition(".")[2], file.path)
        for file in day.files
        if file.media_type.split(";")[0] not in _FILES
    ]
    return known + others


def page_of(day: DayEntry) -> str:
    """Where a day's page lies; empty if it was not rendered."""
    pages = (file.path for file in day.files if file.media_type.startswith("text/html"))
    return next(pages, "")


def total(numbers: Iterable[float]) -> float:
    """The sum; Jinja's own filter needs a list of attributes."""
    return sum(numbers)


GLOBALS: dict[str, Callable[..., Any] | Any] = {
    "KINDS": KINDS,
    "SHORT_S": SHORT_S,
    "shares": shares,
    "hour_table": hour_table,
    "ribbon": ribbon,
    "folded": folded,
    "listed": listed,
    "by_kind": by_kind,
    "months": months,
    "files_of": files_of,
    "page_of": page_of,
    "total": total,
}
