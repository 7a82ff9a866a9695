from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songid.audio.resample import Resampler, resample
from songid.model import Samples
from songid.testing.audio_files import noise, sine

RATES_HZ = (6_000, 8_000, 12_000, 16_000, 22_050, 24_000, 32_000, 44_056, 44_100, 48_000, 96_000)
TARGET_HZ = 11_025


def level_db(samples: Samples) -> float:
    """Level of the middle against a sine of amplitude 1."""
    middle = samples[1000:-1000]
    return float(10 * np.log10(2 * np.mean(middle.astype(np.float64) ** 2) + 1e-20))


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_sine_comes_out_where_and_as_loud_as_it_went_in(rate_hz: int) -> None:
    resampled = resample(sine(2, 1000, rate_hz), rate_hz, TARGET_HZ)
    expected = sine(2, 1000, TARGET_HZ)
    assert np.abs(resampled[200:-200] - expected[200:-200]).max() < 1e-3


@pytest.mark.parametrize("rate_hz", [12_000, 22_050, 32_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("frequency_hz", [50, 2000, 4000, 4900, 5000])
def test_the_pass_band_is_flat_to_half_a_decibel(rate_hz: int, frequency_hz: int) -> None:
    resampled = resample(sine(2, frequency_hz, rate_hz, 1.0), rate_hz, TARGET_HZ)
    assert abs(level_db(resampled)) < 0.5


@pytest.mark.parametrize("rate_hz", [22_050, 32_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("frequency_hz", [6500, 7000, 8000, 9999, 10_900, 15_000, 21_000, 40_000])
def test_what_would_fold_is_sixty_decibels_down(rate_hz: int, frequency_hz: int) -> None:
    if frequency_hz >= rate_hz / 2:
        return
    resampled = resample(sine(2, frequency_hz, rate_hz, 1.0), rate_hz, TARGET_HZ)
    assert level_db(resampled) < -60


@pytest.mark.parametrize("rate_hz", [*RATES_HZ, TARGET_HZ])
@pytest.mark.parametrize("length", [0, 1, 2, 100, 1023, 50_001])
def test_the_length_is_exact(rate_hz: int, length: int) -> None:
    resampled = resample(np.ones(length, dtype=np.float32), rate_hz, TARGET_HZ)
    assert len(resampled) == -(-length * TARGET_HZ // rate_hz)


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 20_000), min_size=1, max_size=8),
    rate_hz=st.sampled_from([44_100, 48_000, 22_050, 8_000, TARGET_HZ]),
)
def test_blocks_join_without_a_seam(sizes: list[int], rate_hz: int) -> None:
    samples = noise(sum(sizes) / rate_hz, rate_hz)[: sum(sizes)]
    resampler = Resampler(rate_hz, TARGET_HZ)
    parts, at = [], 0
    for size in sizes:
        parts.append(resampler.push(samples[at : at + size]))
        at += size
    parts.append(resampler.finish())
    joined = np.concatenate(parts)
    assert np.allclose(joined, resample(samples[:at], rate_hz, TARGET_HZ), atol=1e-5)
