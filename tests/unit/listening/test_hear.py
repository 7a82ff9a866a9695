"""Hearing a window: with few landmarks where they leave no question, else with all."""

from __future__ import annotations

import numpy as np
import pytest
from indexing_material import RATE_HZ

from songid.catalogue.catalogue import Addition, Catalogue
from songid.listening.hear import Listener
from songid.listening.identify import ORIGIN
from songid.listening.rules import ListenRules
from songid.listening.windows import Window
from songid.model import ComponentURL, Fingerprint, Heard, Recording, Samples, Warp
from songid_plugins.fingerprinters.landmark import Landmark, LandmarkAnalysis
from songid_plugins.stores.memory import open_store


class Watched(Landmark):
    """Says which queries were made of a window: (warp, quick)."""

    def __init__(self) -> None:
        self.asked: list[tuple[Warp, bool]] = []

    def analyse(self, samples: Samples) -> LandmarkAnalysis:
        outer, analysis = self, super().analyse(samples)

        class Analysis(LandmarkAnalysis):
            def for_query(self, warp: Warp = Warp(), *, quick: bool = False) -> Fingerprint:  # noqa: B008 - frozen
                outer.asked.append((warp, quick))
                return super().for_query(warp, quick=quick)

        return Analysis(analysis.peaks)


@pytest.fixture(scope="module")
def catalogue(songs: list[Samples]) -> Catalogue:
    made = Catalogue(open_store(ComponentURL.parse("memory")), Watched())
    made.add(
        [
            Addition(
                Recording(f"{n}", f"{n}", duration_s=60.0, source=f"{n}", content_sha256=f"{n}"),
                Landmark().analyse(song).for_index(),
            )
            for n, song in enumerate(songs[:4])
        ]
    )
    return made


def hear(catalogue: Catalogue, samples: Samples) -> tuple[Heard, list[tuple[Warp, bool]]]:
    assert isinstance(catalogue.fingerprinter, Watched)
    catalogue.fingerprinter.asked.clear()
    listener = Listener(
        catalogue, ListenRules(widest_speed=0.0, widest_tempo=0.0, widest_pitch=0.0)
    )
    (heard,) = listener.hear_windows([Window(0.0, samples)], station="s", start=ORIGIN)
    return heard, catalogue.fingerprinter.asked


def starts_s(catalogue: Catalogue, heard: Heard) -> dict[str, float]:
    """When each song that is surely there begins in the window, by title."""
    names = {each.recording_id: each.title for each in catalogue.store.recordings()}
    sure = [match for match in heard.matches if match.confidence > 0.999]
    return {names[match.recording_id]: match.start_s for match in reversed(sure)}


def test_a_clear_window_takes_few_landmarks_and_is_placed_as_well(
    catalogue: Catalogue, songs: list[Samples]
) -> None:
    heard, asked = hear(catalogue, songs[1][20 * RATE_HZ : 32 * RATE_HZ])
    assert asked == [(Warp(), True)]
    assert set(starts_s(catalogue, heard)) == {"1"}
    match = heard.matches[0]
    assert match.confidence > 0.9999
    assert match.lag_s == pytest.approx(20.0, abs=0.05)
    assert match.start_s < 1.0
    assert match.end_s > 11.0


def test_where_a_song_begins_all_landmarks_are_asked(
    catalogue: Catalogue, songs: list[Samples]
) -> None:
    samples = np.concatenate([songs[1][: 7 * RATE_HZ], songs[2][: 5 * RATE_HZ]])
    heard, asked = hear(catalogue, samples)
    assert asked[-1] == (Warp(), False)
    starts = starts_s(catalogue, heard)
    assert set(starts) == {"1", "2"}
    assert starts["2"] == pytest.approx(7.0, abs=0.4)


def test_what_is_not_there_is_sought_with_all_landmarks(
    catalogue: Catalogue, songs: list[Samples]
) -> None:
    heard, asked = hear(catalogue, songs[6][20 * RATE_HZ : 32 * RATE_HZ])
    assert asked[-1] == (Warp(), False)
    assert not [match for match in heard.matches if match.confidence > 0.5]
