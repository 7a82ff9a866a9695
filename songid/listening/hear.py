"""From one window of audio to its heard: fingerprint, search, kind of sound.

This is the only path from samples to the journal, whether they come from an excerpt, a
day's file or a station's segment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from songid.audio.decode import Decoding
from songid.catalogue.catalogue import Catalogue
from songid.catalogue.search import Alignment
from songid.listening.confidence import confidence
from songid.listening.rules import ListenRules
from songid.listening.sound import classify
from songid.listening.windows import Window, cut_windows
from songid.model import Fingerprint, Heard, Match

_MOST_MATCHES = 8
_SHORTEST_S = 0.5


class Listener:
    """Hears windows against a catalogue; keeps no state between them."""

    def __init__(self, catalogue: Catalogue, rules: ListenRules) -> None:
        self._catalogue = catalogue
        self._fingerprinter = catalogue.fingerprinter
        self._rules = rules

    @property
    def rate_hz(self) -> int:
        """The sample rate at which audio must come."""
        return self._fingerprinter.sample_rate_hz

    def listen(
        self, audio: Decoding, *, station: str, start: datetime, source: str = ""
    ) -> Iterator[Heard]:
        """One heard per window of `audio`, whose first sample aired at `start`.

        If the audio proves damaged, the last heard says so.
        """
        waiting: Heard | None = None
        for window in cut_windows(audio, self.rate_hz, self._rules.window_s):
            if waiting is not None:
                yield waiting
                waiting = None
            if len(window.samples) < _SHORTEST_S * self.rate_hz:
                continue
            waiting = self.hear(window, station=station, start=start, source=source)
        if waiting is not None:
            yield replace(waiting, damaged=audio.damaged)

    def hear(self, window: Window, *, station: str, start: datetime, source: str) -> Heard:
        """What one window gives."""
        duration_s = len(window.samples) / self.rate_hz
        return Heard(
            station=station,
            # Whole milliseconds, so that the same audio has the same key wherever it is read.
            start=start + timedelta(milliseconds=round(window.start_s * 1000)),
            duration_s=round(duration_s, 3),
            matches=self.matches(window),
            sounds=classify(window.samples, self.rate_hz),
            source=source,
        )

    def matches(self, window: Window) -> tuple[Match, ...]:
        """The window's matches, strongest first, weak ones included."""
        query = self._fingerprinter.analyse(window.samples).for_query()
        alignments = self._catalogue.search(query, least_score=self._rules.least_score)
        frame_s = self._fingerprinter.frame_s
        catalogue_s = self._catalogue.snapshot().extent_frames * frame_s
        return tuple(
            _match(alignment, query, frame_s, catalogue_s)
            for alignment in alignments[:_MOST_MATCHES]
        )


def _match(alignment: Alignment, query: Fingerprint, frame_s: float, catalogue_s: float) -> Match:
    offsets = np.sort(query.offsets_frames[alignment.landmarks])
    return Match(
        recording_id=alignment.recording_id,
        lag_s=round(alignment.lag_frames * frame_s, 3),
        start_s=round(float(offsets[0]) * frame_s, 3),
        end_s=round(float(offsets[-1]) * frame_s, 3),
        landmarks=len(offsets),
        score=round(alignment.score, 3),
        confidence=round(confidence(alignment.score, catalogue_s), 6),
        evidence=alignment.evidence,
    )
