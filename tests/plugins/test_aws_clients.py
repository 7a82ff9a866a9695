"""AWS clients: made once, pointed anywhere, patient, and clear about what went wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from cloud_material import Cloud, throttled

from songid.errors import PluginError
from songid_plugins.aws_clients import (
    ATTEMPTS,
    AWS_ERRORS,
    aws_error_text,
    client,
    error_code,
    forget_clients,
)


@pytest.mark.usefixtures("cloud")
def test_a_client_is_made_once_for_all_threads() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: client("sqs"), range(32)))
    assert len({id(each) for each in made}) == 1
    assert client("sqs", region="eu-central-1") is not made[0]


def test_clients_are_of_the_surroundings_unless_told_otherwise(cloud: Cloud) -> None:
    assert client("s3").meta.endpoint_url == cloud.endpoint
    assert client("s3").meta.region_name == "eu-west-1"
    other = client("s3", region="us-west-2", endpoint="http://127.0.0.1:1")
    assert (other.meta.endpoint_url, other.meta.region_name) == ("http://127.0.0.1:1", "us-west-2")


def test_the_region_that_other_tools_of_aws_read_is_read(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_REGION", "eu-south-1")
    assert client("dynamodb").meta.region_name == "eu-south-1"


@pytest.mark.usefixtures("cloud")
def test_without_a_region_the_error_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    forget_clients()
    with pytest.raises(PluginError, match="AWS_REGION"):
        client("dynamodb")


def test_a_role_is_assumed_where_one_is_given(cloud: Cloud) -> None:
    role = client("sts", role="arn:aws:iam::123456789012:role/listener").get_caller_identity()
    assert role["Arn"] == "arn:aws:sts::123456789012:assumed-role/listener/songid"
    assert "assumed-role" not in cloud.client("sts").get_caller_identity()["Arn"]


def test_a_call_is_tried_until_it_is_not_refused_any_more(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    with throttled(cloud, ["sqs"], every=1) as throttle, pytest.raises(AWS_ERRORS) as raised:
        sqs.list_queues()
    assert throttle.asked == ATTEMPTS
    assert error_code(raised.value) == "ThrottlingException"
    assert f"tried {ATTEMPTS} times" in aws_error_text(raised.value)


def test_a_forked_process_makes_clients_of_its_own(cloud: Cloud) -> None:
    known = id(client("s3"))
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            client("s3").list_buckets()
            os.write(write, b"0" if id(client("s3")) == known else b"1")
        finally:  # a test that goes wrong must not go on as two
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        assert told.read() == b"1"
    os.waitpid(child, 0)


def refusal(code: str, operation: str, message: str = "told") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (refusal("AccessDenied", "PutObject"), "AccessDenied: told. Allow s3:PutObject in"),
        (refusal("403", "HeadObject"), "Allow s3:GetObject (and s3:ListBucket"),
        (refusal("AccessDenied", "ListObjectVersions"), "Allow s3:ListBucketVersions in"),
        (refusal("AuthorizationError", "Publish"), "Allow sns:Publish in"),
        (refusal("AccessDeniedException", "GetSecretValue"), "secretsmanager:GetSecretValue"),
        (refusal("AccessDenied", "BatchWriteItem"), "Allow dynamodb:BatchWriteItem in"),
        (refusal("SlowDown", "GetObject"), "try again later or at a lower rate"),
        (refusal("ExpiredToken", "GetObject"), "Renew or correct the AWS credentials"),
        (refusal("QueueDoesNotExist", "SendMessage"), "Create the queue"),
        (refusal("KMSAccessDeniedException", "Publish"), "kms:GenerateDataKey"),
        (refusal("InternalError", "GetObject", "We broke."), "InternalError: We broke."),
        (NoCredentialsError(), "set AWS_PROFILE or give the function a role"),
        (EndpointConnectionError(endpoint_url="http://x"), "cannot be reached"),
        (ReadTimeoutError(endpoint_url="http://x"), "cannot be reached"),
    ],
)
def test_an_error_says_what_was_wrong_and_what_to_do(error: Any, text: str) -> None:
    assert text in aws_error_text(error)
    assert aws_error_text(error).endswith(".")
    assert ".." not in aws_error_text(error)


def test_no_plugin_brings_the_sdk_before_a_url_asks_for_it() -> None:
    code = (
        "import json, sys; from songid.plugin_manager import load; load();"
        "print(json.dumps([n for n in sys.modules if n.startswith(('boto', 'psycopg'))]))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == []
