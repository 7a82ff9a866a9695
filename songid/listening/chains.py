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
    open_chains: list[_Open] = []
    closed: list[Chain] = []
    window_start_s = float("-inf")
    # Strong ones of a window choose their chain first.
    for sighting in sorted(found, key=lambda s: (s.window_start_s, -s.match.score, s.match.lag_s)):
        best = _best_for(sighting, open_chains, rules)
        if best is None:
            open_chains.append(_Open([sighting]))
        else:
            best.add(sighting)
        if sighting.window_start_s > window_start_s:
            window_start_s = sighting.window_start_s
            still: list[_Open] = []
            for each in open_chains:
                if window_start_s - each.window_end_s > rules.bridge_s:
                    closed.append(each.chain)
                else:
                    still.append(each)
            open_chains = still
    return closed + [each.chain for each in open_chains]


class _Open:
    """A chain that may go on, with what is asked of its last sighting again and again."""

    __slots__ = (
        "chain", "end_s", "heard", "lag_s", "start_s", "tempo", "window_end_s", "window_start_s"
    )  # fmt: skip

    def __init__(self, chain: Chain) -> None:
        self.chain: Chain = []
        for sighting in chain:
            self.add(sighting)

    def add(self, sighting: Sighting) -> None:
        """Go on with a sighting."""
        self.chain.append(sighting)
        self.heard, self.start_s, self.end_s = sighting.heard, sighting.start_s, sighting.end_s
        self.window_start_s, self.window_end_s = sighting.window_start_s, sighting.window_end_s
        self.lag_s, self.tempo = sighting.match.lag_s, sighting.match.warp.tempo


def _best_for(sighting: Sighting, open_chains: Sequence[_Open], rules: PlayRules) -> _Open | None:
    """The chain whose lag comes nearest to a sighting's, if it comes near enough."""
    start_s, heard = sighting.start_s, sighting.heard
    offset_s = sighting.offset_s(start_s)
    earliest_s = start_s - rules.bridge_s
    best, best_error = None, float("inf")
    for each in open_chains:
        if each.heard == heard or each.end_s < earliest_s:
            continue
        error = abs(offset_s - (each.lag_s + (start_s - each.window_start_s) * each.tempo))
        if error < best_error:
            allowed = rules.lag_s + rules.drift * max(0.0, start_s - each.start_s)
            if error <= allowed:
                best, best_error = each, error
    return best


def chain_score(chain: Chain) -> float:
    """A chain's summed score."""
    return sum(sighting.match.score for sighting in chain)


def chain_confidence(chain: Chain) -> float:
    """The confidence that a chain is a true play."""
    return together([sighting.match.confidence for sighting in chain])
