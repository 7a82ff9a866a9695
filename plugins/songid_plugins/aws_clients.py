"""AWS clients for every plugin, made in one place, and AWS's errors in words.

A client is made once per service, region, endpoint and role, and shared by all threads;
credentials, region and endpoints come from where the AWS tools take them.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import botocore
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from botocore.loaders import create_loader

from songid import __version__
from songid.errors import PluginError

# Where its credentials came from is no news to whoever reads songid's log.
logging.getLogger("botocore.credentials").setLevel(logging.WARNING)

AWS_ERRORS = (ClientError, BotoCoreError)
"""What a call of a client raises when AWS refuses it or cannot be reached."""

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
ATTEMPTS = 6
CONNECTIONS = 32

_NOT_ALLOWED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "AuthorizationError",
        "AuthorizationErrorException",
        "UnauthorizedOperation",
        "403",
    }
)
_THROTTLED = frozenset(
    {
        "503",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "Throttled",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_MISSING = {
    "AWS.SimpleQueueService.NonExistentQueue": "the queue",
    "NoSuchBucket": "the bucket",
    "NotFound": "the topic",
    "NotFoundException": "the topic",
    "QueueDoesNotExist": "the queue",
}
_SERVICE_OF = {
    "AssumeRole": "sts",
    "GetSecretValue": "secretsmanager",
    "Publish": "sns",
    "SendMessage": "sqs",
}
_READ = "s3:GetObject (and s3:ListBucket, or what is missing looks forbidden)"
_S3_ACTIONS = {
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "GetObject": _READ,
    "HeadObject": _READ,
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListObjectsV2": "s3:ListBucket",
}
_S3_OPERATIONS = frozenset({"PutObject", "DeleteObject"})

_lock = threading.RLock()
_clients: dict[tuple[str, str, str, str], Any] = {}
_sessions: dict[tuple[str, str], botocore.session.Session] = {}
# It keeps the services' models that it has read, which is most of what a client costs.
_loader = create_loader()


def client(service: str, *, region: str = "", endpoint: str = "", role: str = "") -> Any:
    """The client of `service` (`s3`, `dynamodb` ...), made when first asked for.

    Without `region` that of AWS_REGION, AWS_DEFAULT_REGION or the profile is taken;
    without `endpoint` AWS_ENDPOINT_URL_<SERVICE> or AWS_ENDPOINT_URL if set, else the
    service's own; `role` is the ARN of a role to assume. Calls that are throttled or fail
    in passing are tried up to 6 times, with growing pauses (the SDK's standard mode).
    PluginError if no region is known where one is needed.
    """
    key = (service, region or _default_region(), endpoint, role)
    known = _clients.get(key)
    if known is not None:
        return known
    with _lock:  # neither sessions nor the making of clients are safe for threads
        if key not in _clients:
            _clients[key] = _made(*key)
        return _clients[key]


def forget_clients() -> None:
    """Make clients anew from now on, so that changed credentials or endpoints are seen."""
    with _lock:
        _clients.clear()
        _sessions.clear()


# A forked child must not write to its parent's connections, nor wait for a lock that no
# thread of its own will ever release.
def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()
    forget_clients()


os.register_at_fork(after_in_child=_after_fork)


def _default_region() -> str:
    # The SDK for Python alone among AWS's tools does not read AWS_REGION.
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""


def _made(service: str, region: str, endpoint: str, role: str) -> Any:
    session = _session(region, role)
    try:
        return session.create_client(
            service,
            region_name=region or None,
            endpoint_url=endpoint or None,
            config=Config(
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=READ_TIMEOUT_S,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                max_pool_connections=CONNECTIONS,
                tcp_keepalive=True,
                # The SDK's own, made anew for each call, is a quarter of a call's cost.
                user_agent=f"songid/{__version__} Botocore/{botocore.__version__}",
                # Pure Python over every byte of a body, for what TLS already ensures.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                # Neither is of use to any service here, and both are looked into at each call.
                account_id_endpoint_mode="disabled",
                disable_request_compression=True,
            ),
        )
    except NoRegionError:
        raise PluginError(
            f"No region is known for {service} of AWS; set AWS_REGION, or give the URL ?region=..."
        ) from None
    except (BotoCoreError, ValueError) as error:
        raise PluginError(f"AWS's {service} cannot be used: {aws_error_text(error)}") from error


def _session(region: str, role: str) -> botocore.session.Session:
    """One session for all clients that work with the same credentials."""
    key = (region if role else "", role)
    if key not in _sessions:
        session = botocore.session.Session()
        session.register_component("data_loader", _loader)
        if role:
            own = _session("", "")
            _assume(session, own, role, region)
        _sessions[key] = session
    return _sessions[key]


def _assume(
    session: botocore.session.Session, own: botocore.session.Session, role: str, region: str
) -> None:
    """Have `session` work as `role`, assumed with the credentials of `own`, and renewed."""

    def create_client(service: str, **arguments: Any) -> Any:
        return own.create_client(service, region_name=region or None, **arguments)

    fetcher = AssumeRoleCredentialFetcher(
        create_client, own.get_credentials(), role, extra_args={"RoleSessionName": "songid"}
    )
    session.register_component(
        "credential_provider", CredentialResolver(providers=[_Assumed(fetcher)])
    )


class _Assumed:
    METHOD = "assume-role"
    CANONICAL_NAME = "songid-assume-role"

    def __init__(self, fetcher: AssumeRoleCredentialFetcher) -> None:
        self._fetcher = fetcher

    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(
            refresh_using=self._fetcher.fetch_credentials, method=self.METHOD
        )


# -- errors in words ------------------------------------------------------------------


def error_code(error: BaseException) -> str:
    """AWS's own name for an error, such as `NoSuchKey`; empty if it did not get that far."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return ""


def aws_error_text(error: BaseException) -> str:
    """What went wrong with a call and what to do about it, as a sentence or two."""
    if isinstance(error, ClientError):
        return _refusal_text(error)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "There are no AWS credentials; set AWS_PROFILE or give the function a role."
    if isinstance(error, CredentialRetrievalError):
        return f"The AWS credentials cannot be had: {_clause(error)}."
    if isinstance(error, ConnectionError | HTTPClientError):
        return f"AWS cannot be reached: {_clause(error)}. Try again; check network and endpoint."
    return f"{_clause(error)}."


def _refusal_text(error: ClientError) -> str:
    code = error_code(error)
    told = str(error.response.get("Error", {}).get("Message", "")) or str(error)
    said = f"{code}: {told.strip().rstrip('.')}."
    if code in _NOT_ALLOWED:
        return f"{said} Allow {_action(error.operation_name)} in the role's policy."
    if code in _THROTTLED:
        return f"{said} It was tried {ATTEMPTS} times; try again later or at a lower rate."
    if code in _BAD_CREDENTIALS:
        return f"{said} Renew or correct the AWS credentials."
    if code.startswith("KMS"):
        return f"{said} Allow kms:Decrypt and kms:GenerateDataKey for the key."
    if code in _MISSING:
        return f"{said} Create {_MISSING[code]}, or correct its name in the URL."
    return said


def _action(operation: str) -> str:
    if operation in _S3_OPERATIONS:
        return f"s3:{operation}"
    service = _SERVICE_OF.get(operation, "dynamodb" if _is_dynamodb(operation) else "")
    return _S3_ACTIONS.get(operation) or (f"{service}:{operation}" if service else operation)


def _is_dynamodb(operation: str) -> bool:
    return operation.endswith(("Item", "Items", "Table", "TimeToLive")) or operation == "Query"


def _clause(error: BaseException) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__
