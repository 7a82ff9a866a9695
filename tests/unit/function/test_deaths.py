"""The process dies at any write, any number of events come at once: the end is the same.

Each death is a real one, of a forked process; what it leaves behind is in the store's file.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from function_material import Queue, batch, created, documents, failures, make_function, request
from small_material import SONG_S, aired, put, song, title

from songid.function.attempts import MOST_DEATHS
from songid.function.function import Function

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = START + timedelta(hours=1)
SONGS = ["songs_to_index/1.mp3", "songs_to_index/2.mp3"]
EXCERPT = "songs_to_check/excerpt.mp3"
BAD = ["songs_to_check/bad.mp3", "songs_to_check/streams/radio_20260301T110000.ts"]
DEADLY = "songs_to_check/deadly.mp3"
_AFTER_A_LEASE = timedelta(seconds=70)


@lru_cache
def segments() -> dict[str, bytes]:
    return {
        f"songs_to_check/streams/radio_{START + timedelta(seconds=SONG_S * n):%Y%m%dT%H%M%S}.ts": (
            aired(seed)
        )
        for n, seed in enumerate((1, 2, 1))
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    files = {SONGS[0]: song(1), SONGS[1]: song(2), EXCERPT: song(2), DEADLY: song(1)}
    files |= segments() | {BAD[0]: b"this is text\n" * 99, BAD[1]: b"\0" * 4000}
    for key, content in files.items():
        put(tmp_path / "inbox" / key, content)
    return tmp_path


def function_at(folder: Path, now: datetime) -> Function:
    return make_function(
        folder,
        lambda: now,
        store=f"mortal:{folder}/store",
        sinks=[f"mortal:{folder}/events"],
        function__dead_letters=f"mortal:{folder}/dead",
        listening__widest_speed=0.0,
        listening__widest_tempo=0.0,
        listening__widest_pitch=0.0,
    )


def handle(folder: Path, now: datetime, event: Any) -> list[str] | None:
    """What fails of a batch in a process of its own; None if the process died."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            function = function_at(folder, now)
            answer = function.handle(event, request())
            os.write(writer, json.dumps(answer).encode())
            function.close()
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 86)
    return failures(json.loads(text)) if code == 0 else None


def drain(folder: Path, queue: Queue, now: datetime, points: Sequence[str] = ()) -> int:
    """Work a queue off, dying once at each of `points`, one after another; how often it died."""
    died = 0
    left = list(points)
    while queue.left:
        if left:
            (folder / f"die-at-{left.pop()}").touch()
        event = queue.receive()
        failed = handle(folder, now, event)
        died += failed is None
        answer = failed and {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
        queue.settle(event, {"batchItemFailures": []} if failed == [] else answer)
        now += _AFTER_A_LEASE
    assert queue.dead == []
    return died


def check(folder: Path, bad: Sequence[str]) -> None:
    """Nothing is lost, nothing doubled, and the dead letters hold exactly the poison."""
    function = function_at(folder, NOW)
    store = function.app.store
    assert sorted(each.title for each in store.recordings()) == sorted([title(1), title(2)])
    sources = Counter(heard.source for heard in store.heards("radio"))
    assert len(sources) == 3 and set(sources.values()) == {2}  # 20 s are two windows
    assert len(function.app.plays("radio", START, NOW)) == 3
    function.close()
    answer = json.loads((folder / "inbox" / EXCERPT).with_suffix(".json").read_text())
    assert [play["title"] for play in answer["plays"]] == [title(2)]
    letters = documents(folder / "dead", "refused")
    assert sorted(each["notice"]["detail"]["object"]["key"] for each in letters) == sorted(bad)
    for kind, number in (("heard", 6), ("play_started", 3)):
        ids = Counter(event["event_id"] for event in documents(folder / "events", kind))
        assert len(ids) == number and set(ids.values()) == {1}, kind


@pytest.mark.parametrize(
    "point",
    ["before-claim", "after-claim", "before-commit_volume", "recording_indexed", "before-complete"],
)
def test_dying_at_songs_loses_and_doubles_none(folder: Path, point: str) -> None:
    assert drain(folder, Queue([created(key) for key in SONGS]), NOW, [point]) == 1
    function = function_at(folder, NOW)
    titles = sorted(each.title for each in function.app.store.recordings())
    assert titles == sorted([title(1), title(2)])
    function.close()


@pytest.mark.parametrize(
    "point",
    [
        "before-put_heards",
        "heard",
        "sent-heard",
        "play_started",
        "sent-play_started",
        "answered",
        "sent-refused",
        "before-complete",
        "after-complete",
        "after-put_meta",
    ],
)
def test_dying_at_a_station_a_file_or_poison_loses_and_doubles_nothing(
    folder: Path, point: str
) -> None:
    drain(folder, Queue([created(key) for key in SONGS]), NOW)
    queue = Queue([created(key) for key in (EXCERPT, *BAD, *segments())])
    assert drain(folder, queue, NOW, [point]) == 1
    check(folder, BAD)


def test_a_file_that_kills_the_process_is_found_out_and_takes_no_other_with_it(
    folder: Path,
) -> None:
    drain(folder, Queue([created(key) for key in SONGS]), NOW)
    queue = Queue([created(key) for key in (DEADLY, EXCERPT, *BAD, *segments())], most=6)
    assert drain(folder, queue, NOW) == 1 + MOST_DEATHS
    check(folder, [*BAD, DEADLY])
    letters = documents(folder / "dead", "refused")
    (reason,) = [each["reason"] for each in letters if "deadly" in json.dumps(each["notice"])]
    assert reason.startswith("2 processes died at it")


@pytest.mark.parametrize("seed", range(3))
def test_events_in_any_order_and_more_than_once_come_to_the_same_end(
    folder: Path, seed: int
) -> None:
    drain(folder, Queue([created(key) for key in SONGS * 2], seed=seed), NOW)
    keys = [EXCERPT, *BAD, *segments()]
    drain(folder, Queue([created(key) for key in keys * 2], seed=seed), NOW)
    check(folder, BAD)


def test_the_same_events_five_times_at_once_in_threads(folder: Path) -> None:
    functions = [function_at(folder, NOW) for _ in range(5)]
    for keys in (SONGS, [EXCERPT, *BAD, *segments()]):
        failed: list[list[str]] = [["m0"]]
        tries = 0
        while any(failed):
            tries += 1
            assert tries < 5
            event = batch(*map(created, keys), tries=tries)
            with ThreadPoolExecutor(5) as pool:
                answers = pool.map(lambda each: each.handle(event, request()), functions)  # noqa: B023  # at once
                failed = [failures(answer) for answer in answers]
    for function in functions:
        function.close()
    check(folder, BAD)
