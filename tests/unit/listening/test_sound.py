"""The kinds of sound, told apart on signals made here: chords, drums, babble, noise, silence."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songid.listening import sound
from songid.listening.sound_features import FEATURES, features
from songid.model import Samples, SoundKind, SoundSpan

RATE_HZ = 11025
MUSIC, SPEECH, SILENCE = SoundKind.MUSIC, SoundKind.SPEECH, SoundKind.SILENCE


def chords(seconds: float, rate_hz: int = RATE_HZ, seed: int = 0) -> Samples:
    """Chords of three decaying notes with eight harmonics, a new one each half second."""
    rng = np.random.default_rng(seed)
    note = np.arange(round(0.5 * rate_hz)) / rate_hz
    pieces = []
    for _ in range(int(seconds / 0.5) + 1):
        root_hz = 220 * 2 ** (rng.integers(0, 12) / 12)
        chord = sum(
            np.sin(2 * np.pi * root_hz * step * harmonic * note) / harmonic
            for step in (1, 5 / 4, 3 / 2)
            for harmonic in range(1, 9)
            if root_hz * step * harmonic < rate_hz / 2
        )
        pieces.append(chord * np.exp(-2 * note))
    whole = np.concatenate(pieces)[: round(seconds * rate_hz)]
    return (0.2 * whole / np.abs(whole).max()).astype(np.float32)


def drums(seconds: float, seed: int = 0) -> Samples:
    """A kick and a snare in turn on the beats of 120 a minute, a hat on every eighth."""
    rng = np.random.default_rng(seed)
    at = np.arange(RATE_HZ // 4) / RATE_HZ
    kick = np.sin(2 * np.pi * (50 * at + 3 * (1 - np.exp(-40 * at)))) * np.exp(-12 * at)
    ring = np.sin(2 * np.pi * 190 * at) + np.sin(2 * np.pi * 330 * at)
    snare = (ring + 0.7 * rng.standard_normal(len(at))) * np.exp(-18 * at)
    hat = 0.3 * np.diff(rng.standard_normal(len(at) + 1)) * np.exp(-50 * at)
    whole = np.zeros(round(seconds * RATE_HZ) + RATE_HZ)
    for eighth in range(int(seconds * 4)):
        first = round(eighth * 0.25 * RATE_HZ)
        hit = (kick, 0, snare, 0)[eighth % 4] + hat
        whole[first : first + len(at)] += hit
    return (0.1 * whole[: round(seconds * RATE_HZ)]).astype(np.float32)


def babble(seconds: float, rate_hz: int = RATE_HZ, seed: int = 0) -> Samples:
    """Something like speech: gliding glottal pulses through changing formants, with pauses."""
    rng = np.random.default_rng(seed)
    pieces: list[np.ndarray] = []
    length = 0
    pitch_hz = 120.0
    while length < seconds * rate_hz:
        if rng.random() < 0.2:
            piece = np.zeros(round(rng.uniform(0.15, 0.5) * rate_hz))
        elif rng.random() < 0.25:
            size = round(rng.uniform(0.06, 0.12) * rate_hz)
            piece = 0.1 * np.diff(rng.standard_normal(size + 1)) * np.hanning(size)
        else:
            size = round(rng.uniform(0.1, 0.25) * rate_hz)
            last_hz = float(np.clip(pitch_hz * rng.uniform(0.75, 1.35), 85, 220))
            phase = np.cumsum(np.linspace(pitch_hz, last_hz, size)) / rate_hz
            pitch_hz = last_hz
            formants_hz = rng.uniform((300, 800, 2200), (800, 2200, 3200))
            piece = np.zeros(size)
            for harmonic in range(1, 40):
                gain = sum(
                    1 / (1 + ((harmonic * pitch_hz - formant) / 90) ** 2) for formant in formants_hz
                )
                piece += gain * np.sin(2 * np.pi * harmonic * phase) / np.sqrt(harmonic)
            piece *= np.hanning(size) ** 0.5
        pieces.append(piece)
        length += len(piece)
    whole = np.concatenate(pieces)[: round(seconds * rate_hz)]
    whole = 0.2 * whole / np.abs(whole).max() + 1e-4 * rng.standard_normal(len(whole))
    return whole.astype(np.float32)


def kinds(spans: tuple[SoundSpan, ...]) -> list[SoundKind]:
    return [span.kind for span in spans]


def seconds_of(spans: tuple[SoundSpan, ...], kind: SoundKind) -> float:
    return sum(span.end_s - span.start_s for span in spans if span.kind is kind)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("level", [1.0, 0.02])
def test_chords_are_music_at_any_level(seed: int, level: float) -> None:
    assert kinds(sound.classify(level * chords(12, seed=seed), RATE_HZ)) == [MUSIC]


@pytest.mark.parametrize("seed", range(3))
def test_drums_alone_are_music(seed: int) -> None:
    assert kinds(sound.classify(drums(12, seed=seed), RATE_HZ)) == [MUSIC]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("level", [1.0, 0.1])
def test_babble_with_pauses_is_speech_at_any_level(seed: int, level: float) -> None:
    spans = sound.classify(level * babble(12, seed=seed), RATE_HZ)
    assert seconds_of(spans, SPEECH) >= 11
    assert seconds_of(spans, MUSIC) == 0


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100])
def test_the_sample_rate_changes_nothing(rate_hz: int) -> None:
    assert kinds(sound.classify(chords(8, rate_hz), rate_hz)) == [MUSIC]
    assert kinds(sound.classify(babble(8, rate_hz), rate_hz)) == [SPEECH]


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(12 * RATE_HZ, np.float32),
        np.full(12 * RATE_HZ, 0.25, np.float32),
        1e-4 * np.random.default_rng(0).standard_normal(12 * RATE_HZ).astype(np.float32),
        np.zeros(100, np.float32),
    ],
    ids=["digital", "a constant", "a noise floor at -80 dBFS", "a few samples"],
)
def test_nothing_to_be_heard_is_silence(samples: Samples) -> None:
    assert kinds(sound.classify(samples, RATE_HZ)) == [SILENCE]


def test_silence_between_music_is_found_to_a_quarter_of_a_second() -> None:
    samples = chords(12)
    samples[4 * RATE_HZ : 7 * RATE_HZ] = 0
    spans = sound.classify(samples, RATE_HZ)
    assert kinds(spans) == [MUSIC, SILENCE, MUSIC]
    assert spans[1].start_s == pytest.approx(4, abs=0.26)
    assert spans[1].end_s == pytest.approx(7, abs=0.26)


def test_a_pause_under_a_second_is_part_of_what_surrounds_it() -> None:
    samples = chords(12)
    samples[5 * RATE_HZ : round(5.7 * RATE_HZ)] = 0
    assert kinds(sound.classify(samples, RATE_HZ)) == [MUSIC]


@pytest.mark.parametrize("first_is_music", [True, False])
def test_a_turn_within_a_window_is_placed_within_two_seconds(first_is_music: bool) -> None:
    halves = [chords(6, seed=1), babble(6, seed=1)]
    expected = [MUSIC, SPEECH] if first_is_music else [SPEECH, MUSIC]
    samples = np.concatenate(halves if first_is_music else halves[::-1])
    spans = sound.classify(samples, RATE_HZ)
    assert kinds(spans) == expected
    assert spans[0].end_s == pytest.approx(6, abs=2)


def test_speech_over_a_loud_bed_is_music_and_over_a_faint_one_speech() -> None:
    talk, bed = babble(12), chords(12)
    bed *= np.sqrt(np.mean(talk**2) / np.mean(bed**2))
    assert kinds(sound.classify(talk + bed, RATE_HZ)) == [MUSIC]
    assert kinds(sound.classify(talk + 0.03 * bed, RATE_HZ)) == [SPEECH]


def test_steady_noise_is_not_taken_for_music() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(12 * RATE_HZ).astype(np.float32)
    assert kinds(sound.classify(noise, RATE_HZ)) == [SPEECH]


def test_no_samples_give_no_spans() -> None:
    assert sound.classify(np.zeros(0, np.float32), RATE_HZ) == ()


def test_a_rate_below_the_spectrum_it_needs_is_refused() -> None:
    with pytest.raises(ValueError, match="8000"):
        sound.classify(np.zeros(4000, np.float32), 4000)


pieces = st.lists(
    st.tuples(
        st.sampled_from(["silence", "noise", "tone", "click"]),
        st.floats(0.0, 6.0),
        st.floats(-70.0, 0.0),
    ),
    max_size=6,
)


@given(pieces, st.sampled_from([8000, 11025, 16000]), st.integers(0, 300))
@settings(deadline=None, max_examples=60)
def test_spans_cover_the_whole_without_gap_and_alternate(
    parts: list[tuple[str, float, float]], rate_hz: int, odd_samples: int
) -> None:
    rng = np.random.default_rng(0)
    signal = [np.zeros(odd_samples, np.float32)]
    for kind, length_s, level_db in parts:
        size = int(length_s * rate_hz)
        made = {
            "silence": lambda n: np.zeros(n),
            "noise": rng.standard_normal,
            "tone": lambda n: np.sin(np.arange(n)),
            "click": lambda n: (np.arange(n) == n // 2).astype(float),
        }[kind](size)
        signal.append((10 ** (level_db / 20) * made).astype(np.float32))
    samples = np.concatenate(signal)
    spans = sound.classify(samples, rate_hz)
    if not len(samples):
        assert spans == ()
        return
    assert spans[0].start_s == 0
    assert spans[-1].end_s == len(samples) / rate_hz
    for before, after in pairwise(spans):
        assert before.end_s == after.start_s
        assert before.kind is not after.kind
    assert all(span.start_s < span.end_s for span in spans)
    assert sound.classify(samples, rate_hz) == spans
    for span in spans:
        if span.kind is SILENCE:
            assert span.end_s - span.start_s >= min(1.0, len(samples) / rate_hz) - 1e-9


@given(st.floats(0.01, 20), st.integers(0, 5))
@settings(deadline=None, max_examples=10)
def test_features_are_finite_for_any_length_of_sound(length_s: float, seed: int) -> None:
    values = features(chords(length_s, seed=seed), RATE_HZ)
    assert values.shape == (max(1, round(length_s * 2)), len(FEATURES))
    assert np.isfinite(values).all()


def test_a_doubtful_step_does_not_interrupt_what_surrounds_it() -> None:
    doubtful = np.array([5, 5, -4, 5, 5, -9, -9, -9, -9], np.float32)
    assert sound.steady_path(doubtful) == [True] * 5 + [False] * 4
