"""From a query's fingerprint to the matches in the catalogue, each with its evidence.

Landmarks of the query that point at the same lag of the same recording are its
evidence. A match takes its landmarks with it: what is found after it must stand on
landmarks of its own, or is marked as resting on the same evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from songid.catalogue.evidence import LAG_TOLERANCE_FRAMES, Evidence
from songid.catalogue.lookup import Hits, ranges
from songid.catalogue.snapshot import Snapshot

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

MOST_PER_HASH = 20_000
"""Hashes with more postings than this tell nothing and are not read."""

_LEAST_BUCKETS, _MOST_BUCKETS = 1 << 16, 1 << 18
_FEW_HITS = 8192
EXAMINED = 24
"""So many of the strongest lags are examined as a rule."""

_WEIGHED = 1000
"""So many of the heaviest lags are compared by how their weight is spread: in a large catalogue
chance alone makes hundreds heavier than a weak match, but in few seconds of the query."""


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
    """Find alignments of at least `least_score` among the `examined` strongest lags.

    Strongest first. hashes: uint32 (q,), the query's; offsets_frames: int64 (q,), in
    frames of `frame_s` seconds; hits: what `look_up` found for them.
    """
    if not len(hits.positions):
        return []
    evidence = Evidence(snapshot, hits, hashes, offsets_frames, frame_s)
    candidates = _candidates(
        snapshot, hits, offsets_frames, evidence, frame_s, least_score, examined
    )
    return _separate(snapshot, candidates, evidence, least_score)


def best_score(
    snapshot: Snapshot,
    hits: Hits,
    hashes: npt.NDArray[np.uint32],
    offsets_frames: I64,
    *,
    frame_s: float,
    least_score: float,
    examined: int,
) -> float:
    """The score of the strongest alignment that `align` finds; 0 if it finds none."""
    if not len(hits.positions):
        return 0.0
    evidence = Evidence(snapshot, hits, hashes, offsets_frames, frame_s)
    candidates = _candidates(
        snapshot, hits, offsets_frames, evidence, frame_s, least_score, examined
    )
    return candidates[0].score if candidates else 0.0


def likely(
    snapshot: Snapshot,
    hits: Hits,
    hashes: npt.NDArray[np.uint32],
    offsets_frames: I64,
    *,
    frame_s: float,
    least_score: float,
    examined: int = EXAMINED,
) -> list[int]:
    """The recordings in which the `examined` strongest lags lie, ascending; see `align`.

    Where hits were left out none of them is too light, for what is missing may be in them.
    """
    evidence = Evidence(snapshot, hits, hashes, offsets_frames, frame_s)
    least = 0.0 if hits.rest is not None else least_score
    chosen: set[int] = set()
    groups = _grouped(hits, offsets_frames, evidence, frame_s, least)
    for here in islice(groups.apart(), examined):
        recordings = np.searchsorted(snapshot.starts_frames, hits.positions[here], "right") - 1
        chosen.update(each for each in recordings.tolist() if snapshot.live[each])
    return sorted(chosen)


def _in_strong_buckets(lags: I64, weights: F64, least_weight: float) -> I64:
    """Indices of hits whose lag falls where enough weight gathers.

    Lags are folded into buckets, which costs one pass; what folds together by chance
    is told apart afterwards. Few hits are sorted as fast as they are folded.
    """
    if len(lags) <= _FEW_HITS:
        return np.arange(len(lags))
    # As many as there are hits, so that few fold together, while they stay in the cache.
    buckets = min(max(1 << len(lags).bit_length() - 1, _LEAST_BUCKETS), _MOST_BUCKETS)
    bucket = lags & (buckets - 1)
    # One more on either side, the same as at the other end, for the neighbours.
    sums = np.bincount(bucket + 1, weights, buckets + 2)
    sums[0], sums[-1] = sums[-2], sums[1]
    near = sums[:-2] + sums[1:-1] + sums[2:]
    strong = near >= least_weight
    most = 3 * _WEIGHED  # a lag and its two neighbours
    if np.count_nonzero(strong) > most:
        strong = near >= np.partition(near[strong], -most)[-most]
    wide = np.concatenate((strong[-1:], strong, strong[:1]))
    return np.flatnonzero((wide[:-2] | wide[1:-1] | wide[2:])[bucket])


@dataclass(frozen=True, slots=True)
class _Groups:
    """Hits sorted by lag, grouped: those within the tolerance of each lag that there is.

    order: int64 (h,), indices of the hits, their lags ascending; lags, begin, end: int64
    (g,), each group's lag and its hits [begin, end) in that order; strongest: the groups that
    may reach the score sought, the best spread over the query first.
    """

    order: I64
    lags: I64
    begin: I64
    end: I64
    strongest: I64

    def apart(self) -> Iterator[I64]:
        """The hits of the groups, strongest first, without those beside a stronger one."""
        blocked = np.zeros(len(self.lags), np.bool_)
        for index in self.strongest.tolist():
            if not blocked[index]:
                reach = self.lags[index] + 2 * LAG_TOLERANCE_FRAMES * np.array([-1, 1]) + (0, 1)
                blocked[slice(*np.searchsorted(self.lags, reach).tolist())] = True
                yield self.order[self.begin[index] : self.end[index]]


def _grouped(
    hits: Hits, offsets_frames: I64, evidence: Evidence, frame_s: float, least_score: float
) -> _Groups:
    """Group hits; of all groups the _WEIGHED heaviest are compared by how they are spread."""
    least_weight = evidence.least_weight(least_score)
    lags = hits.positions - offsets_frames[hits.landmarks]
    found = evidence.weights[hits.landmarks]
    near = _in_strong_buckets(lags, found, least_weight)
    order = near[np.argsort(lags[near], kind="stable")]
    lags, found = lags[order], found[order]
    cumulated = np.concatenate(([0.0], np.cumsum(found)))
    # Of what is sorted already, the first of each is found without sorting or hashing anew.
    distinct = lags[np.flatnonzero(np.diff(lags, prepend=lags[:1] - 1))]
    begin = np.searchsorted(lags, distinct - LAG_TOLERANCE_FRAMES, "left")
    end = np.searchsorted(lags, distinct + LAG_TOLERANCE_FRAMES, "right")
    sums = cumulated[end] - cumulated[begin]
    heavy = np.flatnonzero(sums >= least_weight)
    if len(heavy) > _WEIGHED:
        heavy = np.sort(heavy[np.argpartition(sums[heavy], -_WEIGHED)[-_WEIGHED:]])
    # What each second of the query adds to the score of each group, but for chance.
    sizes = end[heavy] - begin[heavy]
    member = ranges(begin[heavy], sizes)
    second = (offsets_frames[hits.landmarks[order[member]]] * frame_s).astype(np.int64)
    seconds = int(second.max(initial=0)) + 1
    cell = np.repeat(np.arange(len(heavy)) * seconds, sizes) + second
    by_second = np.bincount(cell, found[member], len(heavy) * seconds)
    spread = np.sqrt(by_second).reshape(-1, seconds).sum(1)
    best = np.argsort(-spread, kind="stable")
    return _Groups(order, distinct, begin, end, heavy[best[spread[best] >= least_score]])


@dataclass(frozen=True, slots=True)
class _Candidate:
    recording: int
    lag: float
    landmarks: I64
    score: float


def _candidates(
    snapshot: Snapshot,
    hits: Hits,
    offsets_frames: I64,
    evidence: Evidence,
    frame_s: float,
    least_score: float,
    examined: int,
) -> list[_Candidate]:
    """The strongest (recording, lag) groups among hits, strongest first, apart from each other."""
    groups = _grouped(hits, offsets_frames, evidence, frame_s, least_score)
    taken: list[_Candidate] = []
    for here in islice(groups.apart(), examined):
        landmarks, positions = hits.landmarks[here], hits.positions[here]
        recordings = np.searchsorted(snapshot.starts_frames, positions, "right") - 1
        for recording in sorted(set(recordings.tolist())):
            if not snapshot.live[recording]:
                continue
            mine = recordings == recording
            unique = np.array(sorted(set(landmarks[mine].tolist())), np.int64)
            score = evidence.score(recording, unique)
            if score < least_score:
                continue
            lags = positions[mine] - offsets_frames[landmarks[mine]]
            lag = float(np.average(lags, weights=evidence.weights[landmarks[mine]]))
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
