"""The daily airplay report as frozen facts, ready to be rendered by any report format.

Times are aware datetimes in the station's zone, lengths are seconds of real time (never
a difference of local clock readings, which a change to summer time would falsify).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from songid.model import UNWARPED, Calibration, SoundKind, Warp


@dataclass(frozen=True, slots=True)
class Airtime:
    """How a span of time divides, in seconds.

    heard + gap is the span; identified + music + speech + silence + unclassified is
    heard, the last four being sound that no play covers.
    """

    heard_s: float = 0.0
    gap_s: float = 0.0
    identified_s: float = 0.0
    music_s: float = 0.0
    speech_s: float = 0.0
    silence_s: float = 0.0
    unclassified_s: float = 0.0

    @property
    def span_s(self) -> float:
        """Seconds from the start of the span to its end."""
        return self.heard_s + self.gap_s

    @property
    def identified_share(self) -> float | None:
        """The share of the music that was identified; None where there was no music.

        Sound that was not classified counts as music here, so the share is never
        flattered; it is a lower bound as long as there is any (`share_is_at_least`).
        """
        music_s = self.identified_s + self.music_s + self.unclassified_s
        return self.identified_s / music_s if music_s > 0 else None

    @property
    def share_is_at_least(self) -> bool:
        """Whether `identified_share` is only a lower bound."""
        return self.unclassified_s >= 1.0 and self.identified_s > 0


@dataclass(frozen=True, slots=True)
class PlayRow:
    """One play of the log with its recording's metadata.

    `aired_s` is the whole play as far as the station was heard under it, `span_s` its
    time from start to end, `aired_today_s` the part of `aired_s` within the day,
    `full_s` the recording's own length (0 when unknown). A play counts for the day in
    which it starts: one `from_yesterday` is shown but not counted.
    """

    recording_id: str
    title: str
    artist: str
    album: str
    label: str
    isrc: str
    start: dt.datetime
    end: dt.datetime
    aired_s: float
    span_s: float
    aired_today_s: float
    full_s: float
    offset_s: float
    confidence: float
    score: float
    landmarks: int
    warp: Warp = UNWARPED
    from_yesterday: bool = False
    into_tomorrow: bool = False
    in_catalogue: bool = True
    alternatives: tuple[str, ...] = ()

    @property
    def confidence_word(self) -> str:
        """The confidence as a word."""
        return confidence_word(self.confidence)

    @property
    def warp_words(self) -> str:
        """How the recording was changed on air; empty when it was not."""
        return warp_words(self.warp)


@dataclass(frozen=True, slots=True)
class StretchRow:
    """A stretch of unidentified sound (kind None: not classified), or a gap."""

    start: dt.datetime
    end: dt.datetime
    length_s: float
    kind: SoundKind | None = None


@dataclass(frozen=True, slots=True)
class RankRow:
    """A recording (or an artist: `title` empty) with its plays and airtime in the day."""

    rank: int
    title: str
    artist: str
    plays: int
    airtime_s: float
    recording_id: str = ""
    isrc: str = ""


@dataclass(frozen=True, slots=True)
class HourRow:
    """One hour by the station's clock; shorter than 60 minutes where the clock changes."""

    start: dt.datetime
    end: dt.datetime
    plays: int
    airtime: Airtime


