"""Builds the daily report's view model from a day's heards and plays.

It is a pure function: the same journal gives the same report, in whatever order and
however often its entries come.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from songid import timeline
from songid.model import Calibration, Heard, Play, Recording, SoundKind
from songid.report_model import (
    Airtime,
    DailyReport,
    HourRow,
    PlayRow,
    RankRow,
    StretchRow,
    length_words,
    share_words,
)
from songid.reporting.clock import clock_changes, day_bounds, hours_of
from songid.timeline import Account, Interval, microseconds, utc

SETTLING_S = 120.0
"""On a running day the last minutes may be on their way still; they are no gap yet."""


@dataclass(frozen=True, slots=True)
class _Airing:
    """A play with the parts of it that were heard."""

    play: Play
    row: PlayRow
    heard_today: list[Interval]


def build_day(
    station: str,
    date: dt.date,
    zone: ZoneInfo,
    heards: Sequence[Heard],
    plays: Sequence[Play],
    recordings: Mapping[str, Recording],
    *,
    calibration: Calibration | None,
    catalogue_size: int,
    versions: Mapping[str, str],
    now: dt.datetime,
    title: str = "",
) -> DailyReport:
    """Build one station's day from heards and plays that may reach beyond it on both sides.

    `recordings` should hold every recording the plays name, removed ones included;
    `catalogue_size` counts the live recordings. `now` (aware) decides whether the day is
    still running; `title` is the name to show, the station's own if empty. Plays and
    heards of other stations are left out.
    """
    start, end = day_bounds(date, zone)
    # Ordered by instants: two times of one zone would be compared by their local clocks.
    unique_heards = {
        (timeline.heard_interval(heard), repr(heard)): heard
        for heard in heards
        if heard.station == station and heard.duration_s > 0
    }
    heards = [unique_heards[key] for key in sorted(unique_heards)]
    plays = [play for play in plays if play.station == station]
    until_us = _known_until(heards, start, end, now)
    account = timeline.account(heards, plays, start, utc(until_us))
    airings = _airings(plays, recordings, account, (start, end), zone)
    started = [airing for airing in airings if not airing.row.from_yesterday]
    airtime = _airtime(account, (account.start_us, account.end_us))
    gaps = _rows(((gap, None) for gap in account.gaps), zone)
    recordings_played = len({airing.play.recording_id for airing in started})
    today = [
        heard
        for heard in heards
        if timeline.clip([timeline.heard_interval(heard)], (microseconds(start), microseconds(end)))
    ]
    running = now < end
    return DailyReport(
        station=station,
        title=clean(title) or clean(station),
        date=date,
        timezone=zone.key,
        day_start=start.astimezone(zone),
        day_end=end.astimezone(zone),
        day_length_s=(end - start).total_seconds(),
        until=utc(until_us).astimezone(zone),
        running=running,
        clock_changes=clock_changes(start, end, zone),
        airtime=airtime,
        verdict=_verdict(
            airtime, len(gaps), len(started), recordings_played, running=running, empty=start == end
        ),
        plays_started=len(started),
        recordings_played=recordings_played,
        plays=tuple(airing.row for airing in airings),
        unidentified=_rows(account.unidentified, zone),
        gaps=gaps,
        top_recordings=_ranked(airings, lambda airing: airing.play.recording_id, by_artist=False),
        top_artists=_ranked(airings, lambda airing: airing.row.artist.casefold(), by_artist=True),
        hours=_hours(account, started, start, end, zone),
        segments=len(today),
        damaged_segments=sum(heard.damaged for heard in today),
        catalogue_size=catalogue_size,
        calibration=calibration,
        generated_at=now.astimezone(zone),
        versions=dict(versions),
    )


def _known_until(
    heards: Sequence[Heard], start: dt.datetime, end: dt.datetime, now: dt.datetime
) -> int:
    """How far the facts reach: the day's end, or about now while the day is running."""
    start_us, end_us, now_us = microseconds(start), microseconds(end), microseconds(now)
    if now_us >= end_us:
        return end_us
    last_us = max((timeline.heard_interval(heard)[1] for heard in heards), default=start_us)
    settled = now_us - last_us < SETTLING_S * 1e6 or last_us > now_us
    return min(end_us, max(start_us, last_us if settled else now_us))


def _airings(
    plays: Iterable[Play],
    recordings: Mapping[str, Recording],
    account: Account,
    bounds: tuple[dt.datetime, dt.datetime],
    zone: ZoneInfo,
) -> list[_Airing]:
    """The plays that touch the day, in order of start, with what was heard of each."""
    start_us, end_us = (microseconds(bound) for bound in bounds)
    airings = []
    for _, play in sorted({_order(play): play for play in plays}.items()):
        interval = timeline.play_interval(play)
        heard_today = timeline.intersect([interval], account.heard)
        if not heard_today:
            continue
        airings.append(
            _Airing(
                play,
                _play_row(
                    play,
                    recordings,
                    zone,
                    aired_today_s=timeline.total_us(heard_today) / 1e6,
                    from_yesterday=interval[0] < start_us,
                    into_tomorrow=interval[1] > end_us,
                ),
                heard_today,
            )
        )
    return airings


def _order(play: Play) -> tuple[Interval, str, str]:
    return timeline.play_interval(play), play.recording_id, repr(play)


