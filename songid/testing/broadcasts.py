"""Puts a station's broadcast together, with the truth of what it aired when.

A programme is a list of elements (songs, talk, jingles, silence); pydub cuts, fades,
ducks and joins them, and the result knows to the millisecond what was on.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from songid.model import Samples
from songid.testing.codecs import decode, probe_duration_s
from songid.testing.distortions import speed
from songid.testing.music import compose
from songid.testing.speech import speech_like

with warnings.catch_warnings():
    # pydub looks for an ffmpeg program when imported; nothing here has need of one.
    warnings.simplefilter("ignore")
    from pydub import AudioSegment

RATE_HZ = 44_100
SEGMENT_S = 12
_LOUDNESS_DBFS = -17.0


class AiredKind(StrEnum):
    """What was on air, or that it was not recorded."""

    RECORDING = "recording"
    UNKNOWN = "unknown"
    SPEECH = "speech"
    SILENCE = "silence"
    HOLE = "hole"


@dataclass(frozen=True, slots=True)
class Aired:
    """One truth: from `start_s` to `end_s` of the broadcast this was on.

    `title` names a recording, unknown ones too. Its time at t is
    `offset_s + (t - start_s) * speed`. Truths overlap in crossfades and talk-overs.
    """

    kind: AiredKind
    title: str
    start_s: float
    end_s: float
    offset_s: float = 0.0
    speed: float = 1.0

    @property
    def duration_s(self) -> float:
        """Seconds on air."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Broadcast:
    """A station's recorded time: aware `start`, mono 16-bit `audio`, and its truth.

    `audio` runs through holes; they say which of its segments are to be left out.
    """

    station: str
    start: datetime
    audio: AudioSegment
    truth: tuple[Aired, ...]

    @property
    def duration_s(self) -> float:
        """Seconds from start to end, holes included."""
        return len(self.audio) / 1000

    @property
    def end(self) -> datetime:
        """When it ends."""
        return self.start + timedelta(seconds=self.duration_s)

    @property
    def holes_s(self) -> list[tuple[float, float]]:
        """Where the recording is missing, in seconds from the start."""
        return [(a.start_s, a.end_s) for a in self.truth if a.kind is AiredKind.HOLE]


@dataclass(frozen=True, slots=True)
class Song:
    """A recording a programme can use: a file, or samples (n,) or (n, channels).

    `known` says whether the catalogue is meant to have it; `length_s` is how long it is,
    where that has been measured.
    """

    title: str
    sound: Path | npt.NDArray[np.float32]
    known: bool = True
    rate_hz: int = RATE_HZ
    length_s: float | None = None

    def load(self) -> Samples:
        """Mono float32 samples, shape (n,), at RATE_HZ; raises OSError for a bad file."""
        if isinstance(self.sound, Path):
            return decode(self.sound.read_bytes(), RATE_HZ)
        mono = to_mono(self.sound)
        return speed(mono, self.rate_hz / RATE_HZ) if self.rate_hz != RATE_HZ else mono

    @property
    def duration_s(self) -> float:
        """How long it is; a file is asked, not decoded."""
        if self.length_s is not None:
            return self.length_s
        if isinstance(self.sound, Path):
            return probe_duration_s(self.sound)
        return len(self.sound) / self.rate_hz


@dataclass(frozen=True, slots=True)
class Spin:
    """A song on air, `length_s` of its own time from `offset_s` (None: to its end).

    `talk_over_s` are (start, length) on air, in which someone talks and the song is ducked.
    """

    song: Song
    offset_s: float = 0.0
    length_s: float | None = None
    speed: float = 1.0
    crossfade_s: float = 0.0
    talk_over_s: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Talk:
    """Someone talks."""

    length_s: float
    crossfade_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Jingle:
    """A few seconds of music that no catalogue has."""

    length_s: float = 4.0
    crossfade_s: float = 0.3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Silence:
    """Dead air."""

    length_s: float
    crossfade_s: float = 0.0


Element = Spin | Talk | Jingle | Silence


