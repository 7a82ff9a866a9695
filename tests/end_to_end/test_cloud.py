"""The whole of it in a cloud: a bucket, its events, a queue, the function, sinks, a report.

What comes out is what the embedded store gives for the same audio.
"""

from __future__ import annotations

import io
import json
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dynamodb_material
import numpy as np
import postgres_material
import pytest
from cloud_material import Cloud
from runtime_api import Runtime, runtime
from small_material import RATE_HZ, composed, make_app, put, song, title

from songid.app import App
from songid.audio.encode import encode
from songid.jobs.inbox import process_inbox
from songid.model import Play
from songid.settings import load

STATION = "radio_one"
SEGMENT_S = 12
# In the past, so that the day is over.
START = (datetime.now(UTC) - timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
KNOWN = (1, 2, 3, 4, 5)
AIRED = (1, 2, 9, 3, 4, 5, 1)
"""Songs of 20 s one after another; 9 is not in the catalogue."""
LEASE_S = 2.0


@pytest.fixture(params=["postgresql", "dynamodb"])
def store_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store's URL with nothing there yet, not even its tables."""
    name = f"songid_{uuid.uuid4().hex[:12]}"
    if request.param == "postgresql":
        folder = postgres_material.session_folder(tmp_path_factory)
        return postgres_material.server_or_skip(folder, postgres_material.PACKAGE).url(name)
    folder = dynamodb_material.session_folder(tmp_path_factory)
    try:
        endpoint = dynamodb_material.local_endpoint(folder)
    except pytest.skip.Exception:
        endpoint = dynamodb_material.moto_endpoint()
    return dynamodb_material.store_url(endpoint, name)


def segments() -> dict[str, bytes]:
    """The station's audio as an archive output of MediaLive leaves it: date and counter."""
    whole = np.concatenate([composed(seed)[0] for seed in AIRED])
    size = SEGMENT_S * RATE_HZ
    found = {}
    for counter, first in enumerate(range(0, len(whole), size)):
        file = io.BytesIO()
        encode(whole[first : first + size], RATE_HZ, file, format="ts", bitrate=96_000)
        name = f"{STATION}_{START:%Y%m%dT%H%M%S}.{counter:06}.ts"
        found[f"songs_to_check/streams/{name}"] = file.getvalue()
    return found


@dataclass
class Account:
    """What is set up in the cloud: a bucket whose events reach a queue, and what is sent."""

    cloud: Cloud
    bucket: str
    jobs: str
    dead: str
    told: str
    sent: str
    settings: Mapping[str, Any]

    @property
    def environment(self) -> dict[str, str]:
        """The function's variables, as Terraform would set them."""
        own = {
            f"SONGID_{key.upper()}": value if isinstance(value, str) else json.dumps(value)
            for key, value in self.settings.items()
        }
        return {**os.environ, **self.cloud.environment, **own}

    def receive(self) -> dict[str, Any]:
        """A batch as the event source mapping makes it of what the queue hands out."""
        answer = self.cloud.client("sqs").receive_message(
            QueueUrl=self.jobs,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["All"],
            WaitTimeSeconds=0,
        )
        return {
            "Records": [
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "attributes": message["Attributes"],
                    "messageAttributes": {},
                    "eventSource": "aws:sqs",
                    "eventSourceARN": self.cloud.queue_arn(self.jobs),
                }
                for message in answer.get("Messages", [])
            ]
        }

    def work_off(self, running: Runtime) -> None:
        """Invoke the function with what is in the queue until nothing is left of it."""
        sqs = self.cloud.client("sqs")
        empty_since = time.monotonic()
        while time.monotonic() - empty_since < 1.5:
            event = self.receive()
            if not event["Records"]:
                time.sleep(0.1)
                continue
            outcome = running.invoke(event)
            assert outcome.error is None, outcome.error
            assert outcome.exit_code is None, running.output()
            failed = {each["itemIdentifier"] for each in outcome.answer["batchItemFailures"]}
            for record in event["Records"]:
                if record["messageId"] not in failed:
                    sqs.delete_message(QueueUrl=self.jobs, ReceiptHandle=record["receiptHandle"])
            empty_since = time.monotonic()


@pytest.fixture
def account(cloud: Cloud, store_url: str) -> Iterator[Account]:
    bucket, dead, sent, topic = cloud.bucket(), cloud.queue(), cloud.queue(), cloud.topic()
    jobs = cloud.queue(dead_letters=dead, most_receives=8, attributes={"VisibilityTimeout": "1"})
    told = cloud.subscribed(topic, filter_policy={"event": ["play_started", "play_ended"]})
    cloud.events_to_queue(bucket, jobs)
    settings = {
        "store": store_url,
        "inbox": f"s3://{bucket}",
        "sinks": [f"sns:{topic}", f"sqs:{sent}?events=heard", f"s3://{bucket}/results"],
        "reports": f"s3://{bucket}/reports",
        "report_formats": ["html", "json"],
        "function__dead_letters": f"sqs:{dead}",
        "scheduler__lease_s": LEASE_S,
        "scheduler__quiet_s": 1,
    }
    yield Account(cloud, bucket, jobs, dead, told, sent, settings)


