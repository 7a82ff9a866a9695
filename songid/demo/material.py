"""The music of the demo: a dozen composed pieces, or songs of the user's own.

Most of it goes into the catalogue; the rest is aired all the same, for music that nobody
indexed is an everyday thing on a station.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from songid.audio.decode import decode
from songid.audio.encode import encode
from songid.audio.tags import Tags
from songid.catalogue.indexing import walk
from songid.errors import AudioError, CatalogueError
from songid.testing.broadcasts import RATE_HZ, Song
from songid.testing.music import compose
from songid.testing.titles import invent_names

PIECES, PIECES_INDEXED = 12, 10
MOST_OWN = 24
LEAST_OWN = 4
_MOST_LOOKED_AT = 240
_LEAST_S, _MOST_S = 45.0, 900.0
# Sound is only counted here, so a low rate does.
_LOOKING_HZ = 8_000

Advance = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Music:
    """Songs as files; those that are `known` are to be indexed. `notes` are for the user."""

    songs: tuple[Song, ...]
    notes: tuple[str, ...] = ()

    @property
    def known(self) -> list[Song]:
        """What the catalogue is to have."""
        return [song for song in self.songs if song.known]

    @property
    def unknown(self) -> list[Song]:
        """What it is not to have."""
        return [song for song in self.songs if not song.known]


# -- composed -------------------------------------------------------------------------


def compose_music(folder: Path, pool: Executor, advance: Advance) -> Music:
    """A dozen composed pieces as tagged FLAC files; those already in the folder are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    songs = []
    running: list[Future[None]] = []
    for number in range(PIECES):
        names = invent_names(number)
        path = folder / f"{number + 1:02d} {names.artist} - {names.title}.flac"
        length_s = _length_s(number)
        songs.append(Song(names.title, path, number < PIECES_INDEXED, length_s=length_s))
        if path.exists():
            advance()
        else:
            running.append(pool.submit(_compose_file, number, length_s, path))
    for done in as_completed(running):
        done.result()
        advance()
    return Music(tuple(songs))


def _length_s(number: int) -> float:
    """Between 1:45 and 2:35, different for each."""
    return 105.0 + number * 31 % 50


def _compose_file(number: int, length_s: float, path: Path) -> None:
    samples, piece = compose(number, length_s, RATE_HZ)
    tags = Tags(piece.title, piece.artist, piece.album, piece.label, piece.isrc)
    unfinished = path.with_name(f".{path.name}")
    encode(samples, RATE_HZ, unfinished, format="flac", tags=tags)
    unfinished.rename(path)


# -- the user's own -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    """What decoding a file showed: the name of its song, its length, or why not to use it."""

    path: Path
    title: str = ""
    group: str = ""
    length_s: float = 0.0
    reason: str = ""


def own_music(folder: Path, pool: Executor, advance: Advance) -> Music:
    """Songs of a folder and below it, three quarters of them known; the files stay there.

    At most MOST_OWN are used, picked from the whole folder by their names, the same at
    every run. CatalogueError if fewer than LEAST_OWN can be.
    """
    files = sorted(walk([folder]), key=lambda path: (zlib.crc32(str(path).encode()), path))
    usable: list[_Look] = []
    refused: list[_Look] = []
    candidates = iter(files[:_MOST_LOOKED_AT])
    while some := list(islice(candidates, MOST_OWN - len(usable))):
        looks = [pool.submit(_look_at, path) for path in some]
        for done in as_completed(looks):
            done.result()
            advance()
        for look in (each.result() for each in looks):
            (refused if look.reason else usable).append(look)
    notes = [f"{look.path.name}: left out, {look.reason}" for look in refused[:5]]
    if len(refused) > 5:
        notes.append(f"{len(refused) - 5} more files were left out")
    if len(usable) < LEAST_OWN:
        found = f"{len(files)} audio files, {len(usable)} of them usable"
        raise CatalogueError(
            "\n".join(
                [
                    f"{folder}: the demo needs {LEAST_OWN} songs of {_LEAST_S:.0f} seconds to"
                    f" {_MOST_S / 60:.0f} minutes, and found {found}.",
                    *notes,
                ]
            )
        )
    if len(files) > len(usable):
        notes.insert(0, f"{len(usable)} of the {len(files)} audio files in {folder} are used")
    return Music(tuple(_split(usable)), tuple(notes))


def _look_at(path: Path) -> _Look:
    try:
        with decode(path, rate_hz=_LOOKING_HZ) as audio:
            for _ in audio:
                if audio.heard_s > _MOST_S:
                    return _Look(path, reason=f"it is longer than {_MOST_S / 60:.0f} minutes")
            tags, length_s, damage = audio.tags, audio.heard_s, audio.damage
    except AudioError as error:
        return _Look(path, reason=error.reason)
    if damage:
        return _Look(path, reason=f"it is damaged: {damage}")
    if length_s < _LEAST_S:
        return _Look(path, reason=f"it is shorter than {_LEAST_S:.0f} seconds")
    title = tags.title or path.stem
    shown = f"{tags.artist} - {title}" if tags.artist else title
    return _Look(path, shown, f"{tags.artist} {_plain(title)}".casefold(), length_s)


def _plain(title: str) -> str:
    """A title without what tells versions of a song apart: `Song (Live)` gives `Song`."""
    return title.split("(")[0].split("[")[0].split(" - ")[0].strip() or title


def _split(looks: Sequence[_Look]) -> list[Song]:
    """Three quarters known; versions of one song stay together, lest one give another away."""
    groups: dict[str, list[_Look]] = {}
    for look in looks:
        groups.setdefault(look.group, []).append(look)
    wanted = max(1, len(looks) // 4)
    unknown: set[Path] = set()
    for group in sorted(groups, key=lambda name: (len(groups[name]), zlib.crc32(name.encode()))):
        if len(unknown) + len(groups[group]) <= wanted:
            unknown |= {look.path for look in groups[group]}
    titles: set[str] = set()
    songs = []
    for look in looks:
        title = next(
            name
            for number in count(1)
            if (name := f"{look.title} [{number}]" if number > 1 else look.title) not in titles
        )
        titles.add(title)
        songs.append(Song(title, look.path, look.path not in unknown, length_s=look.length_s))
    return songs
