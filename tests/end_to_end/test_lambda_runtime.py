"""The function as Lambda runs it: the real runtime client, a queue, deaths, and no mercy."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from function_material import (
    Queue,
    batch,
    created,
    documents,
    failures,
    function_environment,
    function_settings,
)
from runtime_api import Outcome, runtime
from small_material import SONG_S, aired, put, song, title

from songid.app import App
from songid.model import Play
from songid.settings import load

STATION = "radio_one"
# In the past, so that the day is over.
START = (datetime.now(UTC) - timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
LEASE_S = 1.0
DIED = 86


def environment(folder: Path, **settings: Any) -> dict[str, str]:
    mortal = {
        "store": f"mortal:{folder}/store",
        "sinks": [f"mortal:{folder}/events"],
        "function__dead_letters": f"mortal:{folder}/dead",
        "scheduler__lease_s": LEASE_S,
        "scheduler__quiet_s": 1,
    }
    return {**os.environ, **function_environment(folder, **mortal | settings)}


@contextmanager
def opened(folder: Path) -> Iterator[App]:
    """What is in the function's store."""
    settings = {**function_settings(folder), "index.workers": 1}
    (folder / "songid.toml").touch()
    with App(load(folder / "songid.toml", settings)) as app:
        yield app


def deliver(folder: Path) -> tuple[list[str], list[str]]:
    """Songs, a file, a station's segments, and poison of each kind: good keys and bad ones."""
    files = {
        "songs_to_index/1.mp3": song(1),
        "songs_to_index/2.mp3": song(2),
        "songs_to_check/excerpt.mp3": song(2),
    }
    for number, seed in enumerate((1, 2, 9, 1)):
        at = START + timedelta(seconds=SONG_S * number)
        files[f"songs_to_check/streams/{STATION}_{at:%Y%m%dT%H%M%S}.ts"] = aired(seed)
    bad = {
        "songs_to_index/bad.mp3": b"this is text\n" * 99,
        "songs_to_check/bad.mp3": b"this is text\n" * 99,
        f"songs_to_check/streams/{STATION}_{START:%Y%m%d}T110000.ts": b"\0" * 4000,
    }
    for key, content in {**files, **bad}.items():
        put(folder / "inbox" / key, content)
    return list(files), list(bad)


def plays(folder: Path) -> list[Play]:
    with opened(folder) as app:
        return app.plays(STATION, START - timedelta(hours=1), START + timedelta(hours=1))


def check_all_done_once(folder: Path, bad: Sequence[str]) -> None:
    """Nothing is lost, nothing doubled, and the dead letters hold exactly the poison."""
    with opened(folder) as app:
        assert {each.title for each in app.store.recordings()} == {title(1), title(2)}
        assert len(app.store.recordings()) == 2
        sources = Counter(heard.source for heard in app.store.heards(STATION))
    assert len(sources) == 4 and set(sources.values()) == {2}  # 20 s are two windows
    answer = json.loads((folder / "inbox/songs_to_check/excerpt.json").read_text())
    assert [play["title"] for play in answer["plays"]] == [title(2)]
    letters = documents(folder / "dead", "refused")
    assert sorted(letter["notice"]["detail"]["object"]["key"] for letter in letters) == sorted(bad)
    for kind, number in (("heard", 8), ("play_started", 3)):
        ids = Counter(event["event_id"] for event in documents(folder / "events", kind))
        assert len(ids) == number and set(ids.values()) == {1}, kind


def drain(queue: Queue, folder: Path, most: int = 10) -> int:
    """Work a queue off; where the process dies another is started. Returns how many died."""
    died = 0
    while queue.left:
        with runtime(folder, environment(folder)) as running:
            outcome = Outcome()
            while queue.left and outcome.exit_code is None:
                event = queue.receive(most)
                outcome = running.invoke(event)
                assert outcome.exit_code in (None, DIED), running.output()
                assert outcome.error is None, outcome.error
                queue.settle(event, outcome.answer)
                if outcome.answer is None or outcome.answer["batchItemFailures"]:
                    time.sleep(LEASE_S * 1.2)
        died += outcome.exit_code == DIED
    return died


