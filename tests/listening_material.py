"""Journals as listening would have left them, from a schedule of what was on air."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from songid.model import UNWARPED, Heard, Match, SoundKind, SoundSpan, Warp

STATION = "radio"
START = datetime(2025, 3, 1, 10, 0, tzinfo=UTC)
WINDOW_S = 12.0
SURE, WEAK = 0.9999, 0.4


@dataclass(frozen=True)
class On:
    """A recording on air from `start_s` to `end_s`, itself at `offset_s` then.

    late_s, early_s: how long after its start (before its end) its landmarks begin (end).
    """

    recording_id: str
    start_s: float
    end_s: float
    offset_s: float = 0.0
    late_s: float = 0.2
    early_s: float = 0.2
    tempo: float = 1.0


def at(seconds: float) -> datetime:
    """A moment, in seconds from START."""
    return START + timedelta(seconds=seconds)


def match(
    recording_id: str,
    lag_s: float,
    start_s: float = 0.2,
    end_s: float = 11.8,
    *,
    score: float = 8.0,
    confidence: float = SURE,
    evidence: int = 0,
    warp: Warp = UNWARPED,
) -> Match:
    """A match in a window."""
    return Match(
        recording_id, lag_s, start_s, end_s, round(10 * (end_s - start_s)) + 1, score, confidence,
        evidence, warp,
    )  # fmt: skip


def heard(start_s: float, *matches: Match, duration_s: float = WINDOW_S) -> Heard:
    """A window of the station, in seconds from START."""
    sounds = (SoundSpan(0.0, duration_s, SoundKind.MUSIC),)
    return Heard(STATION, at(start_s), duration_s, matches, sounds)


def journal(
    schedule: Sequence[On],
    length_s: float,
    *,
    missing: Collection[int] = (),
    weak: Collection[int] = (),
    unseen: Collection[int] = (),
    jitter_s: Sequence[float] = (0.0,),
) -> list[Heard]:
    """The windows of a broadcast, each with a match of whatever was on for a second.

    By the window's number: `missing` were not delivered, in `weak` every match is weak, in
    `unseen` nothing was matched; `jitter_s`, in turn, is how far a window's name is off.
    """
    heards = []
    for number in range(round(length_s / WINDOW_S)):
        if number in missing:
            continue
        begin_s = number * WINDOW_S
        matches = []
        for evidence, on in enumerate(schedule):
            first_s = max(begin_s + 0.1, on.start_s + on.late_s)
            last_s = min(begin_s + WINDOW_S - 0.1, on.end_s - on.early_s)
            if last_s - first_s >= 1.0 and number not in unseen:
                matches.append(
                    match(
                        on.recording_id,
                        on.offset_s + (begin_s - on.start_s) * on.tempo,
                        first_s - begin_s,
                        last_s - begin_s,
                        score=(2.8 if number in weak else 0.7 * (last_s - first_s)),
                        confidence=WEAK if number in weak else SURE,
                        evidence=evidence,
                        warp=Warp(on.tempo, on.tempo),
                    )
                )
        heards.append(heard(begin_s + jitter_s[number % len(jitter_s)], *matches))
    return heards
