"""The fingerprinter `landmark`: its stored layout is pinned, and what it finds is right."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from songid.errors import PluginError
from songid.model import ComponentURL, Fingerprint, Samples, Warp
from songid.testing.distortions import pitch, speed, tempo
from songid.testing.fingerprinters import aligned
from songid_plugins.fingerprinters.landmark import (
    HASH_BITS,
    LONGEST_FRAMES,
    WIDEST_BINS,
    Landmark,
    open_fingerprinter,
    pack_hash,
)
from songid_plugins.fingerprinters.landmark_peaks import (
    BIN_RADIUS,
    FFT_SAMPLES,
    FRAME_RADIUS,
    HIGHEST_BIN,
    HOP_SAMPLES,
    LOWEST_BIN,
    RATE_HZ,
    Constellation,
    find_peaks,
    running_maximum,
    strongest,
)

PINNED = Path(__file__).with_name("landmark_1.txt")


def fields(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Anchor's bin, target's bin minus anchor's, frames between, as the layout says."""
    wide = hashes.astype(np.int64)
    return wide >> 13, ((wide >> 6) & 127) - 64, wide & 63


# -- the stored format ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("anchor_bin", "target_bin", "frames", "packed"),
    [
        (0, 0, 1, 0b000000000_1000000_000001),
        (8, 71, 2, 0b000001000_1111111_000010),
        (511, 448, 63, 0b111111111_0000001_111111),
        (100, 105, 17, 823_633),
    ],
)
def test_a_landmark_is_packed_as_it_is_written_down(
    anchor_bin: int, target_bin: int, frames: int, packed: int
) -> None:
    hashes = pack_hash(np.array([anchor_bin]), np.array([target_bin]), np.array([frames]))
    assert hashes.dtype == np.uint32
    assert hashes.tolist() == [packed]


@given(st.integers(0, 511), st.integers(-WIDEST_BINS, WIDEST_BINS), st.integers(1, LONGEST_FRAMES))
def test_the_fields_of_a_hash_keep_apart(bin_: int, step: int, frames: int) -> None:
    packed = pack_hash(np.array([bin_]), np.array([bin_ + step]), np.array([frames]))
    assert [int(each[0]) for each in fields(packed)] == [bin_, step, frames]
    assert int(packed[0]) < 1 << HASH_BITS


def test_the_identity_names_every_parameter_that_changes_a_hash() -> None:
    """Whoever changes one of these changes the stored format: a new number, `landmark/2`."""
    assert Landmark.identity == (
        "landmark/1 rate=11025 fft=1024 hop=256 peaks=12 partners=8 hash=9+7+6"
    )
    assert (Landmark.sample_rate_hz, Landmark.frame_s, Landmark.hash_bits) == (
        11025, 256 / 11025, 22
    )  # fmt: skip


def integer_tune() -> Samples:
    """Ten seconds of triangle waves made of integers alone: the same on every machine."""
    t = np.arange(10 * RATE_HZ, dtype=np.int64)
    sound = np.zeros(len(t), np.int64)
    state = 12_345
    begin = 0
    while begin < len(t):
        state = (state * 1_103_515_245 + 12_345) % (1 << 31)
        # 140 to 2,300 Hz: an octave and a step of it, as phase per sample of 65,536 a turn.
        step = (840 + (state >> 8) % 840) << (state >> 20) % 4
        length = 1500 + (state >> 4) % 4000
        at = t[: min(length, len(t) - begin)]
        triangle = np.abs(((at * step) & 0xFFFF) - 32_768) - 16_384
        fading = 4096 - 4096 * at // length
        sound[begin : begin + len(at)] += (triangle * fading) >> 13
        begin += 700 + (state >> 12) % 2500
    return (sound / 65_536).astype(np.float32)


def pinned() -> Counter[tuple[int, int]]:
    lines = PINNED.read_text().splitlines()
    return Counter((int(offset), int(packed, 16)) for offset, packed in map(str.split, lines))


def test_a_sound_has_the_fingerprint_it_has_always_had() -> None:
    """Of 100 landmarks 99 must be as pinned: an FFT of another build rounds the last bit
    otherwise, which may move a peak that lies midway between two frames or bins."""
    found = Landmark().analyse(integer_tune()).for_index()
    offsets, hashes = found.offsets_frames.tolist(), found.hashes.tolist()
    now, then = Counter(zip(offsets, hashes, strict=True)), pinned()
    assert then.total() > 400
    assert abs(now.total() - then.total()) <= 0.01 * then.total()
    assert (now & then).total() >= 0.99 * then.total()


