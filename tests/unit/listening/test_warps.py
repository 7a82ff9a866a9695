"""Music off its speed, tempo or pitch is found, and the search for it is bounded."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from songid.catalogue.catalogue import Addition, Catalogue
from songid.listening.hear import Listener
from songid.listening.identify import ORIGIN
from songid.listening.rules import ListenRules
from songid.listening.warps import Family, best_warp, families
from songid.listening.windows import Window
from songid.model import ComponentURL, Fingerprint, Match, Recording, Samples, Warp
from songid.testing.distortions import pitch, speed, tempo
from songid_plugins.fingerprinters.landmark import Landmark
from songid_plugins.stores.memory import open_store

RATE_HZ = Landmark.sample_rate_hz
SEMITONE = 2 ** (1 / 12)


@pytest.fixture(scope="module")
def catalogue(songs: list[Samples]) -> Catalogue:
    made = Catalogue(open_store(ComponentURL.parse("memory")), Landmark())
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


def best_of(catalogue: Catalogue, samples: Samples, rules: ListenRules) -> tuple[str, Match] | None:
    """The best match of a window and its recording's title."""
    listener = Listener(catalogue, rules)
    (heard,) = listener.hear_windows([Window(0.0, samples)], station="s", start=ORIGIN)
    titles = {each.recording_id: each.title for each in catalogue.store.recordings()}
    best = max(heard.matches, key=lambda match: match.confidence, default=None)
    return best and (titles[best.recording_id], best)


@pytest.mark.parametrize(
    ("change", "warp"),
    [
        pytest.param(lambda x: speed(x, 1.05), Warp(1.05, 1.05), id="5 % fast"),
        pytest.param(lambda x: speed(x, 0.96), Warp(0.96, 0.96), id="4 % slow"),
        pytest.param(lambda x: tempo(x, RATE_HZ, 1.1), Warp(1.1, 1.0), id="tempo +10 %"),
        pytest.param(lambda x: tempo(x, RATE_HZ, 0.93), Warp(0.93, 1.0), id="tempo -7 %"),
        pytest.param(lambda x: pitch(x, RATE_HZ, 2), Warp(1.0, SEMITONE**2), id="2 semitones up"),
        pytest.param(lambda x: pitch(x, RATE_HZ, -1), Warp(1.0, 1 / SEMITONE), id="1 down"),
    ],
)
def test_warped_music_is_found_with_its_warp(
    catalogue: Catalogue, songs: list[Samples], change: object, warp: Warp
) -> None:
    assert callable(change)
    part = songs[2][20 * RATE_HZ : 34 * RATE_HZ]
    found = best_of(catalogue, change(part)[: 12 * RATE_HZ], ListenRules())
    assert found is not None
    title, match = found
    assert title == "2" and match.confidence > 0.99
    assert match.warp.tempo == pytest.approx(warp.tempo, abs=0.004)
    assert match.warp.pitch == pytest.approx(warp.pitch, abs=0.004)
    assert match.lag_s == pytest.approx(20.0, abs=0.1)


def test_what_is_switched_off_is_not_sought(catalogue: Catalogue, songs: list[Samples]) -> None:
    stretched = tempo(songs[2][20 * RATE_HZ : 34 * RATE_HZ], RATE_HZ, 1.08)
    found = best_of(catalogue, stretched, ListenRules(widest_tempo=0.0))
    assert found is None or found[1].confidence < 0.99


def test_strangers_stay_strangers_under_all_warps(
    catalogue: Catalogue, songs: list[Samples]
) -> None:
    for song in songs[6:]:
        found = best_of(catalogue, song[20 * RATE_HZ : 32 * RATE_HZ], ListenRules())
        assert found is None or found[1].confidence < 0.9


def test_kinds_of_warps_reach_as_far_as_they_are_told() -> None:
    turned, stretched, transposed = families(
        widest_speed=0.02, widest_tempo=0.01, widest_pitch=1.0, step=0.01
    )
    assert [round(each.tempo, 3) for each in turned.warps] == [0.98, 0.99, 1.01, 1.02]
    assert all(each.tempo == each.pitch for each in turned.warps)
    assert [(round(each.tempo, 3), each.pitch) for each in stretched.warps] == [
        (0.99, 1.0),
        (1.01, 1.0),
    ]
    assert all(each.tempo == 1.0 for each in transposed.warps)
    pitches = [each.pitch for each in transposed.warps]
    assert min(pitches) == pytest.approx(1 / SEMITONE, abs=0.006)
    assert max(pitches) == pytest.approx(SEMITONE, abs=0.006)
    assert families(widest_speed=0, widest_tempo=0, widest_pitch=0, step=0.01) == ()


class Counted:
    """Scores queries by their warp, and counts how often it is asked."""

    def __init__(self, scores: dict[float, float]) -> None:
        self.scores = scores
        self.glimpsed = self.looked = 0

    def for_query(self, warp: Warp, *, quick: bool = False) -> Fingerprint:
        return warp  # type: ignore[return-value]  # stands for the query that it gives

    def glimpse(self, queries: Sequence[Warp], per_second: int) -> list[float]:
        self.glimpsed += len(queries)
        return [self.scores.get(round(each.tempo, 4), 0.0) for each in queries]

    def look(self, query: Warp) -> list[object]:
        self.looked += 1

        class Found:
            score = self.scores.get(round(query.tempo, 4), 0.0)

        return [Found()]


def sought(counted: Counted, kinds: Sequence[Family]) -> Warp | None:
    return best_warp(
        counted,  # type: ignore[arg-type]
        kinds,
        counted.glimpse,  # type: ignore[arg-type]
        counted.look,  # type: ignore[arg-type]
        least_score=3.0,
        enough_score=6.0,
    )


def test_the_search_ends_with_the_first_kind_that_is_enough_and_its_cost_is_bounded() -> None:
    kinds = families(widest_speed=0.06, widest_tempo=0.1, widest_pitch=0.0, step=0.005)
    enough = Counted({1.03: 9.0})
    assert sought(enough, kinds) == Warp(1.03, 1.03)
    assert enough.glimpsed == 24
    # Nothing anywhere: every warp is glimpsed once, and nothing looked at in full.
    nothing = Counted({})
    assert sought(nothing, kinds) is None
    assert (nothing.glimpsed, nothing.looked) == (24 + 40, 0)
    # Something everywhere: three of each kind in full, and one of each refined.
    always = Counted({round(1 + 0.0025 * n, 4): 4.0 for n in range(-48, 48)})
    assert sought(always, kinds) is not None
    assert always.looked <= 2 * (3 + 3)


def test_of_two_kinds_the_better_one_is_taken() -> None:
    kinds = families(widest_speed=0.01, widest_tempo=0.08, widest_pitch=0.0, step=0.005)
    found = sought(Counted({1.01: 4.0, 1.08: 5.0}), kinds)
    assert found is not None
    assert (round(found.tempo, 3), found.pitch) == (1.08, 1.0)