@dataclass(slots=True)
class Voices:
    """Where talk comes from: given samples at RATE_HZ in turn, or the talking sound."""

    seed: int = 0
    recorded: Sequence[Samples] = ()
    _asked: int = field(default=0, init=False)

    def speak(self, length_s: float) -> Samples:
        """Mono float32 samples, shape (round(length_s * RATE_HZ),), never the same twice."""
        self._asked += 1
        count = round(length_s * RATE_HZ)
        if not self.recorded:
            return speech_like(self.seed * 1009 + self._asked, length_s, RATE_HZ)
        talk: list[Samples] = []
        while sum(map(len, talk)) < count:
            talk.append(
                self.recorded[(self.seed + len(talk) + 7 * self._asked) % len(self.recorded)]
            )
            talk.append(np.zeros(RATE_HZ // 4, dtype=np.float32))
        return np.concatenate(talk)[:count]


def build_broadcast(
    station: str,
    start: datetime,
    programme: Sequence[Element],
    *,
    holes_s: Sequence[tuple[float, float]] = (),
    voices: Voices | None = None,
) -> Broadcast:
    """Put a programme on air. `start` must be aware and at a whole second.

    Holes are widened to whole segments of SEGMENT_S seconds, as a recorder loses them.
    Raises ValueError for a naive or fractional start, or an element shorter than its fades.
    """
    if start.tzinfo is None or start.microsecond:
        raise ValueError(f"start must be timezone-aware and at a whole second, not {start!r}")
    voices = voices or Voices()
    pieces: list[AudioSegment] = []
    truth: list[Aired] = []
    now_ms = 0
    for element in programme:
        sound, aired = _render(element, voices)
        fade_ms = _whole_ms(element.crossfade_s) if pieces else 0
        if fade_ms:
            _check_fade(element, fade_ms, len(pieces[-1]), len(sound))
            before = pieces.pop()
            # Only the two ends are joined: joining all that was aired so far would copy it.
            leaving = before[len(before) - fade_ms :].fade_out(fade_ms)
            coming = sound[:fade_ms].fade_in(fade_ms)
            pieces += [before[: len(before) - fade_ms], leaving.overlay(coming)]
            sound = sound[fade_ms:]
        pieces.append(sound)
        at_s = (now_ms - fade_ms) / 1000
        truth += [replace(a, start_s=at_s + a.start_s, end_s=at_s + a.end_s) for a in aired]
        now_ms += len(sound)
    audio = to_segment(np.zeros(0, dtype=np.float32))._spawn(b"".join(p.raw_data for p in pieces))
    for first_s, last_s in holes_s:
        first = int(first_s // SEGMENT_S) * SEGMENT_S
        last = -int(-last_s // SEGMENT_S) * SEGMENT_S
        truth.append(Aired(AiredKind.HOLE, "", float(first), min(float(last), now_ms / 1000)))
    return Broadcast(station, start, audio, tuple(sorted(truth, key=lambda a: a.start_s)))


def to_mono(samples: npt.NDArray[np.float32]) -> Samples:
    """The mean of the channels: samples (n,) or (n, channels) to (n,)."""
    if samples.ndim == 1:
        return samples
    weights = np.full(samples.shape[1], 1 / samples.shape[1], dtype=np.float32)
    return samples @ weights


def to_segment(samples: Samples) -> AudioSegment:
    """Mono float32 samples, shape (n,), at RATE_HZ as a pydub segment of whole hundredths."""
    whole = len(samples) - len(samples) % (RATE_HZ // 100)
    data = (np.clip(samples[:whole], -1, 1) * 32767).astype("<i2").tobytes()
    return AudioSegment(data, sample_width=2, frame_rate=RATE_HZ, channels=1)


def _whole_ms(seconds: float) -> int:
    """Milliseconds in whole hundredths of a second: 441 samples, so nothing is rounded."""
    return round(seconds * 100) * 10


def _check_fade(element: Element, fade_ms: int, before_ms: int, after_ms: int) -> None:
    if fade_ms > min(before_ms, after_ms):
        raise ValueError(
            f"a crossfade of {fade_ms} ms into {type(element).__name__} is longer than what is "
            f"left of its neighbours ({before_ms} and {after_ms} ms): shorten it"
        )


def _render(element: Element, voices: Voices) -> tuple[AudioSegment, list[Aired]]:
    """An element's sound and its truth in seconds from the element's own start."""
    match element:
        case Spin():
            return _render_spin(element, voices)
        case Talk():
            sound = _level(to_segment(voices.speak(element.length_s)))
            return sound, [Aired(AiredKind.SPEECH, "", 0.0, len(sound) / 1000)]
        case Jingle():
            stereo, _ = compose(900_000 + element.seed, element.length_s, RATE_HZ)
            sound = _level(to_segment(to_mono(stereo)))
            title = f"jingle {element.seed}"
            return sound, [Aired(AiredKind.UNKNOWN, title, 0.0, len(sound) / 1000)]
        case Silence():
            sound = AudioSegment.silent(_whole_ms(element.length_s), RATE_HZ)
            return sound, [Aired(AiredKind.SILENCE, "", 0.0, len(sound) / 1000)]


def _render_spin(spin: Spin, voices: Voices) -> tuple[AudioSegment, list[Aired]]:
    samples = spin.song.load()
    first = round(spin.offset_s * RATE_HZ)
    last = len(samples) if spin.length_s is None else first + round(spin.length_s * RATE_HZ)
    part = samples[first:last]
    sound = _level(to_segment(speed(part, spin.speed) if spin.speed != 1.0 else part))
    kind = AiredKind.RECORDING if spin.song.known else AiredKind.UNKNOWN
    length_s = len(sound) / 1000
    aired = [Aired(kind, spin.song.title, 0.0, length_s, spin.offset_s, spin.speed)]
    for at_s, talk_s in spin.talk_over_s:
        talk = _level(to_segment(voices.speak(talk_s)))
        end_s = min(length_s, at_s + len(talk) / 1000)
        sound = sound.overlay(talk, position=round(at_s * 1000), gain_during_overlay=-9.0)
        aired.append(Aired(AiredKind.SPEECH, "", at_s, end_s))
    return sound, aired


def _level(sound: AudioSegment) -> AudioSegment:
    """Brought to the station's loudness, as far as its peaks allow."""
    if not sound.rms:
        return sound
    return sound.apply_gain(min(_LOUDNESS_DBFS - sound.dBFS, -0.5 - sound.max_dBFS))
