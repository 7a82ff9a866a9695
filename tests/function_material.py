"""A function over a folder that notifies, and events as AWS's services write them.

The source `notified:FOLDER` is a plugin in this file: an inbox folder as a bucket would
tell of it. A name that holds `deadly` ends the process that decodes it, at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from songid.errors import NotificationError
from songid.function.function import Function, Request
from songid.hookspecs import RegisterSource, hookimpl
from songid.model import AudioItem, ComponentURL
from songid.settings import load
from songid_plugins.sources.folder import FolderSource

BUCKET = "sounds"


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


def _open(url: ComponentURL) -> NotifiedFolder:
    for place in ("songs_to_index", "songs_to_check/streams"):
        (Path(url.path) / place).mkdir(parents=True, exist_ok=True)
    return NotifiedFolder(Path(url.path))


@hookimpl
def songid_sources(register: RegisterSource) -> None:
    """Offer the folder that notifies."""
    register("notified", _open)


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
