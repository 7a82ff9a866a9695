"""Events as messages of topics and queues: text, attributes and what keeps their order.

Both services take the same characters and the same attributes, so that a message that came
through a topic reads like one that was sent to the queue itself.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from songid.documents import compact_json, event_document
from songid.model import Event
from songid_plugins.sinks.names import safe_name

LARGEST_BYTES = 256 * 1024
"""Of a message with its attributes: what SNS takes, and SQS at the least."""
_FOR_ATTRIBUTES_BYTES = 8 * 1024
_LONGEST_ATTRIBUTE = 512
_ENVELOPE = frozenset({"schema", "event_id", "event", "station", "timestamp_utc", "reason"})
# See "SendMessage" in the API reference of SQS: all other characters are refused.
_NOT_TAKEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNIQUE_ID = re.compile(r"[0-9a-f]{32,128}")


def message_text(event: Event) -> str:
    """The event's document as one line that a message can hold.

    One that is too long loses its longest parts; `truncated` names them.
    """
    document = event_document(event)
    line = _line(document)
    if len(line.encode()) <= LARGEST_BYTES - _FOR_ATTRIBUTES_BYTES:
        return line
    return _shortened(document)


def attributes(event: Event) -> dict[str, dict[str, str]]:
    """The message's attributes: station, event, recording and reason, those that there are."""
    reason = event.document.get("reason", "")
    values = {
        "station": event.station,
        "event": event.kind.value,
        "recording": event.recording_id,
        "reason": reason if isinstance(reason, str) else "",
    }
    return {
        name: {
            "DataType": "String",
            "StringValue": _NOT_TAKEN.sub("\ufffd", value)[:_LONGEST_ATTRIBUTE],
        }
        for name, value in values.items()
        if value
    }


def order(event: Event) -> dict[str, str]:
    """What a FIFO queue or topic needs: a station's events stay in order, and come once."""
    return {
        "MessageGroupId": safe_name(event.station),
        "MessageDeduplicationId": _deduplication_id(event),
    }


def _deduplication_id(event: Event) -> str:
    if _UNIQUE_ID.fullmatch(event.event_id):
        return event.event_id
    # Any other may be of characters that are not taken, or the same at two stations.
    key = json.dumps([event.event_id, event.station, event.kind.value])
    return hashlib.sha256(key.encode()).hexdigest()


def _line(document: Mapping[str, Any]) -> str:
    line = compact_json(document)
    return compact_json(document, "ascii") if _NOT_TAKEN.search(line) else line


def _shortened(document: dict[str, Any]) -> str:
    """The document without its longest parts, which are those of its metadata first."""
    kept = dict(document)
    truncated: list[str] = []
    metadata = kept.get("metadata")
    if isinstance(metadata, dict):
        kept["metadata"] = metadata = dict(metadata)
    while True:
        parts = {(name, ""): value for name, value in kept.items() if name not in _ENVELOPE}
        if isinstance(metadata, dict) and metadata:
            parts.pop(("metadata", ""), None)
            parts |= {("metadata", name): value for name, value in metadata.items()}
        line = _line(kept | {"truncated": truncated})
        if len(line.encode()) <= LARGEST_BYTES - _FOR_ATTRIBUTES_BYTES or not parts:
            return line
        outer, inner = max(parts, key=lambda part: len(json.dumps(parts[part])))
        del (kept[outer] if inner else kept)[inner or outer]
        truncated.append(f"{outer}.{inner}" if inner else outer)
