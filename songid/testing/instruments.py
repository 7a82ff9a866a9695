"""Synthetic instruments: single notes and drum hits as mono float32 arrays.

A pitched note is built one period at a time: a row of harmonic amplitudes per period,
all rows turned into sound by one inverse FFT, then read at the exact pitch with vibrato
and a detuned double. That is additive synthesis at the price of a table look-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import scipy.fft

from songid.model import Samples

Floats = npt.NDArray[np.float64]


class Family(StrEnum):
    """How an instrument speaks."""

    PLUCK = "pluck"
    KEYS = "keys"
    FM = "fm"
    PAD = "pad"
    LEAD = "lead"
    BASS = "bass"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument of one piece: a family and the numbers that make it its own.

    `slope` is the power with which harmonics fall; `even` weighs even harmonics (0 is a
    clarinet, 1 a sawtooth); `decay_per_s` and `damping` set how fast the tone and its
    upper harmonics die; `detune` and `vibrato` are relative frequency changes.
    """

    family: Family
    slope: float
    even: float
    attack_s: float
    decay_per_s: float
    damping: float
    detune: float
    vibrato: float
    vibrato_hz: float
    fm_ratio: float
    fm_index: float
    color: Samples

    def play(self, frequency_hz: float, seconds: float, rate_hz: int) -> Samples:
        """One note, shape (n,), peak about 1, including its release of up to 0.3 s."""
        count = round((seconds + self.release_s) * rate_hz)
        if self.family is Family.FM:
            tone = _fm_tone(self, frequency_hz, count, rate_hz)
        else:
            tone = _harmonic_tone(self, frequency_hz, count, rate_hz)
        _shape(tone, self.attack_s, seconds, rate_hz)
        peak = float(np.abs(tone).max(initial=0.0))
        return tone / np.float32(peak) if peak > 0 else tone

    @property
    def release_s(self) -> float:
        """How long the note sounds on after its written length."""
        return 0.3 if self.family in (Family.PAD, Family.KEYS, Family.FM) else 0.12


def make_instrument(family: Family, rng: np.random.Generator) -> Instrument:
    """An instrument of a family with a character of its own."""
    slope, decay, damping, attack = {
        Family.PLUCK: (0.9, 2.2, 0.25, 0.002),
        Family.KEYS: (1.5, 1.6, 0.12, 0.004),
        Family.FM: (1.5, 2.0, 0.10, 0.003),
        Family.PAD: (1.3, 0.0, 0.00, 0.180),
        Family.LEAD: (1.0, 0.5, 0.05, 0.020),
        Family.BASS: (1.4, 1.5, 0.20, 0.006),
    }[family]
    vibrato = rng.uniform(0.0015, 0.005) if family in (Family.LEAD, Family.PAD) else 0.0
    detune = rng.uniform(0.001, 0.004) if family is not Family.BASS else 0.0006
    return Instrument(
        family=family,
        slope=slope * rng.uniform(0.75, 1.25),
        even=float(rng.choice([0.15, 0.6, 1.0])),
        attack_s=attack * rng.uniform(0.6, 1.6),
        decay_per_s=decay * rng.uniform(0.6, 1.5),
        damping=damping * rng.uniform(0.6, 1.6),
        detune=detune,
        vibrato=vibrato,
        vibrato_hz=rng.uniform(4.5, 6.5),
        fm_ratio=float(rng.choice([1.0, 2.0, 3.0, 3.5, 1.41])),
        fm_index=rng.uniform(1.5, 5.0),
        color=rng.lognormal(0.0, 0.5, 64).astype(np.float32),
    )


