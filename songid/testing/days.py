"""A made-up radio day as heards, plays and reports, for tests of report formats.

It draws a schedule (songs, talk, silence, holes in the reception) from a seed and cuts it
into the heards that 12-second segments of it would have given.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from songid.model import UNWARPED, Calibration, Heard, Play, Recording, SoundKind, SoundSpan, Warp
from songid.report_model import DailyReport
from songid.reporting.clock import day_bounds
from songid.reporting.day import build_day

SEGMENT_S = 12.0
_ADJECTIVES = [
    "Quiet",
    "Northern",
    "Golden",
    "Paper",
    "Electric",
    "Slow",
    "Hidden",
    "Summer",
    "Broken",
    "Distant",
    "Velvet",
]
_NOUNS = [
    "Harbour",
    "Lights",
    "Letters",
    "River",
    "Engine",
    "Garden",
    "Signal",
    "Morning",
    "Winter",
    "Mirrors",
    "Avenue",
]
_ARTISTS = (
    "The Lanterns",
    "Marta Oyelaran",
    "Kvartett Nord",
    "Ida & the Ferrymen",
    "Saltmarsh",
    "Ólafur Brekka",
    "DJ Tamarind",
    "Les Heures Bleues",
    "Orchestra of the Weir",
    "Nine Elms",
)
_LABELS = ("Weir Records", "Tidewater", "", "Blue Hour", "Kestrel Music")


@dataclass
class Day:
    """A schedule as the journal would hold it."""

    station: str
    heards: list[Heard] = field(default_factory=list)
    plays: list[Play] = field(default_factory=list)
    recordings: dict[str, Recording] = field(default_factory=dict)


def library(count: int = 110, seed: int = 7) -> list[Recording]:
    """Recordings with invented titles, a few of them awkward."""
    dice = random.Random(seed)
    recordings = []
    for number in range(count):
        artist = _ARTISTS[int(len(_ARTISTS) * dice.random() ** 1.6)]
        recordings.append(
            Recording(
                recording_id=f"r{number:04}",
                title=f"{dice.choice(_ADJECTIVES)} {dice.choice(_NOUNS)}",
                artist=artist,
                album=f"{dice.choice(_NOUNS)} {1990 + number % 30}",
                label=dice.choice(_LABELS),
                isrc=f"GBXYZ{10 + number % 15:02}{number:05}" if number % 9 else "",
                duration_s=dice.uniform(150, 290),
            )
        )
    awkward = (
        'Say "<b>It\'s</b>" & mean it',
        "Noches de Verano (Versión larga grabada en directo en la Plaza Mayor)",
        "🎺 Brass 👩‍👩‍👧 Band",
        "شمس الصباح",
        '=HYPERLINK("http://example.org")',
        "夜の港",
    )
    for number, title in enumerate(awkward):
        old = recordings[number * 3 + 1]
        recordings[number * 3 + 1] = Recording(
            old.recording_id, title, old.artist, isrc=old.isrc, duration_s=old.duration_s
        )
    return recordings


def radio_day(
    start: datetime,
    hours: float,
    *,
    station: str = "radio1",
    seed: int = 1,
    holes: Sequence[tuple[float, float]] = (),
    talk_share: float = 0.22,
    unknown_share: float = 0.2,
) -> Day:
    """A schedule from `start` on for `hours`; `holes` are (hour, seconds) not heard."""
    dice = random.Random(seed)
    recordings = library()
    day = Day(station, recordings={recording.recording_id: recording for recording in recordings})
    end = start + timedelta(hours=hours)
    missing = [
        (start + timedelta(hours=hour), start + timedelta(hours=hour, seconds=length))
        for hour, length in holes
    ]
    sounds: list[tuple[datetime, datetime, SoundKind]] = []
    at = start
    while at < end:
        roll = dice.random()
        if roll < talk_share:
            length = dice.uniform(15, 240)
            sounds.append((at, at + timedelta(seconds=length), SoundKind.SPEECH))
        elif roll < talk_share + 0.02:
            length = dice.uniform(4, 30)
            sounds.append((at, at + timedelta(seconds=length), SoundKind.SILENCE))
        elif roll < talk_share + 0.02 + unknown_share:
            length = dice.uniform(60, 260)
            sounds.append((at, at + timedelta(seconds=length), SoundKind.MUSIC))
        else:
            recording = recordings[int(len(recordings) * dice.random() ** 1.5)]
            offset = 0.0 if dice.random() < 0.7 else dice.uniform(2, 30)
            length = (recording.duration_s - offset) * dice.uniform(0.75, 1.0)
            warp = Warp(1.029, 1.029) if dice.random() < 0.03 else UNWARPED
            until = min(end, at + timedelta(seconds=length))
            heard_s = (until - at).total_seconds() - sum(
                max(0.0, (min(until, hole[1]) - max(at, hole[0])).total_seconds())
                for hole in missing
            )
            if heard_s > 5:
                confidence = min(1.0, 0.85 + dice.random() ** 0.15 * 0.15)
                day.plays.append(
                    Play(
                        station,
                        recording.recording_id,
                        at,
                        until,
                        offset,
                        heard_s,
                        confidence if dice.random() < 0.93 else 0.7,
                        length * 3.1,
                        int(length * 20),
                        warp,
                    )
                )
            sounds.append((at, until, SoundKind.MUSIC))
            length -= dice.choice((0.0, 0.0, 3.0, 6.0))
        at += timedelta(seconds=length)
    day.heards = list(_segments(day.station, start, end, sounds, missing))
    return day


def _segments(
    station: str,
    start: datetime,
    end: datetime,
    sounds: Sequence[tuple[datetime, datetime, SoundKind]],
    missing: Sequence[tuple[datetime, datetime]],
) -> list[Heard]:
    heards = []
    at = start
    first = 0
    while at < end:
        while first < len(sounds) and sounds[first][1] <= at:
            first += 1
        until = min(end, at + timedelta(seconds=SEGMENT_S))
        if not any(hole[0] < until and at < hole[1] for hole in missing):
            spans = tuple(
                SoundSpan(
                    max(0.0, (begin - at).total_seconds()),
                    (min(finish, until) - at).total_seconds(),
                    kind,
                )
                for begin, finish, kind in sounds[first : first + 12]
                if begin < until and at < finish
            )
            heards.append(Heard(station, at, (until - at).total_seconds(), sounds=spans))
        at = until
    return heards


CALIBRATION = Calibration(
    windows=3600,
    false_windows=0,
    threshold=0.9,
    highest_score=6.2,
    recordings=4210,
    measured_at=datetime(2026, 1, 12, 9, 0, tzinfo=UTC),
    material="10 h of music held out from the catalogue",
)
VERSIONS = {"songid": "0.1.0", "fingerprinter": "landmark/1", "catalogue": "version 57"}


def example_report(
    on: date = date(2026, 1, 31),
    zone_name: str = "Europe/London",
    *,
    from_hour: float = -0.5,
    hours: float = 25.5,
    now_hour: float = 26.0,
    day: Day | None = None,
    calibration: Calibration | None = CALIBRATION,
    title: str = "",
) -> DailyReport:
    """The report of a made-up day (or of `day`); hours count from the day's start."""
    zone = ZoneInfo(zone_name)
    start, _ = day_bounds(on, zone)
    if day is None:
        day = radio_day(
            start + timedelta(hours=from_hour), hours, holes=((4.1, 420), (9.3, 61), (17.7, 2700))
        )
    return build_day(
        day.station,
        on,
        zone,
        day.heards,
        day.plays,
        day.recordings,
        calibration=calibration,
        catalogue_size=4210,
        versions=VERSIONS,
        now=start + timedelta(hours=now_hour),
        title=title,
    )


