"""What a stretch of audio sounds like: music, speech or silence.

The report says of every unidentified stretch what kind of sound it was; this small
classifier hears that, from a window's samples alone and at a fraction of the cost of its
fingerprint.

**Silence** is a second or more below -60 dBFS (RMS without the constant part, judged in
quarters of a second).

**Music or speech** is decided every half second from the five seconds around it, within
one sounding stretch. Six features of the spectrum between 200 and 3646 Hz, which also a
telephone passes, go into a logistic regression with their squares and products:

- *swing*: how much the level of eight bands moves between 0.25 and 1.5 times a second
  (log of dB²). Speech moves at the pace of words and syllables (Houtgast and Steeneken
  1985; Scheirer and Slaney, "Construction and evaluation of a robust multifeature
  speech/music discriminator", ICASSP 1997).
- *level spread*: standard deviation of the level in dB. Speech has pauses, which Saunders
  (ICASSP 1996) and Scheirer and Slaney count as the share of low-energy frames.
- *change*: log of one minus the correlation of neighbouring spectra, the spectral flux of
  Scheirer and Slaney.
- *steady lines*: how much more often than their neighbours the ten steadiest frequencies
  stand out of the spectrum. Notes hold their frequency, a voice glides ("continuous
  frequency activation": Seyerlehner, Pohle, Schedl and Widmer, "Automatic music detection
  in television productions", DAFx 2007).
- *steady lines in pauses*: the same over the quieter frames, where a bed of music under
  speech comes through.
- *pulse*: the highest autocorrelation of the onsets at 0.23 to 1.16 s, a beat (Scheirer
  and Slaney's pulse metric), without which drums alone would pass for speech.

Then the path through the half seconds is chosen that fits best when each change of kind
costs `CHANGE_COST`, so that the answer is stable rather than jumpy (Viterbi 1967).

What the classes mean at their edges: speech over music is music when the bed is clearly
audible (trained: music from 12 dB below the voice upwards, speech from 22 dB below it
downwards). Steady noise is neither and comes out as speech: read `speech` as "no music".

How often it is wrong, measured on 12 s windows of music and speakers that had no part in
training or in choosing the features (54 pieces, orchestral and electronic; telephone
prompts in two languages; clean, AAC 64 kbit/s, MP3 32 kbit/s, telephone band, quiet,
compressed, in a room, noise at 20 and 10 dB): speech 0.0 % of 500 windows, music 0.8 % of
500. Talk over music was called music in 97 % of windows at equal level, 85 % with the bed
6 dB below the voice, 80 % at 12 dB, 35 % at 18 dB and 13 % at 24 dB. A turn from one to the
other is placed within about a second. On held-out pieces and speakers that did guide the
choice of features: speech 0.3 %, music 0.9 %, drums alone 2.5 %; pieces of 2 s: speech
1.6 %, music 2.4 %, drums 5.8 %. The hardest music was dense electronic (6.7 %).
Unaccompanied singing was not measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from songid.listening.sound_features import FEATURES, Floats, features
from songid.model import Samples, SoundKind, SoundSpan

SILENCE_DBFS = -60.0
SILENCE_PIECE_S = 0.25
SILENCE_LEAST_S = 1.0
CHANGE_COST = 6.0
LOWEST_RATE_HZ = 8000

# Fitted once by penalised logistic regression (L2, 1e-3) to 2600 windows of 12 s and 1300
# pieces of them of 1 to 8 s: music of games (orchestral, electronic, metal), solo guitar and
# drum loops; telephone prompts and acted dialogue in English, French and Czech; speech over
# music; noise. Band limits, rooms, noise, compression, levels, AAC and MP3 at low rates were
# put on all alike, so that none of them tells the classes apart. In the order of FEATURES,
# which are first scaled to mean 0 and deviation 1; row i of the products is feature i times
# itself and each one after it.
_MEANS = np.array([2.674, 7.147, -1.451, 0.330, 0.191, 0.295, 0.972], np.float32)
_DEVIATIONS = np.array([1.372, 5.492, 0.471, 0.176, 0.150, 0.190, 0.122], np.float32)
_LINEAR = np.array([-1.422, -1.305, -0.530, 1.540, 0.329, 1.246, 0.073], np.float32)
_PRODUCTS = (
    (-1.023, 0.565, -1.247, 0.220, -0.229, 0.163, 0.053),
    (0.593, -0.229, -0.356, 0.366, 0.330, -0.078),
    (0.547, -0.039, 0.701, 0.356, 0.152),
    (-0.239, -0.372, 0.417, 0.029),
    (0.449, -0.219, 0.071),
    (-0.203, 0.010),
    (-0.039,),
)
_CONSTANT = np.float32(0.898)
_QUADRATIC = np.concatenate(_PRODUCTS).astype(np.float32)
_ROWS, _COLUMNS = np.triu_indices(len(FEATURES))


@dataclass(frozen=True, slots=True)
class _Run:
    """Samples [start, stop) that all sound or are all silent."""

    start: int
    stop: int
    sounding: bool


def classify(samples: Samples, rate_hz: int) -> tuple[SoundSpan, ...]:
    """Divide mono samples, shape (n,), float32 of full scale 1, into spans of one kind each.

    The spans follow one another without gap from 0 to n / rate_hz seconds, neighbours of
    different kinds; no samples give no spans. Meant for windows of 1 to 60 s; memory is
    about six times the samples'. Raises ValueError below 8000 samples per second.
    """
    if rate_hz < LOWEST_RATE_HZ:
        raise ValueError(f"{rate_hz} Hz is too low to tell music from speech; give 8000 or more")
    runs = list(_runs(samples, rate_hz))
    # Silence is taken out first, so that a talker's pauses do not cut the context short.
    sounding = [samples[run.start : run.stop] for run in runs if run.sounding]
    music: list[bool] = []
    if sounding:
        heard = sounding[0] if len(sounding) == 1 else np.concatenate(sounding)
        music = steady_path(music_log_odds(features(heard, rate_hz)))
    return tuple(
        SoundSpan(start / rate_hz, stop / rate_hz, kind)
        for start, stop, kind in _laid_out(runs, music)
    )


def _laid_out(runs: list[_Run], music: list[bool]) -> Iterator[tuple[int, int, SoundKind]]:
    """The decisions, evenly spread over all sounding samples, put back between the silences."""
    step = sum(run.stop - run.start for run in runs if run.sounding) / max(len(music), 1)
    left_out = 0
    for run in runs:
        if not run.sounding:
            yield run.start, run.stop, SoundKind.SILENCE
            left_out += run.stop - run.start
            continue
        first = min(round((run.start - left_out) / step), len(music) - 1)
        last = max(first + 1, round((run.stop - left_out) / step))
        start, at = run.start, first
        for is_music, steps in groupby(music[first:last]):
            at += len(list(steps))
            stop = run.stop if at >= last else round(at * step) + left_out
            yield start, stop, SoundKind.MUSIC if is_music else SoundKind.SPEECH
            start = stop


def _runs(samples: Samples, rate_hz: int) -> Iterator[_Run]:
    """The samples as alternating runs of sound and silence."""
    if not len(samples):
        return
    starts = np.arange(0, len(samples), round(SILENCE_PIECE_S * rate_hz))
    lengths = np.diff(starts, append=len(samples))
    power = np.add.reduceat(np.square(samples), starts) / lengths
    power -= np.square(np.add.reduceat(samples, starts) / lengths)
    quiet = (power < 10 ** (SILENCE_DBFS / 10)).tolist()
    least = min(round(SILENCE_LEAST_S * rate_hz), len(samples))
    start, sounding_since = 0, 0
    for is_quiet, pieces in groupby(range(len(quiet)), key=quiet.__getitem__):
        last = list(pieces)[-1]
        end = int(starts[last] + lengths[last])
        if is_quiet and end - start >= least:
            if start > sounding_since:
                yield _Run(sounding_since, start, True)
            yield _Run(start, end, False)
            sounding_since = end
        start = end
    if sounding_since < len(samples):
        yield _Run(sounding_since, len(samples), True)


def music_log_odds(values: Floats) -> Floats:
    """The log odds of music against speech, shape (steps,), of features (steps, 7)."""
    scaled = (values - _MEANS) / _DEVIATIONS
    products = scaled[:, _ROWS] * scaled[:, _COLUMNS]
    return np.asarray(scaled @ _LINEAR + products @ _QUADRATIC + _CONSTANT, np.float32)


def steady_path(log_odds: Floats) -> list[bool]:
    """Whether each step is music, on the best path where each change costs CHANGE_COST."""
    music = speech = 0.0
    came_from: list[tuple[bool, bool]] = []
    for odds in log_odds.tolist():
        came_from.append((speech - CHANGE_COST > music, music - CHANGE_COST <= speech))
        music, speech = (
            max(music, speech - CHANGE_COST) + odds / 2,
            max(speech, music - CHANGE_COST) - odds / 2,
        )
    is_music = music > speech
    path = []
    for music_from_speech, speech_from_speech in reversed(came_from):
        path.append(is_music)
        is_music = not music_from_speech if is_music else not speech_from_speech
    return path[::-1]
