"""Made-up catalogues: as many recordings as asked for, like real music, and all of them apart."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from benchmarks.engine import open_engine
from benchmarks.material import Music
from benchmarks.scale_catalogue import (
    FARTHEST,
    NEAREST,
    Copy,
    Tape,
    copies,
    scale_catalogue,
    tape_of,
)

from songid.audio.decode import read_all
from songid.audio.encode import encode
from songid.model import Fingerprint
from songid.testing.music import compose
from songid_plugins.fingerprinters.landmark import Landmark, LandmarkAnalysis
from songid_plugins.fingerprinters.landmark_peaks import Constellation


def peaks(times: list[float], bins: list[float]) -> Constellation:
    frames = np.array(times, np.float32)
    return Constellation(frames, np.array(bins, np.float32), np.ones(len(frames), np.float32))


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Music:
    folder = tmp_path_factory.mktemp("music")
    for seed in range(3):
        samples, _ = compose(seed, 40.0, Landmark.sample_rate_hz)
        encode(samples, Landmark.sample_rate_hz, folder / f"{seed}.wav")
    files = sorted(folder.iterdir())
    return Music(tuple(files[:2]), tuple(files[2:]), "three short pieces")


@pytest.fixture(scope="module")
def tape(music: Music) -> Tape:
    fingerprinter = Landmark()
    rate_hz = fingerprinter.sample_rate_hz
    return tape_of([fingerprinter.analyse(read_all(path, rate_hz)).peaks for path in music.files])


def test_every_copy_is_moved_far_in_time_and_in_frequency_and_no_two_alike() -> None:
    some = list(islice(copies(), 2000))
    for how in some:
        for factor in (how.times, how.frequencies):
            assert NEAREST <= max(factor, 1 / factor) <= FARTHEST
    quarters = {(how.times > 1, how.frequencies > 1) for how in some}
    assert len(quarters) == 4
    warps = np.log(np.array([(how.times, how.frequencies, how.begins) for how in some]))
    apart = np.abs(warps[:, None, :2] - warps[None, :, :2]).max(2)
    np.fill_diagonal(apart, 1.0)
    # Even copies of the same place under nearly the same warp do not come near each other.
    begins = np.array([how.begins for how in some])
    beside = np.abs(begins[:, None] - begins[None, :])
    assert (np.maximum(apart, np.minimum(beside, 1 - beside)) > 0.004).all()


def test_a_copy_is_the_stretch_of_the_tape_moved() -> None:
    frame_s = Landmark.frame_s
    tape = tape_of([peaks([0, 10, 20], [100, 110, 120]), peaks([0, 5], [200, 210])])
    assert tape.peaks.frames.tolist() == [0, 10, 20, 21, 26]
    assert tape.frames == 27
    copy = tape.copy(Copy(begins=9 / 27, times=2.0, frequencies=0.5, seconds=26 * frame_s))
    assert copy.frames.tolist() == pytest.approx([2, 22, 24])
    assert copy.bins.tolist() == pytest.approx([55, 60, 100])


def test_the_tapes_end_is_joined_to_its_beginning() -> None:
    tape = tape_of([peaks([0, 10, 20], [100, 110, 120])])
    copy = tape.copy(Copy(begins=15 / 21, times=1.0, frequencies=1.0, seconds=17 * 256 / 11025))
    assert copy.frames.tolist() == pytest.approx([5, 6, 16], abs=1e-4)
    assert copy.bins.tolist() == [120, 100, 110]


def test_copies_have_as_many_landmarks_a_second_as_music_and_as_uneven_hashes(tape: Tape) -> None:
    real = LandmarkAnalysis(tape.peaks).for_index()
    made = [LandmarkAnalysis(tape.copy(how)).for_index() for how in islice(copies(), 12)]
    seconds = sum(float(each.offsets_frames.max()) for each in made) * Landmark.frame_s
    real_s = tape.frames * Landmark.frame_s
    assert sum(map(len, made)) / seconds == pytest.approx(len(real) / real_s, rel=0.25)

    def repeated(fingerprint: Fingerprint) -> float:
        return 1 - len(np.unique(fingerprint.hashes)) / len(fingerprint)

    assert 0.5 < np.mean([repeated(each) for each in made]) / repeated(real) < 2


def test_a_catalogue_is_made_once_and_holds_the_real_music_and_copies_that_match_none(
    music: Music, tmp_path: Path
) -> None:
    store = scale_catalogue(tmp_path / "scale-20", music, 20, 2)
    with open_engine(store) as engine:
        titles = sorted(engine.titles.values())
        assert len(titles) == 20
        assert {path.name for path in music.indexed} <= set(titles)
        for path in music.indexed:
            samples = read_all(path, engine.listener.rate_hz)[20 * 11025 : 30 * 11025]
            query = engine.fingerprinter.analyse(samples).for_query()
            found = engine.catalogue.search(query, least_score=3.5)
            assert {engine.titles[each.recording_id] for each in found} == {path.name}
    made = (store / "songid.sqlite3").stat().st_ino
    assert scale_catalogue(tmp_path / "scale-20", music, 20, 2) == store
    assert (store / "songid.sqlite3").stat().st_ino == made
    alone = scale_catalogue(tmp_path / "scale-0", music, 0, 2)
    with open_engine(alone) as engine:
        assert sorted(engine.titles.values()) == sorted(path.name for path in music.indexed)