# -- what it finds --------------------------------------------------------------------


def test_music_has_forty_to_a_hundred_and_five_landmarks_a_second(songs: list[Samples]) -> None:
    for song in songs:
        density = len(Landmark().analyse(song).for_index()) / (len(song) / RATE_HZ)
        assert 40 <= density <= 105


def test_landmarks_keep_to_the_ranges_that_the_hash_has_room_for(songs: list[Samples]) -> None:
    analysis = Landmark().analyse(songs[0])
    for found in (analysis.for_index(), analysis.for_query(), analysis.for_query(Warp(0.9, 1.1))):
        bins, steps, frames = fields(found.hashes)
        assert bins.min() >= LOWEST_BIN and bins.max() <= HIGHEST_BIN
        assert np.abs(steps).max() <= WIDEST_BINS
        assert frames.min() >= 2 and frames.max() <= LONGEST_FRAMES


@pytest.mark.parametrize("seconds", [0.0, 0.05, 30.0])
@pytest.mark.parametrize("level", [0.0, 0.3, 1e-6])
def test_silence_and_a_constant_give_nothing(seconds: float, level: float) -> None:
    analysis = Landmark().analyse(np.full(round(seconds * RATE_HZ), level, np.float32))
    assert len(analysis.for_index()) == len(analysis.for_query()) == 0


def test_dither_gives_nothing() -> None:
    dither = np.random.default_rng(1).integers(-1, 2, 20 * RATE_HZ) / np.float32(32_768 * 64)
    assert len(Landmark().analyse(dither.astype(np.float32)).for_index()) == 0


def test_a_tone_is_found_at_its_frequency_and_time() -> None:
    samples = np.zeros(3 * RATE_HZ, np.float32)
    t = np.arange(4096)
    tone = np.hanning(4096) * np.sin(2 * np.pi * 1000 * t / RATE_HZ)
    samples[RATE_HZ : RATE_HZ + 4096] = 0.5 * tone
    peaks = find_peaks(samples)
    loudest = int(np.argmax(peaks.powers))
    assert peaks.bins[loudest] == pytest.approx(1000 * FFT_SAMPLES / RATE_HZ, abs=0.1)
    middle = (RATE_HZ + 2048 - FFT_SAMPLES / 2) / HOP_SAMPLES
    assert peaks.frames[loudest] == pytest.approx(middle, abs=0.2)


@settings(max_examples=60, deadline=None)
@given(
    values=arrays(
        np.float32,
        st.tuples(st.integers(1, 30), st.integers(1, 30)),
        elements=st.floats(0, 10, width=32),
    ),
    radius=st.integers(1, 13),
    axis=st.sampled_from([0, 1]),
)
def test_the_running_maximum_is_a_maximum_filter(
    values: np.ndarray, radius: int, axis: int
) -> None:
    expected = scipy.ndimage.maximum_filter1d(
        values, 2 * radius + 1, axis=axis, mode="constant", cval=0.0
    )
    found = running_maximum(values, radius, axis)
    assert found.shape == values.shape
    assert np.array_equal(found, expected)


