"""From a query's fingerprint to the matches in the catalogue, each with its evidence.

Landmarks of the query that point at the same lag of the same recording are its
evidence. A match takes its landmarks with it: what is found after it must stand on
landmarks of its own, or is marked as resting on the same evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from songid.catalogue.evidence import LAG_TOLERANCE_FRAMES, Evidence
from songid.catalogue.lookup import Hits
from songid.catalogue.snapshot import Snapshot

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

MOST_PER_HASH = 20_000
"""Hashes with more postings than this tell nothing and are not read."""

_BUCKETS = 1 << 16
_FEW_HITS = 8192
EXAMINED = 24
"""So many of the heaviest lags are examined as a rule."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """A recording aligned at a lag.

    lag_frames: recording's offset minus the query's (a mean, so fractional); landmarks:
    int64 (n,), the query's landmarks aligned; score: see `Evidence.score`; evidence: the
    number of the group of alignments that share landmarks.
    """

    recording_id: str
    lag_frames: float
    landmarks: I64
    score: float
    evidence: int


def align(
    snapshot: Snapshot,
    hits: Hits,
    hashes: npt.NDArray[np.uint32],
    offsets_frames: I64,
    *,
    frame_s: float,
    least_score: float,
    examined: int = EXAMINED,
) -> list[Alignment]:
    """Find alignments of at least `least_score` among the `examined` heaviest lags.

    Strongest first. hashes: uint32 (q,), the query's; offsets_frames: int64 (q,), in
    frames of `frame_s` seconds; hits: what `look_up` found for them.
    """
    if not len(hits.positions):
        return []
    evidence = Evidence(snapshot, hits, hashes, offsets_frames, frame_s)
    lags = hits.positions - offsets_frames[hits.landmarks]
    found = evidence.weights[hits.landmarks]
    near = _in_strong_buckets(lags, found, evidence.least_weight(least_score), examined)
    if not len(near):
        return []
    order = near[np.argsort(lags[near], kind="stable")]
    lags, landmarks, positions = lags[order], hits.landmarks[order], hits.positions[order]
    candidates = _candidates(snapshot, lags, landmarks, positions, evidence, least_score, examined)
    return _separate(snapshot, candidates, evidence, least_score)


def _in_strong_buckets(lags: I64, weights: F64, least_weight: float, examined: int) -> I64:
    """Indices of hits whose lag falls where enough weight gathers.

    Lags are folded into buckets, which costs one pass; what folds together by chance
    is told apart afterwards. Few hits are sorted as fast as they are folded.
    """
    if len(lags) <= _FEW_HITS:
        return np.arange(len(lags))
    bucket = lags & (_BUCKETS - 1)
    # One more on either side, the same as at the other end, for the neighbours.
    sums = np.bincount(bucket + 1, weights, _BUCKETS + 2)
    sums[0], sums[-1] = sums[-2], sums[1]
    near = sums[:-2] + sums[1:-1] + sums[2:]
    strong = near >= least_weight
    most = 3 * examined  # a lag and its two neighbours
    if np.count_nonzero(strong) > most:
        strong = near >= np.partition(near[strong], -most)[-most]
    wide = np.concatenate((strong[-1:], strong, strong[:1]))
    return np.flatnonzero((wide[:-2] | wide[1:-1] | wide[2:])[bucket])


@dataclass(frozen=True, slots=True)
class _Candidate:
    recording: int
    lag: float
    landmarks: I64
    score: float


def _candidates(
    snapshot: Snapshot,
    lags: I64,
    landmarks: I64,
    positions: I64,
    evidence: Evidence,
    least_score: float,
    examined: int,
) -> list[_Candidate]:
    """The strongest (recording, lag) groups among hits sorted by lag, apart from each other."""
    found = evidence.weights[landmarks]
    cumulated = np.concatenate(([0.0], np.cumsum(found)))
    # Of what is sorted already, the first of each is found without sorting or hashing anew.
    distinct = lags[np.flatnonzero(np.diff(lags, prepend=lags[0] - 1))]
    begin = np.searchsorted(lags, distinct - LAG_TOLERANCE_FRAMES, "left")
    end = np.searchsorted(lags, distinct + LAG_TOLERANCE_FRAMES, "right")
    sums = cumulated[end] - cumulated[begin]
    recordings = np.searchsorted(snapshot.starts_frames, positions, "right") - 1
    least = evidence.least_weight(least_score)
    taken: list[_Candidate] = []
    blocked = np.zeros(len(distinct), np.bool_)
    left = examined
    for index in np.argsort(-sums, kind="stable").tolist():
        if sums[index] < least or not left:
            break
        if blocked[index]:
            continue
        left -= 1
        blocked |= np.abs(distinct - distinct[index]) <= 2 * LAG_TOLERANCE_FRAMES
        here = slice(begin[index], end[index])
        for recording in set(recordings[here].tolist()):
            if not snapshot.live[recording]:
                continue
            mine = np.flatnonzero(recordings[here] == recording) + begin[index]
            unique = np.array(sorted(set(landmarks[mine].tolist())), np.int64)
            score = evidence.score(recording, unique)
            if score < least_score:
                continue
            lag = float(np.average(lags[mine], weights=found[mine]))
            start, _ = snapshot.span_of(recording)
            taken.append(_Candidate(recording, lag - start, unique, score))
    return sorted(taken, key=lambda c: (-c.score, snapshot.recording_ids[c.recording], c.lag))


def _separate(
    snapshot: Snapshot, candidates: list[_Candidate], evidence: Evidence, least_score: float
) -> list[Alignment]:
    """Give each landmark to the strongest alignment that holds it, and group the rest."""
    owner = np.full(len(evidence.weights), -1, np.int64)
    alignments: list[Alignment] = []
    groups = 0
    for candidate in candidates:
        owners = owner[candidate.landmarks]
        own = candidate.landmarks[owners < 0]
        own_score = evidence.score(candidate.recording, own) if len(own) else 0.0
        if own_score >= max(least_score, candidate.score / 2):
            group = groups
            groups += 1
            owner[own] = group
            landmarks, score = own, own_score
        else:
            # Most of it is another's: the same sound in another version or another turn of a loop.
            group = int(np.bincount(owners[owners >= 0]).argmax()) if (owners >= 0).any() else -1
            if group < 0:
                continue
            landmarks, score = candidate.landmarks, candidate.score
        alignments.append(
            Alignment(
                snapshot.recording_ids[candidate.recording], candidate.lag, landmarks, score, group
            )
        )
    return alignments
