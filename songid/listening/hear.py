"""From windows of audio to heards: fingerprint, search, kind of sound.

This is the only path from samples to the journal, whether they come from an excerpt, a
day's file or a station's segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from songid.audio.decode import Decoding
from songid.catalogue.catalogue import Catalogue
from songid.catalogue.search import Alignment
from songid.interfaces import Analysis, Fingerprinter
from songid.listening.confidence import confidence, score_for
from songid.listening.rules import ListenRules
from songid.listening.sound import classify
from songid.listening.warps import best_warp, families
from songid.listening.windows import Window, cut_windows
from songid.model import UNWARPED, Fingerprint, Heard, Match, SoundKind, Warp

_MOST_MATCHES = 8
_SHORTEST_S = 0.5
_LIKELY = 0.5
_ENOUGH = 0.99
_LEAST_MUSIC_S = 2.0
_EXAMINED_PER_WARP = 6
_ALONE_S = 2.0
_FEW = 4
_STAGES_PER_S = (20, 40)
"""Landmarks of each second that are asked first; most clean segments need no more. They count
only if, by what follows, one recording is beyond doubt, and is heard all through the window."""
_SURE = 0.9999
_UNEXPLAINED_S = 1.5
_LATE_S = 0.5
_TRY_TOGETHER = 4
"""So many unmatched windows in a row share one search for a warp, which bounds its cost."""
PART_WINDOWS = 16
"""After so many windows everything begins anew, so that hearing can be taken up there."""


@dataclass(frozen=True, slots=True)
class _Pending:
    """A window of music that matched nothing as it is."""

    analysis: Analysis
    heard: Heard


class Listener:
    """Hears windows against a catalogue; keeps no state between pieces of audio."""

    def __init__(self, catalogue: Catalogue, rules: ListenRules) -> None:
        self._catalogue = catalogue
        self._fingerprinter = catalogue.fingerprinter
        self._rules = rules
        self._kinds = families(
            widest_speed=rules.widest_speed,
            widest_tempo=rules.widest_tempo,
            widest_pitch=rules.widest_pitch,
            step=rules.warp_step,
        )

    @property
    def rate_hz(self) -> int:
        """The sample rate at which audio must come."""
        return self._fingerprinter.sample_rate_hz

    @property
    def rules(self) -> ListenRules:
        """The rules by which it hears."""
        return self._rules

    @property
    def warps(self) -> tuple[Warp, ...]:
        """The warps under which music that matches nothing is sought."""
        return tuple(warp for kind in self._kinds for warp in kind.warps)

    def trials_s(self, warp: Warp) -> float:
        """How much audio a match under `warp` was held against: see `confidence`."""
        return self._trials_s(1 if warp == UNWARPED else len(self.warps))

    def listen(
        self, audio: Decoding, *, station: str, start: datetime, source: str = ""
    ) -> Iterator[Heard]:
        """One heard per window of `audio`, whose first sample aired at `start`, in order.

        If the audio proves damaged, the last heard says so.
        """
        windows = cut_windows(audio, self.rate_hz, self._rules.window_s)
        last: Heard | None = None
        for heard in self.hear_windows(windows, station=station, start=start, source=source):
            if last is not None:
                yield last
            last = heard
        if last is not None:
            yield replace(last, damaged=audio.damaged)

    def hear_windows(
        self, windows: Iterable[Window], *, station: str, start: datetime, source: str = ""
    ) -> Iterator[Heard]:
        """One heard per window, in order; those of music that match nothing wait for a warp.

        What is heard in a window depends on others of the same PART_WINDOWS alone.
        """
        pending: list[_Pending] = []
        warp: Warp | None = None
        for number, window in enumerate(windows):
            if number % PART_WINDOWS == 0:
                yield from self._resolve(pending)[1]
                pending, warp = [], None
            if len(window.samples) < _SHORTEST_S * self.rate_hz:
                continue
            analysis = self._fingerprinter.analyse(window.samples)
            heard = self._hear(window, analysis, station, start, source)
            if _is_likely(heard.matches) or not _is_music(heard) or not self._kinds:
                _, resolved = self._resolve(pending)
                yield from resolved
                yield heard
                pending, warp = [], None
                continue
            if warp is not None:
                warped = self._match(analysis, warp, heard.duration_s)
                if _is_likely(warped):
                    yield replace(heard, matches=warped)
                    continue
                warp = None
            pending.append(_Pending(analysis, heard))
            if len(pending) == _TRY_TOGETHER:
                warp, resolved = self._resolve(pending)
                yield from resolved
                pending = []
        yield from self._resolve(pending)[1]

    def _resolve(self, pending: list[_Pending]) -> tuple[Warp | None, list[Heard]]:
        """Seek a warp for windows in a row; the heards under it, or as they were."""
        if not pending:
            return None, []
        trials_s = self._trials_s(len(self.warps))
        warp = best_warp(
            pending[len(pending) // 2].analysis,
            self._kinds,
            lambda queries, per_second: self._catalogue.glimpse(
                queries, per_second=per_second, least_score=self._rules.least_score
            ),
            lambda query: self._catalogue.search(
                query, least_score=self._rules.least_score, examined=_EXAMINED_PER_WARP
            ),
            least_score=score_for(_LIKELY, trials_s),
            enough_score=score_for(_ENOUGH, trials_s),
        )
        if warp is None:
            return None, [each.heard for each in pending]
        heards = []
        for each in pending:
            warped = self._match(each.analysis, warp, each.heard.duration_s)
            better = max((match.confidence for match in warped), default=0.0)
            as_it_was = max((match.confidence for match in each.heard.matches), default=0.0)
            heards.append(replace(each.heard, matches=warped) if better > as_it_was else each.heard)
        return warp, heards

    def _hear(
        self, window: Window, analysis: Analysis, station: str, start: datetime, source: str
    ) -> Heard:
        duration_s = round(len(window.samples) / self.rate_hz, 3)
        return Heard(
            station=station,
            # Whole milliseconds, so that the same audio has the same key wherever it is read.
            start=start + timedelta(milliseconds=round(window.start_s * 1000)),
            duration_s=duration_s,
            matches=self._match(analysis, UNWARPED, duration_s),
            sounds=classify(window.samples, self.rate_hz),
            source=source,
        )

    def _match(self, analysis: Analysis, warp: Warp, duration_s: float) -> tuple[Match, ...]:
        """Matches of a window, by few and rare landmarks where those leave no question.

        Most of what is on air is clear, and a store may charge for every page that is read.
        """
        quick = analysis.for_query(warp, quick=True)
        for per_second in _STAGES_PER_S:
            query = self._catalogue.sample(quick, per_second)
            matches, times_s = self._search(query, warp)
            if not matches:
                break
            if _is_explained(matches, times_s, duration_s):
                return matches
        return self._search(analysis.for_query(warp), warp)[0]

    def _search(
        self, query: Fingerprint, warp: Warp
    ) -> tuple[tuple[Match, ...], npt.NDArray[np.floating]]:
        """Matches of a query, and when within the window the best one's landmarks are."""
        alignments = self._catalogue.search(query, least_score=self._rules.least_score)
        alignments = alignments[:_MOST_MATCHES]
        if not alignments:
            return (), np.empty(0)
        trials_s = self.trials_s(warp)
        matches = tuple(
            _as_match(alignment, query, self._fingerprinter, trials_s, warp)
            for alignment in alignments
        )
        frames = np.sort(query.offsets_frames[alignments[0].landmarks])
        return matches, frames * (self._fingerprinter.frame_s / warp.tempo)

    def _trials_s(self, warps: int) -> float:
        """How much audio a query was held against, in seconds: what chance has to work with."""
        extent_s = self._catalogue.snapshot().extent_frames * self._fingerprinter.frame_s
        return extent_s * warps


