"""Whom the PostgreSQL store connects as: by the URL, a secret, or a token of AWS IAM.

A token is made for each connection (it is good for 15 minutes, and costs no call); a
secret is fetched once, and again when its password is refused, since it may have been
rotated.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from songid.errors import StoreError
from songid_plugins.stores.postgresql_urls import DEFAULT_PORT, Address

_REGION_IN_HOST = re.compile(r"\.([a-z]{2,}(?:-[a-z]+)+-\d+)\.rds\.amazonaws\.com")
_REGION_IN_ARN = re.compile(r"arn:[^:]*:secretsmanager:([^:]+):")
# The names in a secret, and libpq's.
_SECRET_NAMES = {
    "username": "user",
    "password": "password",
    "host": "host",
    "port": "port",
    "dbname": "dbname",
}

Parameters = Mapping[str, str]


class Credentials:
    """libpq's parameters with credentials, for a URL that has them, or needs none."""

    def __init__(self, address: Address) -> None:
        self.address = address

    def attempts(self) -> list[Parameters]:
        """What to connect with, one after the other until one works."""
        return [self.address.parameters]

    def renew(self) -> bool:
        """Get other credentials, since these were refused; False if there are none."""
        return False


class IamCredentials(Credentials):
    """A token of AWS IAM as password."""

    def attempts(self) -> list[Parameters]:
        """One per host of the URL, as a token is good for one host only."""
        parameters = self.address.parameters
        hosts = parameters["host"].split(",")
        ports = (parameters.get("port") or os.environ.get("PGPORT") or DEFAULT_PORT).split(",")
        if len(ports) == 1:
            ports *= len(hosts)
        return [
            {**parameters, "host": host, "port": port, "password": self._token(host, port)}
            for host, port in zip(hosts, (port or DEFAULT_PORT for port in ports), strict=True)
        ]

    def renew(self) -> bool:
        """Each attempt has a new token; but the role's own credentials may have run out."""
        return False

    def _token(self, host: str, port: str) -> str:
        found = _REGION_IN_HOST.search(host)
        region = self.address.region or (found[1] if found else "")
        user = self.address.parameters["user"]
        return str(
            _asked(
                self.address.shown,
                lambda client: client("rds", region=region).generate_db_auth_token(
                    DBHostname=host, Port=int(port), DBUsername=user
                ),
            )
        )


class SecretCredentials(Credentials):
    """User and password (and host, port and database, if the URL names none) of a secret."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self._lock = threading.Lock()
        self._secret: Parameters = {}

    def attempts(self) -> list[Parameters]:
        """The URL's parameters with what the secret adds; user and password are the secret's."""
        with self._lock:
            secret = self._secret = self._secret or self._fetched()
        who = {name: secret[name] for name in ("user", "password")}
        return [{**secret, **self.address.parameters, **who}]

    def renew(self) -> bool:
        """Fetch the secret again; whether it has changed."""
        with self._lock:
            before, self._secret = self._secret, self._fetched()
            return self._secret != before

    def _fetched(self) -> Parameters:
        name, shown = self.address.secret, self.address.shown
        found = _REGION_IN_ARN.match(name)
        region = self.address.region or (found[1] if found else "")
        answer = _asked(
            shown,
            lambda client: client("secretsmanager", region=region).get_secret_value(SecretId=name),
        )
        try:
            document = json.loads(answer["SecretString"])
            secret = {
                ours: str(document[theirs])
                for theirs, ours in _SECRET_NAMES.items()
                if document.get(theirs)
            }
        except (KeyError, ValueError, AttributeError):
            secret = {}
        if not {"user", "password"} <= secret.keys():
            raise StoreError(
                f"{shown}: the secret {name} is no JSON with `username` and `password`; name the "
                "secret that RDS manages for the database"
            )
        return secret


def credentials_of(address: Address) -> Credentials:
    """How an address says that one connects; ImportError where that needs boto3."""
    if not address.iam and not address.secret:
        return Credentials(address)
    from songid_plugins import aws_clients as _  # noqa: F401  (missing: told on opening)

    return IamCredentials(address) if address.iam else SecretCredentials(address)


def _asked(shown: str, ask: Callable[[Callable[..., Any]], Any]) -> Any:
    from songid_plugins.aws_clients import AWS_ERRORS, aws_error_text, client

    try:
        return ask(client)
    except AWS_ERRORS as error:
        raise StoreError(f"{shown}: {aws_error_text(error)}") from error
