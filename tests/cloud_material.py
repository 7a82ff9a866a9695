"""A cloud of the test process's own: moto's server, and what tests set up in it.

The fixture `cloud` (in `conftest.py`) points every AWS client of the process at it. Names
are unique, so that tests share the server and nothing else.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

REGION = "eu-west-1"
ACCOUNT = "123456789012"
_MOST_MESSAGES = 10  # that SQS hands out at once


@contextmanager
def moto_server() -> Iterator[str]:
    """Run moto's server in a thread, on a free port; its address."""
    from moto.server import ThreadedMotoServer  # takes a second that most tests need not wait

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


def environment(endpoint: str) -> dict[str, str]:
    """The variables by which songid, or any AWS program, finds the cloud at `endpoint`."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # What the machine's user has set up is none of a test's business.
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


@contextmanager
def cloud_at(endpoint: str) -> Iterator[Cloud]:
    """The cloud at `endpoint`, with this process's environment and clients turned to it."""
    from songid_plugins.aws_clients import forget_clients

    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"):
            patch.delenv(name, raising=False)
        for name, value in environment(endpoint).items():
            patch.setenv(name, value)
        forget_clients()
        yield Cloud(endpoint)
    forget_clients()


@dataclass(frozen=True)
class Cloud:
    """Makes buckets, queues, topics and what connects them."""

    endpoint: str

    def client(self, service: str) -> Any:
        """A client of the cloud; throttled and hooked as songid's own are, being the same."""
        from songid_plugins.aws_clients import client

        return client(service)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that another process needs to find this cloud."""
        return environment(self.endpoint)

    # -- buckets ----------------------------------------------------------------------

    def bucket(self, *, versioned: bool = False) -> str:
        """A new bucket's name."""
        name = f"bucket-{uuid4().hex}"
        s3 = self.client("s3")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def put(self, bucket: str, key: str, content: bytes, **arguments: Any) -> dict[str, Any]:
        """Put an object; S3's answer."""
        s3 = self.client("s3")
        answer: dict[str, Any] = s3.put_object(Bucket=bucket, Key=key, Body=content, **arguments)
        return answer

    def content(self, bucket: str, key: str) -> bytes:
        """An object's content."""
        content: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """All keys of a bucket that begin with `prefix`."""
        return [key for key, _ in self.stamps(bucket, prefix)]

    def stamps(self, bucket: str, prefix: str = "") -> list[tuple[str, str]]:
        """As `keys`, each with its object's etag."""
        pages = self.client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=bucket, Prefix=prefix)
        entries = [entry for page in found for entry in page.get("Contents", ())]
        return [(entry["Key"], entry["ETag"]) for entry in entries]

    def list_in_pages_of(self, most: int) -> None:
        """Have S3's listings come in pages of so many entries, instead of a thousand."""

        def paged(params: dict[str, Any], **_: Any) -> dict[str, Any]:
            return {**params, "MaxKeys": most}

        for operation in ("ListObjectsV2", "ListObjectVersions"):
            hook = f"provide-client-params.s3.{operation}"
            self.client("s3").meta.events.register(hook, paged)

    # -- queues and topics ------------------------------------------------------------

    def queue(
        self,
        *,
        fifo: bool = False,
        dead_letters: str = "",
        most_receives: int = 3,
        attributes: Mapping[str, str] | None = None,
    ) -> str:
        """A new queue's URL; what was received `most_receives` times goes to `dead_letters`."""
        asked = dict(attributes or {})
        if fifo:
            asked["FifoQueue"] = "true"
        if dead_letters:
            asked["RedrivePolicy"] = json.dumps(
                {
                    "deadLetterTargetArn": self.queue_arn(dead_letters),
                    "maxReceiveCount": most_receives,
                }
            )
        name = f"queue-{uuid4().hex}{'.fifo' if fifo else ''}"
        url: str = self.client("sqs").create_queue(QueueName=name, Attributes=asked)["QueueUrl"]
        return url

    def queue_arn(self, url: str) -> str:
        """A queue's ARN."""
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"

    def received(self, queue: str, *, delete: bool = True) -> list[dict[str, Any]]:
        """All messages that can be received from a queue now, with their attributes."""
        sqs = self.client("sqs")
        found: list[dict[str, Any]] = []
        while True:
            answer = sqs.receive_message(
                QueueUrl=queue,
                MaxNumberOfMessages=_MOST_MESSAGES,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
                WaitTimeSeconds=0,
            )
            messages = answer.get("Messages", [])
            if not messages:
                return found
            for message in messages if delete else ():
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            found += messages

    def bodies(self, queue: str) -> list[Any]:
        """The JSON bodies of all messages in a queue, which is empty afterwards."""
        return [json.loads(message["Body"]) for message in self.received(queue)]

    def topic(self, *, fifo: bool = False) -> str:
        """A new topic's ARN."""
        name = f"topic-{uuid4().hex}{'.fifo' if fifo else ''}"
        arn: str = self.client("sns").create_topic(
            Name=name, Attributes={"FifoTopic": "true"} if fifo else {}
        )["TopicArn"]
        return arn

    def subscribed(
        self, topic: str, *, raw: bool = True, filter_policy: Mapping[str, Any] | None = None
    ) -> str:
        """A new queue that gets what a topic gets (and the policy lets through); its URL."""
        queue = self.queue(fifo=topic.endswith(".fifo"))
        attributes = {"RawMessageDelivery": "true" if raw else "false"}
        if filter_policy:
            attributes["FilterPolicy"] = json.dumps(filter_policy)
        self.client("sns").subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=self.queue_arn(queue),
            Attributes=attributes,
        )
        return queue

    # -- notifications ----------------------------------------------------------------

    def events_to_queue(self, bucket: str, queue: str) -> None:
        """Have EventBridge send the bucket's "Object Created" events to the queue."""
        self.client("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        events = self.client("events")
        rule = f"rule-{uuid4().hex}"
        pattern = {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [bucket]}},
        }
        events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": self.queue_arn(queue)}])

    def records_to_queue(self, bucket: str, queue: str) -> None:
        """Have the bucket itself send records of new objects to the queue."""
        self.client("s3").put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={
                "QueueConfigurations": [
                    {"QueueArn": self.queue_arn(queue), "Events": ["s3:ObjectCreated:*"]}
                ]
            },
        )


