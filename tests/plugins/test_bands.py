"""What `bands` promises beyond what every fingerprinter must do."""

from __future__ import annotations

import numpy as np
import pytest

from songid.errors import PluginError
from songid.model import UNWARPED, ComponentURL, Samples, Warp
from songid.testing.fingerprinters import aligned, played_faster, tune
from songid_plugins.fingerprinters import bands
from songid_plugins.fingerprinters.bands import BandsFingerprinter, open_fingerprinter


def fingerprinter(text: str = "bands") -> BandsFingerprinter:
    return open_fingerprinter(ComponentURL.parse(text))


def excerpt(samples: Samples, start_s: float, length_s: float) -> Samples:
    first = round(start_s * bands.SAMPLE_RATE_HZ)
    return samples[first : first + round(length_s * bands.SAMPLE_RATE_HZ)]


def test_the_layout_of_a_hash_is_pinned_lowest_pair_of_bands_first() -> None:
    signs = -np.ones((3, 32), np.float32)
    signs[0, 0] = 1
    signs[1, 31] = 1
    signs[2, [0, 1, 30]] = 1
    assert [hex(value) for value in bands.pack(signs).tolist()] == [
        "0x80000000",
        "0x1",
        "0xc0000002",
    ]


def test_no_difference_at_all_is_no_bit() -> None:
    assert bands.pack(np.zeros((1, 32), np.float32)).tolist() == [0]


def test_a_band_that_grows_against_the_next_one_sets_its_bit() -> None:
    energies = np.ones((2, 33), np.float32)
    energies[1, 7] = 2
    hashes = bands.pack(bands.differences(energies))
    assert hashes.tolist() == [1 << (31 - 7)]


