"""What a function is invoked with, taken apart: messages, and the notices of audio in them.

A batch of a queue's messages, an event of EventBridge, a bucket's own notification, and
any of them as a topic wraps it; what a notice says of an object, its source reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from songid.errors import NotificationError

CONTINUE_SCHEMA = "songid.continue/1"

_QUEUE = "aws:sqs"
_TOPIC = "aws:sns"


@dataclass(frozen=True, slots=True)
class Notice:
    """What tells of one item, as it came; `windows` where this goes on after a pause there."""

    told: Mapping[str, Any]
    windows: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What is acknowledged or fails as one. tries: how often it was delivered, this time too.

    `body` is what its sender wrote: an object of JSON, or anything.
    """

    message_id: str
    body: Any
    tries: int = 1


def messages_in(event: Mapping[str, Any]) -> list[Message] | None:
    """The messages of a queue's batch; None if the event is none."""
    records = event.get("Records")
    if not isinstance(records, list) or not records:
        return None
    if not all(isinstance(each, Mapping) and each.get("eventSource") == _QUEUE for each in records):
        return None
    return [
        Message(
            record["messageId"],
            _json_or_text(record.get("body", "")),
            int(record.get("attributes", {}).get("ApproximateReceiveCount", 1)),
        )
        for record in records
    ]


def is_notice(event: Mapping[str, Any]) -> bool:
    """Whether an event that came by itself tells of audio (or is at least meant to)."""
    return any(name in event for name in ("detail-type", "Records", "Event", "Type")) or (
        event.get("schema") == CONTINUE_SCHEMA
    )


def notices_in(body: Any) -> Iterator[Notice]:
    """The notices in a message; NotificationError if it is of no known form.

    See "Event message structure" in Amazon S3's user guide, "Amazon SNS message formats"
    in that of SNS, and "Events from AWS services" in that of EventBridge.
    """
    if not isinstance(body, Mapping):
        raise NotificationError(f"this is no notification: {_shown(body)}")
    if body.get("Event") == "s3:TestEvent":  # sent once when a bucket's notifications are set up
        return
    if body.get("schema") == CONTINUE_SCHEMA:
        notice, windows = body.get("notice"), body.get("windows")
        if not isinstance(notice, Mapping) or not isinstance(windows, int):
            raise NotificationError(f"a {CONTINUE_SCHEMA} has a `notice` and `windows`")
        yield Notice(notice, windows)
    elif body.get("detail-type") == "Scheduled Event":
        raise NotificationError(
            'give the schedule an input of its own, such as {"songid": "merge"}'
        )
    elif "detail-type" in body:
        yield Notice(body)
    elif body.get("Type") == "Notification" and "Message" in body:
        yield from notices_in(_json_or_text(body["Message"]))
    elif isinstance(records := body.get("Records"), list):
        for record in records:
            if isinstance(record, Mapping) and record.get("EventSource") == _TOPIC:
                yield from notices_in(_json_or_text(record["Sns"]["Message"]))
            else:
                yield Notice(record if isinstance(record, Mapping) else {"record": record})
    else:
        raise NotificationError(f"this is no notification of a new object: {_shown(body)}")


def _json_or_text(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def _shown(body: Any) -> str:
    text = body if isinstance(body, str) else json.dumps(body, default=str)
    return text if len(text) <= 200 else f"{text[:200]}…"
