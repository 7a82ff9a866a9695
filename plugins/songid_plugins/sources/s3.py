"""The inbox as a bucket: `s3://bucket[/prefix]?counter_s=12`, with the folder's prefixes.

It is told of new objects by S3's notifications, or lists them; either way an object is
the same item, so that it is done once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

from botocore.exceptions import ClientError

from songid.errors import NotificationError, PluginError
from songid.interfaces import NotifiedSource
from songid.model import AudioItem, ComponentURL, Job
from songid.stations import (
    CHECK_PREFIX,
    INDEX_PREFIX,
    job_at,
    parse_segment_name,
)
from songid_plugins.aws_clients import AWS_ERRORS, aws_error_text, error_code
from songid_plugins.aws_urls import (
    BucketPlace,
    bucket_place,
)
from songid_plugins.sources.offered import is_offered
from songid_plugins.sources.options import seconds_option
from songid_plugins.sources.s3_answers import write_answer
from songid_plugins.sources.s3_dating import Dating
from songid_plugins.sources.s3_notices import NO_VERSION, ObjectNotice, read_notice
from songid_plugins.sources.s3_objects import ObjectFile, ObjectVersion, is_gone

logger = logging.getLogger(__name__)

_NEIGHBOURS = 50
_VERSION = "version:"
_ETAG = "etag:"


def open_source(url: ComponentURL) -> NotifiedSource:
    """Open the inbox below the URL's prefix; nothing is asked of AWS yet.

    Options: `counter_s`: how long each counted segment of a channel is, where the date in
    the names is the channel's start (MediaLive's archive output); 0 where it is always the
    segment's own. Left out, it is 12, unless a station's other segments of the day show
    that their dates are their own. `region`, `endpoint` and `role` (an ARN to assume),
    where they are not those of the surroundings.
    """
    return S3Source(bucket_place(url, "counter_s"), seconds_option(url, "counter_s"))


class S3Source:
    """A bucket as a `songid.interfaces.NotifiedSource`.

    An item's identity is its version where the bucket keeps versions, so that the same
    bytes put there again are heard again; else its etag, all that a listing and a
    notification both tell. It carries what is needed to read these bytes and no others.
    """

    def __init__(self, place: BucketPlace, counter_s: float | None) -> None:
        self._place = place
        self._dating = Dating(counter_s, self._neighbours)

    # -- what is there ----------------------------------------------------------------

    def items(self) -> Iterator[AudioItem]:
        """Every object: songs for the catalogue first, then files, then segments.

        PluginError if the bucket cannot be listed.
        """
        try:
            versioned = self._keeps_versions()
            for found in self._listed(INDEX_PREFIX, versioned):
                yield self._item(found)
            segments = []
            for found in self._listed(CHECK_PREFIX, versioned):
                if job_at(self._name(found.key)) is Job.SEGMENT:
                    segments.append(found)
                else:
                    yield self._item(found)
            self._dating.learn(self._name(found.key) for found in segments)
            for found in segments:
                yield self._item(found)
        except AWS_ERRORS as error:
            raise PluginError(
                f"{self._place.url} cannot be listed. {aws_error_text(error)}"
            ) from error

    def _keeps_versions(self) -> bool:
        try:
            answer = self._place.client.get_bucket_versioning(Bucket=self._place.bucket)
        except ClientError as error:
            if error_code(error) == "NotImplemented":  # some of S3's likenesses keep none
                return False
            raise
        # Suspended: what was written before still has its versions.
        return bool(answer.get("Status"))

    def _listed(self, prefix: str, versioned: bool) -> Iterator[ObjectNotice]:
        # Only a listing of versions tells them; it costs as much, but has old ones in it.
        operation, entries = "list_objects_v2", "Contents"
        if versioned:
            operation, entries = "list_object_versions", "Versions"
        pages = self._place.client.get_paginator(operation).paginate(
            Bucket=self._place.bucket, Prefix=self._place.prefix + prefix
        )
        for page in pages:
            for entry in page.get(entries, ()):
                if not entry.get("IsLatest", True) or not _may_be_audio(self._name(entry["Key"])):
                    continue
                version_id = entry.get("VersionId", NO_VERSION)
                yield ObjectNotice(
                    self._place.bucket,
                    entry["Key"],
                    entry["Size"],
                    entry["ETag"].strip('"'),
                    "" if version_id == NO_VERSION else version_id,
                    entry["LastModified"].astimezone(UTC),
                )

    def _neighbours(self, head: str) -> list[str]:
        """Some names that begin with `head`; none where that cannot be known."""
        try:
            answer = self._place.client.list_objects_v2(
                Bucket=self._place.bucket,
                Prefix=self._place.prefix + head,
                MaxKeys=_NEIGHBOURS,
            )
        except AWS_ERRORS as error:
            logger.warning(
                "%s: whether dates in names are the segments' own cannot be seen (%s); the URL's"
                " option counter_s says it",
                self._place.url,
                aws_error_text(error),
            )
            return []
        return [self._name(entry["Key"]) for entry in answer.get("Contents", ())]

    def _name(self, key: str) -> str:
        return key.removeprefix(self._place.prefix)

    def notified(self, notice: Mapping[str, Any]) -> AudioItem | None:
        """The item of an "Object Created" event, of its `detail`, or of a bucket's own record.

        An event's own key is taken as it is; that of a record is decoded.
        """
        told = read_notice(notice)
        if told is None:
            return None
        if told.bucket != self._place.bucket:
            raise NotificationError(
                f"an object of the bucket {told.bucket} was offered to {self._place.url}; open the"
                " source of that bucket, or correct the rule that sends its events"
            )
        name = self._name(told.key)
        if not _may_be_audio(name):
            return None
        if not told.key.startswith(self._place.prefix) or job_at(name) is None:
            raise NotificationError(
                f"{self._place.uri(told.key)} is in no place that a job stands for; put it below"
                f" {self._place.prefix}{INDEX_PREFIX} or {self._place.prefix}{CHECK_PREFIX}"
            )
        item = self._item(told)
        if item.job is Job.SEGMENT and item.start is None and item.modified_at is None:
            return replace(item, modified_at=self._time(told))
        return item

    def _time(self, told: ObjectNotice) -> datetime | None:
        """When an object was written; None if it is there no more."""
        asked = ObjectVersion(told.bucket, told.key, told.version_id, told.etag).request()
        try:
            written: datetime = self._place.client.head_object(**asked)["LastModified"]
        except AWS_ERRORS as error:
            if is_gone(error):
                return None
            uri = self._place.uri(told.key)
            raise PluginError(f"{uri} cannot be asked its time. {aws_error_text(error)}") from error
        return written.astimezone(UTC)

    def _item(self, found: ObjectNotice) -> AudioItem:
        name = self._name(found.key)
        job = job_at(name) or Job.CHECK
        segment = parse_segment_name(name) if job is Job.SEGMENT else None
        return AudioItem(
            uri=self._place.uri(found.key),
            name=name,
            identity=_VERSION + found.version_id if found.version_id else _ETAG + found.etag,
            job=job,
            size_bytes=found.size_bytes,
            station=segment.station if segment else "",
            start=segment.start(self._dating.counter_s(name, segment)) if segment else None,
            modified_at=found.at,
        )

    # -- one item ---------------------------------------------------------------------

    def open(self, item: AudioItem) -> AbstractContextManager[BinaryIO]:
        """The item's bytes, read as they are asked for; GoneError if they are no more."""
        version = ObjectVersion(
            self._place.bucket,
            self._place.key(item.uri),
            item.identity.removeprefix(_VERSION) if item.identity.startswith(_VERSION) else "",
            item.identity.removeprefix(_ETAG) if item.identity.startswith(_ETAG) else "",
        )
        return cast(
            AbstractContextManager[BinaryIO], ObjectFile(self._place.client, version, item.name)
        )

    def answer(self, item: AudioItem, document: bytes) -> str:
        """Write `<stem>.json`, or `<name>.json` where that is another object's, beside it."""
        return write_answer(self._place, self._place.key(item.uri), document)

    def close(self) -> None:
        """Nothing is held: clients are shared."""


def _may_be_audio(key: str) -> bool:
    """Whether an object is offered; hidden folders are passed over, and folders' marks."""
    *folders, name = key.split("/")
    return name != "" and is_offered(name) and not any(part.startswith(".") for part in folders)
