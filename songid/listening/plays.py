"""Plays as a pure function of the journal: the same heards give the same plays.

Order, repeats and lateness of delivery do not matter, for all of it is sorted here;
nothing else in songid decides what a play is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from songid.listening.airtime import Airtime
from songid.listening.chains import (
    Chain,
    chain_confidence,
    chain_score,
    chain_up,
    clock_s,
    moment,
    sightings,
)
from songid.listening.rules import PlayRules
from songid.model import Heard, Play

_NO_DURATIONS: Mapping[str, float] = {}
_MOST = 0.6


def plays(
    heards: Iterable[Heard],
    rules: PlayRules | None = None,
    *,
    durations_s: Mapping[str, float] = _NO_DURATIONS,
) -> list[Play]:
    """The plays that a station's heards give, ordered by start.

    durations_s: the recordings' lengths, where known; a play that comes near its
    recording's end is taken to have reached it.
    """
    rules = rules or PlayRules()
    journal = in_order(heards)
    chains = _resolve(chain_up(sightings(journal), rules), rules)
    chains = [piece for chain in chains for piece in _cut_where_taken_over(chain, chains, rules)]
    airtime = Airtime(journal)
    whole_s = airtime.total_s
    # By what was seen of it: an edge that is taken to be the recording's own proves nothing.
    long_enough = [
        chain
        for chain in chains
        if chain[-1].end_s - chain[0].start_s
        >= min(
            rules.shortest_s,
            _MOST * whole_s,
            _MOST * durations_s.get(chain[0].recording_id, float("inf")),
        )
    ]
    found = [
        _play(chain, _free_from_s(chain, chains), journal, airtime, rules, durations_s)
        for chain in long_enough
    ]
    return sorted(
        (play for play in found if play.duration_s > 0),
        key=lambda play: (play.start, play.end, play.recording_id),
    )


def in_order(heards: Iterable[Heard]) -> list[Heard]:
    """Heards by start, one for each (station, start): of several, the one that says most."""
    # By instants: local times compare by the clock on the wall, which is set back in autumn.
    best: dict[tuple[float, str], Heard] = {}
    for heard in heards:
        key = (clock_s(heard.start), heard.station)
        if key not in best or _says(heard) > _says(best[key]):
            best[key] = heard
    return [best[key] for key in sorted(best)]


def _says(heard: Heard) -> tuple[float, float, str]:
    return heard.duration_s, sum(match.score for match in heard.matches), repr(heard)


def _resolve(chains: list[Chain], rules: PlayRules) -> list[Chain]:
    """Let chains that rest on the same evidence compete; the stronger takes it whole."""
    taken: set[tuple[int, int]] = set()
    accepted: list[Chain] = []
    strongest = sorted(
        chains, key=lambda c: (-chain_score(c), c[0].start_s, c[0].recording_id, c[0].match.lag_s)
    )
    for chain in strongest:
        own = [sighting for sighting in chain if sighting.evidence not in taken]
        if not own or chain_confidence(own) < rules.accept or _doubles(own, accepted):
            continue
        taken.update(sighting.evidence for sighting in own)
        accepted.append(own)
    return accepted


def _doubles(chain: Chain, accepted: Iterable[Chain]) -> bool:
    """Is this the same recording at the same time as an accepted chain (a loop's other turn)?"""
    start_s, end_s = chain[0].start_s, chain[-1].end_s
    return any(
        other[0].recording_id == chain[0].recording_id
        and min(end_s, other[-1].end_s) - max(start_s, other[0].start_s) > (end_s - start_s) / 2
        for other in accepted
    )


def _cut_where_taken_over(chain: Chain, chains: list[Chain], rules: PlayRules) -> list[Chain]:
    """Cut a chain at holes that another recording fills."""
    pieces: list[Chain] = [[chain[0]]]
    for before, after in pairwise(chain):
        hole_s = after.start_s - before.end_s
        if hole_s > rules.take_over_s and _filled(before.end_s, after.start_s, chain, chains):
            pieces.append([])
        pieces[-1].append(after)
    return [piece for piece in pieces if chain_confidence(piece) >= rules.accept]


def _filled(start_s: float, end_s: float, chain: Chain, chains: Iterable[Chain]) -> bool:
    covered = 0.0
    for other in chains:
        if other[0].recording_id != chain[0].recording_id:
            for sighting in other:
                covered += max(0.0, min(end_s, sighting.end_s) - max(start_s, sighting.start_s))
    return covered > (end_s - start_s) / 2


def _free_from_s(chain: Chain, chains: Iterable[Chain]) -> float:
    """When the last of the chains that began before this one was last seen."""
    start_s = chain[0].start_s
    return max((c[-1].end_s for c in chains if c[0].start_s < start_s), default=float("-inf"))


def _play(
    chain: Chain,
    free_from_s: float,
    journal: Sequence[Heard],
    airtime: Airtime,
    rules: PlayRules,
    durations_s: Mapping[str, float],
) -> Play:
    first, last = chain[0], chain[-1]
    strongest = max(chain, key=lambda sighting: sighting.match.score)
    start_s = airtime.start_of(first, rules, free_from_s)
    end_s = airtime.end_of(last, rules, durations_s.get(first.recording_id, 0.0))
    rivals = {
        match.recording_id
        for sighting in chain
        for match in journal[sighting.heard].matches
        if match.evidence == sighting.match.evidence and match.score >= _MOST * sighting.match.score
    }
    return Play(
        station=journal[first.heard].station,
        recording_id=first.recording_id,
        start=moment(start_s),
        end=moment(end_s),
        offset_s=round(max(0.0, first.offset_s(start_s)), 3),
        heard_s=round(airtime.heard_s(start_s, end_s), 3),
        confidence=round(chain_confidence(chain), 6),
        score=round(chain_score(chain), 3),
        landmarks=sum(sighting.match.landmarks for sighting in chain),
        warp=strongest.match.warp,
        alternatives=tuple(sorted(rivals - {first.recording_id})),
    )