def app_of(account: Account, folder: Path) -> App:
    (folder / "songid.toml").touch()
    settings = {key.replace("__", "."): value for key, value in account.settings.items()}
    return App(load(folder / "songid.toml", settings))


def written(plays: Sequence[Play], app: App) -> list[tuple[Any, ...]]:
    """Plays without what differs from catalogue to catalogue: the recordings' ids."""
    titles = {each.recording_id: each.title for each in app.store.recordings()}
    return [
        (titles[p.recording_id], p.start, p.end, p.offset_s, p.heard_s, p.confidence, p.warp)
        for p in plays
    ]


def embedded(folder: Path) -> list[tuple[Any, ...]]:
    """The plays that one machine with a folder and the embedded store makes of the same."""
    for seed in KNOWN:
        put(folder / f"inbox/songs_to_index/{seed}.mp3", song(seed))
    for key, content in segments().items():
        put(folder / "inbox" / key, content)
    with make_app(folder, store=f"sqlite:{folder}/store") as app:
        source = app.open_source(app.settings.inbox_url.text if app.settings.inbox_url else "")
        process_inbox(app, source)
        return written(around(app), app)


def around(app: App) -> list[Play]:
    return app.plays(STATION, START - timedelta(hours=1), START + timedelta(hours=1))


def test_songs_a_file_a_station_and_a_poison_in_a_cloud(account: Account, tmp_path: Path) -> None:
    cloud, bucket = account.cloud, account.bucket
    with app_of(account, tmp_path) as app:
        assert app.store.migrate()  # type: ignore[attr-defined]  # of stores that have tables to make
    with runtime(tmp_path, account.environment) as running:
        for seed in KNOWN:
            cloud.put(bucket, f"songs_to_index/{seed}.mp3", song(seed))
        account.work_off(running)
        cloud.put(bucket, "songs_to_check/what is + this?.mp3", song(2))
        chance = random.Random(8)
        everything = list(segments().items())
        late = everything.pop(5)
        twice = chance.sample(everything, 4)
        for key, content in chance.sample([*everything, *twice], len(everything) + 4):
            cloud.put(bucket, key, content)
        broken = f"songs_to_check/streams/{STATION}_{START:%Y%m%d}T110000.000000.ts"
        cloud.put(bucket, broken, b"\0" * 4000)
        account.work_off(running)
        cloud.put(bucket, *late)
        account.work_off(running)
        # Every minute in the cloud; a station is quiet that nothing came of between two.
        for _ in range(2):
            assert running.invoke({"songid": "announce"}).error is None
            time.sleep(1.1)
        day = {"songid": "report", "station": STATION, "date": f"{START:%Y-%m-%d}"}
        made = running.invoke(day)
        assert made.error is None, made.error
        for chore in ("merge", "retention", "reports"):
            assert running.invoke({"songid": chore}).error is None

    # The catalogue and the file's answer.
    with app_of(account, tmp_path) as app:
        assert {each.title for each in app.store.recordings()} == set(map(title, KNOWN))
        plays = written(around(app), app)
        sources = Counter(heard.source for heard in app.store.heards(STATION))
    assert set(sources.values()) == {1} and len(sources) == len(segments())
    answer = json.loads(cloud.content(bucket, "songs_to_check/what is + this?.json"))
    assert [play["title"] for play in answer["plays"]] == [title(2)]

    # The plays are those of one machine, and the report shows them.
    assert plays == embedded(tmp_path / "embedded")
    assert [play[0] for play in plays] == [title(seed) for seed in AIRED if seed in KNOWN]
    keys = [uri.partition(f"s3://{bucket}/")[2] for uri in made.answer["files"]]
    report = json.loads(cloud.content(bucket, next(key for key in keys if key.endswith(".json"))))
    assert [each["title"] for each in report["plays"]] == [play[0] for play in plays]
    page = cloud.content(bucket, next(key for key in keys if key.endswith(".html")))
    assert title(1) in page.decode()
    assert "reports/index.html" in cloud.keys(bucket, "reports/")

    # Everybody was told once; the poison is where poison belongs, and nothing else.
    events = Counter((body["event"], body["event_id"]) for body in cloud.bodies(account.told))
    assert Counter(kind for kind, _ in events) == {"play_started": 6, "play_ended": 6}
    assert set(events.values()) == {1}
    heards = Counter(body["event_id"] for body in cloud.bodies(account.sent))
    assert len(heards) == len(segments()) and set(heards.values()) == {1}
    letters = cloud.received(account.dead)
    assert [json.loads(each["Body"])["item"]["name"] for each in letters] == [broken]
    assert letters[0]["MessageAttributes"]["reason"]["StringValue"]
    ended = [key for key in cloud.keys(bucket, "results/plays/") if STATION in key]
    assert len(ended) == 6 and all(f"date={START:%Y-%m-%d}" in key for key in ended)
