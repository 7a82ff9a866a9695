"""What S3 tells of a new object, in either of the two forms that it has.

Amazon EventBridge carries keys as they are; a bucket's own notifications (to SQS, SNS or
Lambda) carry them as in a form's field, with `+` for a space.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from songid.errors import NotificationError

CREATED = "Object Created"
_CLASSIC_CREATED = "ObjectCreated:"
# What both say of a version in a bucket that keeps none.
NO_VERSION = "null"


@dataclass(frozen=True, slots=True)
class ObjectNotice:
    """An object as S3 tells of it: `key` raw, `etag` without quotes, `at` where it is told."""

    bucket: str
    key: str
    size_bytes: int
    etag: str
    version_id: str
    at: datetime | None


def read_notice(notice: Mapping[str, Any]) -> ObjectNotice | None:
    """The object that a notification tells of; None if it tells of something else than a new one.

    Takes an event of EventBridge (only whole has it a time), its `detail`, or one record
    of a bucket's own notification. NotificationError if it is none of these. See "EventBridge
    event message structure" and "Event message structure" in the S3 user guide.
    """
    try:
        if "s3" in notice:
            return _record(notice)
        if "detail-type" in notice:
            if notice["detail-type"] != CREATED:
                return None
            return _detail(notice["detail"], notice.get("time"))
        if notice.get("Event") == "s3:TestEvent":  # sent when such notifications are set up
            return None
        return _detail(notice, notice.get("time"))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotificationError(
            "this is no notification of S3: it needs the `detail` of EventBridge's"
            f' "{CREATED}" with bucket.name, object.key, object.etag and object.size, or a record'
            f" with s3.bucket and s3.object ({type(error).__name__}: {error})"
        ) from error


def _detail(detail: Mapping[str, Any], time: str | None) -> ObjectNotice | None:
    if "deletion-type" in detail:
        return None
    return _notice(
        detail["bucket"]["name"], detail["object"]["key"], detail["object"], "version-id", time
    )


def _record(record: Mapping[str, Any]) -> ObjectNotice | None:
    if not record.get("eventName", _CLASSIC_CREATED).startswith(_CLASSIC_CREATED):
        return None
    described = record["s3"]
    # Strict, lest a key that is no UTF-8 become another one's.
    key = unquote_plus(described["object"]["key"], errors="strict")
    bucket = described["bucket"]["name"]
    return _notice(bucket, key, described["object"], "versionId", record.get("eventTime"))


def _notice(
    bucket: str, key: str, described: Mapping[str, Any], version: str, time: str | None
) -> ObjectNotice:
    key.encode()  # half of a surrogate pair is in no bucket's key
    version_id = described.get(version) or ""
    return ObjectNotice(
        bucket,
        key,
        int(described["size"]),
        _text(described.get("etag") or described["eTag"]).strip('"'),
        "" if version_id == NO_VERSION else _text(version_id),
        _moment(time) if time else None,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
