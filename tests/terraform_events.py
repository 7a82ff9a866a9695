"""Events as S3 sends them to EventBridge, and which of them are to start a job.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import json
from typing import Any

from cloud_material import ACCOUNT, REGION
from moto.events.models import EventPattern

STARTS_A_JOB = (
    "songs_to_index/1.mp3",
    "songs_to_index/An album/01 - what is + this?.flac",
    "songs_to_check/show.m4a",
    "songs_to_check/2026/show.m4a",
    "songs_to_check/streams/harbour_fm_20260131T174624.000002.ts",
    # What a listener notes beside the segments: the station's titles, and why there is a gap.
    "songs_to_check/streams/harbour_fm_20260131T174624.title.json",
)
NO_JOBS = (
    "reports/index.html",
    "reports/harbour_fm/2026-01-31.html",
    "events/plays/date=2026-01-31/station=harbour_fm/1.json",
    "elsewhere/songs_to_index/1.mp3",
    "songs_to_index.mp3",
    "Songs_to_index/1.mp3",
    "1.mp3",
)


def event(bucket: str, key: str) -> dict[str, Any]:
    """The event of an object that was put."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": "2026-01-31T17:46:36Z",
        "region": REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": 193_640,
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
                "sequencer": "00617F08299329D189",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": ACCOUNT,
            "source-ip-address": "203.0.113.17",
            "reason": "PutObject",
        },
    }


def deleted(bucket: str, key: str) -> dict[str, Any]:
    """The event of an object that was deleted."""
    told = event(bucket, key)
    about = {"reason": "DeleteObject", "deletion-type": "Delete Marker Created"}
    return {**told, "detail-type": "Object Deleted", "detail": {**told["detail"], **about}}


def pattern_of(text: str) -> EventPattern:
    """A rule's pattern, to be asked which events it lets through."""
    return EventPattern(text, json.loads(text))