def test_a_station_some_songs_a_file_and_poison_in_any_order_and_twice(tmp_path: Path) -> None:
    good, bad = deliver(tmp_path)
    # Songs first, for what is not known yet is not found; the rest as it comes, and twice.
    songs = [key for key in good if "index" in key]
    with runtime(tmp_path, environment(tmp_path)) as running:
        assert running.invoke(batch(*map(created, songs))).answer == {"batchItemFailures": []}
        queue = Queue([created(key) for key in (*good, *bad, *good, *bad)], seed=3)
        while queue.left:
            event = queue.receive(4)
            queue.settle(event, running.invoke(event).answer)
        assert queue.dead == []
        for _ in range(2):
            assert running.invoke({"songid": "announce"}).error is None
            time.sleep(1.1)
        check_all_done_once(tmp_path, bad)
        assert len(documents(tmp_path / "events", "play_ended")) == 3
        made = running.invoke({"songid": "report", "station": STATION, "date": f"{START:%Y-%m-%d}"})
        report = json.loads(Path(made.answer["files"][0]).read_text())
        assert [each["title"] for each in report["plays"]] == [title(1), title(2), title(1)]
        for chore in ("merge", "retention", "reports"):
            assert running.invoke({"songid": chore}).error is None
        wrong = running.invoke({"songid": "knit"})
        assert wrong.error is not None and wrong.error["errorType"] == "NotificationError"
        lines = [line for line in running.output().splitlines() if line.startswith("{")]
    told = [json.loads(line) for line in lines]
    assert sum("_aws" in each for each in told) > 5
    about = [each for each in told if each.get("job") == "segment"]
    assert all(each["request_id"] and each["uri"] and each["station"] for each in about)
    assert len(plays(tmp_path)) == 3


def test_killed_again_and_again_it_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    good, bad = deliver(tmp_path)
    songs = [key for key in good if "index" in key]
    rest = [key for key in (*good, *bad) if key not in songs]
    for keys, points in ((songs, ["recording_indexed"]), (rest, ["heard", "sent-refused"])):
        for point in points:
            (tmp_path / f"die-at-{point}").touch()
        queue = Queue([created(key) for key in keys])
        assert drain(queue, tmp_path) == len(points)
        assert queue.dead == []
    check_all_done_once(tmp_path, bad)
    assert len(plays(tmp_path)) == 3


def test_the_same_events_five_times_at_once(tmp_path: Path) -> None:
    good, bad = deliver(tmp_path)
    with ExitStack() as stack:
        five = [stack.enter_context(runtime(tmp_path, environment(tmp_path))) for _ in range(5)]
        songs = [key for key in good if "index" in key]
        for keys in (songs, [*good, *bad]):
            event = batch(*map(created, keys))
            for tries in range(1, 5):
                with ThreadPoolExecutor(5) as pool:
                    outcomes = list(pool.map(lambda each: each.invoke(event), five))  # noqa: B023  # done at once
                assert not [each for each in outcomes if each.answer is None]
                failed = [failures(each.answer) for each in outcomes]
                if not any(failed):
                    break
                event = batch(*map(created, keys), tries=tries + 1)
                time.sleep(LEASE_S)
            assert not any(failed)
        assert five[0].invoke({"songid": "announce"}).error is None
    check_all_done_once(tmp_path, bad)
    assert len(plays(tmp_path)) == 3


def test_a_function_whose_settings_are_wrong_says_so_and_needs_no_new_process(
    tmp_path: Path,
) -> None:
    broken = environment(tmp_path, store="nosuch:store")
    with runtime(tmp_path, broken) as running:
        for _ in range(2):
            outcome = running.invoke({"songid": "merge"})
            assert outcome.error is not None
            assert outcome.error["errorType"] == "UnknownSchemeError"
        assert running.process.poll() is None