@dataclass(frozen=True, slots=True)
class DailyReport:
    """One station's day: what was heard, what was identified and what was neither.

    `title` is the name to show. The day is [day_start, day_end) in the station's zone;
    facts reach to `until`, which is before day_end while the day is still `running`.
    `airtime` divides the time up to `until`. `plays_started` and `recordings_played` count
    the plays that start within the day; `plays` lists those that reach in from the day
    before as well. `segments` were heard, `damaged_segments` of them only in part.
    """

    station: str
    title: str
    date: dt.date
    timezone: str
    day_start: dt.datetime
    day_end: dt.datetime
    day_length_s: float
    until: dt.datetime
    running: bool
    clock_changes: bool
    airtime: Airtime
    verdict: tuple[str, ...]
    plays_started: int
    recordings_played: int
    plays: tuple[PlayRow, ...]
    unidentified: tuple[StretchRow, ...]
    gaps: tuple[StretchRow, ...]
    top_recordings: tuple[RankRow, ...]
    top_artists: tuple[RankRow, ...]
    hours: tuple[HourRow, ...]
    segments: int
    damaged_segments: int
    catalogue_size: int
    calibration: Calibration | None
    generated_at: dt.datetime
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The verdict as one sentence."""
        return ", ".join(self.verdict) + "."

    def of_kind(self, kind: SoundKind | None) -> tuple[StretchRow, ...]:
        """The unidentified stretches of one kind (None: not classified)."""
        return tuple(stretch for stretch in self.unidentified if stretch.kind == kind)


@dataclass(frozen=True, slots=True)
class DayFile:
    """A rendered file of a day: what it is, and where it lies seen from the index page."""

    media_type: str
    path: str


@dataclass(frozen=True, slots=True)
class DayEntry:
    """One station's day as the index shows it: key figures and where its files lie.

    `gaps` are the times not heard as (start, end) shares of the whole day, 0 to 1, and
    `until_share` is the share of the day that the facts reach to.
    """

    station: str
    title: str
    date: dt.date
    timezone: str
    day_length_s: float
    until_share: float
    running: bool
    sentence: str
    airtime: Airtime
    plays: int
    recordings: int
    gaps: tuple[tuple[float, float], ...]
    generated_at: dt.datetime
    files: tuple[DayFile, ...] = ()


@dataclass(frozen=True, slots=True)
class StationEntry:
    """A station with its days, the newest first; `title` is the name to show."""

    station: str
    title: str
    days: tuple[DayEntry, ...]


@dataclass(frozen=True, slots=True)
class ReportIndex:
    """All stations, by name, and all their days."""

    stations: tuple[StationEntry, ...]
    generated_at: dt.datetime


def confidence_word(confidence: float) -> str:
    """Say a confidence (0 to 1, against what chance gives in this catalogue) in a word."""
    if confidence >= 0.99:
        return "very high"
    if confidence >= 0.95:
        return "high"
    return "fair" if confidence >= 0.8 else "low"


def warp_words(warp: Warp) -> str:
    """Say a warp in words: `played 2.9 % fast`, `pitch 1.0 semitones up`; or nothing."""
    tempo, pitch = (warp.tempo - 1) * 100, (warp.pitch - 1) * 100
    if abs(tempo) < 0.05 and abs(pitch) < 0.05:
        return ""
    if abs(tempo - pitch) < 0.25:
        both = (tempo + pitch) / 2
        return f"played {abs(both):.1f} % {'fast' if both > 0 else 'slow'}"
    words = []
    if abs(tempo) >= 0.05:
        words.append(f"tempo {abs(tempo):.1f} % {'faster' if tempo > 0 else 'slower'}")
    if abs(pitch) >= 0.05:
        words.append(f"pitch {abs(pitch):.1f} % {'higher' if pitch > 0 else 'lower'}")
    else:
        words.append("pitch kept")
    return ", ".join(words)


def length_words(seconds: float) -> str:
    """Say a length as `23 h 41 min`, `4 min 20 s` or `9 s`, always rounded down.

    Rounding down, so that a day heard all but ten seconds is not called a whole day.
    """
    whole = int(max(0.0, seconds) + 1e-6)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s"


def share_words(share: float) -> str:
    """Say a share (0 to 1) as a percentage; `100 %` and `0 %` only where it is exactly so."""
    percent = share * 100
    if 0 < percent < 0.5:
        return "under 1 %"
    if 99.5 <= percent < 100:
        return "over 99 %"
    return f"{percent:.0f} %"
