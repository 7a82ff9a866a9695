"""Distortions do what their names say: exact ratios, speeds, bands and lengths."""

from __future__ import annotations

import numpy as np
import pytest

from songid.testing import codecs, distortions
from songid.testing.distortions import DISTORTIONS, LEVELLED, WARPS
from songid.testing.music import compose

RATE_HZ = 44_100


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    samples, _ = compose(11, 8)
    return np.ascontiguousarray(samples[2 * RATE_HZ : 6 * RATE_HZ].mean(axis=1))


def tone(frequency_hz: float, seconds: float = 3.0) -> np.ndarray:
    at_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.5 * np.sin(2 * np.pi * frequency_hz * at_s)).astype(np.float32)


def loudest_hz(samples: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(power) * RATE_HZ / len(samples))


def snr_db(clean: np.ndarray, mixed: np.ndarray) -> float:
    rest = mixed.astype(np.float64) - clean
    return float(10 * np.log10(np.mean(clean.astype(np.float64) ** 2) / np.mean(rest**2)))


@pytest.mark.parametrize("wanted_db", [-6.0, 0.0, 10.0])
def test_noise_and_speech_come_at_the_ratio_asked_for(music: np.ndarray, wanted_db: float) -> None:
    for mixed in (
        distortions.white_noise(music, wanted_db, 1),
        distortions.pink_noise(music, RATE_HZ, wanted_db, 1),
        distortions.speech_over(music, RATE_HZ, wanted_db, 1),
    ):
        assert snr_db(music, mixed) == pytest.approx(wanted_db, abs=0.01)


def test_silence_has_no_ratio_to_noise() -> None:
    with pytest.raises(ValueError, match="silence"):
        distortions.white_noise(np.zeros(100, dtype=np.float32), 0.0)


def test_pink_noise_has_equal_power_in_every_octave() -> None:
    noise = distortions.pink_noise(tone(100) * 1e-6, RATE_HZ, -120.0, 3)
    power = np.abs(np.fft.rfft(noise)) ** 2
    at_hz = np.fft.rfftfreq(len(noise), 1 / RATE_HZ)
    octaves = [power[(at_hz >= f) & (at_hz < 2 * f)].sum() for f in (250, 1000, 4000)]
    assert max(octaves) / min(octaves) < 1.3


@pytest.mark.parametrize("factor", [0.94, 0.97, 1.03, 1.1])
def test_speed_moves_time_and_pitch_together(factor: float) -> None:
    heard = distortions.speed(tone(1000), factor)
    assert len(heard) == pytest.approx(3 * RATE_HZ / factor, rel=1e-3)
    assert loudest_hz(heard) == pytest.approx(1000 * factor, abs=1)


@pytest.mark.parametrize("factor", [0.9, 1.06])
def test_tempo_moves_time_and_leaves_the_pitch(factor: float) -> None:
    heard = distortions.tempo(tone(1000), RATE_HZ, factor)
    assert len(heard) == pytest.approx(3 * RATE_HZ / factor, rel=1e-3)
    assert loudest_hz(heard) == pytest.approx(1000, abs=2)


def test_tempo_keeps_events_where_they_are_due() -> None:
    clicks = np.zeros(4 * RATE_HZ, dtype=np.float32)
    clicks[3 * RATE_HZ : 3 * RATE_HZ + 50] = 1.0
    heard = distortions.tempo(clicks, RATE_HZ, 1.1)
    assert np.argmax(np.abs(heard)) / RATE_HZ == pytest.approx(3 / 1.1, abs=0.03)


def test_pitch_leaves_the_time() -> None:
    heard = distortions.pitch(tone(1000), RATE_HZ, 2.0)
    assert len(heard) == 3 * RATE_HZ
    assert loudest_hz(heard) == pytest.approx(1000 * 2 ** (2 / 12), abs=3)


def test_the_telephone_leaves_only_its_band(music: np.ndarray) -> None:
    heard = distortions.telephone(music, RATE_HZ)
    power = np.abs(np.fft.rfft(heard)) ** 2
    at_hz = np.fft.rfftfreq(len(heard), 1 / RATE_HZ)
    outside = power[(at_hz < 200) | (at_hz > 3700)].sum()
    assert outside < 0.01 * power.sum()


