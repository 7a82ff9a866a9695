"""A talking sound from a seed: no words, but the rhythm, pitch and formants of speech.

Pulses of a voice and hissing noise are shaped, 6 ms by 6 ms, by four moving formants
(the source-filter model, Fant 1960), in syllables, words, phrases and pauses.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.fft

from songid.model import Samples

_HOP_S = 0.0058
_VOWELS_HZ = np.array(
    [
        (730, 1090, 2440, 3400),
        (270, 2290, 3010, 3700),
        (300, 870, 2240, 3300),
        (530, 1840, 2480, 3500),
        (570, 840, 2410, 3300),
        (640, 1190, 2390, 3400),
        (660, 1720, 2410, 3500),
        (490, 1350, 1690, 3200),
    ],
    dtype=np.float64,
)  # Peterson and Barney 1952, with a usual fourth formant
_BANDWIDTHS_HZ = np.array([70.0, 90.0, 130.0, 220.0])

# The rows of a score: pitch, voice, hiss, the hiss's pitch, four formants.
_PITCH, _VOICE, _HISS, _HISS_AT, _FORMANTS = 0, 1, 2, 3, 4


def speech_like(seed: int, seconds: float, rate_hz: int = 44_100) -> Samples:
    """Mono float32 samples, shape (round(seconds * rate_hz),), peak 0.7, that talk."""
    rng = np.random.default_rng([seed, 0x5A1D])
    count = round(seconds * rate_hz)
    hop = max(1, round(_HOP_S * rate_hz))
    score = _write_score(rng, count // hop + 2)
    source_voice = _pulses(score[_PITCH], hop, count, rate_hz, rng)
    source_hiss = rng.standard_normal(count, dtype=np.float32)
    size = scipy.fft.next_fast_len(hop * 4, real=True)
    at_hz = np.linspace(0.0, rate_hz / 2, size // 2 + 1, dtype=np.float64)
    voiced = _formant_gains(score[_FORMANTS:], at_hz) * score[_VOICE][:, None]
    width_hz = 900.0
    hissing = np.exp(-(((at_hz[None, :] - score[_HISS_AT][:, None]) / width_hz) ** 2))
    hissing *= score[_HISS][:, None]
    talk = _filter_frames(source_voice, voiced, hop, size)
    talk += _filter_frames(source_hiss, hissing, hop, size)
    talk = talk[:count]
    peak = float(np.abs(talk).max(initial=0.0))
    return np.asarray(talk * np.float32(0.7 / peak if peak else 1.0), dtype=np.float32)


def _write_score(rng: np.random.Generator, frames: int) -> npt.NDArray[np.float64]:
    """The tracks of pitch, loudness and formants, shape (8, frames), a column per hop."""
    speaker_hz = float(rng.choice([105.0, 125.0, 190.0, 215.0])) * rng.uniform(0.92, 1.08)
    throat = 1.0 if speaker_hz < 160 else 1.15
    columns: list[tuple[int, float, float, float, float, npt.NDArray[np.float64]]] = []
    total, vowel = 0, _VOWELS_HZ[0]
    while total < frames:
        words = int(rng.integers(3, 9))
        for word in range(words):
            fall = 1.12 - 0.25 * word / words
            for syllable in range(int(rng.choice([1, 1, 2, 2, 3, 4]))):
                vowel = _VOWELS_HZ[int(rng.integers(len(_VOWELS_HZ)))] * throat
                stress = (1.15 if syllable == 0 else 1.0) * rng.uniform(0.86, 1.12)
                pitch = speaker_hz * fall * stress
                columns += _syllable(rng, pitch, stress, vowel)
            columns.append((int(rng.integers(2, 10)), speaker_hz, 0.0, 0.0, 4000.0, vowel))
        columns.append((int(rng.integers(45, 140)), speaker_hz, 0.0, 0.0, 4000.0, vowel))
        total = sum(column[0] for column in columns)
    lengths = [column[0] for column in columns]
    score = np.empty((8, total))
    for row in range(4):
        score[row] = np.repeat([column[1 + row] for column in columns], lengths)
    score[4:] = np.repeat(np.array([column[5] for column in columns]), lengths, axis=0).T
    # The mouth takes about 40 ms from one sound to the next.
    glide = np.hanning(9)[1:-1] / np.hanning(9).sum()
    for row in (_VOICE, *range(_FORMANTS, 8)):
        score[row] = np.convolve(np.pad(score[row], 3, mode="edge"), glide, mode="valid")
    # The pitch of a voice never stands still: it glides from syllable to syllable.
    slide = np.hanning(29)[1:-1] / np.hanning(29).sum()
    score[_PITCH] = np.convolve(np.pad(score[_PITCH], 13, mode="edge"), slide, mode="valid")
    score[_PITCH] *= 1 + 0.02 * np.sin(np.arange(total) * 0.19) + rng.normal(0, 0.006, total)
    return score[:, :frames]


def _syllable(
    rng: np.random.Generator, pitch_hz: float, stress: float, vowel: npt.NDArray[np.float64]
) -> list[tuple[int, float, float, float, float, npt.NDArray[np.float64]]]:
    nasal = np.array([250.0, 1200.0, 2200.0, 3200.0])
    kind = rng.choice(["hiss", "stop", "nasal", "buzz", "none"])
    hiss_hz = float(rng.choice([2600.0, 4200.0, 6000.0]))
    before: list[tuple[int, float, float, float, float, npt.NDArray[np.float64]]] = []
    if kind == "hiss":
        before = [(int(rng.integers(10, 20)), pitch_hz, 0.0, 0.25, hiss_hz, vowel)]
    elif kind == "stop":
        before = [
            (int(rng.integers(6, 12)), pitch_hz, 0.0, 0.0, hiss_hz, vowel),
            (2, pitch_hz, 0.0, 0.6, hiss_hz, vowel),
        ]
    elif kind == "nasal":
        before = [(int(rng.integers(8, 14)), pitch_hz, 0.35, 0.0, hiss_hz, nasal)]
    elif kind == "buzz":
        before = [(int(rng.integers(8, 14)), pitch_hz, 0.3, 0.12, hiss_hz, vowel)]
    length = round(rng.uniform(13, 30) * stress)
    return [*before, (length, pitch_hz, stress, 0.01, hiss_hz, vowel)]


def _pulses(
    pitch_hz: npt.NDArray[np.float64], hop: int, count: int, rate_hz: int, rng: np.random.Generator
) -> Samples:
    """A pulse wherever the voice's phase passes a whole turn; its size varies a little."""
    pitch = np.interp(np.arange(count), np.arange(len(pitch_hz)) * hop, pitch_hz)
    turns = np.floor(np.cumsum(pitch) / rate_hz)
    at = np.flatnonzero(np.diff(turns, prepend=0.0))
    pulses = np.zeros(count, dtype=np.float32)
    pulses[at] = 12 * (1 + 0.06 * rng.standard_normal(len(at)))
    return pulses


