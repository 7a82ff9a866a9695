"""The conformance kits for fingerprinters: subclass the one that yours is held to.

`FingerprinterConformance` is for all, `DrawableFingerprinterConformance` for one whose hashes
can be drawn.

Its sounds are drawn from a seed: notes of a few instruments that come and go, so that
whatever a fingerprinter looks at (peaks, bands, onsets) there is some of it.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest

from songid.interfaces import DrawableFingerprinter, Fingerprinter
from songid.model import UNWARPED, Fingerprint, Samples, Warp


@cache
def tune(sample_rate_hz: int, seconds: float, seed: int = 1) -> Samples:
    """A made-up tune: mono float32, shape (round(seconds * sample_rate_hz),)."""
    chance = np.random.default_rng(seed)
    samples = np.zeros(round(seconds * sample_rate_hz), np.float32)
    start_s = 0.0
    while start_s < seconds:
        begin = round(start_s * sample_rate_hz)
        length_s = chance.uniform(0.2, 1.0)
        count = min(round(length_s * sample_rate_hz), len(samples) - begin)
        time_s = np.arange(count, dtype=np.float64) / sample_rate_hz
        note_hz = 110.0 * 2 ** (chance.integers(0, 48) / 12)
        tone = np.zeros(len(time_s))
        for partial in range(1, 9):
            if note_hz * partial < 0.45 * sample_rate_hz:
                tone += np.sin(2 * np.pi * note_hz * partial * time_s) / partial
        envelope = np.minimum(time_s / 0.01, 1.0) * np.exp(-time_s * chance.uniform(2.0, 6.0))
        samples[begin : begin + len(time_s)] += (0.1 * tone * envelope).astype(np.float32)
        start_s += chance.uniform(0.05, 0.2)
    samples += chance.normal(0.0, 1e-4, len(samples)).astype(np.float32)
    return samples


def played_faster(samples: Samples, speed: float) -> Samples:
    """The samples as a deck that runs `speed` times as fast plays them."""
    at = np.arange(0, len(samples) - 1, speed)
    faster: Samples = np.interp(at, np.arange(len(samples)), samples).astype(np.float32)
    return faster


def pairs(fingerprint: Fingerprint, from_frame: int = 0, to_frame: int = 2**62) -> Counter[int]:
    """(hash, offset) packed into one integer each, of the offsets in a range of frames."""
    offsets = fingerprint.offsets_frames.astype(np.int64)
    inside = (offsets >= from_frame) & (offsets < to_frame)
    packed = fingerprint.hashes.astype(np.int64)[inside] << 31 | offsets[inside]
    return Counter(packed.tolist())


def aligned(query: Fingerprint, index: Fingerprint) -> int:
    """How many landmarks agree at the best single lag, give or take a frame."""
    by_hash: dict[int, list[int]] = {}
    for key, offset in zip(index.hashes.tolist(), index.offsets_frames.tolist(), strict=True):
        by_hash.setdefault(key, []).append(offset)
    lags: Counter[int] = Counter()
    for key, offset in zip(query.hashes.tolist(), query.offsets_frames.tolist(), strict=True):
        lags.update(there - offset for there in by_hash.get(key, ()))
    return max((lags[lag - 1] + lags[lag] + lags[lag + 1] for lag in lags), default=0)


class FingerprinterConformance:
    """Everything a `songid.interfaces.Fingerprinter` must do.

    Give `open_fingerprinter()`. Set `undoes_warps = False` for one whose `for_query`
    takes no notice of the warp. `least_shared` is the share of the catalogue's landmarks
    that an unwarped query of the same samples must hold, and that a cut must leave as
    they are beyond `edge_s` seconds from it.
    """

    undoes_warps = True
    least_shared = 0.8
    edge_s = 4.0

    def open_fingerprinter(self) -> Fingerprinter:
        """Open the fingerprinter."""
        raise NotImplementedError("a subclass says how to open its fingerprinter")

    @pytest.fixture
    def fingerprinter(self) -> Fingerprinter:
        """The fingerprinter."""
        return self.open_fingerprinter()

    @pytest.fixture
    def samples(self, fingerprinter: Fingerprinter) -> Samples:
        """Twenty seconds of a tune."""
        return tune(fingerprinter.sample_rate_hz, 20.0).copy()

    def test_it_is_a_fingerprinter_with_sane_properties(self, fingerprinter: Fingerprinter) -> None:
        assert isinstance(fingerprinter, Fingerprinter)
        assert fingerprinter.identity
        assert fingerprinter.identity.isprintable()
        assert 1 <= fingerprinter.hash_bits <= 32
        assert fingerprinter.sample_rate_hz >= 4000
        hop = fingerprinter.frame_s * fingerprinter.sample_rate_hz
        assert hop == pytest.approx(round(hop), abs=1e-6), "a frame is a whole number of samples"
        assert 1 <= hop <= fingerprinter.sample_rate_hz

    def test_its_identity_is_the_same_each_time(self, fingerprinter: Fingerprinter) -> None:
        assert self.open_fingerprinter().identity == fingerprinter.identity

    def test_hashes_and_offsets_are_ordered_integers_in_range(
        self, fingerprinter: Fingerprinter, samples: Samples
    ) -> None:
        analysis = fingerprinter.analyse(samples)
        for fingerprint in (analysis.for_index(), analysis.for_query()):
            hashes, offsets = fingerprint.hashes, fingerprint.offsets_frames
            assert len(fingerprint) > 0
            assert hashes.dtype == np.uint32
            assert offsets.dtype == np.uint32
            assert hashes.shape == offsets.shape == (len(fingerprint),)
            assert int(hashes.max()) < 2**fingerprinter.hash_bits
            assert np.all(np.diff(offsets.astype(np.int64)) >= 0)
            assert int(offsets[-1]) * fingerprinter.frame_s <= 20.0
            reach = fingerprinter.reach_frames(hashes)
            assert reach.shape == hashes.shape
            assert int((offsets + reach).max()) * fingerprinter.frame_s <= 20.0

    def test_the_same_samples_give_the_same_fingerprint(
        self, fingerprinter: Fingerprinter, samples: Samples
    ) -> None:
        before = samples.copy()
        first = fingerprinter.analyse(samples)
        again = self.open_fingerprinter().analyse(samples.copy())
        for one, other in (
            (first.for_index(), again.for_index()),
            (first.for_query(), again.for_query()),
            (first.for_index(), first.for_index()),
        ):
            assert np.array_equal(one.hashes, other.hashes)
            assert np.array_equal(one.offsets_frames, other.offsets_frames)
        assert np.array_equal(samples, before), "the samples must not be changed"

    def test_different_tunes_share_little(
        self, fingerprinter: Fingerprinter, samples: Samples
    ) -> None:
        other = tune(fingerprinter.sample_rate_hz, 20.0, seed=2)
        index = fingerprinter.analyse(samples).for_index()
        shared = aligned(fingerprinter.analyse(other).for_index(), index)
        assert shared < 0.1 * len(index)

    @pytest.mark.parametrize("seconds", [0.0, 0.001, 0.05, 0.5, 60.0])
    def test_silence_of_any_length_gives_nothing(
        self, fingerprinter: Fingerprinter, seconds: float
    ) -> None:
        silence = np.zeros(round(seconds * fingerprinter.sample_rate_hz), np.float32)
        analysis = fingerprinter.analyse(silence)
        for fingerprint in (analysis.for_index(), analysis.for_query(Warp(1.02, 1.02))):
            assert len(fingerprint) == 0
            assert fingerprint.hashes.dtype == np.uint32
            assert fingerprint.offsets_frames.dtype == np.uint32

    @pytest.mark.parametrize("count", [1, 2, 127, 1000, 2049])
    def test_very_short_audio_does_no_harm(
        self, fingerprinter: Fingerprinter, samples: Samples, count: int
    ) -> None:
        fingerprint = fingerprinter.analyse(samples[:count]).for_index()
        assert all(
            int(offset) * fingerprinter.frame_s <= 1.0 for offset in fingerprint.offsets_frames
        )

    def test_a_constant_offset_or_full_scale_square_does_no_harm(
        self, fingerprinter: Fingerprinter, samples: Samples
    ) -> None:
        loud = np.sign(samples).astype(np.float32)
        for odd in (np.full(len(samples), 0.5, np.float32), loud, samples * np.float32(1e-12)):
            fingerprint = fingerprinter.analyse(odd).for_index()
            assert int(fingerprint.hashes.max(initial=0)) < 2**fingerprinter.hash_bits

    def test_an_unwarped_query_holds_most_of_what_the_catalogue_keeps(
        self, fingerprinter: Fingerprinter, samples: Samples
    ) -> None:
        analysis = fingerprinter.analyse(samples)
        index, query = pairs(analysis.for_index()), pairs(analysis.for_query(UNWARPED))
        assert (index & query).total() >= self.least_shared * index.total()

    def test_quieter_audio_has_the_same_landmarks(
        self, fingerprinter: Fingerprinter, samples: Samples
    ) -> None:
        index = pairs(fingerprinter.analyse(samples).for_index())
        quiet = pairs(fingerprinter.analyse(samples * np.float32(0.25)).for_query())
        assert (index & quiet).total() >= self.least_shared * index.total()

    @pytest.mark.parametrize("frames", [1, 100, 333])
    def test_a_cut_of_whole_frames_moves_the_offsets_by_as_many(
        self, fingerprinter: Fingerprinter, samples: Samples, frames: int
    ) -> None:
        hop = round(fingerprinter.frame_s * fingerprinter.sample_rate_hz)
        edge = round(self.edge_s / fingerprinter.frame_s)
        total = len(samples) // hop
        whole = fingerprinter.analyse(samples).for_index()
        cut = fingerprinter.analyse(samples[frames * hop :]).for_index()
        expected = pairs(whole, frames + edge, total - edge)
        moved = Fingerprint(cut.hashes, cut.offsets_frames + np.uint32(frames))
        found = pairs(moved, frames + edge, total - edge)
        assert expected.total() > 0
        assert (expected & found).total() >= self.least_shared * expected.total()

    def test_a_warp_undone_finds_what_was_played_faster(
        self, fingerprinter: Fingerprinter, samples: Samples
    ) -> None:
        if not self.undoes_warps:
            pytest.skip("this fingerprinter takes no notice of warps")
        index = fingerprinter.analyse(samples).for_index()
        analysis = fingerprinter.analyse(played_faster(samples, 1.04))
        undone = aligned(analysis.for_query(Warp(1.04, 1.04)), index)
        assert undone > 2 * aligned(analysis.for_query(UNWARPED), index)
        assert undone > 0.1 * len(index)


class DrawableFingerprinterConformance(FingerprinterConformance):
    """Everything a `songid.interfaces.DrawableFingerprinter` must do, beside what all must."""

    def open_fingerprinter(self) -> DrawableFingerprinter:
        """Open the fingerprinter."""
        raise NotImplementedError("a subclass says how to open its fingerprinter")

    @pytest.fixture
    def fingerprinter(self) -> DrawableFingerprinter:
        """The fingerprinter."""
        return self.open_fingerprinter()

    def test_it_is_a_drawable_fingerprinter(self, fingerprinter: DrawableFingerprinter) -> None:
        assert isinstance(fingerprinter, DrawableFingerprinter)

    def test_each_hash_is_drawn_where_its_sound_is(
        self, fingerprinter: DrawableFingerprinter, samples: Samples
    ) -> None:
        fingerprint = fingerprinter.analyse(samples).for_query()
        points = fingerprinter.points(fingerprint)
        assert points.shape == (len(fingerprint), 4)
        assert points.dtype == np.float64
        anchor_s, anchor_hz, target_s, target_hz = points.T
        late_s = anchor_s - fingerprint.offsets_frames * fingerprinter.frame_s
        assert np.all((late_s >= 0) & (late_s <= 1.0)), "an anchor is at its offset"
        assert np.ptp(late_s) < 1e-6, "and always as far behind it"
        assert np.all(target_s >= anchor_s)
        assert float(target_s.max()) <= 20.0
        for frequencies_hz in (anchor_hz, target_hz):
            assert np.all((frequencies_hz >= 0) & np.isfinite(frequencies_hz))
            assert float(frequencies_hz.max()) <= fingerprinter.sample_rate_hz / 2

    def test_of_nothing_nothing_is_drawn(self, fingerprinter: DrawableFingerprinter) -> None:
        nothing = np.zeros(0, np.uint32)
        assert fingerprinter.points(Fingerprint(nothing, nothing)).shape == (0, 4)
