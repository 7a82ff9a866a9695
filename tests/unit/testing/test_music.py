"""Composed music and talk: sure of their seed, unlike one another, rich and quick."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from songid.testing.music import compose, speech_like
from songid.testing.titles import invent_names


def spectrum(samples: np.ndarray) -> np.ndarray:
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    power = np.abs(np.fft.rfft(mono[: 44_100 * 4])) ** 2
    return np.add.reduceat(power, np.arange(0, len(power), 200))


def test_a_piece_has_the_length_and_level_it_promises() -> None:
    samples, _ = compose(1, 7.5)
    assert samples.shape == (round(7.5 * 44_100), 2)
    assert samples.dtype == np.float32
    assert 0.8 < np.abs(samples).max() <= 0.9


def test_the_same_seed_composes_the_same_piece() -> None:
    first, first_label = compose(5, 6)
    again, again_label = compose(5, 6)
    assert first_label == again_label
    np.testing.assert_array_equal(first, again)


def test_pieces_of_different_seeds_differ_in_sound_and_label() -> None:
    pieces = [compose(seed, 6) for seed in range(4)]
    assert len({piece.title for _, piece in pieces}) == 4
    assert len({round(piece.bpm) for _, piece in pieces}) > 1
    shapes = [spectrum(samples) for samples, _ in pieces]
    for one in range(4):
        for other in range(one):
            a, b = np.log(shapes[one][:200]), np.log(shapes[other][:200])
            assert np.mean(np.abs(a - b)) > 0.5


def test_a_piece_does_not_repeat_to_the_sample() -> None:
    samples, piece = compose(2, 60)
    mono = samples.mean(axis=1)
    part = mono[20 * 44_100 : 22 * 44_100]
    rest = mono[23 * 44_100 :]
    size = len(rest) + len(part)
    dots = np.fft.irfft(np.fft.rfft(rest, size) * np.conj(np.fft.rfft(part, size)), size)
    energy = np.cumsum(np.pad(rest**2, (1, 0)))
    norms = np.sqrt((energy[len(part) :] - energy[: -len(part)]) * np.sum(part**2))
    assert np.max(dots[: len(norms)] / norms) < 0.98, piece


def test_a_piece_fills_the_spectrum_that_fingerprints_read() -> None:
    samples, _ = compose(3, 8)
    power = np.abs(np.fft.rfft(samples[44_100:].mean(axis=1))) ** 2
    at_hz = np.fft.rfftfreq(len(samples) - 44_100, 1 / 44_100)
    for low, high in ((60, 300), (300, 1000), (1000, 2500), (2500, 5000)):
        share = power[(at_hz >= low) & (at_hz < high)].sum() / power.sum()
        assert share > 0.0003, (low, high, share)


def test_stereo_is_wide_but_not_out_of_phase() -> None:
    samples, _ = compose(4, 8)
    assert 0.2 < np.corrcoef(samples.T)[0, 1] < 0.995


def test_composing_is_fast() -> None:
    compose(6, 5)
    begun = time.process_time()
    compose(7, 30)
    assert time.process_time() - begun < 2.0


def test_titles_never_repeat_and_isrcs_are_well_formed() -> None:
    names = [invent_names(seed) for seed in range(3000)]
    assert len({n.title for n in names}) == 3000
    assert len({n.isrc for n in names}) == 3000
    assert all(re.fullmatch(r"[A-Z]{2}[A-Z0-9]{3}\d{7}", n.isrc) for n in names)


@pytest.mark.parametrize("seconds", [0.5, 1.7])
def test_very_short_pieces_can_be_composed(seconds: float) -> None:
    samples, _ = compose(8, seconds)
    assert len(samples) == round(seconds * 44_100)
    assert np.isfinite(samples).all()


def test_the_talking_sound_has_pauses_and_the_rhythm_of_syllables() -> None:
    talk = speech_like(1, 20, 16_000)
    assert len(talk) == 320_000
    assert np.isfinite(talk).all()
    loudness = np.sqrt(np.mean(talk.reshape(-1, 400) ** 2, axis=1))
    quiet = np.mean(loudness < 0.05 * loudness.max())
    assert 0.1 < quiet < 0.6
    rhythm = np.abs(np.fft.rfft(loudness - loudness.mean()))
    at_hz = np.fft.rfftfreq(len(loudness), 400 / 16_000)
    syllables = rhythm[(at_hz > 2) & (at_hz < 8)].mean()
    assert syllables > 2 * rhythm[(at_hz > 12) & (at_hz < 20)].mean()


def test_talk_of_another_seed_says_something_else() -> None:
    one, other = speech_like(1, 3), speech_like(2, 3)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.2
