"""Lambda's part in an applied account: functions, run by the real runtime client.

A function has exactly the variables that Terraform gave it, those that Lambda itself sets,
and a line to the cloud on which its requests are noted: they tell what its role must allow.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from cloud_material import REGION, environment
from runtime_api import Outcome, Runtime, runtime
from terraform_cloud import Answer, Asked, Line, arn, line_to
from terraform_database import Database
from terraform_permissions import Need, needs

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
_IN_A_NETWORK = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
_INVOKE = "/2015-03-31/functions/"


@dataclass
class Functions:
    """Lambda's part: functions as processes that stay warm, each with a line of its own."""

    client: Callable[[str], Any]
    endpoint: str
    folder: Path
    database: Database | None
    lines: dict[str, Line] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _running: dict[str, Runtime] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def configuration(self, name: str) -> dict[str, Any]:
        """A function's configuration, as Lambda tells it."""
        found: dict[str, Any] = self.client("lambda").get_function_configuration(FunctionName=name)
        return found

    def names(self) -> list[str]:
        """All functions there are."""
        return [
            each["FunctionName"] for each in self.client("lambda").list_functions()["Functions"]
        ]

    def line(self, name: str) -> Line:
        """The way by which a function, or who acts in its role, comes to the cloud."""
        if name not in self.lines:
            self.lines[name] = self._stack.enter_context(line_to(self.endpoint))
        return self.lines[name]

    def invoke(self, name: str, event: Any) -> Outcome:
        """Invoke a function, which is started if it is not up."""
        with self._lock:
            running = self._running.get(name)
            if running is None:
                running = self._running[name] = self._started(name)
            timeout_s = float(self.configuration(name)["Timeout"])
            outcome = running.invoke(event, timeout_s=timeout_s)
            if outcome.exit_code is not None:
                del self._running[name]
            return outcome

    def output(self, name: str) -> str:
        """What a function wrote to its log."""
        return self._running[name].output() if name in self._running else "it is not up"

    def answer(self, asked: Asked) -> Answer | None:
        """What Lambda answers where it is asked to invoke a function; else None."""
        if not (asked.path.startswith(_INVOKE) and asked.path.endswith("/invocations")):
            return None
        name = unquote(asked.path).removeprefix(_INVOKE).removesuffix("/invocations")
        if self.database is not None:
            self.database.become(self.client)
        outcome = self.invoke(name.rpartition(":")[2], json.loads(asked.body))
        if outcome.error is None and outcome.exit_code is None:
            return Answer(200, {}, json.dumps(outcome.answer).encode())
        error = outcome.error or {"errorMessage": f"it died: {outcome.exit_code}"}
        return Answer(200, {"X-Amz-Function-Error": "Unhandled"}, json.dumps(error).encode())

    def role_of(self, name: str) -> str:
        """The name of a function's role."""
        return str(self.configuration(name)["Role"].rpartition("/")[2])

    def needed(self, function: str) -> list[Need]:
        """The permissions that a function's requests needed, so far."""
        found = [need for asked in self.line(function).asked for need in needs(asked)]
        if self.database is not None and "auth=iam" in self._store_of(function):
            (cluster,) = self.client("rds").describe_db_clusters()["DBClusters"]
            found += [
                Need(
                    "rds-db:connect",
                    arn("rds-db", f"dbuser:{cluster['DbClusterResourceId']}/{user}"),
                )
                for user in set(self.database.logins) - {self.database.master}
            ]
        of_code = {"lambda:SourceFunctionArn": self.configuration(function)["FunctionArn"]}
        return [need.within(of_code) for need in sorted(set(found))]

    def needed_by_lambda(self, function: str) -> list[Need]:
        """The permissions that Lambda and SNS need in a function's role, for what they do."""
        told = self.configuration(function)
        group = arn("logs", f"log-group:/aws/lambda/{function}:log-stream:2026/03/01/[$LATEST]0")
        found = [Need("logs:CreateLogStream", group), Need("logs:PutLogEvents", group)]
        if last := told.get("DeadLetterConfig", {}).get("TargetArn"):
            found.append(Need("sqs:SendMessage", last))
        if told.get("VpcConfig", {}).get("SubnetIds"):
            found += [Need(action, "*") for action in _IN_A_NETWORK]
        for need in self.needed(function):
            if need.action == "sns:Publish":
                topic = self.client("sns").get_topic_attributes(TopicArn=need.resource)
                key = (("kms:ViaService", f"sns.{REGION}.amazonaws.com"),)
                of_key = topic["Attributes"]["KmsMasterKeyId"]
                found += [
                    Need(action, of_key, key) for action in ("kms:Decrypt", "kms:GenerateDataKey")
                ]
        return found

    def _store_of(self, function: str) -> str:
        return str(self.configuration(function)["Environment"]["Variables"]["SONGID_STORE"])

    def close(self) -> None:
        """End all functions."""
        self._stack.close()

    def _started(self, name: str) -> Runtime:
        told = self.configuration(name)
        place = self.folder / f"{name}-{uuid4().hex[:8]}"
        place.mkdir()
        surroundings = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TZ": ":UTC",
            **environment(self.line(name).address),
            **({"PGHOSTADDR": self.database.address} if self.database else {}),
            **told.get("Environment", {}).get("Variables", {}),
        }
        return self._stack.enter_context(
            runtime(place, surroundings, name=name, memory_mb=told["MemorySize"])
        )
