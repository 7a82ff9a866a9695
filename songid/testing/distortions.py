"""What happens to music on its way to a listener: noise, codecs, rooms, talk, other speeds.

Every function takes mono float32 samples, shape (n,), and their rate in Hz and returns
new ones; what is random is drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.signal

from songid.model import Samples
from songid.testing.codecs import round_trip
from songid.testing.speech import speech_like

Distortion = Callable[[Samples, int, int], Samples]
"""(samples, rate_hz, seed) -> samples"""


def mix_at_snr(samples: Samples, other: Samples, snr_db: float) -> Samples:
    """The sum of both, `other` scaled so that the power of `samples` is `snr_db` above it.

    Raises ValueError if either is all zeros: no gain would give the ratio asked for.
    """
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    other_power = float(np.mean(np.square(other, dtype=np.float64)))
    if power == 0.0 or other_power == 0.0:
        raise ValueError("silence has no signal-to-noise ratio; give samples that sound")
    gain = np.sqrt(power / other_power / 10 ** (snr_db / 10))
    return np.asarray(samples + np.float32(gain) * other, dtype=np.float32)


def white_noise(samples: Samples, snr_db: float, seed: int = 0) -> Samples:
    """White noise added at a signal-to-noise ratio over the whole of the samples."""
    noise = np.random.default_rng(seed).standard_normal(len(samples), dtype=np.float32)
    return mix_at_snr(samples, noise, snr_db)


def pink_noise(samples: Samples, rate_hz: int, snr_db: float, seed: int = 0) -> Samples:
    """Noise with equal power in every octave from 20 Hz up, added at a given ratio."""
    noise = np.random.default_rng(seed).standard_normal(len(samples), dtype=np.float32)
    return mix_at_snr(samples, _weigh(noise, rate_hz, lambda f: np.maximum(f, 20) ** -0.5), snr_db)


def speech_over(samples: Samples, rate_hz: int, snr_db: float, seed: int = 0) -> Samples:
    """Someone talks over the music, which is `snr_db` louder than the voice."""
    return mix_at_snr(samples, speech_like(seed, len(samples) / rate_hz, rate_hz), snr_db)


def telephone(samples: Samples, rate_hz: int) -> Samples:
    """A telephone line: 300 to 3400 Hz, 8 kHz, eight bits of mu-law (ITU-T G.711)."""
    narrow = _weigh(samples, rate_hz, lambda f: ((f >= 300) & (f <= 3400)).astype(np.float64))
    line = _resample(narrow, Fraction(8000, rate_hz))
    peak = max(float(np.abs(line).max(initial=0.0)), 1e-9)
    mu = 255.0
    pressed = np.sign(line) * np.log1p(mu * np.abs(line) / peak) / np.log1p(mu)
    coded = np.round(pressed * 127) / 127
    heard = np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(mu)) / mu * peak
    return _fit(_resample(heard.astype(np.float32), Fraction(rate_hz, 8000)), len(samples))


def compress(samples: Samples, rate_hz: int, *, ratio: float = 4.0) -> Samples:
    """A station's processing: two bands pressed towards one loudness, then limited."""
    low = _weigh(samples, rate_hz, lambda f: 1 / (1 + (f / 250) ** 4))
    out = np.zeros_like(samples)
    for band in (low, samples - low):
        window = max(1, round(0.05 * rate_hz))
        loudness = np.sqrt(scipy.ndimage.uniform_filter1d(band * band, window, mode="nearest"))
        target = max(float(np.sqrt(np.mean(band * band))), 1e-9)
        gain = (np.maximum(loudness, 0.05 * target) / target) ** (1 / ratio - 1)
        out += band * gain.astype(np.float32)
    peak = max(float(np.abs(out).max(initial=0.0)), 1e-9)
    return np.asarray(np.tanh(out * np.float32(2.0 / peak)) * 0.9, dtype=np.float32)


def radio(samples: Samples, rate_hz: int) -> Samples:
    """As a web radio sends it: compressed in level, then as AAC of 64 kbit/s."""
    return aac(compress(samples, rate_hz), rate_hz, bit_rate=64_000)


def mp3(samples: Samples, rate_hz: int, *, bit_rate: int = 32_000) -> Samples:
    """To MP3 and back."""
    return round_trip(samples, rate_hz, "mp3", bit_rate=bit_rate)


def aac(samples: Samples, rate_hz: int, *, bit_rate: int = 96_000) -> Samples:
    """To AAC in an MPEG transport stream and back."""
    return round_trip(samples, rate_hz, "ts", bit_rate=bit_rate)