def peaks_at_once(samples: Samples) -> set[tuple[int, int]]:
    """(frame, bin) of all peaks by a general filter over the whole spectrogram."""
    window = np.hanning(FFT_SAMPLES + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, FFT_SAMPLES)[::HOP_SAMPLES]
    power = np.abs(scipy.fft.rfft(frames * window, axis=1)[:, : FFT_SAMPLES // 2]) ** 2
    size = (2 * FRAME_RADIUS + 1, 2 * BIN_RADIUS + 1)
    highest = scipy.ndimage.maximum_filter(power, size, mode="constant", cval=0.0)
    found = np.argwhere((power >= highest * (1 - 1e-6)) & (power > 1e-7))
    return {(int(frame), int(band)) for frame, band in found if LOWEST_BIN <= band < HIGHEST_BIN}


def cells(peaks: Constellation) -> set[tuple[int, int]]:
    frames, bins = peaks.whole_frames().tolist(), peaks.whole_bins().tolist()
    return set(zip(frames, bins, strict=True))


def near(one: tuple[int, int], others: set[tuple[int, int]]) -> bool:
    """The parabola may round to the next frame or bin."""
    return any((one[0] + a, one[1] + b) in others for a in (-1, 0, 1) for b in (-1, 0, 1))


def test_blocks_find_what_a_filter_over_the_whole_spectrogram_does(songs: list[Samples]) -> None:
    samples = songs[0][: 20 * RATE_HZ]
    expected, found = peaks_at_once(samples), cells(find_peaks(samples))
    assert len(expected) > 500
    assert all(near(each, expected) for each in found)
    assert all(near(each, found) for each in expected)


@pytest.mark.parametrize("frames", [1, 61, 127, 128, 129, 200])
def test_where_blocks_begin_makes_no_difference(songs: list[Samples], frames: int) -> None:
    samples = songs[1][: 20 * RATE_HZ]
    whole = cells(find_peaks(samples))
    later = {
        (frame + frames, band) for frame, band in cells(find_peaks(samples[frames * HOP_SAMPLES :]))
    }
    # At either end of the audio a peak's neighbour is missing.
    first, last = frames + FRAME_RADIUS, (len(samples) - FFT_SAMPLES) // HOP_SAMPLES
    whole, later = ({each for each in some if first < each[0] < last} for some in (whole, later))
    assert len(whole) > 400
    # None but what lies on the border between two cells and is rounded anew.
    assert len(whole ^ later) <= 0.005 * len(whole)


def test_the_strongest_of_each_second_are_kept_in_order(songs: list[Samples]) -> None:
    peaks = find_peaks(songs[2])
    kept = strongest(peaks, 12)
    seconds = Counter((kept.frames / 43).astype(int).tolist())
    assert max(seconds.values()) == 12
    assert (np.diff(kept.whole_frames()) >= 0).all()
    assert len(strongest(kept, 12)) == len(kept)
    assert len(strongest(peaks, 10**6)) == len(peaks)


# -- warps ----------------------------------------------------------------------------


def share(query: Fingerprint, index: Fingerprint) -> float:
    """The share of the query's landmarks that align with the index at one lag."""
    return aligned(query, index) / len(query)


@pytest.mark.parametrize("factor", [0.94, 0.97, 1.03, 1.06])
def test_a_query_undoes_the_speed_it_was_played_at(songs: list[Samples], factor: float) -> None:
    song = songs[3][: 30 * RATE_HZ]
    index = Landmark().analyse(song).for_index()
    itself = share(Landmark().analyse(song).for_query(), index)
    faster = Landmark().analyse(speed(song, factor))
    undone = share(faster.for_query(Warp(factor, factor)), index)
    assert undone > 0.3 * itself
    assert undone > 4 * share(faster.for_query(), index)


@pytest.mark.parametrize("factor", [0.95, 1.08])
def test_a_query_undoes_a_tempo(songs: list[Samples], factor: float) -> None:
    song = songs[4][: 30 * RATE_HZ]
    index = Landmark().analyse(song).for_index()
    stretched = Landmark().analyse(tempo(song, RATE_HZ, factor))
    assert share(stretched.for_query(Warp(tempo=factor)), index) > 3 * share(
        stretched.for_query(), index
    )


@pytest.mark.parametrize("semitones", [-1.0, 2.0])
def test_a_query_undoes_a_transposition(songs: list[Samples], semitones: float) -> None:
    song = songs[5][: 30 * RATE_HZ]
    index = Landmark().analyse(song).for_index()
    transposed = Landmark().analyse(pitch(song, RATE_HZ, semitones))
    undone = transposed.for_query(Warp(pitch=2 ** (semitones / 12)))
    assert share(undone, index) > 3 * share(transposed.for_query(), index)


def test_offsets_under_a_warp_are_in_the_recordings_time(songs: list[Samples]) -> None:
    song = songs[3][: 30 * RATE_HZ]
    analysis = Landmark().analyse(speed(song, 1.05))
    warped = analysis.for_query(Warp(1.05, 1.05))
    assert int(warped.offsets_frames[-1]) * Landmark.frame_s == pytest.approx(30, abs=1.5)
    assert (np.diff(warped.offsets_frames.astype(np.int64)) >= 0).all()


def test_it_takes_no_options() -> None:
    assert isinstance(open_fingerprinter(ComponentURL.parse("landmark")), Landmark)
    for url in ("landmark?peaks=30", "landmark:fine"):
        with pytest.raises(PluginError, match="no options"):
            open_fingerprinter(ComponentURL.parse(url))
