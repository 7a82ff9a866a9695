"""Long listening: unknown music, kinds of sound, a long file's memory and speed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.engine import Engine
from benchmarks.resources import run_fresh
from benchmarks.results import Measure, Section

from songid.audio.encode import encode
from songid.model import Heard, Samples, SoundKind
from songid.testing.broadcasts import RATE_HZ
from songid.testing.codecs import decode


def measure_unknown(engine: Engine, unknown: Sequence[Path]) -> Section:
    """All of the held-out music, from beginning to end: whatever is played is false."""
    heard_s, false_plays = 0.0, []
    for path in unknown:
        heards = engine.hear(path)
        heard_s += sum(heard.duration_s for heard in heards)
        false_plays += [(path.name, play) for play in engine.plays(heards)]
    hours = heard_s / 3600
    return Section(
        "Music that is not in the catalogue",
        f"{len(unknown)} recordings, {heard_s / 60:.0f} minutes",
        [
            Measure("false plays per hour", len(false_plays) / hours, at_most=0),
            Measure(
                "seconds of false plays per hour",
                sum(play.duration_s for _, play in false_plays) / hours,
                "s",
            ),
        ],
        lines=[
            f"{name}: heard as {engine.titles[p.recording_id]} for {p.duration_s:.0f} s, "
            f"score {p.score:.1f}"
            for name, p in false_plays
        ],
        details={
            "false_plays": [
                {
                    "in": name,
                    "heard_as": engine.titles[p.recording_id],
                    "seconds": p.duration_s,
                    "score": p.score,
                    "confidence": p.confidence,
                }
                for name, p in false_plays
            ]
        },
    )


def measure_sounds(
    engine: Engine, music: Sequence[Path], speech: Sequence[Samples], spoken: str
) -> Section:
    """How music and speech are classified, by seconds; silence in either is no error."""
    of_music = _kinds(heard for path in music for heard in engine.hear(path))
    of_speech = _kinds(heard for part in speech for heard in engine.hear_samples(part))
    music_s = of_music[SoundKind.MUSIC] + of_music[SoundKind.SPEECH]
    speech_s = of_speech[SoundKind.MUSIC] + of_speech[SoundKind.SPEECH]
    return Section(
        "Kinds of sound",
        f"{music_s / 60:.0f} minutes of music, {speech_s / 60:.0f} minutes of {spoken}",
        [
            Measure("music taken for speech", 100 * of_music[SoundKind.SPEECH] / music_s, "%"),
            Measure("speech taken for music", 100 * of_speech[SoundKind.MUSIC] / speech_s, "%"),
        ],
        details={"music_s": of_music, "speech_s": of_speech},
    )


def _kinds(heards: Iterable[Heard]) -> dict[SoundKind, float]:
    seconds = dict.fromkeys(SoundKind, 0.0)
    for heard in heards:
        for span in heard.sounds:
            seconds[span.kind] += span.end_s - span.start_s
    return seconds


def measure_long_file(
    files: Sequence[Path], store_path: Path, folder: Path, hours: float
) -> Section:
    """A long file in a fresh process: its resident memory's peak and its speed.

    The file is half an hour of music as AAC in ADTS, which may be strung together,
    over and over.
    """
    path = folder / "long.aac"
    _write_long_file(files, path, hours)
    try:
        fresh = run_fresh("benchmarks.listen_once", [str(store_path), str(path)])
        empty = run_fresh("benchmarks.listen_once", [str(store_path)])
    finally:
        path.unlink()
    heard_s = fresh.answer["heard_s"]
    return Section(
        "A long file in a fresh process",
        f"{heard_s / 3600:.1f} hours, {fresh.answer['plays']} plays",
        [
            Measure("resident memory, peak", fresh.answer["peak_bytes"] / 1e6, "MB", at_most=500),
            Measure("of that, before the first second", empty.answer["peak_bytes"] / 1e6, "MB"),
            Measure("speed", heard_s / fresh.cpu_s, "x real time", at_least=150),
        ],
        details={"cpu_s": fresh.cpu_s, "answer": fresh.answer},
    )


def _write_long_file(files: Sequence[Path], path: Path, hours: float) -> None:
    total_s, data = 0.0, b""
    part = path.with_suffix(".part.aac")
    for file in files:
        samples = decode(file.read_bytes(), RATE_HZ)
        encode(samples, RATE_HZ, part, bitrate=64_000)
        data += part.read_bytes()
        total_s += len(samples) / RATE_HZ
        if total_s > min(hours * 3600, 1800):
            break
    part.unlink()
    with path.open("wb") as out:
        for _ in range(max(1, round(hours * 3600 / total_s))):
            out.write(data)
