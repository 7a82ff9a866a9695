"""Answers beside the objects they are about, so that no two objects share one.

An answer bears its object's name as metadata, and the first one of its name is written
only if there is none: that costs one request, and no listing.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import quote

from botocore.exceptions import ClientError

from songid.errors import PluginError
from songid_plugins.aws_clients import AWS_ERRORS, aws_error_text, error_code
from songid_plugins.aws_urls import BucketPlace
from songid_plugins.sources.offered import tells_of

MEDIA_TYPE = "application/json"
SOURCE_METADATA = "songid-source"
_THERE_ALREADY = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})


def write_answer(place: BucketPlace, key: str, document: bytes) -> str:
    """Write `document` beside the object `key`; its URI.

    It is called `<stem>.json`, or `<name>.json` where the former belongs to another
    object: of a.mp3 and a.wav the one answered first has a.json, the other a.wav.json. An
    a.json is known for an object's own by its metadata, or (where another program wrote
    it) by the name or URI among its top-level values.
    """
    folder, slash, name = key.rpartition("/")
    target = f"{folder}{slash}{PurePosixPath(name).stem}.json"
    try:
        if not _put(place, target, name, document, IfNoneMatch="*"):
            if not _is_about(place, target, key, name):
                target = f"{key}.json"
            _put(place, target, name, document)
    except AWS_ERRORS as error:
        uri = place.uri(target)
        raise PluginError(
            f"{uri}: the answer cannot be written. {aws_error_text(error)}"
        ) from error
    return place.uri(target)


def _put(place: BucketPlace, target: str, name: str, document: bytes, **condition: str) -> bool:
    """Whether `document` was put; not if the `condition` does not hold."""
    try:
        place.client.put_object(
            Bucket=place.bucket,
            Key=target,
            Body=document,
            ContentType=MEDIA_TYPE,
            Metadata={SOURCE_METADATA: quote(name)},  # metadata is ASCII
            **condition,
        )
    except ClientError as error:
        if condition and error_code(error) in _THERE_ALREADY:
            return False
        raise
    return True


def _is_about(place: BucketPlace, target: str, key: str, name: str) -> bool:
    try:
        found = place.client.get_object(Bucket=place.bucket, Key=target)
    except ClientError as error:
        if error_code(error) == "NoSuchKey":  # deleted since, or being written this moment
            return False
        raise
    content = found["Body"].read()
    about = found["Metadata"].get(SOURCE_METADATA)
    if about is not None:
        return bool(about == quote(name))
    return tells_of(content, place.uri(key), name)