def test_compression_narrows_the_range_of_loudness() -> None:
    swell = tone(500) * np.linspace(0.02, 1, 3 * RATE_HZ, dtype=np.float32)
    heard = distortions.compress(swell, RATE_HZ)

    def range_of(x: np.ndarray) -> float:
        return float(np.std(x[-RATE_HZ // 2 :]) / np.std(x[RATE_HZ // 4 : RATE_HZ // 2]))

    assert range_of(heard) < 0.6 * range_of(swell)


def test_the_room_rings_on_after_the_sound() -> None:
    click = np.zeros(RATE_HZ, dtype=np.float32)
    click[0] = 1.0
    heard = distortions.room(click, RATE_HZ, decay_s=0.5, wet_db=3.0, seed=2)
    assert heard[0] == 1.0
    assert 10 * np.log10(np.sum(heard[1:] ** 2)) == pytest.approx(3.0, abs=0.1)
    assert np.abs(heard[round(0.6 * RATE_HZ) :]).max() < 1e-4


@pytest.mark.parametrize("name", DISTORTIONS)
def test_every_distortion_is_finite_and_sure_of_its_seed(name: str, music: np.ndarray) -> None:
    short = music[:RATE_HZ]
    heard = DISTORTIONS[name](short, RATE_HZ, 7)
    assert heard.dtype == np.float32
    assert heard.ndim == 1
    assert np.isfinite(heard).all()
    assert 0.85 < len(heard) / len(short) < 1.15
    np.testing.assert_array_equal(heard, DISTORTIONS[name](short, RATE_HZ, 7))


@pytest.mark.parametrize("coder", [distortions.aac, distortions.mp3])
def test_codecs_change_the_samples_but_not_the_music(coder: object, music: np.ndarray) -> None:
    assert callable(coder)
    heard = coder(music, RATE_HZ)
    assert len(heard) == len(music)
    assert not np.array_equal(heard, music)
    # MP3 begins with the coder's delay: compare spectra, not samples.
    before, after = np.abs(np.fft.rfft(music))[:8000], np.abs(np.fft.rfft(heard))[:8000]
    assert np.corrcoef(before, after)[0, 1] > 0.9


@pytest.mark.parametrize("name", WARPS)
def test_what_warps_by_name_moves_a_tone_and_its_length_so(name: str) -> None:
    warp = WARPS[name]
    heard = DISTORTIONS[name](tone(1000), RATE_HZ, 0)
    assert len(heard) == pytest.approx(3 * RATE_HZ / warp.tempo, rel=1e-3)
    assert loudest_hz(heard) == pytest.approx(1000 * warp.pitch, abs=3)


def test_speed_tempo_and_pitch_are_there_both_ways() -> None:
    assert WARPS["speed -6 %"].tempo == WARPS["speed -6 %"].pitch == 0.94
    assert (WARPS["tempo +10 %"].tempo, WARPS["tempo +10 %"].pitch) == (1.1, 1.0)
    assert WARPS["pitch -2 semitones"].pitch == pytest.approx(2 ** (-2 / 12))
    assert len(WARPS) == 8 + 6 + 4
    assert set(WARPS) < set(DISTORTIONS)


def test_who_talks_over_the_music_may_be_given(music: np.ndarray) -> None:
    asked = []

    def hum(seed: int, seconds: float, rate_hz: int) -> np.ndarray:
        asked.append(seed)
        return tone(200, seconds + 1)

    table = distortions.distortions(hum)
    mixed = table["speech over -6 dB"](music, RATE_HZ, 5)
    assert asked == [5]
    assert snr_db(music, mixed) == pytest.approx(-6, abs=0.01)
    assert loudest_hz(mixed - music) == pytest.approx(200, abs=1)
    assert all(any(name.startswith(begin) for name in table) for begin in LEVELLED)


def test_a_telephones_codec_leaves_as_many_samples() -> None:
    line = tone(440)[:8001]
    heard = codecs.through_codec(line, 8000, "pcm_mulaw", "pcm_mulaw")
    assert len(heard) == len(line)
    assert 0 < np.abs(heard - line).max() < 0.03


def test_gsm_is_there_only_where_it_can_be_encoded(music: np.ndarray) -> None:
    assert ("telephone GSM" in DISTORTIONS) == bool(codecs.gsm_encoder())
    if not codecs.gsm_encoder():
        with pytest.raises(ValueError, match="libgsm"):
            distortions.telephone_gsm(music, RATE_HZ)
