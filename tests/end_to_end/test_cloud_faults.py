"""Trouble in the cloud while a whole batch is under way: nothing is lost, nothing doubled."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dynamodb_material
import postgres_material
import pytest
from cloud_material import Cloud, Throttle, throttled
from function_material import Queue, created
from small_material import SONG_S, aired, song, title

from songid.app import App
from songid.function.function import Function, Request
from songid.settings import load

STATION = "radio_one"
START = (datetime.now(UTC) - timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
SONGS = (1, 2)
AIRED = (1, 2, 9, 1)
AWAY_S = 4.0
"""Half a minute is no different, but for those who wait for the tests."""


class Account:
    """A bucket with audio in it, where events go to, and a function over a store."""

    def __init__(self, cloud: Cloud, store: str, folder: Path) -> None:
        self.cloud = cloud
        self.bucket, topic = cloud.bucket(), cloud.topic()
        self.told = cloud.subscribed(topic)
        self.dead = cloud.queue()
        (folder / "songid.toml").touch()
        self.settings = load(
            folder / "songid.toml",
            {
                "store": store,
                "inbox": f"s3://{self.bucket}",
                "sinks": [f"sns:{topic}"],
                "function.dead_letters": f"sqs:{self.dead}",
                "scheduler.lease_s": 2,
                "scheduler.quiet_s": 1,
            },
        )
        with App(self.settings) as app:
            app.store.migrate()  # type: ignore[attr-defined]  # of stores that have tables to make
        self.songs = {f"songs_to_index/{seed}.mp3": song(seed) for seed in SONGS}
        self.rest = {"songs_to_check/file.mp3": song(2), "songs_to_check/poison.mp3": b"no\n" * 500}
        for number, seed in enumerate(AIRED):
            at = START + timedelta(seconds=SONG_S * number)
            self.rest[f"songs_to_check/streams/{STATION}_{at:%Y%m%dT%H%M%S}.ts"] = aired(seed)

    def event(self, key: str, content: bytes) -> dict[str, Any]:
        """Put an object; S3's event about it."""
        event = created(key, self.bucket)
        etag = self.cloud.put(self.bucket, key, content)["ETag"].strip('"')
        event["detail"]["object"] |= {"etag": etag, "size": len(content)}
        return event

    def work_off(self, function: Function, events: list[dict[str, Any]], most: int = 4) -> None:
        """Invoke the function until all is acknowledged; all comes twice, in no order."""
        queue = Queue([*events, *events], most=12, seed=5)
        while queue.left:
            batch = queue.receive(most)
            answer = function.handle(batch, Request())
            queue.settle(batch, answer)
            if answer["batchItemFailures"]:
                time.sleep(0.3)
        assert queue.dead == []

    def check(self) -> None:
        """All was done, once."""
        with App(self.settings) as app:
            assert {each.title for each in app.store.recordings()} == set(map(title, SONGS))
            assert len(app.store.recordings()) == len(SONGS)
            sources = Counter(heard.source for heard in app.store.heards(STATION))
            assert set(sources.values()) == {2} and len(sources) == len(AIRED)
            hour = timedelta(hours=1)
            names = {each.recording_id: each.title for each in app.store.recordings()}
            plays = [names[p.recording_id] for p in app.plays(STATION, START - hour, START + hour)]
            assert plays == [title(seed) for seed in AIRED if seed in SONGS]
        answer = json.loads(self.cloud.content(self.bucket, "songs_to_check/file.json"))
        assert [play["title"] for play in answer["plays"]] == [title(2)]
        events = Counter((each["event"], each["event_id"]) for each in self.cloud.bodies(self.told))
        kinds = Counter(kind for kind, _ in events)
        assert kinds == {"heard": 2 * len(AIRED), "play_started": 3, "play_ended": 3}
        # At least once: one whose acknowledgement was lost may come again, under its id.
        assert sum(events.values()) <= sum(kinds.values()) + 2
        letters = [json.loads(each["Body"]) for each in self.cloud.received(self.dead)]
        assert {each["item"]["name"] for each in letters} == {"songs_to_check/poison.mp3"}
        assert len({each["event_id"] for each in letters}) == 1

    def run(self, around: Callable[[Function, str], AbstractContextManager[None]]) -> None:
        """All of it, with the trouble that `around` makes, which may begin at a store's method."""
        function = Function(self.settings)
        try:
            songs = [self.event(*each) for each in self.songs.items()]
            rest = [self.event(*each) for each in self.rest.items()]
            with around(function, "put_pages"):
                self.work_off(function, songs)
            with around(function, "put_heards"):
                self.work_off(function, rest)
            for _ in range(2):
                function.handle({"songid": "announce"}, Request())
                time.sleep(1.1)
        finally:
            function.close()


def test_every_third_call_to_any_service_is_refused(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from songid_plugins.aws_clients import client

    endpoint = dynamodb_material.moto_endpoint()
    account = Account(cloud, dynamodb_material.store_url(endpoint, f"t-{tmp_path.name}"), tmp_path)
    refused: list[Throttle] = []

    @contextmanager
    def around(function: Function, method: str) -> Iterator[None]:
        table = client("dynamodb", endpoint=endpoint)
        throttle = Throttle()
        with throttled(cloud, ["s3", "sns", "sqs"]) as others:
            table.meta.events.register_first("before-send", throttle)
            try:
                yield
            finally:
                table.meta.events.unregister("before-send", throttle)
        refused.extend((throttle, others))

    account.run(around)
    account.check()
    assert all(each.refused > 5 for each in refused[2:])


def test_the_database_goes_away_while_songs_are_indexed_and_a_station_is_heard(
    cloud: Cloud, tmp_path: Path
) -> None:
    try:
        server = postgres_material.new_server()
    except postgres_material.NoServerError as error:
        pytest.skip(f"no PostgreSQL: {error}")
    try:
        account = Account(cloud, server.url("songid"), tmp_path)
        away: list[float] = []

        @contextmanager
        def around(function: Function, method: str) -> Iterator[None]:
            real = getattr(function.app.store, method)
            back: list[threading.Thread] = []

            def come_back(gone: float) -> None:
                time.sleep(AWAY_S)
                server.start()
                away.append(time.monotonic() - gone)

            def in_the_middle(*arguments: Any, **options: Any) -> Any:
                if not back:
                    server.stop("immediate")
                    back.append(threading.Thread(target=come_back, args=[time.monotonic()]))
                    back[0].start()
                return real(*arguments, **options)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(function.app.store, method, in_the_middle)
                yield
            back[0].join()

        account.run(around)
        account.check()
        assert len(away) == 2 and min(away) > AWAY_S
    finally:
        server.delete()