def _play_row(
    play: Play,
    recordings: Mapping[str, Recording],
    zone: ZoneInfo,
    *,
    aired_today_s: float,
    from_yesterday: bool,
    into_tomorrow: bool,
) -> PlayRow:
    recording = recordings.get(play.recording_id)
    start_us, end_us = timeline.play_interval(play)
    return PlayRow(
        recording_id=play.recording_id,
        title=_title(play.recording_id, recordings),
        artist=clean(recording.artist) if recording else "",
        album=clean(recording.album) if recording else "",
        label=clean(recording.label) if recording else "",
        isrc=clean(recording.isrc) if recording else "",
        start=utc(start_us).astimezone(zone),
        end=utc(end_us).astimezone(zone),
        aired_s=play.heard_s,
        span_s=(end_us - start_us) / 1e6,
        aired_today_s=aired_today_s,
        full_s=recording.duration_s if recording else 0.0,
        offset_s=play.offset_s,
        confidence=play.confidence,
        score=play.score,
        landmarks=play.landmarks,
        warp=play.warp,
        from_yesterday=from_yesterday,
        into_tomorrow=into_tomorrow,
        in_catalogue=recording is not None and recording.removed_at is None,
        alternatives=tuple(_title(other, recordings) for other in play.alternatives),
    )


def _title(recording_id: str, recordings: Mapping[str, Recording]) -> str:
    recording = recordings.get(recording_id)
    title = clean(recording.title) if recording else ""
    return title or f"recording {recording_id}"


def clean(text: str) -> str:
    """Text from a file's tags without control characters and halves of surrogate pairs.

    They are not allowed in HTML, and a terminal or spreadsheet may act on them.
    """
    printable = "".join(" " if ord(sign) < 32 or 127 <= ord(sign) < 160 else sign for sign in text)
    return " ".join(printable.encode("utf-8", "replace").decode("utf-8").split())


def _rows(
    stretches: Iterable[tuple[Interval, SoundKind | None]], zone: ZoneInfo
) -> tuple[StretchRow, ...]:
    return tuple(
        StretchRow(
            utc(start).astimezone(zone), utc(end).astimezone(zone), (end - start) / 1e6, kind
        )
        for (start, end), kind in stretches
    )


def _airtime(account: Account, span: Interval) -> Airtime:
    """The account of one part of its span."""

    def kind_s(kind: SoundKind | None) -> float:
        of_kind = [interval for interval, other in account.unidentified if other == kind]
        return timeline.total_us(timeline.clip(of_kind, span)) / 1e6

    return Airtime(
        heard_s=timeline.total_us(timeline.clip(account.heard, span)) / 1e6,
        gap_s=timeline.total_us(timeline.clip(account.gaps, span)) / 1e6,
        identified_s=timeline.total_us(timeline.clip(account.identified, span)) / 1e6,
        music_s=kind_s(SoundKind.MUSIC),
        speech_s=kind_s(SoundKind.SPEECH),
        silence_s=kind_s(SoundKind.SILENCE),
        unclassified_s=kind_s(None),
    )


def _hours(
    account: Account,
    started: Sequence[_Airing],
    start: dt.datetime,
    end: dt.datetime,
    zone: ZoneInfo,
) -> tuple[HourRow, ...]:
    starts_us = [microseconds(airing.play.start) for airing in started]
    return tuple(
        HourRow(
            utc(hour[0]).astimezone(zone),
            utc(hour[1]).astimezone(zone),
            sum(hour[0] <= at < hour[1] for at in starts_us),
            _airtime(account, hour),
        )
        for hour in hours_of(start, end, zone)
    )


def _ranked(
    airings: Sequence[_Airing], key: Callable[[_Airing], str], *, by_artist: bool
) -> tuple[RankRow, ...]:
    """Rank recordings or artists by plays, then by airtime; equals share a rank."""
    groups: dict[str, list[_Airing]] = {}
    for airing in airings:
        if key(airing):
            groups.setdefault(key(airing), []).append(airing)
    counted = []
    for members in groups.values():
        plays = sum(not airing.row.from_yesterday for airing in members)
        on_air = timeline.union(part for airing in members for part in airing.heard_today)
        counted.append((plays, timeline.total_us(on_air), members[0]))
    counted.sort(key=lambda entry: (-entry[0], -entry[1], entry[2].row.title, key(entry[2])))
    rows: list[RankRow] = []
    for place, (plays, airtime_us, first) in enumerate(counted, start=1):
        airtime_s = airtime_us / 1e6
        tied = rows and (rows[-1].plays, rows[-1].airtime_s) == (plays, airtime_s)
        rows.append(
            RankRow(
                rank=rows[-1].rank if tied else place,
                title="" if by_artist else first.row.title,
                artist=first.row.artist,
                plays=plays,
                airtime_s=airtime_s,
                recording_id="" if by_artist else first.row.recording_id,
                isrc="" if by_artist else first.row.isrc,
            )
        )
    return tuple(rows)


def _verdict(
    airtime: Airtime, gaps: int, plays: int, recordings: int, *, running: bool, empty: bool
) -> tuple[str, ...]:
    """The day in one sentence, in parts."""
    if empty:
        return ("This date does not exist in the station's time zone",)
    of = length_words(airtime.span_s) + (" so far" if running else "")
    if airtime.heard_s <= 0:
        return (f"Nothing was heard of {of}",)
    parts = [f"Heard {length_words(airtime.heard_s)} of {of}", _count(gaps, "gap")]
    if not plays and airtime.identified_s <= 0:
        parts.append("no plays")
    else:
        parts.append(f"{_count(plays, 'play')} of {_count(recordings, 'recording')}")
    share = airtime.identified_share
    if share is None:
        parts.append("no music")
    else:
        at_least = "at least " if airtime.share_is_at_least else ""
        parts.append(f"{at_least}{share_words(share)} of the music identified")
    return tuple(parts)


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
