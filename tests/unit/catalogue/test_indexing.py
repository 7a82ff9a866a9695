"""Indexing files: each gets its outcome, and one that is bad stops no other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import numpy as np
import pytest
from catalogue_material import postings_of
from indexing_material import (
    DEADLY_S,
    RATE_HZ,
    Deadly,
    Forbidden,
    clip,
    works,
    write,
)

from songid.audio.tags import Tags
from songid.catalogue.catalogue import Catalogue
from songid.catalogue.indexing import Indexed, Outcome, index, walk
from songid.catalogue.reading import Work, fingerprint_blocks
from songid.interfaces import Fingerprinter
from songid.model import Samples
from songid_plugins.fingerprinters.landmark import Landmark


def run(
    catalogue: Catalogue,
    work: Sequence[Work],
    fingerprinter: Callable[[], Fingerprinter] = Landmark,
    workers: int = 1,
) -> dict[str, Indexed]:
    """Index; what became of each file, by its name."""
    done = list(index(catalogue, work, fingerprinter, workers=workers))
    by_name = {Path(each.source).name: each for each in done}
    assert len(done) == len(by_name) == len(work)
    return by_name


def outcomes(done: dict[str, Indexed]) -> dict[str, str]:
    return {name: each.outcome.value for name, each in done.items()}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def live(catalogue: Catalogue) -> dict[str, str]:
    """Content by the name of the file it comes from."""
    found = catalogue.store.recordings()
    by_name = {Path(each.source).name: each.content_sha256 for each in found}
    assert len(by_name) == len(found)
    return by_name


@pytest.fixture
def folder(tmp_path: Path, songs: list[Samples]) -> Path:
    """Three songs of ten seconds: a.wav, b.wav and c.wav."""
    for name, song in zip("abc", songs, strict=False):
        write(tmp_path / "songs" / f"{name}.wav", clip(song, 10, 10))
    return tmp_path / "songs"


# -- what is walked -------------------------------------------------------------------


def test_folders_are_walked_in_order_for_audio_files_that_are_not_hidden(tmp_path: Path) -> None:
    audio = ["b/2.MP3", "b/10.ogg", "a.flac", "c/z.m4a"]
    for name in [*audio, "b/cover.jpg", ".hidden.mp3", ".trash/x.mp3"]:
        path = tmp_path / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = [path.relative_to(tmp_path / "music").as_posix() for path in walk([tmp_path / "music"])]
    assert found == sorted(audio)


def test_files_named_outright_are_taken_whatever_their_name(tmp_path: Path) -> None:
    odd = tmp_path / ".odd name"
    odd.touch()
    assert list(walk([odd, tmp_path / "not there.mp3"])) == [odd, tmp_path / "not there.mp3"]


# -- added, skipped, replaced ---------------------------------------------------------


def test_files_are_added_with_their_tags_and_found_again(
    catalogue: Catalogue, tmp_path: Path, songs: list[Samples]
) -> None:
    tags = Tags("Lied", "Sängerin", "Album", "Label", "DEA123456789")
    tagged = write(tmp_path / "tagged.mp3", clip(songs[0], 0, 12), tags=tags)
    plain = write(tmp_path / "plain name.wav", clip(songs[1], 0, 12))
    own = Work(tagged, "elsewhere/one.mp3", {"title": "Its own title", "isrc": "GBX"})
    done = list(index(catalogue, [own, *works(plain)], Landmark, workers=1))
    one, other = (each.recording for each in done)
    assert [each.outcome for each in done] == [Outcome.ADDED, Outcome.ADDED]
    assert one is not None and other is not None
    assert (one.title, one.artist, one.album, one.label, one.isrc) == (
        "Its own title", "Sängerin", "Album", "Label", "GBX"
    )  # fmt: skip
    assert one.source == "elsewhere/one.mp3"
    assert one.duration_s == pytest.approx(12, abs=0.1)
    assert (other.title, other.artist) == ("plain name", "")
    assert {each.recording_id for each in catalogue.store.recordings()} == {
        one.recording_id, other.recording_id
    }  # fmt: skip
    query = Landmark().analyse(clip(songs[1], 3, 6)).for_query()
    (found, *_) = catalogue.search(query, least_score=3.0)
    assert found.recording_id == other.recording_id
    assert found.lag_frames * Landmark.frame_s == pytest.approx(3, abs=0.05)


def test_the_second_time_all_are_skipped_without_being_decoded(
    catalogue: Catalogue, folder: Path
) -> None:
    first = run(catalogue, works(folder))
    before = postings_of(catalogue)
    again = run(catalogue, works(folder), Forbidden)
    assert set(outcomes(again).values()) == {"skipped"}
    assert {name: each.recording for name, each in again.items()} == {
        name: each.recording for name, each in first.items()
    }
    assert postings_of(catalogue) == before


def test_a_changed_file_replaces_what_it_was(
    catalogue: Catalogue, folder: Path, songs: list[Samples]
) -> None:
    first = run(catalogue, works(folder))
    write(folder / "b.wav", clip(songs[6], 10, 10))
    again = run(catalogue, works(folder))
    assert outcomes(again) == {"a.wav": "skipped", "b.wav": "replaced", "c.wav": "skipped"}
    assert first["b.wav"].recording is not None
    assert catalogue.store.removed_ids() == {first["b.wav"].recording.recording_id}
    assert sorted(live(catalogue)) == ["a.wav", "b.wav", "c.wav"]


def test_a_copy_is_skipped_and_its_original_kept(catalogue: Catalogue, folder: Path) -> None:
    run(catalogue, works(folder))
    before = live(catalogue)
    (folder / "copy of a.wav").write_bytes((folder / "a.wav").read_bytes())
    for _ in range(2):
        done = run(catalogue, works(folder))
        assert set(outcomes(done).values()) == {"skipped"}
        assert done["copy of a.wav"].recording == done["a.wav"].recording
        assert live(catalogue) == before


def test_two_copies_in_one_run_are_added_once(catalogue: Catalogue, folder: Path) -> None:
    (folder / "copy of a.wav").write_bytes((folder / "a.wav").read_bytes())
    done = run(catalogue, works(folder))
    assert sorted(outcomes(done).values()) == ["added", "added", "added", "skipped"]
    assert done["copy of a.wav"].recording == done["a.wav"].recording
    assert len(catalogue.store.recordings()) == 3


def test_when_an_original_changes_its_copy_takes_its_place(
    catalogue: Catalogue, folder: Path, songs: list[Samples]
) -> None:
    (folder / "z.wav").write_bytes((folder / "a.wav").read_bytes())
    run(catalogue, works(folder))
    write(folder / "a.wav", clip(songs[6], 10, 10))
    done = run(catalogue, works(folder))
    assert (done["a.wav"].outcome, done["z.wav"].outcome) == (Outcome.REPLACED, Outcome.ADDED)
    assert sorted(live(catalogue)) == ["a.wav", "b.wav", "c.wav", "z.wav"]


@pytest.mark.parametrize(
    "renames",
    [
        {"a.wav": "b.wav", "b.wav": "a.wav"},
        {"a.wav": "b.wav", "b.wav": "c.wav", "c.wav": "d.wav"},
        {"a.wav": "b.wav"},
        {"b.wav": "a.wav"},
    ],
    ids=["two change names", "all are numbered anew", "over the next", "over the one before"],
)
def test_files_that_change_names_keep_their_recordings(
    catalogue: Catalogue, folder: Path, renames: dict[str, str]
) -> None:
    first = run(catalogue, works(folder))
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in renames:
        (folder / name).unlink()
    for name, new in renames.items():
        (folder / new).write_bytes(content[name])
    for _ in range(2):
        done = run(catalogue, works(folder), Forbidden)
        assert set(outcomes(done).values()) == {"skipped"}
        assert sorted(live(catalogue).values()) == sorted(map(sha256, folder.iterdir()))
        for old, new in renames.items():
            before, after = first[old].recording, done[new].recording
            assert before is not None and after is not None
            assert after.recording_id == before.recording_id
    # Where another file has taken the old name, the recording goes by the new one.
    taken = {new: content[old] for old, new in renames.items() if old in renames.values()}
    for new, data in taken.items():
        assert live(catalogue)[new] == hashlib.sha256(data).hexdigest()


def test_the_same_sound_under_other_bytes_is_added_and_noticed(
    catalogue: Catalogue, folder: Path
) -> None:
    first = run(catalogue, works(folder))["b.wav"].recording
    (folder / "retagged.wav").write_bytes((folder / "b.wav").read_bytes() + b"\0\0")
    again = run(catalogue, works(folder))["retagged.wav"]
    assert again.outcome is Outcome.ADDED
    assert again.note.endswith(f"the same audio as {folder / 'b.wav'}")
    assert first is not None and again.recording is not None
    assert again.recording.same_audio_as == first.recording_id


# -- bad files ------------------------------------------------------------------------


def test_bad_files_get_their_reason_and_the_others_are_added(
    catalogue: Catalogue, folder: Path, songs: list[Samples]
) -> None:
    (folder / "text.mp3").write_text("This is not a song.\n" * 100)
    (folder / "empty.mp3").touch()
    write(folder / "silent.wav", np.zeros(5 * RATE_HZ, np.float32))
    (folder / "gone.mp3").symlink_to(folder / "nowhere")
    whole = write(folder / "cut.flac", clip(songs[3], 0, 12)).read_bytes()
    (folder / "cut.flac").write_bytes(whole[: len(whole) // 2])
    done = run(catalogue, works(folder))
    assert outcomes(done) == {
        "a.wav": "added", "b.wav": "added", "c.wav": "added", "cut.flac": "added",
        "text.mp3": "failed", "empty.mp3": "failed", "silent.wav": "failed", "gone.mp3": "failed",
    }  # fmt: skip
    assert done["cut.flac"].note.startswith("damaged: ")
    assert done["cut.flac"].recording is not None
    assert done["cut.flac"].recording.duration_s < 8
    assert "silence" in done["silent.wav"].note
    assert all(done[name].note for name, outcome in outcomes(done).items() if outcome == "failed")
    assert {name for name, each in done.items() if each.passing} == {"gone.mp3"}
    assert len(catalogue.store.recordings()) == 4


def test_a_file_that_crashes_its_process_is_named_and_the_others_are_added(
    catalogue: Catalogue, tmp_path: Path, songs: list[Samples]
) -> None:
    for number in range(8):
        write(tmp_path / f"{number:02}.wav", clip(songs[number], 5 + number, 8))
    for number in (3, 7):
        write(tmp_path / f"{number:02}.wav", clip(songs[number], 0, DEADLY_S))
    done = run(catalogue, works(tmp_path), Deadly, workers=2)
    bad = {name for name, each in done.items() if each.outcome is Outcome.FAILED}
    assert bad == {"03.wav", "07.wav"}
    assert {done[name].note for name in bad} == {"it crashes the decoder; it is left out"}
    assert len(catalogue.store.recordings()) == 6


# -- interrupted ----------------------------------------------------------------------


def test_stopped_in_the_middle_what_was_reported_is_kept_and_the_rest_comes_next(
    catalogue: Catalogue, tmp_path: Path, songs: list[Samples]
) -> None:
    for number in range(9):
        write(tmp_path / f"{number}.wav", clip(songs[number % 8], number, 6))
    running = index(catalogue, works(tmp_path), Landmark, workers=2, batch_recordings=2)
    assert isinstance(running, Generator)
    reported = [next(running) for _ in range(3)]
    running.close()  # as Ctrl-C does
    kept = set(live(catalogue))
    assert {Path(each.source).name for each in reported} <= kept
    assert len(kept) < 9
    done = run(catalogue, works(tmp_path))
    assert {name for name, outcome in outcomes(done).items() if outcome == "skipped"} == kept
    assert len(live(catalogue)) == 9


def test_batches_are_merged_in_one_go_when_all_are_written(
    catalogue: Catalogue, tmp_path: Path, songs: list[Samples]
) -> None:
    for number in range(17):
        write(tmp_path / f"{number:02}.wav", clip(songs[number % 8], number, 3))
    done = list(index(catalogue, works(tmp_path), Landmark, workers=1, batch_recordings=1))
    assert len(done) == 17
    assert len(catalogue.store.volumes()) == 1


def test_very_many_batches_are_merged_now_and_then(
    catalogue: Catalogue, tmp_path: Path, songs: list[Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("songid.catalogue.indexing._MERGED_AT_ONCE", 5)
    for number in range(12):
        write(tmp_path / f"{number:02}.wav", clip(songs[number % 8], number, 3))
    most = 0
    for _ in index(catalogue, works(tmp_path), Landmark, workers=1, batch_recordings=1):
        most = max(most, len(catalogue.store.volumes()))
    assert 5 <= most <= 6
    assert len(catalogue.store.volumes()) <= 4


# -- long audio -----------------------------------------------------------------------


def test_long_audio_is_fingerprinted_in_parts_with_offsets_that_go_on(songs: list[Samples]) -> None:
    fingerprinter = Landmark()
    hop = round(fingerprinter.frame_s * RATE_HZ)
    part = 600 * RATE_HZ // hop * hop
    long = np.zeros(part + 60 * RATE_HZ, np.float32)
    long[part : part + len(songs[0])] = songs[0][: len(long) - part]
    long[: len(songs[1])] = songs[1]
    blocks = (long[at : at + 50_000] for at in range(0, len(long), 50_000))
    found, duration_s = fingerprint_blocks(blocks, fingerprinter)
    assert duration_s == pytest.approx(len(long) / RATE_HZ)
    assert (np.diff(found.offsets_frames.astype(np.int64)) >= 0).all()
    first = fingerprinter.analyse(songs[1]).for_index()
    second = fingerprinter.analyse(songs[0]).for_index()
    late = found.offsets_frames >= part // hop
    assert np.array_equal(
        found.offsets_frames[late] - np.uint32(part // hop), second.offsets_frames
    )
    assert np.array_equal(found.hashes[late], second.hashes)
    assert np.array_equal(found.hashes[: len(first)], first.hashes)


def test_no_audio_gives_no_fingerprint() -> None:
    found, duration_s = fingerprint_blocks([], Landmark())
    assert (len(found), duration_s) == (0, 0.0)