def _formant_gains(
    formants_hz: npt.NDArray[np.float64], at_hz: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Gains, shape (frames, bins): formants as resonances over a falling glottal slope."""
    gains = np.zeros((formants_hz.shape[1], len(at_hz)))
    for number, bandwidth_hz in enumerate(_BANDWIDTHS_HZ):
        away = (at_hz[None, :] - formants_hz[number][:, None]) / bandwidth_hz
        gains += (0.65**number) / np.sqrt(1 + away * away)
    return np.asarray(gains / (1 + at_hz / 500.0))


def _filter_frames(source: Samples, gains: npt.NDArray[np.float64], hop: int, size: int) -> Samples:
    """The source filtered by its frame's gains: Hann windows, overlap and add."""
    overlap = 4
    window = np.hanning(hop * overlap + 1)[:-1].astype(np.float32) / 2
    frames = len(source) // hop + 1
    padded = np.zeros((frames + overlap) * hop, dtype=np.float32)
    padded[: len(source)] = source
    strips = np.lib.stride_tricks.sliding_window_view(padded, hop * overlap)[::hop][:frames]
    spectra = scipy.fft.rfft(strips * window, size, axis=1)
    spectra *= gains[:frames].astype(np.float32)
    sound = scipy.fft.irfft(spectra, size, axis=1)[:, : hop * overlap]
    out = np.zeros((frames + overlap, hop), dtype=np.float32)
    for part in range(overlap):
        out[part : part + frames] += sound[:, part * hop : (part + 1) * hop]
    return out.ravel()
