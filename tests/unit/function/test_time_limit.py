"""Long jobs under a time limit: they go on where they stopped, and come to the same end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from function_material import Budget, batch, created, documents, failures, make_function, request
from small_material import aired, put, song

from songid.documents import heard_document
from songid.function.function import Function
from songid.jobs import checkpoints
from songid.jobs.outcomes import job_key
from songid.schemas import load_schema

AIRED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = AIRED + timedelta(hours=1)
CHECK = "songs_to_check/long.ts"
DATED = "songs_to_check/streams/radio_20260301T120000.ts"
UNDATED = "songs_to_check/streams/radio.000001.ts"
SPARE_S = 1


@lru_cache
def long_audio() -> bytes:
    """160 s: known, unknown and known music, in 3 s windows 4 parts."""
    return aired(1, 9, 1, 2, 9, 2, 1, 2)


def make(folder: Path, **settings: Any) -> Function:
    function = make_function(
        folder,
        lambda: NOW,
        **{
            "store": "memory",
            "listening__window_s": 3,
            "function__spare_s": SPARE_S,
            "sinks": [f"file:{folder}/events"],
        }
        | settings,
    )
    for seed in (1, 2):
        put(folder / f"inbox/songs_to_index/{seed}.mp3", song(seed))
        function.handle(created(f"songs_to_index/{seed}.mp3"), request())
    return function


@pytest.fixture(params=[CHECK, DATED, UNDATED])
def key(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def function(tmp_path: Path, key: str) -> Iterator[Function]:
    put(tmp_path / "inbox" / key, long_audio(), written=AIRED + timedelta(seconds=160))
    function = make(tmp_path)
    yield function
    function.close()


def found(function: Function, folder: Path, key: str) -> Any:
    """What is known in the end: the answer, or the journal and what was told of it.

    Recordings go by their titles, for their ids are others in each store.
    """
    document: Any
    if key == CHECK:
        document = json.loads((folder / "inbox" / key).with_suffix(".json").read_text())
    else:
        document = [
            [heard_document(heard) for heard in function.app.store.heards("radio")],
            sorted(json.dumps(each["metadata"]) for each in documents(folder / "events", "heard")),
            len(documents(folder / "events", "play_started")),
        ]
    text = json.dumps(document).replace(str(folder), "X")
    for recording in function.app.store.recordings():
        text = text.replace(recording.recording_id, recording.title)
    return json.loads(text)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """What is found where nothing stops it."""
    return cache(lambda key: in_one_go(tmp_path_factory.mktemp("whole"), key))


def in_one_go(folder: Path, key: str) -> Any:
    put(folder / "inbox" / key, long_audio(), written=AIRED + timedelta(seconds=160))
    function = make(folder)
    assert failures(function.handle(batch(created(key)), request())) == []
    whole = found(function, folder, key)
    function.close()
    return whole


@pytest.mark.parametrize("windows", [18, 40])
def test_stopped_and_continued_by_its_queue_it_comes_to_the_same_end(
    tmp_path: Path, key: str, windows: int, whole: Callable[[str], Any]
) -> None:
    put(tmp_path / "inbox" / key, long_audio(), written=AIRED + timedelta(seconds=160))
    function = make(tmp_path, function__continue_to="")
    tries = done = 0
    failed = ["m0"]
    while failed:
        tries += 1
        assert tries < 10
        # What was heard before is decoded again, which is asked for as well.
        budget = Budget(SPARE_S + 6 + done + windows)
        failed = failures(function.handle(batch(created(key), tries=tries), request(budget)))
        done = windows_kept(function, key)
    assert tries > 1 and done == 0
    assert found(function, tmp_path, key) == whole(key)
    function.close()


def windows_kept(function: Function, key: str) -> int:
    item = function._source.notified(created(key))
    assert item is not None
    terms = checkpoints.terms_of(function.app)
    return checkpoints.load(function.app.store, job_key(item), terms).windows


def test_stopped_it_asks_for_another_run_and_is_acknowledged(
    function: Function, tmp_path: Path, key: str
) -> None:
    def run(body: Any, budget_s: float) -> list[str]:
        return failures(function.handle(batch(body), request(Budget(SPARE_S + budget_s))))

    assert run(created(key), 30) == []
    (first,) = documents(tmp_path / "again", "continued")
    jsonschema.validate(first, load_schema("continue"))
    assert (first["windows"], first["notice"]) == (16, created(key))
    # No time is left to come further: it is not asked for again, lest it go on for ever.
    assert run(first, 20) == ["m0"]
    assert len(documents(tmp_path / "again", "continued")) == 1
    assert run(first, 50) == []
    second = max(documents(tmp_path / "again", "continued"), key=lambda each: each["windows"])
    assert second["windows"] == 32 and second["event_id"] != first["event_id"]
    assert run(second, 1000) == []
    assert len(documents(tmp_path / "again", "continued")) == 2
    assert found(function, tmp_path, key)
    assert windows_kept(function, key) == 0
    assert documents(tmp_path / "dead", "refused") == []
    # Its first message and its continuations may all come once more.
    for body in (created(key), first, second):
        assert run(body, 1000) == []


def test_what_never_comes_further_is_refused_at_last(
    function: Function, tmp_path: Path, key: str
) -> None:
    for tries in (1, 2, 3, 4):
        budget = Budget(SPARE_S + 12)
        failed = failures(function.handle(batch(created(key), tries=tries), request(budget)))
        assert failed == (["m0"] if tries < 4 else [])
    (letter,) = documents(tmp_path / "dead", "refused")
    assert "not even a part" in letter["reason"]


def test_what_is_not_begun_in_time_comes_again(tmp_path: Path) -> None:
    function = make(tmp_path)
    keys = ["songs_to_index/3.mp3", CHECK, DATED]
    for key in keys:
        put(tmp_path / "inbox" / key, song(3))
    budget = Budget(SPARE_S)
    answer = function.handle(batch(*map(created, keys)), request(budget))
    assert failures(answer) == ["m0", "m1", "m2"]
    assert documents(tmp_path / "dead", "refused") == []
    assert failures(function.handle(batch(*map(created, keys)), request())) == []
    function.close()


def test_a_function_with_little_time_in_all_uses_half_of_it(tmp_path: Path) -> None:
    function = make(tmp_path, function__spare_s=600)
    put(tmp_path / "inbox/songs_to_index/3.mp3", song(3))
    answer = function.handle(batch(created("songs_to_index/3.mp3")), request(lambda: 3.0))
    assert failures(answer) == []
    function.close()
