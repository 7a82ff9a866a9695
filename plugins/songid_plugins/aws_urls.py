"""What the URLs of AWS components share: bucket and prefix, region, endpoint and role.

`s3://bucket/prefix?region=...&endpoint=...&role=...` means the same place whether it is a
source, a folder or a sink.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote

from songid.errors import PluginError
from songid.model import ComponentURL
from songid_plugins.aws_clients import client

CLIENT_OPTIONS = ("region", "endpoint", "role")
# A name of today's rules, a name from before 2018 in us-east-1, or an access point's alias.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,62}")


@dataclass(frozen=True)
class BucketPlace:
    """A URL's bucket and what all keys begin with, which is empty or ends with `/`."""

    url: ComponentURL
    bucket: str
    prefix: str

    @cached_property
    def client(self) -> Any:
        """The client of S3 that the URL asks for, made when first wanted."""
        return client_of(self.url, "s3")

    def uri(self, key: str) -> str:
        """`s3://bucket/key`, the key (a whole one) percent-encoded but for its `/`."""
        return f"s3://{self.bucket}/{quote(key)}"

    def key(self, uri: str) -> str:
        """The key that `uri` was given."""
        return unquote(uri.removeprefix(f"s3://{self.bucket}/"))


def bucket_place(url: ComponentURL, *known: str) -> BucketPlace:
    """The place that `s3://bucket/prefix` names; nothing is asked of AWS yet.

    PluginError if it names none, or has an option that is neither among `known` nor a
    client's.
    """
    refuse_unknown_options(url, *known)
    if not url.rest.startswith("//"):
        raise PluginError(f"{url}: name a bucket, as in s3://my-bucket/my-prefix.")
    bucket, _, prefix = url.rest.removeprefix("//").partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise PluginError(f"{url}: {bucket!r} is no bucket's name; write s3://my-bucket/my-prefix.")
    prefix = prefix.rstrip("/")
    return BucketPlace(url, bucket, f"{prefix}/" if prefix else "")


def refuse_unknown_options(url: ComponentURL, *known: str) -> None:
    """PluginError if the URL has an option that is neither among `known` nor a client's."""
    there_are = (*known, *CLIENT_OPTIONS)
    unknown = sorted(set(url.options) - set(there_are))
    if unknown:
        raise PluginError(
            f"{url}: there is no option {', '.join(unknown)}; there are: {', '.join(there_are)}."
        )


def client_of(url: ComponentURL, service: str, *, region: str = "", endpoint: str = "") -> Any:
    """The client that the URL's options ask for; `region` and `endpoint` where they do not."""
    options = url.options
    return client(
        service,
        region=options.get("region", region),
        endpoint=options.get("endpoint", endpoint),
        role=options.get("role", ""),
    )
