"""A function over a folder that notifies, and events as AWS's services write them.

This file is a plugin, too. The source `notified:FOLDER` is an inbox folder as a bucket
would tell of it; a name that holds `deadly` ends the process that opens it. The source, the
sink `mortal:FOLDER`, the store `mortal:PATH` and the hooks end the process once, at
a point that a test named by a file `die-at-POINT` in the working directory.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from songid.errors import NotificationError
from songid.function.function import Function, Request
from songid.hookspecs import RegisterSink, RegisterSource, RegisterStore, hookimpl
from songid.interfaces import Store
from songid.model import AudioItem, ComponentURL, Event
from songid.settings import load
from songid_plugins.sinks.file import JsonFileSink
from songid_plugins.sources.folder import FolderSource
from songid_plugins.stores.sqlite import open_store

BUCKET = "sounds"


def die_once_at(point: str) -> None:
    """End the process, as a kill does, if a test wants it to end here."""
    asked = Path(f"die-at-{point}")
    if asked.exists():
        asked.unlink()
        os._exit(86)


class NotifiedFolder(FolderSource):
    """An inbox folder that is told of its files by events of a bucket `sounds`."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, settle_s=0.0, counter_s=0.0)

    def notified(self, notice: Mapping[str, Any]) -> AudioItem | None:
        """The file that an event's detail tells of."""
        detail = notice.get("detail", notice)
        try:
            bucket, key = detail["bucket"]["name"], detail["object"]["key"]
        except (KeyError, TypeError):
            raise NotificationError("this notice tells of no object") from None
        if bucket != BUCKET:
            raise NotificationError(f"{bucket} is not {BUCKET}")
        if key.endswith(".json"):
            return None
        for item in self.items():
            if item.name == key:
                return item
        raise NotificationError(f"there is no {key}")

    def open(self, item: AudioItem) -> AbstractContextManager[BinaryIO]:
        """Open the item's file, or die."""
        if "deadly" in item.name:
            os._exit(86)
        return super().open(item)

    def answer(self, item: AudioItem, document: bytes) -> str:
        """Write the answer, and die."""
        written = super().answer(item, document)
        die_once_at("answered")
        return written


class MortalSink(JsonFileSink):
    """A sink that takes an event, and dies."""

    def send(self, event: Event) -> None:
        """Take an event."""
        super().send(event)
        die_once_at(f"sent-{event.kind.value}")


class MortalStore:
    """A store at some of whose writes the process dies, just before or just after."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in ("claim", "complete", "commit_volume", "put_heards", "put_meta"):
            return method

        def mortal(*arguments: Any, **options: Any) -> Any:
            die_once_at(f"before-{name}")
            done = method(*arguments, **options)
            die_once_at(f"after-{name}")
            return done

        return mortal


def _open(url: ComponentURL) -> NotifiedFolder:
    for place in ("songs_to_index", "songs_to_check/streams"):
        (Path(url.path) / place).mkdir(parents=True, exist_ok=True)
    return NotifiedFolder(Path(url.path))


@hookimpl
def songid_sources(register: RegisterSource) -> None:
    """Offer the folder that notifies."""
    register("notified", _open)


@hookimpl
def songid_sinks(register: RegisterSink) -> None:
    """Offer the mortal sink."""
    register("mortal", lambda url: MortalSink(Path(url.path)))


@hookimpl
def songid_stores(register: RegisterStore) -> None:
    """Offer the mortal store."""
    register("mortal", lambda url: cast(Store, MortalStore(open_store(_sqlite(url)))))


def _sqlite(url: ComponentURL) -> ComponentURL:
    return ComponentURL.build("sqlite", url.path)


@hookimpl
def songid_recording_indexed() -> None:
    """Die after a song was indexed."""
    die_once_at("recording_indexed")


@hookimpl
def songid_heard() -> None:
    """Die after a heard was written."""
    die_once_at("heard")


@hookimpl
def songid_play_started() -> None:
    """Die while a play is announced."""
    die_once_at("play_started")


# -- events ---------------------------------------------------------------------------


def created(key: str, bucket: str = BUCKET) -> dict[str, Any]:
    """An "Object Created" event of EventBridge, as in the user guide of S3."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2026-03-01T12:00:00Z",
        "region": "eu-west-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184"},
            "reason": "PutObject",
        },
    }


