"""Calibrating: counting what is matched among what is not known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from indexing_material import RATE_HZ, clip, write

from songid.catalogue.catalogue import Addition, Catalogue
from songid.interfaces import Store
from songid.listening.calibrate import Unknown, keep, kept, measure, upper_bound
from songid.listening.hear import Listener
from songid.listening.rules import ListenRules, PlayRules
from songid.model import Recording, Samples
from songid_plugins.fingerprinters.landmark import Landmark

NOW = datetime(2025, 6, 1, tzinfo=UTC)


@pytest.fixture
def one_known(catalogue: Catalogue, songs: list[Samples]) -> str:
    """The id of the only recording that the catalogue has."""
    recording = Recording("", "song", source="s", content_sha256="s")
    fingerprint = Landmark().analyse(songs[0]).for_index()
    return catalogue.add([Addition(recording, fingerprint)])[0].recording.recording_id


def test_strangers_are_counted_and_none_is_matched(
    catalogue: Catalogue, one_known: str, songs: list[Samples], tmp_path: Path
) -> None:
    files = [write(tmp_path / f"{n}.wav", songs[n]) for n in (6, 7)]
    broken = tmp_path / "broken.mp3"
    broken.write_text("no music at all\n" * 30)
    heard: list[tuple[str, float]] = []
    measured, left_out = measure(
        Listener(catalogue, ListenRules()),
        [Unknown(path) for path in (*files, broken)],
        PlayRules(),
        recordings=1,
        now=NOW,
        material="two composed pieces",
        progress=lambda path, heard_s: heard.append((path.name, heard_s)),
    )
    assert measured.windows == 10
    assert measured.false_windows == 0
    assert measured.false_positive_rate == 0
    assert 0 <= measured.highest_score < 4
    assert (measured.recordings, measured.material, measured.measured_at) == (
        1, "two composed pieces", NOW
    )  # fmt: skip
    assert measured.threshold == PlayRules().accept
    assert len(left_out) == 1 and "broken.mp3" in left_out[0]
    name, heard_s = heard[-1]
    assert name == "7.wav"
    assert heard_s == pytest.approx(60, abs=0.1)


def test_a_known_song_counts_as_false_unless_it_is_its_own(
    catalogue: Catalogue, one_known: str, songs: list[Samples], tmp_path: Path
) -> None:
    path = write(tmp_path / "known.wav", clip(songs[0], 0, 36))

    def false_windows(own: frozenset[str]) -> int:
        measured, _ = measure(
            Listener(catalogue, ListenRules()), [Unknown(path, own)], PlayRules(),
            recordings=1, now=NOW, material="",
        )  # fmt: skip
        assert measured.windows == 3
        return measured.false_windows

    assert false_windows(frozenset()) == 3
    assert false_windows(frozenset([one_known])) == 0
    assert len(clip(songs[0], 0, 36)) == 36 * RATE_HZ


def test_a_measurement_is_kept_with_the_catalogue(store: Store) -> None:
    assert kept(store) is None
    measured, _ = measure(
        Listener(Catalogue(store, Landmark()), ListenRules()), [], PlayRules(),
        recordings=0, now=NOW, material="nothing",
    )  # fmt: skip
    keep(store, measured)
    assert kept(store) == measured


def test_the_bound_is_that_of_clopper_and_pearson() -> None:
    # With none of n it is 1 - 0.05^(1/n), about 3 / n; the rest from tables of the interval.
    assert upper_bound(0, 300) == pytest.approx(1 - 0.05 ** (1 / 300))
    assert upper_bound(0, 1) == pytest.approx(0.95)
    assert upper_bound(2, 100) == pytest.approx(0.0616, abs=1e-4)
    assert upper_bound(5, 5) == upper_bound(0, 0) == 1.0
    bounds = [upper_bound(false, 50) for false in range(51)]
    assert bounds == sorted(bounds)
