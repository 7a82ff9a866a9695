"""The fingerprinter `landmark`: pairs of spectral peaks after Wang (2003).

Few, strong peaks with many partners each: a pair survives noise only if both of its
peaks do, so the catalogue keeps pairs among the strongest dozen peaks of a second, and
the query, whose work robustness is, looks for them among more.

Reference: A. Wang, "An industrial-strength audio search algorithm", ISMIR 2003.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from songid.errors import PluginError
from songid.model import UNWARPED, ComponentURL, Fingerprint, Samples, Warp
from songid_plugins.fingerprinters.landmark_peaks import (
    FFT_SAMPLES,
    HOP_SAMPLES,
    RATE_HZ,
    Constellation,
    find_peaks,
    strongest,
)

HASH_BITS = 22
LONGEST_FRAMES = 63
WIDEST_BINS = 63

_DT_BITS, _DF_BITS = 6, 7


@dataclass(frozen=True, slots=True)
class Density:
    """How many peaks of a second are kept, and with how many partners each is paired."""

    peaks_per_second: int
    partners: int


INDEX = Density(peaks_per_second=12, partners=8)
QUERY = Density(peaks_per_second=30, partners=12)

I64 = npt.NDArray[np.int64]


def pack_hash(bins: I64, target_bins: I64, frames_between: I64) -> npt.NDArray[np.uint32]:
    """Pack landmarks into hashes below 2**22; all shapes (n,).

    | bits | content |
    | --- | --- |
    | 13-21 | the anchor's bin, 0 to 511 |
    | 6-12 | target's bin minus anchor's bin plus 64, 1 to 127 |
    | 0-5 | frames from anchor to target, 1 to 63 |
    """
    steps = (target_bins - bins + WIDEST_BINS + 1) << _DT_BITS
    return (bins << (_DT_BITS + _DF_BITS) | steps | frames_between).astype(np.uint32)


def pair_up(peaks: Constellation, partners: int) -> tuple[I64, I64]:
    """Pair each peak with up to `partners` of those that follow it, nearest first.

    Partners are 2 to LONGEST_FRAMES frames later and at most WIDEST_BINS bins away.
    Returns indices of anchors and targets, shape (n,) each.
    """
    frames, bins = peaks.whole_frames(), peaks.whole_bins()
    count = len(frames)
    reach = np.searchsorted(frames, frames + LONGEST_FRAMES, "right") - np.arange(count)
    taken = np.zeros(count, np.int64)
    anchors: list[I64] = []
    steps: list[int] = []
    for step in range(1, int(reach.max(initial=0))):
        after = frames[step:] - frames[:-step]
        away = np.abs(bins[step:] - bins[:-step])
        fits = (after >= 2) & (after <= LONGEST_FRAMES) & (away <= WIDEST_BINS)
        fits &= taken[:-step] < partners
        found = np.flatnonzero(fits)
        taken[found] += 1
        anchors.append(found)
        steps.append(step)
    if not anchors:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first = np.concatenate(anchors)
    return first, first + np.repeat(steps, [len(found) for found in anchors])


@dataclass(slots=True)
class LandmarkAnalysis:
    """Some audio's constellation, peaks with fractional frames and bins."""

    peaks: Constellation
    _pairs: tuple[Constellation, I64, I64] | None = None

    def for_index(self) -> Fingerprint:
        """The landmarks the catalogue keeps, about 85 per second."""
        return _fingerprint(strongest(self.peaks, INDEX.peaks_per_second), INDEX.partners)

    def for_query(self, warp: Warp = UNWARPED, *, quick: bool = False) -> Fingerprint:
        """The landmarks to look up, their peaks moved to where `warp` undone puts them."""
        if quick:
            return self.for_index() if warp == UNWARPED else self._glimpse(warp)
        peaks = strongest(self.peaks, QUERY.peaks_per_second)
        if warp != UNWARPED:
            peaks = peaks.moved(warp.tempo, 1 / warp.pitch)
        return _fingerprint(peaks, QUERY.partners)

    def _glimpse(self, warp: Warp) -> Fingerprint:
        """The landmarks of the index under a warp, paired once for all warps.

        Pairs that the warp brings to the edge of what a landmark may span are lost, and so
        are those that would take their place; they are few.
        """
        if self._pairs is None:
            peaks = strongest(self.peaks, INDEX.peaks_per_second)
            self._pairs = peaks, *pair_up(peaks, INDEX.partners)
        unwarped, anchors, targets = self._pairs
        moved, kept = unwarped.moved_in_place(warp.tempo, 1 / warp.pitch)
        fits = kept[anchors] & kept[targets]
        return _landmarks(moved, anchors[fits], targets[fits])


def _fingerprint(peaks: Constellation, partners: int) -> Fingerprint:
    return _landmarks(peaks, *pair_up(peaks, partners))


def _landmarks(peaks: Constellation, anchors: I64, targets: I64) -> Fingerprint:
    """The fingerprint of pairs of peaks, without those that fit no hash."""
    frames, bins = peaks.whole_frames(), peaks.whole_bins()
    between, apart = frames[targets] - frames[anchors], bins[targets] - bins[anchors]
    fits = (between >= 1) & (between <= LONGEST_FRAMES) & (np.abs(apart) <= WIDEST_BINS)
    if not fits.all():
        anchors, targets, between = anchors[fits], targets[fits], between[fits]
    hashes = pack_hash(bins[anchors], bins[targets], between)
    order = np.argsort(frames[anchors].astype(np.int64) << HASH_BITS | hashes, kind="stable")
    return Fingerprint(hashes[order], frames[anchors][order].astype(np.uint32))


class Landmark:
    """The fingerprinter; stateless, one instance serves any number of analyses."""

    identity = (
        f"landmark/1 rate={RATE_HZ} fft={FFT_SAMPLES} hop={HOP_SAMPLES} "
        f"peaks={INDEX.peaks_per_second} partners={INDEX.partners} "
        f"hash=9+{_DF_BITS}+{_DT_BITS}"
    )
    sample_rate_hz = RATE_HZ
    frame_s = HOP_SAMPLES / RATE_HZ
    hash_bits = HASH_BITS

    def reach_frames(self, hashes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        """The frames from anchor to target, which are the hash's last bits."""
        return hashes & np.uint32(LONGEST_FRAMES)

    def points(self, fingerprint: Fingerprint) -> npt.NDArray[np.float64]:
        """Anchor and target of each landmark, seconds and Hz, shape (n, 4)."""
        hashes = fingerprint.hashes.astype(np.int64)
        bins = hashes >> (_DT_BITS + _DF_BITS)
        apart = (hashes >> _DT_BITS & (1 << _DF_BITS) - 1) - WIDEST_BINS - 1
        # A frame's offset is where its window begins; what it tells of is the window's middle.
        anchors_s = fingerprint.offsets_frames * self.frame_s + FFT_SAMPLES / RATE_HZ / 2
        targets_s = anchors_s + (hashes & LONGEST_FRAMES) * self.frame_s
        bin_hz = RATE_HZ / FFT_SAMPLES
        return np.stack((anchors_s, bins * bin_hz, targets_s, (bins + apart) * bin_hz), axis=1)

    def analyse(self, samples: Samples) -> LandmarkAnalysis:
        """Find the constellation of mono float32 samples at 11025 Hz."""
        return LandmarkAnalysis(find_peaks(samples))


def open_fingerprinter(url: ComponentURL) -> Landmark:
    """Open `landmark`; it takes no options, for its parameters are the stored format."""
    if url.options or url.rest:
        raise PluginError(f"{url}: the fingerprinter 'landmark' takes no options; write 'landmark'")
    return Landmark()
