"""Sightings of a recording, and chains of sightings whose lag advances with the clock.

A sighting is one match placed on the station's clock. Chains are the raw material of
plays: all sightings that one uninterrupted play of a recording could have left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from songid.listening.confidence import together
from songid.listening.rules import PlayRules
from songid.model import Heard, Match

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def clock_s(moment: datetime) -> float:
    """Seconds of a moment since 1970 in UTC; microseconds survive."""
    return (moment - _EPOCH) / timedelta(seconds=1)


def moment(seconds: float) -> datetime:
    """The moment, to the millisecond, that many seconds after 1970."""
    return _EPOCH + timedelta(milliseconds=round(seconds * 1000))


@dataclass(frozen=True, slots=True)
class Sighting:
    """A match on the station's clock; times in seconds since 1970.

    window_start_s and window_end_s bound the audio that was heard; heard is the number
    of its heard, so (heard, evidence) names the landmarks it rests on.
    """

    match: Match
    heard: int
    start_s: float
    end_s: float
    window_start_s: float
    window_end_s: float

    @property
    def recording_id(self) -> str:
        """The recording seen."""
        return self.match.recording_id

    @property
    def evidence(self) -> tuple[int, int]:
        """What the match rests on; sightings that share it compete."""
        return self.heard, self.match.evidence

    def offset_s(self, at_s: float) -> float:
        """The recording's offset at a moment, as this sighting has it."""
        return self.match.lag_s + (at_s - self.window_start_s) * self.match.warp.tempo

    def clock_at_offset(self, offset_s: float) -> float:
        """The moment at which the recording's offset is (was, would be) `offset_s`."""
        return self.window_start_s + (offset_s - self.match.lag_s) / self.match.warp.tempo


Chain = list[Sighting]


def sightings(heards: Sequence[Heard]) -> list[Sighting]:
    """All matches of heards that are ordered by start, on the clock."""
    return [
        Sighting(
            match,
            number,
            clock_s(heard.start) + match.start_s,
            clock_s(heard.start) + match.end_s,
            clock_s(heard.start),
            clock_s(heard.end),
        )
        for number, heard in enumerate(heards)
        for match in heard.matches
    ]


def chain_up(found: Iterable[Sighting], rules: PlayRules) -> list[Chain]:
    """Join sightings of one recording whose lag advances with the clock."""
    by_recording: dict[str, list[Sighting]] = {}
    for sighting in found:
        by_recording.setdefault(sighting.recording_id, []).append(sighting)
    chains: list[Chain] = []
    for recording_id in sorted(by_recording):
        chains.extend(_chain_one(by_recording[recording_id], rules))
    return chains


def _chain_one(found: list[Sighting], rules: PlayRules) -> list[Chain]:
    open_chains: list[Chain] = []
    closed: list[Chain] = []
    # Strong ones of a window choose their chain first.
    for sighting in sorted(found, key=lambda s: (s.window_start_s, -s.match.score, s.match.lag_s)):
        best, best_error = None, float("inf")
        for chain in open_chains:
            error = _lag_error(chain[-1], sighting, rules)
            if error < best_error and chain[-1].heard != sighting.heard:
                best, best_error = chain, error
        if best is not None:
            best.append(sighting)
        else:
            open_chains.append([sighting])
        still: list[Chain] = []
        for chain in open_chains:
            late = sighting.window_start_s - chain[-1].window_end_s > rules.bridge_s
            (closed if late else still).append(chain)
        open_chains = still
    return closed + open_chains


def _lag_error(last: Sighting, sighting: Sighting, rules: PlayRules) -> float:
    """How far the lag is from what `last` lets expect, in seconds; infinite if too far."""
    apart_s = sighting.start_s - last.end_s
    if apart_s > rules.bridge_s:
        return float("inf")
    error = abs(sighting.offset_s(sighting.start_s) - last.offset_s(sighting.start_s))
    allowed = rules.lag_s + rules.drift * max(0.0, sighting.start_s - last.start_s)
    return error if error <= allowed else float("inf")


def chain_score(chain: Chain) -> float:
    """A chain's summed score."""
    return sum(sighting.match.score for sighting in chain)


def chain_confidence(chain: Chain) -> float:
    """The confidence that a chain is a true play."""
    return together([sighting.match.confidence for sighting in chain])