def test_offsets_count_frames_from_the_second_on() -> None:
    samples = tune(bands.SAMPLE_RATE_HZ, 3.0)
    fingerprint = fingerprinter().analyse(samples).for_index()
    frames = (len(samples) // 2 + 1 - bands.FRAME_SAMPLES) // bands.FRAME_HOP + 1
    assert fingerprint.offsets_frames.tolist() == list(range(1, frames))


def test_it_gives_86_hashes_per_second() -> None:
    samples = tune(bands.SAMPLE_RATE_HZ, 20.0)
    assert 40 <= len(fingerprinter().analyse(samples).for_index()) / 20 <= 105


def test_bands_of_a_warped_pitch_hold_what_the_plain_ones_held() -> None:
    power = np.zeros((1, 1024), np.float32)
    power[0, round(1000 / bands.BIN_HZ)] = 1
    plain = np.geomspace(300, 2000, 34)
    moved = np.zeros((1, 1024), np.float32)
    moved[0, round(1060 / bands.BIN_HZ)] = 1
    assert np.array_equal(
        bands.band_energies(power, plain), bands.band_energies(moved, 1.06 * plain)
    )


@pytest.mark.parametrize("flips", [0, 1, 3, 8])
def test_flips_ask_the_weakest_bits_both_ways(flips: int) -> None:
    chance = np.random.default_rng(0)
    signs = chance.standard_normal((50, 32)).astype(np.float32)
    hashes = bands.pack(signs)
    variants = bands.both_ways(signs, hashes, flips)
    assert variants.shape == (50, 2**flips)
    assert np.array_equal(variants[:, 0], hashes)
    for row, differences in zip(variants.tolist(), signs, strict=True):
        assert len(set(row)) == 2**flips
        touched = np.bitwise_or.reduce(np.array(row) ^ row[0]) if flips else 0
        weakest = sum(1 << (31 - int(bit)) for bit in np.argsort(np.abs(differences))[:flips])
        assert touched == weakest


def test_only_the_query_is_asked_both_ways() -> None:
    samples = tune(bands.SAMPLE_RATE_HZ, 5.0)
    analysis = fingerprinter("bands:?flips=2").analyse(samples)
    assert len(analysis.for_query()) == 4 * len(analysis.for_index())


@pytest.mark.parametrize("warp", [Warp(1.03, 1.03), Warp(0.95, 0.95)], ids=["3 % fast", "5 % slow"])
def test_a_recording_at_another_speed_is_found_under_its_warp_only(warp: Warp) -> None:
    samples = tune(bands.SAMPLE_RATE_HZ, 30.0)
    index = fingerprinter().analyse(samples).for_index()
    heard = played_faster(excerpt(samples, 8.0, 12.0), warp.tempo)
    query = fingerprinter().analyse(heard)
    assert aligned(query.for_query(warp), index) > 250
    assert aligned(query.for_query(UNWARPED), index) < 30


def test_offsets_of_a_warped_query_are_those_of_the_recording() -> None:
    samples = tune(bands.SAMPLE_RATE_HZ, 30.0)
    index = fingerprinter().analyse(samples).for_index()
    heard = played_faster(excerpt(samples, 8.0, 12.0), 1.04)
    query = fingerprinter().analyse(heard).for_query(Warp(1.04, 1.04))
    where = dict(zip(index.hashes.tolist(), index.offsets_frames.tolist(), strict=True))
    lags = [
        where[value] - offset
        for value, offset in zip(query.hashes.tolist(), query.offsets_frames.tolist(), strict=True)
        if value in where
    ]
    near = np.median(lags) * bands.HOP_SAMPLES / bands.SAMPLE_RATE_HZ
    assert near == pytest.approx(8.0, abs=0.03)


@pytest.mark.parametrize("warp", [Warp(1.0, 1.5), Warp(2.5, 1.0), Warp(0.4, 1.0)])
def test_a_warp_beyond_what_the_spectrum_holds_gives_nothing(warp: Warp) -> None:
    samples = tune(bands.SAMPLE_RATE_HZ, 5.0)
    assert len(fingerprinter().analyse(samples).for_query(warp)) == 0


def test_silence_within_music_gives_nothing_there() -> None:
    samples = tune(bands.SAMPLE_RATE_HZ, 12.0).copy()
    samples[4 * bands.SAMPLE_RATE_HZ : 8 * bands.SAMPLE_RATE_HZ] = 0
    offsets = fingerprinter().analyse(samples).for_index().offsets_frames
    at_s = offsets * fingerprinter().frame_s
    assert not np.any((at_s > 4.1) & (at_s < 7.6))
    assert np.any(at_s < 3.5)
    assert np.any(at_s > 8.1)


def test_blocks_leave_no_seam() -> None:
    samples = tune(bands.SAMPLE_RATE_HZ, 5.0)
    halved = bands.decimate(samples)
    whole = np.concatenate(list(bands.power_blocks(halved, 800)))
    assert len(whole) > 2 * bands.BLOCK_FRAMES
    again = next(bands.power_blocks(halved[bands.BLOCK_FRAMES * bands.FRAME_HOP :], 800))
    assert np.allclose(whole[bands.BLOCK_FRAMES], again[0], rtol=1e-4, atol=1e-9)


def test_a_tone_above_the_bands_does_not_fold_back_into_them() -> None:
    at_s = np.arange(4 * bands.SAMPLE_RATE_HZ) / bands.SAMPLE_RATE_HZ
    tone = np.sin(2 * np.pi * 4200 * at_s).astype(np.float32)
    (power, *_) = bands.power_blocks(bands.decimate(tone), 1024)
    energies = bands.band_energies(power, np.geomspace(300, 2000, 34))
    assert 10 * np.log10(energies.sum(axis=1).max()) < -50


def test_every_option_that_changes_a_hash_is_in_the_identity() -> None:
    plain = fingerprinter().identity
    for option in ("low_hz=200", "high_hz=2100", "floor_db=-60"):
        assert fingerprinter(f"bands:?{option}").identity != plain
    assert fingerprinter("bands:?flips=0").identity == plain


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("bands:?flip=3", "no option 'flip'.*low_hz, high_hz, floor_db, flips"),
        ("bands:?flips=9", "flips must be a number from 0 to 8, not '9'"),
        ("bands:?flips=2.5", "whole number"),
        ("bands:?low_hz=loud", "low_hz must be a number from 100 to 1000, not 'loud'"),
        ("bands:?high_hz=nan", "high_hz must be a number"),
        ("bands:here", "takes no path"),
    ],
)
def test_a_wrong_option_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(PluginError, match=says):
        fingerprinter(text)