def room(
    samples: Samples, rate_hz: int, *, decay_s: float = 0.6, wet_db: float = 0.0, seed: int = 0
) -> Samples:
    """Heard across a room: a few early echoes, then noise that decays by 60 dB in `decay_s`.

    The echoes together are `wet_db` louder than the direct sound.
    """
    rng = np.random.default_rng(seed)
    at_s = np.arange(round(decay_s * rate_hz)) / rate_hz
    echoes = 0.2 * rng.standard_normal(len(at_s)) * np.exp(-6.908 * at_s / decay_s)
    echoes[: round(0.012 * rate_hz)] = 0.0
    early = (rng.uniform(0.005, 0.08, 12) * rate_hz).astype(int)
    echoes[early[early < len(echoes)]] += rng.uniform(-4, 4, 12)[early < len(echoes)]
    echoes *= np.sqrt(10 ** (wet_db / 10) / max(float(np.sum(echoes**2)), 1e-12))
    wet = scipy.signal.fftconvolve(samples, echoes.astype(np.float32))[: len(samples)]
    return np.asarray(samples + wet, dtype=np.float32)


def speed(samples: Samples, factor: float) -> Samples:
    """Played `factor` times as fast, as a turntable would: tempo and pitch move together."""
    return _resample(samples, 1 / Fraction(factor).limit_denominator(1000))


def tempo(samples: Samples, rate_hz: int, factor: float) -> Samples:
    """Played `factor` times as fast at the same pitch (WSOLA, Verhelst and Roelands 1993).

    Every stretch of 46 ms is taken from where it continues the one before it best,
    within 12 ms of where it is due.
    """
    hop = round(0.023 * rate_hz)
    reach = round(0.012 * rate_hz)
    window = np.hanning(2 * hop + 1)[:-1].astype(np.float32)
    frames = int(len(samples) / factor) // hop + 1
    padded = np.pad(samples, (reach, round(2 * hop * (1 + factor)) + 4 * reach + hop))
    out = np.zeros((frames + 2) * hop, dtype=np.float32)
    taken = reach
    for frame in range(frames):
        due = reach + round(frame * hop * factor)
        if frame:
            due = min(due, len(padded) - 2 * hop - 2 * reach)
            wanted = padded[taken + hop : taken + 3 * hop]
            span = padded[due - reach : due + reach + len(wanted)]
            likeness = scipy.signal.correlate(span, wanted, mode="valid", method="fft")
            taken = due - reach + int(np.argmax(likeness))
        out[frame * hop : (frame + 2) * hop] += window * padded[taken : taken + 2 * hop]
    return out[: round(len(samples) / factor)]


def pitch(samples: Samples, rate_hz: int, semitones: float) -> Samples:
    """Transposed by semitones at the same tempo."""
    factor = 2 ** (semitones / 12)
    return _fit(speed(tempo(samples, rate_hz, 1 / factor), factor), len(samples))


DISTORTIONS: Mapping[str, Distortion] = MappingProxyType(
    {
        "clean AAC/TS": lambda x, r, s: aac(x, r),
        "MP3 32 kbit/s": lambda x, r, s: mp3(x, r),
        "white noise 0 dB": lambda x, r, s: white_noise(x, 0.0, s),
        "pink noise 0 dB": lambda x, r, s: pink_noise(x, r, 0.0, s),
        "telephone": lambda x, r, s: telephone(x, r),
        "radio": lambda x, r, s: radio(x, r),
        "room": lambda x, r, s: room(x, r, seed=s),
        "speech over 0 dB": lambda x, r, s: speech_over(x, r, 0.0, s),
        "speed +3 %": lambda x, r, s: speed(x, 1.03),
        "speed -3 %": lambda x, r, s: speed(x, 0.97),
        "tempo +6 %": lambda x, r, s: tempo(x, r, 1.06),
        "pitch +1 semitone": lambda x, r, s: pitch(x, r, 1.0),
    }
)
"""Distortions by the name under which the benchmark lists them."""


def _weigh(samples: Samples, rate_hz: int, gain: Callable[..., object]) -> Samples:
    """Samples with every frequency (Hz) multiplied by `gain`."""
    spectrum = scipy.fft.rfft(samples)
    at_hz = scipy.fft.rfftfreq(len(samples), 1 / rate_hz)
    weights = np.asarray(gain(at_hz), dtype=np.float32)
    return np.asarray(scipy.fft.irfft(spectrum * weights, len(samples)), dtype=np.float32)


def _resample(samples: Samples, ratio: Fraction) -> Samples:
    """Samples at `ratio` times as many per second."""
    if ratio == 1:
        return samples.copy()
    new = scipy.signal.resample_poly(samples, ratio.numerator, ratio.denominator)
    return np.asarray(new, dtype=np.float32)


def _fit(samples: Samples, count: int) -> Samples:
    if len(samples) >= count:
        return samples[:count]
    return np.pad(samples, (0, count - len(samples)))