def example_reports() -> dict[str, DailyReport]:
    """Reports that a format must cope with, by what is special about them."""
    return {name: make() for name, make in EXAMPLES.items()}


def _without_plays() -> Day:
    start = datetime(2026, 1, 31, tzinfo=UTC)
    return Day("radio1", radio_day(start, 5, talk_share=0.5, unknown_share=0.5).heards)


EXAMPLES: dict[str, Callable[[], DailyReport]] = {
    "a full day": lambda: example_report(),
    "nothing heard": lambda: example_report(day=Day("radio1"), calibration=None),
    "no plays": lambda: example_report(day=_without_plays()),
    "two hours": lambda: example_report(from_hour=3, hours=2, calibration=None),
    "still running": lambda: example_report(hours=10, now_hour=9.6),
    "25 hours": lambda: example_report(date(2026, 10, 25), hours=27, now_hour=27),
    "23 hours": lambda: example_report(date(2026, 3, 29)),
    "no midnight": lambda: example_report(date(2018, 11, 4), "America/Sao_Paulo"),
    "half an hour more": lambda: example_report(date(2026, 4, 5), "Australia/Lord_Howe"),
    "no such day": lambda: example_report(date(2011, 12, 30), "Pacific/Apia", day=Day("radio1")),
    "an odd station": lambda: example_report(hours=3, title='<Radio> "A&B" ../شمس 🎺'),
}
"""Days that a report format must cope with, by what is special about them."""
