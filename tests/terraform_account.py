"""An account to which an example was applied, and what AWS does in one that moto does not.

Functions are run by the real runtime client with the variables that Terraform gave them, a
queue's messages are taken to them as its event source mapping says, and schedules are asked
for their payloads. Everything is found by asking the cloud, as whoever got the account would.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from runtime_api import Outcome
from terraform_cloud import clients, line_to, moto_process
from terraform_contents import contents
from terraform_database import database_or_skip
from terraform_functions import Functions
from terraform_material import Configuration, Terraform
from terraform_permissions import Rights, rights

from deployment import Deployment

_EMPTY_FOR_S = 1.5
_MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": 2,
            "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        },
        "layers": [],
    }
)


@dataclass
class Account:
    """The account: clients of the cloud, and what in it is songid's."""

    configuration: Configuration
    client: Callable[[str], Any]
    functions: Functions
    before: set[tuple[str, str, str]]

    # -- what there is ----------------------------------------------------------------

    @cached_property
    def state(self) -> dict[str, Any]:
        """What Terraform knows of it."""
        return self.configuration.state()

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """What Terraform tells the user."""
        outputs: dict[str, Any] = self.configuration.outputs()["songid"]
        return outputs

    @cached_property
    def mapping(self) -> dict[str, Any]:
        """The one event source mapping."""
        (mapping,) = self.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        return dict(mapping)

    @property
    def function(self) -> str:
        """The name of the function that the queue's messages are for."""
        return str(self.mapping["FunctionArn"].rpartition(":")[2])

    @property
    def settings(self) -> dict[str, str]:
        """The variables that Terraform gave that function."""
        told = self.functions.configuration(self.function)
        return dict(told["Environment"]["Variables"])

    @property
    def installation(self) -> str:
        """The installation's name."""
        return self.function

    @property
    def bucket(self) -> str:
        """The bucket."""
        return str(self.outputs["bucket"])

    def queue_url(self, queue_arn: str) -> str:
        """A queue's URL."""
        name = queue_arn.rpartition(":")[2]
        return str(self.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])

    def queue_attributes(self, url: str) -> dict[str, str]:
        """All attributes of a queue."""
        answer = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return dict(answer["Attributes"])

    @property
    def jobs(self) -> str:
        """The URL of the queue that the function is fed from."""
        return self.queue_url(self.mapping["EventSourceArn"])

    @property
    def dead_letters(self) -> str:
        """The URL of the queue that takes what failed too often in `jobs`."""
        policy = json.loads(self.queue_attributes(self.jobs)["RedrivePolicy"])
        return self.queue_url(policy["deadLetterTargetArn"])

    @property
    def results(self) -> str:
        """The URL of the queue behind the topic of results."""
        topic = next(
            each["TopicArn"]
            for each in self.client("sns").list_topics()["Topics"]
            if each["TopicArn"] in self.settings["SONGID_SINKS"]
        )
        told = self.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        (queue,) = [each["Endpoint"] for each in told if each["Protocol"] == "sqs"]
        return self.queue_url(queue)

    def schedules(self) -> dict[str, dict[str, Any]]:
        """All schedules, by name."""
        scheduler = self.client("scheduler")
        return {
            each["Name"]: scheduler.get_schedule(Name=each["Name"], GroupName=each["GroupName"])
            for each in scheduler.list_schedules()["Schedules"]
        }

    def rights(self, role: str) -> Rights:
        """All that a role's policies allow it."""
        iam = self.client("iam")
        policies = [
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        for each in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn = each["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            told = iam.get_policy_version(PolicyArn=arn, VersionId=version)
            policies.append(told["PolicyVersion"]["Document"])
        return rights(policies)

    def roles(self) -> dict[str, dict[str, Any]]:
        """What may be assumed by whom, by the roles' names."""
        found = self.client("iam").list_roles()["Roles"]
        return {each["RoleName"]: each["AssumeRolePolicyDocument"] for each in found}

    # -- what is done in it -----------------------------------------------------------

    def put(self, key: str, content: bytes) -> None:
        """Put a file into the bucket."""
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content)

    def content(self, key: str) -> bytes:
        """An object's content."""
        found: bytes = self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return found

    def delete(self, key: str) -> None:
        """Delete all versions of an object."""
        s3 = self.client("s3")
        for each in s3.list_object_versions(Bucket=self.bucket, Prefix=key).get("Versions", ()):
            s3.delete_object(Bucket=self.bucket, Key=key, VersionId=each["VersionId"])

    def objects(self, prefix: str = "") -> list[str]:
        """The bucket's keys."""
        pages = self.client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for page in found for each in page.get("Contents", ())]

    def received(self, queue: str) -> list[dict[str, Any]]:
        """All messages that a queue hands out now; they are gone from it afterwards."""
        sqs = self.client("sqs")
        found: list[dict[str, Any]] = []
        while messages := self._received(sqs, queue, 10):
            for each in messages:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
            found += messages
        return found

    def work_off(self) -> None:
        """Take the queue's messages to the function until none is left, as its mapping says.

        Those that fail are hidden no longer, where Lambda would let their time run out; so
        a queue's own count of receives says when they have failed too often.
        """
        mapping, jobs = self.mapping, self.jobs
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        # Lambda does this in the function's role, and by the function's line it is noted.
        as_function = clients(self.functions.line(self.function).address)("sqs")
        as_function.get_queue_attributes(QueueUrl=jobs, AttributeNames=["QueueArn"])
        empty_since = time.monotonic()
        while time.monotonic() - empty_since < _EMPTY_FOR_S:
            messages = self._received(as_function, jobs, min(10, mapping["BatchSize"]))
            if not messages:
                time.sleep(0.1)
                continue
            outcome = self.functions.invoke(self.function, _batch(messages, mapping))
            ids = {each["MessageId"] for each in messages}
            failed = ids
            if outcome.error is None and outcome.exit_code is None:
                failed = {each["itemIdentifier"] for each in outcome.answer["batchItemFailures"]}
            assert failed <= ids
            for each in messages:
                about = {"QueueUrl": jobs, "ReceiptHandle": each["ReceiptHandle"]}
                if each["MessageId"] in failed:
                    self.client("sqs").change_message_visibility(VisibilityTimeout=0, **about)
                else:
                    as_function.delete_message(**about)
            empty_since = time.monotonic()

    def ask(self, schedule: Mapping[str, Any]) -> Outcome:
        """Do what EventBridge Scheduler does when a schedule's time has come."""
        target = schedule["Target"]
        return self.functions.invoke(target["Arn"].rpartition(":")[2], json.loads(target["Input"]))

    def _received(self, sqs: Any, queue: str, most: int) -> list[dict[str, Any]]:
        answer = sqs.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=most,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
            WaitTimeSeconds=0,
        )
        return list(answer.get("Messages", ()))


