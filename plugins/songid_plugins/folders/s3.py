"""The folder `s3://bucket/prefix`: reports and segments as objects below a prefix.

An object is there whole or not at all, so that a website's visitor or a listener never
meets half a file.
"""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from songid.errors import FolderError
from songid.interfaces import StampedFolder
from songid.model import ComponentURL
from songid_plugins.aws_clients import AWS_ERRORS, aws_error_text, error_code
from songid_plugins.aws_urls import BucketPlace, bucket_place

# Reports of a day are rendered again and again; a browser shall ask whether its own is old.
_CHANGING = "no-cache"
# A segment is named after its time and never written twice with other sound.
_LASTING = "max-age=31536000, immutable"


def open_folder(url: ComponentURL) -> StampedFolder:
    """Open the folder at the URL's prefix; nothing is asked of AWS yet.

    Options: `region`, `endpoint` and `role` (an ARN to assume), where they are not those
    of the surroundings.
    """
    return S3Folder(bucket_place(url))


class S3Folder:
    """A prefix of a bucket as a `songid.interfaces.StampedFolder`."""

    def __init__(self, place: BucketPlace) -> None:
        self._place = place

    def write(self, name: str, content: bytes, media_type: str) -> str:
        """Put an object with its type, for browsers not to keep unasked unless it is audio."""
        key = self._key(name)
        lasting = media_type.startswith(("audio/", "video/"))
        try:
            self._place.client.put_object(
                Bucket=self._place.bucket,
                Key=key,
                Body=content,
                ContentType=media_type,
                CacheControl=_LASTING if lasting else _CHANGING,
            )
        except AWS_ERRORS as error:
            raise self._error("write", key, error) from error
        return self._place.uri(key)

    def read(self, name: str) -> bytes | None:
        """An object's content; None if there is none of that name."""
        key = self._key(name)
        try:
            found = self._place.client.get_object(Bucket=self._place.bucket, Key=key)
            content: bytes = found["Body"].read()
        except ClientError as error:
            if error_code(error) == "NoSuchKey":
                return None
            raise self._error("read", key, error) from error
        except AWS_ERRORS as error:
            raise self._error("read", key, error) from error
        return content

    def names(self, prefix: str = "", suffix: str = "") -> Iterator[str]:
        """The objects' names, in the order in which S3 lists them; hidden ones are left out."""
        for name, _ in self.stamps(prefix, suffix):
            yield name

    def stamps(self, prefix: str = "", suffix: str = "") -> Iterator[tuple[str, str]]:
        """As `names`, each with its etag."""
        within = self._place.prefix + prefix
        pages = self._place.client.get_paginator("list_objects_v2").paginate(
            Bucket=self._place.bucket, Prefix=within
        )
        try:
            for page in pages:
                for entry in page.get("Contents", ()):
                    name = entry["Key"].removeprefix(self._place.prefix)
                    if name.endswith(suffix) and _is_name(name):
                        yield name, entry["ETag"].strip('"')
        except AWS_ERRORS as error:
            raise self._error("list", within, error) from error

    def close(self) -> None:
        """Nothing is held: clients are shared."""

    def _key(self, name: str) -> str:
        if not _is_name(name):
            raise FolderError(
                f"{name!r} is no name for a file in {self._place.url}: parts are joined by single"
                " '/', and none of them is empty or begins with '.'"
            )
        return self._place.prefix + name

    def _error(self, what: str, key: str, error: BaseException) -> FolderError:
        return FolderError(f"cannot {what} {self._place.uri(key)}. {aws_error_text(error)}")


def _is_name(name: str) -> bool:
    """Whether a local folder could have the same file, so that one can be copied to the other."""
    plain = all(part and not part.startswith(".") for part in name.split("/"))
    return plain and "\0" not in name
