"""Queries: the same for the same music and seed, kept, and where they say they are."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from benchmarks.queries import (
    LENGTHS_S,
    Excerpt,
    Queries,
    centre_of,
    load,
    make,
    plan,
    talk,
)

from songid.audio.encode import encode
from songid.progress import Progress
from songid.testing.broadcasts import RATE_HZ
from songid.testing.distortions import DISTORTIONS, WARPS

QUERY_HZ = 11_025
NAMES = ("white noise 0 dB", "speed +6 %")


def noise(seconds: float, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.2 * rng.standard_normal(round(seconds * RATE_HZ), dtype=np.float32)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("music")
    for name, seed in (("a", 1), ("b", 2)):
        encode(noise(26, seed), RATE_HZ, folder / f"{name}.wav")
    return sorted(folder.iterdir())


def test_more_excerpts_begin_with_the_same_ones_and_files_come_in_turn() -> None:
    files = [Path(f"{n}.ogg") for n in range(7)]
    few, many = plan(files, 5, known=True), plan(list(reversed(files)), 20, known=True)
    assert few == many[:5]
    assert len({excerpt.file for excerpt in many[:7]}) == 7
    assert many[0].file == many[7].file
    assert many[0].seed != many[7].seed
    assert plan(files, 5, known=False)[0].seed != few[0].seed
    assert plan([], 5, known=True) == []


def test_the_same_number_of_another_file_is_kept_elsewhere() -> None:
    one, other = Excerpt(True, 3, Path("a.ogg")), Excerpt(True, 3, Path("b.ogg"))
    assert len({one.name, other.name, Excerpt(False, 3, Path("a.ogg")).name}) == 3


def test_the_middle_of_an_excerpt_sounds_and_is_sure_of_its_seed() -> None:
    samples = np.concatenate([np.zeros(40 * RATE_HZ, dtype=np.float32), noise(40)])
    centres = [centre_of(samples, seed) for seed in range(12)]
    assert centres == [centre_of(samples, seed) for seed in range(12)]
    assert min(centres) > 37
    assert max(centres) <= 80 - 11
    assert len(set(centres)) > 6
    assert centre_of(noise(3), 1) == pytest.approx(1.5)


@pytest.mark.parametrize("name", ["clean AAC/TS", "white noise 0 dB", "speed -6 %", "tempo +10 %"])
def test_queries_are_as_long_and_lie_where_they_say(name: str, tmp_path: Path) -> None:
    # Clicks at known seconds of the recording are sought where the query says they are.
    samples = np.zeros(60 * RATE_HZ, dtype=np.float32)
    clicks_s = np.arange(0.5, 60, 1.0)
    for at_s in clicks_s:
        first = round(at_s * RATE_HZ)
        samples[first : first + 400] = np.sin(np.arange(400) * 0.2)
    path = tmp_path / "queries.npz"
    np.savez(path, **make(samples, 30.0, name, DISTORTIONS[name], 3, QUERY_HZ))
    queries = list(load(path, Excerpt(True, 0, Path("a.ogg")), name))
    assert tuple(query.length_s for query in queries) == LENGTHS_S
    for query in queries:
        assert query.samples.dtype == np.int16
        assert len(query.samples) / QUERY_HZ == pytest.approx(query.length_s, abs=0.05)
        middle_s = query.offset_s + query.length_s * query.tempo / 2
        assert middle_s == pytest.approx(30.0, abs=0.05)
        loudness = np.convolve(np.abs(query.samples.astype(float)), np.ones(200), "same")
        first_s = (0.5 - query.offset_s % 1.0) % 1.0
        due = (first_s + 1) / query.tempo
        found = np.argmax(
            loudness[: round(QUERY_HZ * (due + 0.4))][round(QUERY_HZ * (due - 0.4)) :]
        )
        assert found / QUERY_HZ - 0.4 == pytest.approx(200 / RATE_HZ, abs=0.05)


def test_the_ratio_of_noise_holds_for_each_length_by_itself() -> None:
    samples = noise(60)
    samples[28 * RATE_HZ : 32 * RATE_HZ] *= 0.1
    made = make(samples, 30.0, "white noise 0 dB", DISTORTIONS["white noise 0 dB"], 1, QUERY_HZ)
    assert {"part0", "part1", "part2"} <= made.keys()
    ends = made["part0"].astype(float)
    assert np.std(ends[QUERY_HZ * 2 : QUERY_HZ * 3]) < 0.7 * np.std(made["part2"])
    shared = make(samples, 30.0, "room", DISTORTIONS["room"], 1, QUERY_HZ)
    assert "part1" not in shared


def test_short_recordings_give_what_they_have(tmp_path: Path) -> None:
    path = tmp_path / "short.npz"
    np.savez(path, **make(noise(7), 3.5, "room", DISTORTIONS["room"], 0, QUERY_HZ))
    lengths = [len(q.samples) / QUERY_HZ for q in load(path, Excerpt(True, 0, path), "room")]
    assert lengths == pytest.approx([5, 7, 7], abs=0.05)


def test_queries_are_built_once_and_kept(music: list[Path], tmp_path: Path) -> None:
    queries = Queries(tmp_path, music, None, QUERY_HZ)
    excerpts = plan(music, 2, known=True)
    with Progress(stream=io.StringIO()) as progress:
        assert queries.build(excerpts, NAMES, 1, progress) == 2
        assert queries.build(excerpts, NAMES, 1, progress) == 0
        assert queries.build(plan(music, 3, known=True), NAMES, 1, progress) == 1
    asked = list(queries.of(excerpts[0], NAMES))
    assert [(q.distortion, q.length_s) for q in asked] == [
        (name, length_s) for name in NAMES for length_s in LENGTHS_S
    ]
    assert asked[-1].tempo == WARPS["speed +6 %"].tempo == 1.06
    assert not list(tmp_path.rglob("*unfinished*"))


def test_other_music_speech_or_rate_are_other_queries(music: list[Path], tmp_path: Path) -> None:
    speech = tmp_path / "speech"
    speech.mkdir()
    (speech / "a.wav").write_bytes(b"not asked for yet")
    folders = {
        Queries(tmp_path, *these).folder
        for these in (
            (music, None, QUERY_HZ),
            (list(reversed(music)), None, QUERY_HZ),
            (music[:1], None, QUERY_HZ),
            (music, speech, QUERY_HZ),
            (music, None, 8000),
        )
    }
    assert len(folders) == 4


def test_voices_speak_for_as_long_as_asked_and_differ_by_seed() -> None:
    speak = talk([noise(2, n) for n in range(5)])
    assert len(speak(1, 7.3, RATE_HZ)) == round(7.3 * RATE_HZ)
    assert not np.array_equal(speak(1, 1.0, RATE_HZ), speak(2, 1.0, RATE_HZ))
    np.testing.assert_array_equal(speak(1, 1.0, RATE_HZ), speak(1, 1.0, RATE_HZ))
