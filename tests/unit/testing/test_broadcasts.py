"""Broadcasts: the truth adds up, and the segment files decode to the time in their names."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from songid.audio.encode import encode
from songid.testing.broadcasts import (
    RATE_HZ,
    SEGMENT_S,
    AiredKind,
    Broadcast,
    Jingle,
    Silence,
    Song,
    Spin,
    Talk,
    Voices,
    build_broadcast,
)
from songid.testing.codecs import decode
from songid.testing.programmes import plan_programme
from songid.testing.segments import write_segments

START = datetime(2025, 3, 1, 10, 0, tzinfo=UTC)


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.2 * rng.standard_normal(round(seconds * RATE_HZ), dtype=np.float32)


def heard(broadcast: Broadcast, start_s: float, end_s: float) -> np.ndarray:
    samples = np.frombuffer(broadcast.audio.raw_data, dtype="<i2") / 32768
    return samples[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def test_truth_adds_up_to_the_sound() -> None:
    broadcast = build_broadcast(
        "one",
        START,
        [Spin(Song("a", noise(20))), Silence(3), Jingle(4, crossfade_s=0), Talk(5)],
    )
    assert broadcast.duration_s == pytest.approx(32)
    spans = [(a.kind, a.start_s, a.end_s) for a in broadcast.truth]
    assert spans == [
        (AiredKind.RECORDING, 0.0, 20.0),
        (AiredKind.SILENCE, 20.0, 23.0),
        (AiredKind.UNKNOWN, 23.0, 27.0),
        (AiredKind.SPEECH, 27.0, 32.0),
    ]
    assert not heard(broadcast, 20.01, 22.99).any()


def test_songs_sound_where_the_truth_says_also_after_crossfades() -> None:
    one, two, three = noise(20, 1), noise(20, 2), noise(20, 3)
    broadcast = build_broadcast(
        "one",
        START,
        [
            Spin(Song("a", one)),
            Spin(Song("b", two), offset_s=5, length_s=12, crossfade_s=3),
            Spin(Song("c", three), crossfade_s=2.5),
        ],
    )
    assert broadcast.duration_s == pytest.approx(20 + 12 + 20 - 5.5)
    assert [a.title for a in broadcast.truth] == ["a", "b", "c"]
    for aired, sound in zip(broadcast.truth, (one, two, three), strict=True):
        middle_s = (aired.start_s + aired.end_s) / 2
        place = round((aired.offset_s + middle_s - aired.start_s) * RATE_HZ)
        part = heard(broadcast, middle_s, middle_s + 1)
        assert likeness(part, sound[place : place + len(part)]) > 0.999
    fade = heard(broadcast, 18, 19)
    assert likeness(fade, one[18 * RATE_HZ : 19 * RATE_HZ]) > 0.4
    assert likeness(fade, two[6 * RATE_HZ : 7 * RATE_HZ]) > 0.4


def test_a_fast_song_is_shorter_and_its_truth_says_so() -> None:
    broadcast = build_broadcast("one", START, [Spin(Song("a", noise(30)), speed=1.03)])
    (aired,) = broadcast.truth
    assert aired.speed == 1.03
    assert aired.duration_s == pytest.approx(30 / 1.03, abs=0.02)


def test_talk_over_ducks_the_song() -> None:
    sound = noise(20)
    plain = build_broadcast("one", START, [Spin(Song("a", sound))])
    voices = Voices(recorded=[np.zeros(RATE_HZ, dtype=np.float32)])  # says nothing
    talked = build_broadcast(
        "one", START, [Spin(Song("a", sound), talk_over_s=((5, 4),))], voices=voices
    )
    assert (AiredKind.SPEECH, 5.0) in [(a.kind, a.start_s) for a in talked.truth]
    under, before = heard(talked, 6, 8), heard(plain, 6, 8)
    assert likeness(under, before) > 0.99
    assert np.std(under) < 0.5 * np.std(before)


def test_holes_are_whole_segments_and_their_files_are_missing(tmp_path: Path) -> None:
    broadcast = build_broadcast(
        "radio_one", START, [Spin(Song("a", noise(70)))], holes_s=[(25, 40)]
    )
    assert broadcast.holes_s == [(24.0, 48.0)]
    names = [path.name for path in write_segments(broadcast, tmp_path)]
    assert names == [
        "radio_one_20250301T100000.000000.ts",
        "radio_one_20250301T100012.000001.ts",
        "radio_one_20250301T100048.000004.ts",
        "radio_one_20250301T100100.000005.ts",
    ]


def test_segments_decode_to_the_time_in_their_names(tmp_path: Path) -> None:
    # More than one encoding task, so that a seam lies within.
    broadcast = build_broadcast("one", START, [Spin(Song("a", noise(320, 4)))])
    paths = write_segments(broadcast, tmp_path, bit_rate=128_000)
    assert len(paths) == 27
    for number in (0, 1, 13, 24, 25, 26):
        samples = decode(paths[number].read_bytes(), RATE_HZ)
        assert len(samples) / RATE_HZ == pytest.approx(
            min(SEGMENT_S, 320 - number * SEGMENT_S), abs=0.05
        )
        # A segment begins with the first packet (1024 samples) of its own.
        late = -(number % 25) * SEGMENT_S * RATE_HZ % 1024
        first = number * SEGMENT_S * RATE_HZ + late + RATE_HZ
        aired = np.frombuffer(broadcast.audio.raw_data, dtype="<i2")[first : first + RATE_HZ]
        assert likeness(samples[RATE_HZ : 2 * RATE_HZ], aired) > 0.5, number


def test_songs_come_from_files_as_well(tmp_path: Path) -> None:
    path = tmp_path / "song.flac"
    encode((noise(3) * 32767).astype(np.int16), RATE_HZ, path)
    song = Song("from a file", path)
    assert song.duration_s == pytest.approx(3, abs=0.01)
    assert likeness(song.load(), noise(3)) > 0.999


@pytest.mark.parametrize(
    "start",
    [datetime(2025, 3, 1, 10), datetime(2025, 3, 1, 10, 0, 0, 5, UTC)],  # noqa: DTZ001 - naive on purpose
)
def test_a_naive_or_fractional_start_is_refused(start: datetime) -> None:
    with pytest.raises(ValueError, match="whole second"):
        build_broadcast("one", start, [Silence(1)])


def test_a_crossfade_longer_than_its_neighbours_is_refused() -> None:
    with pytest.raises(ValueError, match="shorten it"):
        build_broadcast("one", START, [Silence(2), Spin(Song("a", noise(9)), crossfade_s=3)])


def test_a_programme_has_every_trial_in_it() -> None:
    known = [Song(f"k{n}", noise(60, n)) for n in range(5)]
    unknown = [Song(f"u{n}", noise(40, n), known=False) for n in range(2)]
    programme = plan_programme(known, unknown, 900, seed=3)
    broadcast = build_broadcast("one", START, programme)
    assert 900 <= broadcast.duration_s < 1100
    aired = broadcast.truth
    assert {a.kind for a in aired} == set(AiredKind) - {AiredKind.HOLE}
    assert {a.title for a in aired if a.kind is AiredKind.RECORDING} == {s.title for s in known}
    assert any(a.speed == 1.03 for a in aired)
    assert any(isinstance(e, Spin) and e.talk_over_s for e in programme)
    assert any(isinstance(e, Spin) and e.crossfade_s for e in programme)
    again = plan_programme(known, unknown, 900, seed=3)
    assert [type(e) for e in again] == [type(e) for e in programme]