def _harmonic_tone(voice: Instrument, frequency_hz: float, count: int, rate_hz: int) -> Samples:
    period = max(4, round(rate_hz / frequency_hz))
    harmonics = max(1, min(48, period // 2 - 1))
    numbers = np.arange(1, harmonics + 1)
    amplitudes = numbers**-voice.slope * np.resize(voice.color, harmonics)
    amplitudes[1::2] *= voice.even
    # Fixed odd phases instead of zero ones: in phase, the harmonics would add to a click.
    start = amplitudes * np.exp(1j * 2.4 * numbers**2)
    rows = int(count * (1 + 2 * voice.detune + voice.vibrato)) // period + 3
    at_s = np.arange(rows) * (period / rate_hz)
    fall = voice.decay_per_s * (1 + voice.damping * numbers)
    levels = np.exp(-np.outer(at_s, fall).astype(np.float32))
    if voice.family in (Family.PAD, Family.LEAD):
        # The upper harmonics come later and breathe, each at its own slow pace.
        levels *= 1 - np.exp(-np.outer(at_s + 0.02, 30 / numbers**0.7).astype(np.float32))
        pace = 2 * np.pi * (0.3 + 0.37 * (numbers % 5))
        levels *= 1 + 0.3 * np.sin(np.outer(at_s, pace) + numbers).astype(np.float32)
    spectrum = np.zeros((rows, period // 2 + 1), dtype=np.complex64)
    spectrum[:, 1 : harmonics + 1] = levels * start.astype(np.complex64)
    wave = scipy.fft.irfft(spectrum, period, axis=1).ravel()
    pace_in = frequency_hz * period / rate_hz
    first = _read(wave, count, pace_in, voice, rate_hz)
    if voice.detune:
        first += _read(wave, count, pace_in * (1 + voice.detune), voice, rate_hz)
    return first


def _read(wave: Samples, count: int, pace: float, voice: Instrument, rate_hz: int) -> Samples:
    """The wave read at `pace` samples per sample, linearly between samples."""
    positions = np.arange(count, dtype=np.float64) * pace
    if voice.vibrato:
        swing = voice.vibrato * rate_hz / (2 * np.pi * voice.vibrato_hz)
        turn = np.arange(count, dtype=np.float32) * np.float32(
            2 * np.pi * voice.vibrato_hz / rate_hz
        )
        positions += swing * (1 - np.cos(turn))
    whole = positions.astype(np.int32)
    np.minimum(whole, len(wave) - 2, out=whole)
    part = (positions - whole).astype(np.float32)
    low = wave[whole]
    return np.asarray(low + part * (wave[whole + 1] - low), dtype=np.float32)


def _fm_tone(voice: Instrument, frequency_hz: float, count: int, rate_hz: int) -> Samples:
    """Frequency modulation with a falling index (Chowning 1973)."""
    at_s = np.arange(count, dtype=np.float32) / np.float32(rate_hz)
    turn = np.float32(2 * np.pi * frequency_hz) * at_s
    fall = np.exp(-voice.decay_per_s * at_s)
    # Keep the side bands well below half the sampling rate.
    index = min(voice.fm_index, 0.3 * rate_hz / (frequency_hz * voice.fm_ratio))
    tone = np.sin(turn + index * fall * np.sin(voice.fm_ratio * turn))
    return np.asarray(tone * fall, dtype=np.float32)


def _shape(tone: Samples, attack_s: float, seconds: float, rate_hz: int) -> None:
    attack = min(len(tone), max(8, round(attack_s * rate_hz)))
    tone[:attack] *= np.linspace(0, 1, attack, dtype=np.float32)
    release = len(tone) - round(seconds * rate_hz)
    if release > 0:
        tone[-release:] *= np.linspace(1, 0, release, dtype=np.float32) ** 2


class Drum(StrEnum):
    """The pieces of the drum kit."""

    KICK = "kick"
    SNARE = "snare"
    HAT = "hat"
    OPEN_HAT = "open_hat"
    CRASH = "crash"
    TOM = "tom"
    SHAKER = "shaker"


def make_drum(drum: Drum, rng: np.random.Generator, rate_hz: int) -> Samples:
    """One hit of a drum, shape (n,), peak 1; every call tunes it a little otherwise."""
    length_s, fall, tone, noise, bright = {
        Drum.KICK: (0.30, 14.0, 1.0, 0.04, 0),
        Drum.SNARE: (0.28, 17.0, 0.5, 0.8, 1),
        Drum.HAT: (0.07, 70.0, 0.0, 1.0, 2),
        Drum.OPEN_HAT: (0.35, 11.0, 0.0, 1.0, 2),
        Drum.CRASH: (1.30, 3.5, 0.0, 1.0, 1),
        Drum.TOM: (0.35, 11.0, 1.0, 0.1, 0),
        Drum.SHAKER: (0.10, 35.0, 0.0, 1.0, 2),
    }[drum]
    count = round(length_s * rate_hz)
    at_s = np.arange(count, dtype=np.float32) / np.float32(rate_hz)
    fall *= rng.uniform(0.8, 1.25)
    hiss = rng.standard_normal(count + 2, dtype=np.float32)
    # A first difference lifts the highs; a mean of neighbours leaves the lows.
    for _ in range(bright):
        hiss = np.diff(hiss)
    hit = noise * hiss[:count] * np.exp(-at_s * fall)
    if tone:
        base_hz = {Drum.KICK: 46.0, Drum.SNARE: 185.0, Drum.TOM: 95.0}[drum]
        base_hz *= rng.uniform(0.85, 1.2)
        drop = base_hz * rng.uniform(1.5, 4.0) / 28
        turn = 2 * np.pi * (base_hz * at_s + drop * (1 - np.exp(-28 * at_s)))
        hit = hit + tone * np.sin(turn) * np.exp(-at_s * fall * 0.7)
    hit[:32] *= np.linspace(0, 1, 32, dtype=np.float32)
    hit[-64:] *= np.linspace(1, 0, 64, dtype=np.float32)
    return np.asarray(hit / np.abs(hit).max(), dtype=np.float32)
