"""The demo's music: what is used of a folder of one's own, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from songid.audio.encode import encode
from songid.audio.tags import Tags
from songid.demo.material import own_music
from songid.errors import CatalogueError
from songid.testing.audio_files import noise

RATE_HZ = 8_000


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def write(path: Path, seconds: float = 46.0, title: str = "", artist: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = noise(seconds, RATE_HZ, seed=len(path.name))
    encode(samples, RATE_HZ, path, tags=Tags(title=title, artist=artist))
    return path


def test_three_quarters_of_the_songs_are_known_and_the_files_stay_where_they_are(
    tmp_path: Path, pool: Executor
) -> None:
    files = {write(tmp_path / "album" / f"{n}.wav") for n in range(8)}
    looked_at: list[int] = []
    music = own_music(tmp_path, pool, lambda: looked_at.append(1))
    assert {song.sound for song in music.songs} == files
    assert (len(music.known), len(music.unknown), len(looked_at)) == (6, 2, 8)
    assert not music.notes


def test_too_few_usable_songs_are_an_error_that_says_what_is_wrong_with_each(
    tmp_path: Path, pool: Executor
) -> None:
    for number in range(3):
        write(tmp_path / f"{number}.wav")
    write(tmp_path / "jingle.wav", seconds=5)
    (tmp_path / "letter.mp3").write_text("Dear listeners")
    with pytest.raises(CatalogueError) as error:
        own_music(tmp_path, pool, lambda: None)
    assert "needs 4 songs" in str(error.value)
    assert "5 audio files, 3 of them usable" in str(error.value)
    assert "jingle.wav: left out, it is shorter than 45 seconds" in str(error.value)
    assert "letter.mp3: left out, " in str(error.value)


def test_versions_of_one_song_are_known_or_unknown_together_and_told_apart(
    tmp_path: Path, pool: Executor
) -> None:
    for number in range(6):
        write(tmp_path / f"{number}.wav", title=f"Song {number}", artist="A")
    write(tmp_path / "live.wav", title="Song 1 (Live)", artist="A")
    write(tmp_path / "again.wav", title="Song 1", artist="A")
    music = own_music(tmp_path, pool, lambda: None)
    versions = {song.title: song.known for song in music.songs if "Song 1" in song.title}
    assert set(versions) == {"A - Song 1", "A - Song 1 [2]", "A - Song 1 (Live)"}
    assert len(set(versions.values())) == 1
