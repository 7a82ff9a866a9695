"""Kill -9 while indexing: what was reported is there, and running again doubles nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import indexing_material
import pytest
from catalogue_material import postings_of
from indexing_material import Forbidden, clip, works, write

from songid.catalogue.catalogue import Catalogue
from songid.catalogue.indexing import Outcome, index
from songid.model import ComponentURL, Samples
from songid_plugins.fingerprinters.landmark import Landmark
from songid_plugins.stores.sqlite import open_store

FILES = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, songs: list[Samples]) -> Path:
    made = tmp_path_factory.mktemp("songs")
    for number in range(FILES):
        write(made / f"{number:02}.wav", clip(songs[number % 8], 15 * (number // 8), 12))
    return made


def catalogue_at(place: Path) -> Catalogue:
    return Catalogue(open_store(ComponentURL.parse(f"sqlite:{place}")), Landmark())


def by_source(catalogue: Catalogue) -> Counter[Any]:
    """All postings, under the file they come from."""
    sources = {each.recording_id: each.source for each in catalogue.store.recordings()}
    return Counter(
        {(sources[name], *rest): count for (name, *rest), count in postings_of(catalogue).items()}
    )


def found(catalogue: Catalogue, songs: list[Samples]) -> list[list[tuple[str, float]]]:
    """What excerpts give: sources and lags."""
    sources = {each.recording_id: each.source for each in catalogue.store.recordings()}
    answers = []
    for song in songs:
        query = Landmark().analyse(clip(song, 18, 7)).for_query()
        alignments = catalogue.search(query, least_score=3.0)
        answers.append(
            [(sources[each.recording_id], round(each.lag_frames, 6)) for each in alignments]
        )
    return answers


def index_until(reports: int, store: Path, folder: Path) -> list[str]:
    """Index in a process of its own and kill it after so many reports; the files reported."""
    process = subprocess.Popen(
        [sys.executable, indexing_material.__file__, str(store), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(reports)]
    os.kill(process.pid, signal.SIGKILL)
    lines += process.stdout.readlines()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL, "it was killed too late to tell anything"
    # A line may be cut off by the kill; such a file was not reported.
    return [line.split(" ", 1)[1].strip() for line in lines if line.endswith("\n")]


def test_killed_twice_in_the_middle_it_ends_like_an_undisturbed_run(
    tmp_path: Path, folder: Path, songs: list[Samples]
) -> None:
    undisturbed = catalogue_at(tmp_path / "undisturbed")
    assert len(list(index(undisturbed, works(folder), Landmark, workers=1))) == FILES

    reported: set[str] = set()
    for reports in (3, 9):
        reported |= set(index_until(reports, tmp_path / "killed", folder))
        killed = catalogue_at(tmp_path / "killed")
        kept = [each.source for each in killed.store.recordings()]
        assert reported <= set(kept)
        assert len(kept) == len(set(kept)) < FILES
        # Nothing is half there: each recording has all of its postings, and no other has any.
        whole = {key: n for key, n in by_source(undisturbed).items() if key[0] in kept}
        assert by_source(killed) == whole
        killed.store.close()

    killed = catalogue_at(tmp_path / "killed")
    done = {each.source: each.outcome for each in index(killed, works(folder), Landmark, workers=1)}
    assert len(done) == FILES
    assert all(done[source] is Outcome.SKIPPED for source in reported)
    assert by_source(killed) == by_source(undisturbed)
    assert found(killed, songs) == found(undisturbed, songs)
    assert not killed.store.removed_ids()
    again = list(index(killed, works(folder), Forbidden, workers=1))
    assert {each.outcome for each in again} == {Outcome.SKIPPED}
    for catalogue in (killed, undisturbed):
        catalogue.store.close()
