"""The repository of Amazon ECR that an image is pushed to, and the password for it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class RepositoryError(Exception):
    """The repository cannot be used; says why and what to do."""


@dataclass(frozen=True)
class Repository:
    """A repository, by what its address says."""

    url: str
    host: str
    account: str
    region: str
    name: str

    @classmethod
    def at(cls, url: str) -> Repository:
        """The repository at `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`."""
        found = re.fullmatch(r"((\d+)\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.[^/]+)/(.+)", url)
        if found is None:
            raise RepositoryError(f"{url!r} is no repository of Amazon ECR")
        return cls(url, *found.groups())

    def is_there(self) -> bool:
        """Whether it has not been deleted meanwhile."""
        client = _client(self.region)
        named = {"registryId": self.account, "repositoryNames": [self.name]}
        with _explained(f"the repository {self.url}"):
            try:
                client.describe_repositories(**named)
            except client.exceptions.RepositoryNotFoundException:
                return False
        return True

    def digest(self, tag: str) -> str | None:
        """The digest of the image with that tag; None if there is none."""
        client = _client(self.region)
        named = {"registryId": self.account, "repositoryName": self.name}
        with _explained(f"the images of {self.url}"):
            try:
                found = client.describe_images(**named, imageIds=[{"imageTag": tag}])
            except client.exceptions.ImageNotFoundException:
                return None
        digest: str = found["imageDetails"][0]["imageDigest"]
        return digest

    def password(self) -> str:
        """A password for the user AWS, good for twelve hours."""
        client = _client(self.region)
        with _explained(f"the password for {self.host}"):
            (given, *_) = client.get_authorization_token()["authorizationData"]
        token: str = given["authorizationToken"]
        return base64.b64decode(token).decode().partition(":")[2]


def check_credentials() -> None:
    """RepositoryError unless AWS credentials are at hand, and what reads them."""
    session = _session()
    with _explained("credentials"):
        found = session.get_credentials()
    if found is None:
        raise RepositoryError(
            "no AWS credentials are found; set them up with `aws configure` or `aws sso login`,"
            " or name them: AWS_PROFILE=..."
        )


def _session() -> Any:
    try:
        import botocore.session
    except ImportError as error:
        raise RepositoryError(
            "pushing to a deployment's repository needs botocore, which `make image` installs; by"
            " hand: pip install botocore"
        ) from error
    return botocore.session.get_session()


def _client(region: str) -> Any:
    session = _session()
    with _explained("a client"):
        return session.create_client("ecr", region_name=region)


@contextmanager
def _explained(wanted: str) -> Iterator[None]:
    """What goes wrong with AWS, as a sentence that says whose account it must be."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise RepositoryError(
            f"AWS does not give {wanted}: {error}. The credentials must be those that Terraform"
            " uses, as AWS_PROFILE or the other AWS_* variables name them"
        ) from error
