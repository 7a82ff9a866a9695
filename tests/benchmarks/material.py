"""What the benchmark listens to: a folder of music, or composed pieces; real or made speech.

A quarter of the music, chosen by its name, is held out and never indexed.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from songid.audio.encode import encode
from songid.model import Samples
from songid.testing.broadcasts import RATE_HZ
from songid.testing.codecs import decode
from songid.testing.music import compose
from songid.testing.speech import speech_like

SOUND_FILES = frozenset({".mp3", ".ogg", ".opus", ".oga", ".flac", ".wav", ".m4a", ".aac"})
_COMPOSED_S = 120.0
_VERSION = re.compile(r"([ _-]*\(?(fast|slow|remix|mix|edit|loop|short|long|alt|live)\)?)+$")
_FOLLOWS = re.compile(r"[ _(-]+(?=[^\W\d_])")
_FORMATS = (".mp3", ".ogg", ".opus")


@dataclass(frozen=True, slots=True)
class Music:
    """Files of music: `indexed` go into the catalogue, `unknown` never do."""

    indexed: tuple[Path, ...]
    unknown: tuple[Path, ...]
    name: str

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return self.indexed + self.unknown


def split(files: Sequence[Path], name: str) -> Music:
    """Hold out a quarter: the files whose names' checksums are lowest, the same every time.

    Versions of one piece stay together: one of them in the catalogue would make the other
    no stranger to it.
    """
    groups = versions(files)
    unknown: list[Path] = []
    for piece in sorted(groups, key=lambda p: (zlib.crc32(p.encode()), p)):
        if len(unknown) >= max(1, len(files) // 4):
            break
        unknown += groups[piece]
    return Music(tuple(sorted(set(files) - set(unknown))), tuple(sorted(unknown)), name)


def versions(files: Sequence[Path]) -> dict[str, list[Path]]:
    """Files by the piece that their names say they are versions of.

    `x_fast.ogg` and `x (Remix).ogg` are versions of x, and whatever follows the whole name
    of another file, unless it is a number: `x_f.ogg` beside `x.ogg`, but not `x_2.ogg`.
    """
    pieces = {file: _VERSION.sub("", file.stem.lower()) for file in files}
    names = set(pieces.values())
    groups: dict[str, list[Path]] = {}
    for file in files:
        piece = pieces[file]
        ends = [m.start() for m in _FOLLOWS.finditer(piece) if piece[: m.start()] in names]
        groups.setdefault(piece[: ends[0]] if ends else piece, []).append(file)
    return groups


def single(music: Music) -> list[Path]:
    """The indexed files of which there is no other version; all, if that leaves none.

    Of a piece played at another speed a second version may be the better answer, so which
    was meant is no fair question.
    """
    alone = {group[0] for group in versions(music.files).values() if len(group) == 1}
    return [file for file in music.indexed if file in alone] or list(music.indexed)


def sound_files(folder: Path) -> list[Path]:
    """The files in a folder and below whose names end as those of sound do, in order."""
    return [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in SOUND_FILES]


def music_of(folder: Path) -> Music:
    """The music in a folder and below; SystemExit if there is too little."""
    files = sound_files(folder)
    if len(files) < 4:
        raise SystemExit(f"{folder}: {len(files)} sound files; the benchmark needs 4 or more")
    return split(files, f"{len(files)} files of {folder.name}")


def composed_music(folder: Path, pieces: int, workers: int) -> Music:
    """Composed pieces as MP3, Ogg and Opus; those already in the folder are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"piece-{seed:04d}{_FORMATS[seed % 3]}" for seed in range(pieces)]
    missing = [seed for seed, file in enumerate(files) if not file.exists()]
    if missing:
        with ProcessPoolExecutor(workers) as pool:
            list(pool.map(_compose_file, missing, [files[seed] for seed in missing]))
    return split(files, f"{pieces} composed pieces")


def _compose_file(seed: int, path: Path) -> None:
    samples, _ = compose(seed, _COMPOSED_S, RATE_HZ)
    unfinished = path.with_name("." + path.name)
    encode(samples, RATE_HZ, unfinished, bitrate=128_000)
    unfinished.rename(path)


def speech_of(folder: Path | None, seconds: float) -> tuple[list[Samples], str]:
    """Speech in parts of about 12 s at RATE_HZ, and what it is: a folder's, or talk-like."""
    if folder is None:
        parts = [speech_like(seed, 12.0, RATE_HZ) for seed in range(max(1, int(seconds / 12)))]
        return parts, "a talking sound (SPEECH=folder for real speech)"
    files = sound_files(folder)
    rng = np.random.default_rng(12)
    parts, held, total_s = [], list[Samples](), 0.0
    pause = np.zeros(round(0.3 * RATE_HZ), dtype=np.float32)
    for index in rng.permutation(len(files)):
        spoken = decode(files[int(index)].read_bytes(), RATE_HZ)
        if len(spoken) > 0.3 * RATE_HZ:
            held += [spoken, pause]
        if sum(map(len, held)) >= 12 * RATE_HZ:
            parts.append(np.concatenate(held))
            total_s += len(parts[-1]) / RATE_HZ
            held = []
        if total_s >= seconds:
            break
    if not parts:
        raise SystemExit(f"{folder}: no speech of 12 seconds or more in it")
    return parts, f"speech of {folder.name}"