def _batch(messages: list[dict[str, Any]], mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": mapping["EventSourceArn"],
            }
            for message in messages
        ]
    }


@contextmanager
def applied(terraform: Terraform, name: str, folder: Path) -> Iterator[Account]:
    """An account with an example applied in two steps, as a user does it, until the block ends."""
    with ExitStack() as stack:
        endpoint = stack.enter_context(moto_process(folder))
        client = clients(endpoint)
        database = None
        if re.search(r'store\s*=\s*"aurora"', Configuration.source(name)):
            database = stack.enter_context(database_or_skip(folder))
        functions = Functions(client, endpoint, folder, database)
        stack.callback(functions.close)
        to_lambda = stack.enter_context(line_to(endpoint, functions.answer))
        configuration = Configuration(terraform, name, folder / "copy", endpoint, to_lambda.address)
        with ThreadPoolExecutor(1) as pool:
            before = pool.submit(contents, client)
            configuration.init()
            there = before.result()
        make_image(configuration, client)
        configuration.apply()
        yield Account(configuration, client, functions, there)


def make_image(configuration: Configuration, client: Callable[[str], Any]) -> None:
    """Do what `make image` does, by its own code; only what Docker would push is a stand-in."""
    terraform = SimpleNamespace(folder=configuration.example, run=configuration.run)
    deployment = Deployment(cast(Any, terraform), "module.songid")
    repository = deployment.make_repository()
    pushed = client("ecr").put_image(
        repositoryName=repository.name, imageManifest=_MANIFEST, imageTag="test"
    )
    digest = pushed["image"]["imageId"]["imageDigest"]
    deployment.write(f"{repository.url}@{digest}", "arm64")
