"""The stations of the demo: their programmes, put on air and written as segments.

Each has its own time zone and was on air yesterday by its own clock, over a full hour,
so that its report shows a whole day of which a part was recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path

from songid.demo.material import Advance, Music
from songid.settings import StationSettings
from songid.testing.broadcasts import Aired, Song, Voices, build_broadcast
from songid.testing.programmes import plan_programme
from songid.testing.segments import write_segments

MINUTES = 27.0
# A song longer than this is faded out: half an hour has to hold more than a few.
_LONGEST_S = 165.0


@dataclass(frozen=True, slots=True)
class Station:
    """A station of the demo; `seed` draws its programme.

    `hole_at` is the share of its time after which nothing is recorded for `hole_s` seconds.
    """

    name: str
    title: str
    timezone: str
    on_air_from: time
    seed: int
    hole_at: float
    hole_s: float

    @property
    def settings(self) -> StationSettings:
        """The station as the settings have it."""
        return StationSettings(timezone=self.timezone, title=self.title)

    def yesterday(self, now: datetime) -> date:
        """The day before now, by the station's clock."""
        return now.astimezone(self.settings.zone).date() - timedelta(days=1)

    def start(self, now: datetime) -> datetime:
        """When its broadcast began."""
        return datetime.combine(self.yesterday(now), self.on_air_from, self.settings.zone)


STATIONS = (
    Station("harbour_fm", "Harbour FM", "Europe/Lisbon", time(17, 46), 5, 0.42, 48.0),
    Station("prairie_radio", "Prairie Radio", "America/Chicago", time(8, 38), 2, 0.57, 72.0),
)


@dataclass(frozen=True, slots=True)
class OnAir:
    """What a station aired, and the segments that were recorded of it."""

    station: Station
    start: datetime
    end: datetime
    truth: tuple[Aired, ...]
    segments: int


def put_on_air(
    music: Music, folder: Path, now: datetime, minutes: float, pool: Executor, advance: Advance
) -> list[OnAir]:
    """Air a programme on each station and write it to `folder` as 12-second segments."""
    folder.mkdir(parents=True, exist_ok=True)
    air = partial(_air, music.known, music.unknown, folder, now, minutes * 60)
    running = [pool.submit(air, station) for station in STATIONS]
    for done in as_completed(running):
        done.result()
        advance()
    return [each.result() for each in running]


def _air(
    known: Sequence[Song],
    unknown: Sequence[Song],
    folder: Path,
    now: datetime,
    length_s: float,
    station: Station,
) -> OnAir:
    programme = plan_programme(known, unknown, length_s, station.seed, longest_s=_LONGEST_S)
    hole_s = length_s * station.hole_at
    broadcast = build_broadcast(
        station.name,
        station.start(now),
        programme,
        holes_s=[(hole_s, hole_s + station.hole_s)],
        voices=Voices(station.seed),
    )
    paths = write_segments(broadcast, folder, workers=1)
    return OnAir(station, broadcast.start, broadcast.end, broadcast.truth, len(paths))