def batch(*bodies: Any, tries: int | Sequence[int] = 1, first: int = 0) -> dict[str, Any]:
    """An event source mapping's batch; message ids are m0, m1, ..."""
    counts = [tries] * len(bodies) if isinstance(tries, int) else tries
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": str(count)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:sounds",
                "awsRegion": "eu-west-1",
            }
            for number, (body, count) in enumerate(zip(bodies, counts, strict=True), first)
        ]
    }


def failures(answer: Mapping[str, Any]) -> list[str]:
    """The ids of the messages that failed, in an answer that says nothing else."""
    assert set(answer) == {"batchItemFailures"}
    assert all(set(each) == {"itemIdentifier"} for each in answer["batchItemFailures"])
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


class Queue:
    """A queue that hands messages out until they are acknowledged, or came too often."""

    def __init__(self, bodies: Sequence[Any], *, most: int = 8, seed: int = 0) -> None:
        self.left = {f"m{number}": json.dumps(body) for number, body in enumerate(bodies)}
        self.dead: list[str] = []
        self._received: Counter[str] = Counter()
        self._most = most
        self._chance = random.Random(seed)

    def receive(self, most: int = 10) -> dict[str, Any]:
        """Some messages, in no order, as a batch."""
        ids = self._chance.sample(sorted(self.left), min(most, len(self.left)))
        self._received.update(ids)
        for each in [each for each in ids if self._received[each] > self._most]:
            self.dead.append(self.left.pop(each))
            ids.remove(each)
        event = batch(*(self.left[each] for each in ids), tries=[self._received[i] for i in ids])
        for record, each in zip(event["Records"], ids, strict=True):
            record["messageId"] = each
        return event

    def settle(self, event: Mapping[str, Any], answer: Mapping[str, Any] | None) -> None:
        """Forget what did not fail; everything failed if there is no answer."""
        if answer is not None:
            sent = {record["messageId"] for record in event["Records"]}
            for each in sent - set(failures(answer)):
                del self.left[each]


# -- the function ---------------------------------------------------------------------


def function_settings(folder: Path, **settings: Any) -> dict[str, Any]:
    """Settings of a function whose store, inbox and sinks are all in `folder`."""
    defaults = {
        "store": f"sqlite:{folder}/store",
        "inbox": f"notified:{folder}/inbox",
        "reports": f"{folder}/reports",
        "report_formats": ["json"],
        "sinks": [f"file:{folder}/events?format=ndjson"],
        "plugins": [str(Path(__file__))],
        "function.dead_letters": f"file:{folder}/dead",
        "function.continue_to": f"file:{folder}/again",
    }
    return defaults | {key.replace("__", "."): value for key, value in settings.items()}


def function_environment(folder: Path, **settings: Any) -> dict[str, str]:
    """The same settings as variables, for a process of its own."""
    given = function_settings(folder, **settings)
    return {
        f"SONGID_{key.upper().replace('.', '__')}": value
        if isinstance(value, str)
        else json.dumps(value)
        for key, value in given.items()
    }


def make_function(
    folder: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC), **settings: Any
) -> Function:
    """A function over `folder`; keys with `__` are dotted."""
    empty = folder / "songid.toml"
    if not empty.exists():
        empty.write_text("")
    return Function(load(empty, function_settings(folder, **settings)), clock)


@dataclass
class Budget:
    """Time that runs out: each time it is asked for, a second is gone."""

    left_s: float

    def __call__(self) -> float:
        self.left_s -= 1
        return self.left_s


def request(remaining_s: Callable[[], float] = lambda: 900.0) -> Request:
    """An invocation."""
    return Request("7d1b2e3a-request", "songid-test", remaining_s)


def documents(folder: Path, kind: str) -> list[dict[str, Any]]:
    """What the sink in a folder was sent of one kind, however it writes it."""
    found = [json.loads(path.read_text()) for path in sorted((folder / kind).rglob("*.json"))]
    for path in sorted((folder / kind).rglob("*.ndjson")):
        found += [json.loads(line) for line in path.read_text().splitlines()]
    return found
