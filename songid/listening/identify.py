"""What is in a file: the same windows, heards and plays as a station's, on the file's clock.

A file's first sample is given the moment ORIGIN, so that seconds in the file and times
of a station are one kind of time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from songid.audio.decode import Decoding
from songid.listening.hear import Listener
from songid.listening.plays import plays
from songid.listening.rules import PlayRules
from songid.model import Heard, Play, Recording, Stretch
from songid.timeline import account

ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Identified:
    """What a file holds. duration_s: what it says it lasts; heard_s: what could be read."""

    source: str
    duration_s: float
    heard_s: float
    damage: str
    plays: tuple[Play, ...]
    unidentified: tuple[Stretch, ...]
    gaps: tuple[Stretch, ...]
    recordings: Mapping[str, Recording]


def identify(
    listener: Listener,
    audio: Decoding,
    rules: PlayRules,
    recordings: Callable[[Sequence[str]], Mapping[str, Recording]],
    *,
    source: str = "",
    progress: Callable[[float], None] = lambda heard_s: None,
) -> Identified:
    """Identify a file; `progress` is told the seconds heard so far. Memory is constant
    but for the heards, about 1 kB for each 12 s."""
    heards: list[Heard] = []
    for heard in listener.listen(audio, station="", start=ORIGIN, source=source):
        heards.append(heard)
        progress((heard.end - ORIGIN).total_seconds())
    return identified(heards, audio, rules, recordings, source=source)


def identified(
    heards: Sequence[Heard],
    audio: Decoding,
    rules: PlayRules,
    recordings: Callable[[Sequence[str]], Mapping[str, Recording]],
    *,
    source: str = "",
) -> Identified:
    """What all the heards of a file, which was decoded to its end, say is in it."""
    ids = sorted({match.recording_id for heard in heards for match in heard.matches})
    known = recordings(ids)
    durations_s = {key: recording.duration_s for key, recording in known.items()}
    found = plays(heards, rules, durations_s=durations_s)
    end = max((heard.end for heard in heards), default=ORIGIN)
    reached_s = (end - ORIGIN).total_seconds()
    times = account(heards, found, ORIGIN, end)
    return Identified(
        source=source,
        duration_s=max(audio.declared_s or 0.0, reached_s),
        heard_s=audio.heard_s,
        damage=audio.damage,
        plays=tuple(found),
        unidentified=tuple(times.unidentified_stretches()),
        gaps=tuple(times.gap_stretches()),
        recordings={
            key: known[key]
            for play in found
            for key in (play.recording_id, *play.alternatives)
            if key in known
        },
    )


def seconds(moment: datetime) -> float:
    """A moment of a file as seconds from its first sample."""
    return (moment - ORIGIN) / timedelta(seconds=1)
