"""What happens to music on its way to a listener: noise, codecs, rooms, talk, other speeds.

Every function takes mono float32 samples, shape (n,), and their rate in Hz and returns
new ones; what is random is drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from types import MappingProxyType

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.signal

from songid.model import Samples, Warp
from songid.testing.codecs import gsm_encoder, round_trip, through_codec
from songid.testing.speech import speech_like

Distortion = Callable[[Samples, int, int], Samples]
"""(samples, rate_hz, seed) -> samples"""

Speak = Callable[[int, float, int], Samples]
"""(seed, seconds, rate_hz) -> a voice, mono float32 samples of that length"""

_LINE_HZ = 8000


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
    line = _to_line(samples, rate_hz)
    peak = max(float(np.abs(line).max(initial=0.0)), 1e-9)
    mu = 255.0
    pressed = np.sign(line) * np.log1p(mu * np.abs(line) / peak) / np.log1p(mu)
    coded = np.round(pressed * 127) / 127
    heard = np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(mu)) / mu * peak
    return _from_line(heard.astype(np.float32), rate_hz, len(samples))


def telephone_gsm(samples: Samples, rate_hz: int) -> Samples:
    """A mobile telephone's line: 300 to 3400 Hz, 8 kHz, GSM at full rate (ETSI GSM 06.10).

    Raises ValueError where PyAV's FFmpeg has no encoder for it.
    """
    encoder = gsm_encoder()
    if not encoder:
        raise ValueError("PyAV's FFmpeg has no GSM encoder: build it with libgsm")
    line = _to_line(samples, rate_hz)
    heard = through_codec(line / max(1.0, float(np.abs(line).max())), _LINE_HZ, encoder, "gsm")
    return _from_line(heard, rate_hz, len(samples))


def _to_line(samples: Samples, rate_hz: int) -> Samples:
    narrow = _weigh(samples, rate_hz, lambda f: ((f >= 300) & (f <= 3400)).astype(np.float64))
    return resample(narrow, Fraction(_LINE_HZ, rate_hz))


def _from_line(line: Samples, rate_hz: int, count: int) -> Samples:
    return _fit(resample(line, Fraction(rate_hz, _LINE_HZ)), count)


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
    return resample(samples, 1 / Fraction(factor).limit_denominator(1000))


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
    size = scipy.fft.next_fast_len(2 * (reach + hop), real=True)
    for frame in range(frames):
        due = reach + round(frame * hop * factor)
        if frame:
            due = min(due, len(padded) - 2 * hop - 2 * reach)
            wanted = padded[taken + hop : taken + 3 * hop]
            span = padded[due - reach : due + reach + len(wanted)]
            # What wraps around lies behind the lags that are asked for.
            spectrum = scipy.fft.rfft(span, size) * scipy.fft.rfft(wanted, size).conj()
            likeness = scipy.fft.irfft(spectrum, size)[: len(span) - len(wanted) + 1]
            taken = due - reach + int(np.argmax(likeness))
        out[frame * hop : (frame + 2) * hop] += window * padded[taken : taken + 2 * hop]
    return out[: round(len(samples) / factor)]


def pitch(samples: Samples, rate_hz: int, semitones: float) -> Samples:
    """Transposed by semitones at the same tempo."""
    factor = 2 ** (semitones / 12)
    return _fit(speed(tempo(samples, rate_hz, 1 / factor), factor), len(samples))


def distortions(speak: Speak = speech_like) -> Mapping[str, Distortion]:
    """Distortions by the name under which the benchmark lists them; `speak` gives the voice.

    GSM is among them where PyAV's FFmpeg can encode it.
    """
    table: dict[str, Distortion] = {
        "clean AAC/TS": lambda x, r, s: aac(x, r),
        "MP3 32 kbit/s": lambda x, r, s: mp3(x, r),
        "radio AAC 64 kbit/s": lambda x, r, s: radio(x, r),
        "room": lambda x, r, s: room(x, r, seed=s),
        "telephone mu-law": lambda x, r, s: telephone(x, r),
    }
    if gsm_encoder():
        table["telephone GSM"] = lambda x, r, s: telephone_gsm(x, r)
    for snr_db in (10, 0, -5):
        table[f"white noise {snr_db} dB"] = partial(_white, snr_db)
    for snr_db in (10, 0, -5):
        table[f"pink noise {snr_db} dB"] = partial(_pink, snr_db)
    for snr_db in (0, -6):
        table[f"speech over {snr_db} dB"] = partial(_talk, speak, snr_db)
    for name in WARPS:
        table[name] = partial(_warped, name)
    return MappingProxyType(table)


def _signed(*sizes: int) -> list[int]:
    return [sign * size for size in sizes for sign in (1, -1)]


WARPS: Mapping[str, Warp] = MappingProxyType(
    {f"speed {n:+d} %": Warp(1 + n / 100, 1 + n / 100) for n in _signed(1, 2, 4, 6)}
    | {f"tempo {n:+d} %": Warp(tempo=1 + n / 100) for n in _signed(3, 6, 10)}
    | {
        f"pitch {n:+d} semitone{'s' * (abs(n) > 1)}": Warp(pitch=2 ** (n / 12))
        for n in _signed(1, 2)
    }
)
"""The distortions that change tempo or pitch, and by how much."""

LEVELLED = ("white noise", "pink noise", "speech over")
"""How the names of those begin that are mixed in at a ratio, which holds for the samples given."""


def _white(snr_db: float, samples: Samples, rate_hz: int, seed: int) -> Samples:
    return white_noise(samples, snr_db, seed)


def _pink(snr_db: float, samples: Samples, rate_hz: int, seed: int) -> Samples:
    return pink_noise(samples, rate_hz, snr_db, seed)


def _talk(speak: Speak, snr_db: float, samples: Samples, rate_hz: int, seed: int) -> Samples:
    return mix_at_snr(samples, speak(seed, len(samples) / rate_hz, rate_hz)[: len(samples)], snr_db)


def _warped(name: str, samples: Samples, rate_hz: int, seed: int) -> Samples:
    warp = WARPS[name]
    if warp.pitch == 1.0:
        return tempo(samples, rate_hz, warp.tempo)
    if warp.tempo == 1.0:
        return pitch(samples, rate_hz, 12 * float(np.log2(warp.pitch)))
    return speed(samples, warp.tempo)


DISTORTIONS: Mapping[str, Distortion] = distortions()
"""All of them, with the talking sound for a voice."""


def _weigh(samples: Samples, rate_hz: int, gain: Callable[..., object]) -> Samples:
    """Samples with every frequency (Hz) multiplied by `gain`."""
    spectrum = scipy.fft.rfft(samples)
    at_hz = scipy.fft.rfftfreq(len(samples), 1 / rate_hz)
    weights = np.asarray(gain(at_hz), dtype=np.float32)
    return np.asarray(scipy.fft.irfft(spectrum * weights, len(samples)), dtype=np.float32)


def resample(samples: Samples, ratio: Fraction) -> Samples:
    """Samples, shape (n,), at `ratio` times as many per second."""
    if ratio == 1:
        return samples.copy()
    new = scipy.signal.resample_poly(samples, ratio.numerator, ratio.denominator)
    return np.asarray(new, dtype=np.float32)


def _fit(samples: Samples, count: int) -> Samples:
    if len(samples) >= count:
        return samples[:count]
    return np.pad(samples, (0, count - len(samples)))
