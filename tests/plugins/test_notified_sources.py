"""Sources that are told of new audio pass the kit for such, with notifications as they come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from cloud_material import Cloud

from songid.interfaces import NotifiedSource
from songid.plugin_manager import load
from songid.testing.sources import NotifiedSourceConformance


class S3Notified(NotifiedSourceConformance):
    """A bucket, and a queue that gets what it sends."""

    key = "in box/songs_to_check/söng {}%+.mp3"

    def connect(self, cloud: Cloud, bucket: str, queue: str) -> None:
        """Have the bucket's notifications sent to the queue."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def keep_cloud(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.bucket, self.queue = cloud.bucket(), cloud.queue()
        self.connect(cloud, self.bucket, self.queue)

    def open_source(self, place: Path) -> NotifiedSource:
        source: NotifiedSource = load().open("sources", f"s3://{self.bucket}/in%20box")
        return source

    def add(self, place: Path, number: int, content: bytes) -> None:
        self.cloud.put(self.bucket, self.key.format(number), content)

    def remove(self, place: Path, number: int) -> None:
        self.cloud.client("s3").delete_object(Bucket=self.bucket, Key=self.key.format(number))

    def read_answer(self, place: Path, uri: str) -> bytes:
        return self.cloud.content(self.bucket, unquote(uri.partition(f"{self.bucket}/")[2]))


class TestS3ToldByEventBridge(S3Notified):
    def connect(self, cloud: Cloud, bucket: str, queue: str) -> None:
        cloud.events_to_queue(bucket, queue)

    def notices(self, place: Path) -> list[Mapping[str, Any]]:
        return self.cloud.bodies(self.queue)


class TestS3ToldByItsOwnRecords(S3Notified):
    key = "in box/songs_to_check/streams/radio_1_20240501T12{:02}00.000001.ts"

    def connect(self, cloud: Cloud, bucket: str, queue: str) -> None:
        cloud.records_to_queue(bucket, queue)

    def notices(self, place: Path) -> list[Mapping[str, Any]]:
        bodies = self.cloud.bodies(self.queue)
        return [record for body in bodies for record in body.get("Records", [])]
