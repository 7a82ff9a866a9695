"""Two hundred broken files: indexed and identified, each gets its reason and none gets in."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from small_material import make_app, put, song

from songid.app import App
from songid.catalogue.indexing import Indexed, Outcome
from songid.catalogue.reading import Work
from songid.errors import AudioError
from songid.testing.audio_files import BROKEN_KINDS, BrokenFile, broken_files

HOPELESS = ("random bytes", "zero length", "text")
TOLD = ("truncated", "a hole")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> list[BrokenFile]:
    return list(broken_files(tmp_path_factory.mktemp("broken"), 200, seed=3))


@pytest.fixture
def app(tmp_path: Path) -> App:
    return make_app(tmp_path, store=f"sqlite:{tmp_path}/data", index__batch_recordings=16)


def index(app: App, paths: list[Path], workers: int = 2) -> dict[str, Indexed]:
    work = [Work(path, path.name) for path in paths]
    return {each.source: each for each in app.index(work, workers=workers)}


def test_indexing_broken_files_crashes_nothing_and_says_why(
    app: App, broken: list[BrokenFile], tmp_path: Path
) -> None:
    good = put(tmp_path / "good.mp3", song(1))
    with app:
        done = index(app, [*(each.path for each in broken), good])
        assert len(done) == 201
        assert done.pop("good.mp3").outcome is Outcome.ADDED
        outcomes: dict[str, Counter[str]] = {kind: Counter() for kind in BROKEN_KINDS}
        for each in broken:
            told = done[each.path.name]
            outcomes[each.kind][told.outcome] += 1
            if told.outcome is Outcome.FAILED:
                assert told.note and not told.passing
            elif told.outcome is Outcome.ADDED:
                assert told.recording is not None
                assert told.recording.duration_s <= each.seconds + 0.1
                assert told.note.startswith("damaged: ") or each.kind not in TOLD
        for kind in HOPELESS:
            assert set(outcomes[kind]) == {Outcome.FAILED}
        # What is in the catalogue was reported so, and everything there can be searched.
        live = {each.source for each in app.store.recordings()}
        added = {name for name, each in done.items() if each.outcome is Outcome.ADDED}
        assert live == {"good.mp3", *added}
        assert all(each.landmarks > 0 for each in app.store.recordings())
        found = app.identify(good)
        assert [found.recordings[play.recording_id].source for play in found.plays] == ["good.mp3"]
        again = index(app, [*(each.path for each in broken), good], workers=1)
        # Some are broken to the same bytes, and so were there already the first time.
        skipped = {name for name, each in again.items() if each.outcome is Outcome.SKIPPED}
        assert skipped == {"good.mp3"} | {
            name for name, each in done.items() if each.outcome is not Outcome.FAILED
        }
        assert {each.outcome for each in again.values()} == {Outcome.SKIPPED, Outcome.FAILED}
        assert {each.source for each in app.store.recordings()} == live


def test_identifying_broken_files_crashes_nothing_and_hears_no_more_than_is_there(
    app: App, broken: list[BrokenFile], tmp_path: Path
) -> None:
    refused: Counter[str] = Counter()
    damaged: Counter[str] = Counter()
    with app:
        index(app, [put(tmp_path / "good.mp3", song(1))], workers=1)
        for each in broken:
            try:
                result = app.identify(each.path, name=each.path.name)
            except AudioError as error:
                assert error.reason
                assert each.path.name in str(error)
                refused[each.kind] += 1
                continue
            assert result.plays == ()
            assert result.heard_s <= each.seconds + 0.1
            damaged[each.kind] += bool(result.damage)
        assert app.store.stations() == []
    assert all(refused[kind] == 20 for kind in HOPELESS)
    assert all(refused[kind] + damaged[kind] == 20 for kind in TOLD)
    assert damaged.total() > 20, json.dumps(damaged)