def _is_likely(matches: tuple[Match, ...]) -> bool:
    return any(match.confidence >= _LIKELY for match in matches)


def _is_explained(
    matches: tuple[Match, ...], times_s: npt.NDArray[np.floating], duration_s: float
) -> bool:
    """Whether one recording, without doubt, is heard all through the window, and alone."""
    best = matches[0]
    others = (match for match in matches if match.recording_id != best.recording_id)
    if best.confidence < _SURE or any(match.evidence != best.evidence for match in others):
        return False
    holes_s = np.diff(times_s, prepend=0.0)
    whole = best.start_s <= _LATE_S and best.end_s >= duration_s - _LATE_S
    return whole and float(holes_s.max()) <= _UNEXPLAINED_S


def _is_music(heard: Heard) -> bool:
    music_s = sum(s.end_s - s.start_s for s in heard.sounds if s.kind is SoundKind.MUSIC)
    return music_s >= min(_LEAST_MUSIC_S, heard.duration_s / 2)


def _as_match(
    alignment: Alignment,
    query: Fingerprint,
    fingerprinter: Fingerprinter,
    trials_s: float,
    warp: Warp,
) -> Match:
    # The query's offsets are in the recording's time; the window's own runs slower by tempo.
    frame_s = fingerprinter.frame_s / warp.tempo
    aligned = alignment.landmarks[np.argsort(query.offsets_frames[alignment.landmarks])]
    begins_s = query.offsets_frames[aligned] * frame_s
    ends_s = begins_s + fingerprinter.reach_frames(query.hashes[aligned]) * frame_s
    kept = _without_single_ones(begins_s)
    return Match(
        recording_id=alignment.recording_id,
        lag_s=round(alignment.lag_frames * fingerprinter.frame_s, 3),
        start_s=round(float(begins_s[kept][0]), 3),
        end_s=round(float(ends_s[kept].max()), 3),
        landmarks=len(aligned),
        score=round(alignment.score, 3),
        confidence=round(confidence(alignment.score, trials_s), 6),
        evidence=alignment.evidence,
        warp=warp,
    )


def _without_single_ones(times_s: npt.NDArray[np.floating]) -> slice:
    """The part of ascending times that leaves out single ones far from the rest at either end.

    Chance aligns a landmark now and then; one alone would move a play's edge by seconds.
    """
    first, last = 0, len(times_s) - 1
    while last - first > _FEW and times_s[first + 1] - times_s[first] > _ALONE_S:
        first += 1
    while last - first > _FEW and times_s[last] - times_s[last - 1] > _ALONE_S:
        last -= 1
    return slice(first, last + 1)