# -- trouble --------------------------------------------------------------------------


class Throttle:
    """Answers every third request of some services as AWS does where it is too much.

    `refused` counts them. The request is not sent, so nothing of it is done.
    """

    def __init__(self, every: int = 3) -> None:
        self.every = every
        self.asked = 0
        self.refused = 0

    def __call__(self, request: Any, **_: Any) -> Any:
        """botocore's hook `before-send`: what it returns stands for the service's answer."""
        from botocore.awsrequest import AWSResponse

        self.asked += 1
        if self.asked % self.every:
            return None
        self.refused += 1
        if "X-Amz-Target" in request.headers:
            status, body = 400, b'{"__type":"ThrottlingException","message":"Rate exceeded"}'
        elif "x-www-form-urlencoded" in str(request.headers.get("Content-Type", "")):
            status, body = 400, _xml("Throttling")
        else:
            status, body = 503, b"<Error><Code>SlowDown</Code><Message>slower</Message></Error>"
        return AWSResponse(request.url, status, {}, _Raw(body))


def _xml(code: str) -> bytes:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>Rate exceeded</Message></Error>"
    return f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode()


class _Raw:
    """As much of a raw response as botocore asks of one."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


@contextmanager
def throttled(cloud: Cloud, services: Sequence[str], every: int = 3) -> Iterator[Throttle]:
    """Have every third request of these services refused; retries do not wait meanwhile."""
    throttle = Throttle(every)
    clients = [cloud.client(service) for service in services]
    with pytest.MonkeyPatch.context() as patch:
        backoff = "botocore.retries.standard.ExponentialBackoff.delay_amount"
        patch.setattr(backoff, lambda self, context: 0.0)
        for client in clients:
            client.meta.events.register_first("before-send", throttle)
        try:
            yield throttle
        finally:
            for client in clients:
                client.meta.events.unregister("before-send", throttle)
