"""From a window and what was heard in it to the explanation of its answer.

The window is asked once more, with all its landmarks: what the whole catalogue answers,
and, for the recording that is explained, what it answers at every lag.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from songid.catalogue.catalogue import Catalogue
from songid.catalogue.evidence import LAG_TOLERANCE_FRAMES
from songid.catalogue.evidence import Evidence as Scores
from songid.catalogue.lookup import Hits
from songid.catalogue.search import MOST_PER_HASH, Alignment, align
from songid.catalogue.snapshot import Snapshot
from songid.explaining.explanation import Candidate, Evidence, Lags
from songid.interfaces import Analysis, DrawableFingerprinter
from songid.listening.confidence import confidence, score_for
from songid.listening.hear import Listener
from songid.listening.windows import Window
from songid.model import UNWARPED, Fingerprint, Heard, Samples, Warp

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_GLIMPSED_PER_S = 40
_REFINED = 3
_LIKELY = 0.5
_MOST_CANDIDATES = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """What a window is answered. candidates: the chosen one first; see `Explanation`."""

    candidates: tuple[Candidate, ...]
    evidence: Evidence | None
    looked_up: int
    common: int
    warps_tried: int


class Inquiry:
    """Asks the catalogue about windows; `recording_id`: about this recording alone, if not "".

    accept: the confidence from which a match is taken for true.
    """

    def __init__(
        self, catalogue: Catalogue, listener: Listener, accept: float, recording_id: str = ""
    ) -> None:
        self._catalogue = catalogue
        self._listener = listener
        self._fingerprinter = catalogue.fingerprinter
        self._accept = accept
        self._recording_id = recording_id

    def best_score(self, window: Window) -> float:
        """The best score that the recording has in a window played at its own speed."""
        query = self._analyse(window.samples).for_query()
        return max((each.score for each in self._ask(query).best()), default=0.0)

    def answer(self, window: Window, heard: Heard) -> Answer:
        """What the window is answered, under the warp it was heard under, or the best there is."""
        analysis = self._analyse(window.samples)
        warp, tried = self._warp(analysis, heard)
        query = analysis.for_query(warp)
        asked = self._ask(query)
        ranked = asked.ranked(self._listener.rules.least_score)
        common = int(np.count_nonzero(asked.hits.counts > MOST_PER_HASH))
        if not ranked:
            return Answer((), None, len(query), common, tried)
        chosen = ranked[0]
        candidates = [self._candidate(each, warp, chosen) for each in ranked]
        first, *rest = candidates
        best = {first.recording_id: first}
        for each in sorted(
            [*rest, *self._under_others(heard, warp)], key=lambda each: -each.confidence
        ):
            best.setdefault(each.recording_id, each)
        rest = sorted(list(best.values())[1:], key=lambda each: -each.score)
        evidence = self._evidence(asked, ranked, warp, heard.duration_s)
        return Answer((first, *rest[: _MOST_CANDIDATES - 1]), evidence, len(query), common, tried)

    def _under_others(self, heard: Heard, warp: Warp) -> list[Candidate]:
        """What was heard under other warps than `warp`: on landmarks that lie elsewhere."""
        return [
            Candidate(
                match.recording_id,
                match.warp,
                match.lag_s,
                match.landmarks,
                match.score,
                match.confidence,
                round(self._needed(match.warp), 3),
                shared=0.0,
            )
            for match in heard.matches
            if match.warp != warp
        ]

    # -- asking -----------------------------------------------------------------------

    def _analyse(self, samples: Samples) -> Analysis:
        return self._fingerprinter.analyse(samples)

    def _ask(self, query: Fingerprint) -> _Asked:
        snapshot, hits = self._catalogue.look_up(query)
        return _Asked(snapshot, hits, query, self._fingerprinter.frame_s, self._recording_id)

    def _warp(self, analysis: Analysis, heard: Heard) -> tuple[Warp, int]:
        """The warp to explain, and how many besides none were tried for it."""
        warps = self._listener.warps
        if not len(analysis.for_query()):
            return UNWARPED, 0
        for match in heard.matches:
            if match.confidence >= _LIKELY and self._recording_id in ("", match.recording_id):
                return match.warp, 0 if match.warp == UNWARPED else len(warps)
        scores = {
            warp: self._score(
                self._catalogue.sample(analysis.for_query(warp, quick=True), _GLIMPSED_PER_S)
            )
            for warp in warps
        }
        likely = sorted(warps, key=lambda warp: -scores[warp])[:_REFINED]
        heard_under = [match.warp for match in heard.matches]
        best = max(
            dict.fromkeys([UNWARPED, *heard_under, *likely]),
            key=lambda warp: self._confidence(self._score(analysis.for_query(warp)), warp),
        )
        return best, len(warps)

    def _score(self, query: Fingerprint) -> float:
        return max((each.score for each in self._ask(query).best()), default=0.0)

    # -- judging ----------------------------------------------------------------------

    def _confidence(self, score: float, warp: Warp) -> float:
        return confidence(score, self._listener.trials_s(warp))

    def _needed(self, warp: Warp) -> float:
        return score_for(self._accept, self._listener.trials_s(warp))

    def _candidate(self, alignment: Alignment, warp: Warp, chosen: Alignment) -> Candidate:
        common = np.intersect1d(alignment.landmarks, chosen.landmarks)
        fewer = min(len(alignment.landmarks), len(chosen.landmarks))
        return Candidate(
            alignment.recording_id,
            warp,
            round(alignment.lag_frames * self._fingerprinter.frame_s, 3),
            len(alignment.landmarks),
            round(alignment.score, 3),
            round(self._confidence(alignment.score, warp), 6),
            round(self._needed(warp), 3),
            shared=round(len(common) / fewer, 3),
        )

    def _evidence(
        self, asked: _Asked, ranked: list[Alignment], warp: Warp, duration_s: float
    ) -> Evidence:
        chosen = ranked[0]
        by_second = asked.scores.by_second(chosen.landmarks)
        seconds = np.zeros(max(len(by_second), math.ceil(duration_s * warp.tempo)))
        seconds[: len(by_second)] = by_second
        aligned = asked.flags(chosen.landmarks)
        other = asked.flags(asked.within(chosen.recording_id).landmarks)
        as_well = next(
            (
                each
                for each in ranked[1:]
                if self._confidence(each.score, warp) >= self._accept
                and self._candidate(each, warp, chosen).on_its_own
            ),
            None,
        )
        return Evidence(
            seconds=seconds,
            discount=round(float(seconds.sum()) - chosen.score, 3),
            lags=asked.lags(chosen),
            aligned=aligned,
            other=other & ~aligned,
            as_well=asked.flags(as_well.landmarks if as_well else []),
            heard_as_well=as_well.recording_id if as_well else "",
            points=self._points(asked.query, warp),
        )

    def _points(self, query: Fingerprint, warp: Warp) -> F64 | None:
        """Where the query's landmarks are in the window's own sound, shape (q, 4)."""
        if not isinstance(self._fingerprinter, DrawableFingerprinter):
            return None
        points = self._fingerprinter.points(query).astype(np.float64)
        # The query was moved to where it would be in the recording; this moves it back.
        moved: F64 = points * np.array([1 / warp.tempo, warp.pitch, 1 / warp.tempo, warp.pitch])
        return moved


class _Asked:
    """A query and its hits, in the whole catalogue, with an eye on one recording if named."""

    def __init__(
        self, snapshot: Snapshot, hits: Hits, query: Fingerprint, frame_s: float, only: str
    ) -> None:
        self.snapshot = snapshot
        self.hits = hits
        self.query = query
        self._offsets = query.offsets_frames.astype(np.int64)
        self._frame_s = frame_s
        self._only = only
        self.scores = Scores(snapshot, hits, query.hashes, self._offsets, frame_s)

    def best(self) -> list[Alignment]:
        """The strongest alignments there are, of the recording alone if one is named."""
        return self._align(self.within(self._only) if self._only else self.hits, 0.0)

    def ranked(self, least_score: float) -> list[Alignment]:
        """The best alignment of each recording: the one to explain, then the strongest others.

        Those of `least_score` are told apart by evidence as listening does it; weaker ones
        only show how far behind they are.
        """
        found = _one_each([*self._align(self.hits, least_score), *self._align(self.hits, 0.0)])
        if not self._only:
            return found
        mine = [each for each in found if each.recording_id == self._only] or self.best()
        others = [each for each in found if each.recording_id != self._only]
        return [*mine[:1], *others] if mine else []

    def within(self, recording_id: str) -> Hits:
        """The hits in one recording."""
        start, end = self._span(recording_id)
        inside = (self.hits.positions >= start) & (self.hits.positions < end)
        return Hits(self.hits.positions[inside], self.hits.landmarks[inside], self.hits.counts)

    def flags(self, landmarks: I64 | list[int]) -> npt.NDArray[np.bool_]:
        """Which of the query's landmarks are among these."""
        return np.isin(np.arange(len(self.query)), landmarks)

    def lags(self, chosen: Alignment) -> Lags:
        """What gathers at each lag of the chosen recording."""
        start, end = self._span(chosen.recording_id)
        hits = self.within(chosen.recording_id)
        lags = hits.positions - start - self._offsets[hits.landmarks]
        order = np.argsort(lags, kind="stable")
        lags, weights = lags[order], self.scores.weights[hits.landmarks[order]]
        cumulated = np.concatenate(([0.0], np.cumsum(weights)))
        distinct = np.unique(lags)
        low = np.searchsorted(lags, distinct - LAG_TOLERANCE_FRAMES, "left")
        high = np.searchsorted(lags, distinct + LAG_TOLERANCE_FRAMES, "right")
        gathered = cumulated[high] - cumulated[low]
        other = np.abs(distinct - chosen.lag_frames) > 2 * LAG_TOLERANCE_FRAMES
        width = 2 * LAG_TOLERANCE_FRAMES + 1
        return Lags(
            lags_s=distinct * self._frame_s,
            weights=gathered,
            chance=float(weights.sum()) * width / max(1, end - start),
            next_best=float(gathered[other].max(initial=0.0)),
        )

    def _span(self, recording_id: str) -> tuple[int, int]:
        """Where a recording is on the snapshot's axis; nowhere if it is gone."""
        if recording_id not in self.snapshot.recording_ids:
            return 0, 0
        return self.snapshot.span_of(self.snapshot.recording_ids.index(recording_id))

    def _align(self, hits: Hits, least_score: float) -> list[Alignment]:
        return align(
            self.snapshot,
            hits,
            self.query.hashes,
            self._offsets,
            frame_s=self._frame_s,
            least_score=least_score,
        )


def _one_each(alignments: Iterable[Alignment]) -> list[Alignment]:
    """The first of each recording, in order."""
    first: dict[str, Alignment] = {}
    for alignment in alignments:
        first.setdefault(alignment.recording_id, alignment)
    return list(first.values())
