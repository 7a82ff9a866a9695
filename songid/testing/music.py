"""Composes pieces of music from a seed, so that no test or demo needs a music file.

Each piece has its own key, tuning, tempo, chords, melody, instruments, drums and form;
nothing repeats to the sample, because timing and loudness vary as players' do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from songid.model import Samples
from songid.testing.instruments import Drum, Family, Instrument, make_drum, make_instrument
from songid.testing.mixing import Sound, mix
from songid.testing.speech import speech_like
from songid.testing.titles import invent_names

__all__ = ["Piece", "compose", "speech_like"]

_SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
_NOTES = ("C", "D flat", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
_PROGRESSIONS = (
    (0, 4, 5, 3), (5, 3, 0, 4), (0, 3, 4, 3), (0, 5, 3, 4), (1, 4, 0, 5), (0, 2, 3, 4),
    (0, 6, 5, 4), (0, 3, 0, 4), (5, 4, 3, 4), (0, 6, 3, 0), (3, 4, 2, 5), (0, 2, 5, 3),
)  # fmt: skip
_FORM = ("intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "solo", "verse")


@dataclass(frozen=True, slots=True)
class Piece:
    """What is on the label of a composed piece."""

    title: str
    artist: str
    album: str
    label: str
    isrc: str
    bpm: float
    key: str


@dataclass(frozen=True, slots=True)
class _Part:
    """A voice of the piece: its instrument, where it stands, how loud and how high."""

    instrument: Instrument
    pan: float
    gain: float
    octave: int


@dataclass(frozen=True, slots=True)
class _Note:
    part: str
    at_beats: float
    length_beats: float
    degree: int
    loudness: float


@dataclass(frozen=True, slots=True)
class _Theme:
    """What a section keeps each time it returns: chords, melody, drums, who plays."""

    chords: tuple[int, ...]
    melody: tuple[tuple[float, float, int], ...]
    bass: tuple[float, ...]
    drums: tuple[tuple[Drum, float, float], ...]
    arpeggio_beats: float
    layers: frozenset[str]


@dataclass(slots=True)
class _Band:
    """Everything chosen once per piece, and the notes already synthesised for it."""

    rate_hz: int
    bpm: float
    beats: int
    root_hz: float
    scale: tuple[int, ...]
    swing: float
    parts: dict[str, _Part]
    themes: dict[str, _Theme]
    hits: dict[Drum, list[Samples]]
    notes: dict[tuple[str, int, int], Samples] = field(default_factory=dict)


def compose(
    seed: int, seconds: float, rate_hz: int = 44_100
) -> tuple[npt.NDArray[np.float32], Piece]:
    """Compose the piece of this seed, of this length.

    Returns float32 samples, shape (round(seconds * rate_hz), 2), peak 0.89, and its label.
    The same seed and length give the same piece.
    """
    rng = np.random.default_rng([seed, 0x50E6])
    band, key = _form_band(rng, rate_hz)
    names = invent_names(seed)
    piece = Piece(
        names.title, names.artist, names.album, names.label, names.isrc, round(band.bpm, 1), key
    )
    return mix(_perform(band, rng, seconds), round(seconds * rate_hz), rate_hz), piece


def _form_band(rng: np.random.Generator, rate_hz: int) -> tuple[_Band, str]:
    mode = str(rng.choice(list(_SCALES)))
    tonic = int(rng.integers(12))
    beats = int(rng.choice([4, 4, 4, 3]))
    lead, chords, color = rng.permutation([Family.PLUCK, Family.KEYS, Family.FM, Family.LEAD])[:3]
    families = {
        "melody": Family(str(lead)),
        "chords": Family(str(chords)),
        "arpeggio": Family(str(color)),
        "pad": Family.PAD,
        "bass": Family.BASS,
    }
    gains = {"melody": 0.34, "chords": 0.13, "arpeggio": 0.15, "pad": 0.11, "bass": 0.42}
    octaves = {"melody": 2, "chords": 1, "arpeggio": 2, "pad": 1, "bass": -1}
    parts = {
        name: _Part(
            make_instrument(family, rng),
            pan=0.0 if name == "bass" else rng.uniform(-0.7, 0.7),
            gain=gains[name] * rng.uniform(0.75, 1.25),
            octave=octaves[name] + (int(rng.integers(0, 2)) if name == "arpeggio" else 0),
        )
        for name, family in families.items()
    }
    band = _Band(
        rate_hz=rate_hz,
        bpm=rng.uniform(72, 158),
        beats=beats,
        # Bands are not all tuned to 440 Hz: up to 30 cents either way.
        root_hz=65.406 * 2 ** ((tonic + rng.uniform(-0.3, 0.3)) / 12),
        scale=_SCALES[mode],
        swing=float(rng.choice([0.0, 0.0, 0.08, 0.16])),
        parts=parts,
        themes={},
        hits={drum: [make_drum(drum, rng, rate_hz) for _ in range(3)] for drum in Drum},
    )
    for section in ("intro", "verse", "chorus", "bridge", "solo"):
        band.themes[section] = _write_theme(section, beats, rng)
    return band, f"{_NOTES[tonic]} {mode}"


def _write_theme(section: str, beats: int, rng: np.random.Generator) -> _Theme:
    chords = _PROGRESSIONS[int(rng.integers(len(_PROGRESSIONS)))]
    everyone = ["melody", "chords", "arpeggio", "pad", "bass", "drums"]
    silent = {"intro": 2, "verse": 1, "chorus": 0, "bridge": 2, "solo": 1}[section]
    optional = [layer for layer in everyone if layer not in ("bass", "melody")]
    out = set(rng.permutation(optional)[:silent].tolist())
    if section == "intro":
        out.add("melody")
    return _Theme(
        chords=chords,
        melody=_write_melody(4 * beats, rng, busy=section in ("chorus", "solo")),
        bass=_write_rhythm(beats, rng, 0.45),
        drums=_write_drums(beats, rng),
        arpeggio_beats=float(rng.choice([0.25, 0.5, 0.5, 1 / 3])),
        layers=frozenset(everyone) - out,
    )


def _write_rhythm(beats: int, rng: np.random.Generator, density: float) -> tuple[float, ...]:
    slots = np.arange(beats * 2) / 2
    return (0.0, *(float(s) for s in slots[1:] if rng.random() < density))


def _write_melody(
    beats: int, rng: np.random.Generator, *, busy: bool
) -> tuple[tuple[float, float, int], ...]:
    """Four bars as (beat, length in beats, scale degree): a walk with leaps and rests."""
    lengths = [0.25, 0.5, 0.5, 1.0] if busy else [0.5, 0.5, 1.0, 1.0, 1.5, 2.0]
    notes: list[tuple[float, float, int]] = []
    at, degree = 0.0, int(rng.integers(0, 8))
    while at < beats:
        length = min(float(rng.choice(lengths)), beats - at)
        if rng.random() > 0.12:
            notes.append((at, length, degree))
        step = int(rng.choice([-3, -2, -1, -1, 0, 1, 1, 2, 4]))
        degree = degree + step if -3 <= degree + step <= 11 else degree - step
        at += length
    return tuple(notes)


def _write_drums(beats: int, rng: np.random.Generator) -> tuple[tuple[Drum, float, float], ...]:
    """One bar of drums as (drum, beat, loudness)."""
    bar: list[tuple[Drum, float, float]] = [(Drum.KICK, 0.0, 1.0)]
    bar += [(Drum.KICK, b, 0.85) for b in np.arange(1, beats * 2) / 2 if rng.random() < 0.3]
    bar += [(Drum.SNARE, b, 0.6) for b in range(1, beats, 2 if beats == 4 else 1)]
    metal = Drum.HAT if rng.random() < 0.7 else Drum.SHAKER
    step = float(rng.choice([0.25, 0.5, 0.5, 1.0]))
    bar += [(metal, b, 0.16 + 0.08 * (b % 1 == 0)) for b in np.arange(0, beats, step)]
    if rng.random() < 0.5:
        bar.append((Drum.OPEN_HAT, beats - 0.5, 0.2))
    return tuple(bar)


def _perform(band: _Band, rng: np.random.Generator, seconds: float) -> Iterator[Sound]:
    """Every sound of the piece: its first sample, the sound, its gain and its pan."""
    beat_s = 60 / band.bpm
    bar_s = beat_s * band.beats
    bar, turn = 0, 0
    while bar * bar_s < seconds:
        section = _FORM[turn % len(_FORM)]
        theme = band.themes[section]
        lift = int(turn >= len(_FORM))
        for phrase in range(1 if section == "intro" else 2):
            for note in _play_phrase(band, theme, rng, fresh=phrase + turn > 1):
                at_s = (bar * band.beats + _swung(note.at_beats, band.swing)) * beat_s
                yield _sounding(band, note, at_s + rng.normal(0, 0.006), lift, beat_s)
            if "drums" in theme.layers:
                for drum, at_beats, loudness in _drum_phrase(band, theme, rng):
                    at_s = (bar * band.beats + _swung(at_beats, band.swing)) * beat_s
                    hit = band.hits[drum][int(rng.integers(3))]
                    gain = loudness * rng.uniform(0.8, 1.1) * 0.55
                    first = max(0, round((at_s + rng.normal(0, 0.003)) * band.rate_hz))
                    yield Sound(first, hit, gain, _DRUM_PANS[drum])
            bar += 4
        turn += 1


_DRUM_PANS = {
    Drum.KICK: 0.0, Drum.SNARE: 0.08, Drum.HAT: 0.45, Drum.OPEN_HAT: 0.45,
    Drum.CRASH: -0.5, Drum.TOM: -0.3, Drum.SHAKER: -0.4,
}  # fmt: skip


def _swung(at_beats: float, swing: float) -> float:
    return at_beats + (swing if at_beats % 1 == 0.5 else 0.0)


def _play_phrase(
    band: _Band, theme: _Theme, rng: np.random.Generator, *, fresh: bool
) -> Iterator[_Note]:
    """Four bars of the pitched parts; `fresh` ones vary the melody as a player would."""
    beats = band.beats
    if "melody" in theme.layers:
        for at, length, degree in theme.melody:
            if fresh and rng.random() < 0.2:
                degree += int(rng.choice([-2, -1, 1, 2]))
            if not (fresh and rng.random() < 0.06):
                yield _Note("melody", at, length, degree, rng.uniform(0.75, 1.0))
    for number, chord in enumerate(theme.chords):
        start = number * beats
        tones = [chord + step for step in (0, 2, 4)]
        if rng.random() < 0.25:
            tones.append(chord + 6)
        if "pad" in theme.layers:
            for tone in tones:
                yield _Note("pad", start, beats, tone, rng.uniform(0.85, 1.0))
        if "chords" in theme.layers:
            for hit in theme.bass:
                for tone in tones[:3]:
                    yield _Note("chords", start + hit, 0.75, tone, rng.uniform(0.6, 1.0))
        if "arpeggio" in theme.layers:
            for index in range(int(beats / theme.arpeggio_beats)):
                at = start + index * theme.arpeggio_beats
                tone = tones[index % len(tones)] + (7 if rng.random() < 0.1 else 0)
                yield _Note("arpeggio", at, theme.arpeggio_beats, tone, rng.uniform(0.6, 1.0))
        if "bass" in theme.layers:
            for hit in theme.bass:
                tone = chord + (4 if hit and rng.random() < 0.2 else 0)
                yield _Note("bass", start + hit, 0.75, tone, rng.uniform(0.85, 1.0))


def _drum_phrase(
    band: _Band, theme: _Theme, rng: np.random.Generator
) -> Iterator[tuple[Drum, float, float]]:
    yield Drum.CRASH, 0.0, 0.3
    for bar in range(4):
        fill = bar == 3 and rng.random() < 0.6
        for drum, at, loudness in theme.drums:
            if fill and at >= band.beats - 1:
                continue
            if loudness >= 0.5 or rng.random() > 0.08:
                yield drum, bar * band.beats + at, loudness
        if fill:
            for step in range(4):
                drum = Drum.TOM if rng.random() < 0.6 else Drum.SNARE
                yield drum, (bar + 1) * band.beats - 1 + step / 4, 0.6


def _sounding(band: _Band, note: _Note, at_s: float, lift: int, beat_s: float) -> Sound:
    part = band.parts[note.part]
    octave, step = divmod(note.degree, len(band.scale))
    semitones = band.scale[step] + 12 * (octave + part.octave) + 2 * lift
    key = (note.part, semitones, round(note.length_beats * 12))
    if key not in band.notes:
        pitch_hz = band.root_hz * 2 ** (semitones / 12)
        band.notes[key] = part.instrument.play(pitch_hz, note.length_beats * beat_s, band.rate_hz)
    first = max(0, round(at_s * band.rate_hz))
    return Sound(first, band.notes[key], note.loudness * part.gain, part.pan)
