"""Which permission a request to AWS needs, and which permissions a policy gives.

Needs are read out of requests as they were sent: "Actions, resources, and condition keys
for AWS services" in AWS's Service Authorization Reference says what each operation needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote

from terraform_cloud import Asked, arn

_TARGETS = {
    "AmazonSQS": "sqs",
    "DynamoDB_20120810": "dynamodb",
    "secretsmanager": "secretsmanager",
}
_TRANSACTION = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}


@dataclass(frozen=True, order=True)
class Need:
    """An action on a resource, and what conditions may ask of its request."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()

    def within(self, context: Mapping[str, str]) -> Need:
        """The same, where more is known of its request."""
        return replace(self, context=(*self.context, *context.items()))


def needs(asked: Asked) -> list[Need]:
    """The permissions that a request needs; an unknown kind of request is an error."""
    if asked.service == "s3":
        return [_bucket_need(asked)]
    if "x-amz-target" in asked.headers:
        prefix, _, operation = asked.headers["x-amz-target"].partition(".")
        return _json_needs(_TARGETS[prefix], operation, json.loads(asked.body))
    parameters = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
    if asked.service == "sns":
        return [Need(f"sns:{parameters['Action']}", parameters["TopicArn"])]
    raise AssertionError(f"{asked.method} {asked.path} of {asked.service}: what does it need?")


def _bucket_need(asked: Asked) -> Need:
    bucket, _, key = unquote(asked.path).removeprefix("/").partition("/")
    whole, one = f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/{key}"
    if not key and asked.method in ("GET", "HEAD"):
        if "versioning" in asked.query:
            return Need("s3:GetBucketVersioning", whole)
        action = "s3:ListBucketVersions" if "versions" in asked.query else "s3:ListBucket"
        return Need(action, whole, (("s3:prefix", asked.query.get("prefix", [""])[0]),))
    if key and asked.method in ("GET", "HEAD"):
        version = "Version" if "versionId" in asked.query else ""
        return Need(f"s3:GetObject{version}", one)
    if key and asked.method == "PUT" and "x-amz-copy-source" not in asked.headers:
        return Need("s3:PutObject", one)
    if key and asked.method == "DELETE" and "versionId" not in asked.query:
        return Need("s3:DeleteObject", one)
    raise AssertionError(f"{asked.method} {asked.path} {asked.query}: what does it need?")


def _json_needs(service: str, operation: str, body: Mapping[str, Any]) -> list[Need]:
    if service == "sqs":
        return [Need(f"sqs:{operation}", arn("sqs", body["QueueUrl"].rpartition("/")[2]))]
    if service == "secretsmanager":
        return [Need(f"secretsmanager:{operation}", body["SecretId"])]
    assert service == "dynamodb"
    if operation.startswith("Transact"):
        parts = [part.popitem() for part in map(dict, body["TransactItems"])]
        return [_table_need(_TRANSACTION[kind], part["TableName"]) for kind, part in parts]
    if "RequestItems" in body:
        return [_table_need(operation, table) for table in body["RequestItems"]]
    assert "IndexName" not in body, "an index is a resource of its own"
    return [_table_need(operation, body["TableName"])]


def _table_need(operation: str, table: str) -> Need:
    return Need(f"dynamodb:{operation}", arn("dynamodb", f"table/{table}"))


# -- policies -------------------------------------------------------------------------


def listed(value: Any) -> list[Any]:
    """What a policy may write as one or as several."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def statements(policy: Mapping[str, Any] | str) -> list[Mapping[str, Any]]:
    """A policy's statements."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    return listed(document.get("Statement", ()))


@dataclass(frozen=True)
class Grant:
    """One action of a statement that allows, on one resource of it."""

    action: str
    resource: str
    condition: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def gives(self, need: Need) -> bool:
        """Whether the grant is what a need asks for."""
        return (
            matches(self.action.lower(), need.action.lower())
            and matches(self.resource, need.resource)
            and holds(self.condition, dict(need.context))
        )


@dataclass(frozen=True)
class Rights:
    """What a role's policies allow, and what they forbid all the same."""

    allowed: Sequence[Grant]
    denied: Sequence[Grant]

    def unmet(self, wanted: Iterable[Need]) -> list[Need]:
        """The needs that are not met, each once."""
        return sorted({need for need in wanted if not self._meets(need)})

    def unused(self, wanted: Iterable[Need]) -> list[Grant]:
        """What is allowed and of no use to any of the needs."""
        asked = set(wanted)
        return [grant for grant in self.allowed if not any(map(grant.gives, asked))]

    def _meets(self, need: Need) -> bool:
        allowed = any(grant.gives(need) for grant in self.allowed)
        return allowed and not any(grant.gives(need) for grant in self.denied)


def rights(policies: Iterable[Mapping[str, Any] | str]) -> Rights:
    """What policies say, each action on each resource."""
    said: dict[str, list[Grant]] = {"Allow": [], "Deny": []}
    for policy in policies:
        for statement in statements(policy):
            said[statement["Effect"]] += [
                Grant(action, resource, statement.get("Condition", {}))
                for action in listed(statement["Action"])
                for resource in listed(statement["Resource"])
            ]
    return Rights(said["Allow"], said["Deny"])


def allows(
    policy: Mapping[str, Any] | str, service: str, need: Need, context: Mapping[str, str]
) -> bool:
    """Whether a resource's policy lets a service of AWS do something in that context."""
    return any(
        statement["Effect"] == "Allow"
        and service in listed(statement.get("Principal", {}).get("Service", ()))
        and any(matches(each, need.action) for each in listed(statement["Action"]))
        and any(matches(each, need.resource) for each in listed(statement["Resource"]))
        and holds(statement.get("Condition", {}), context)
        for statement in statements(policy)
    )


def holds(condition: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Whether a condition holds; one that asks for what the context has not does not."""
    known = {name.lower(): text for name, text in context.items()}
    return all(
        any(_compare(operator, str(each), known.get(key.lower())) for each in listed(value))
        for operator, asked in condition.items()
        for key, value in asked.items()
    )


def _compare(operator: str, wanted: str, found: str | None) -> bool:
    if found is None:
        return operator.endswith("IfExists")
    operator = operator.removesuffix("IfExists")
    if operator in ("StringLike", "ArnLike", "ArnEquals"):
        return matches(wanted, found)
    if operator == "StringEquals":
        return wanted == found
    if operator == "Bool":
        return wanted.lower() == found.lower()
    raise AssertionError(f"the condition {operator} is not known here")


def matches(pattern: str, text: str) -> bool:
    """Whether a text is what a policy's pattern with `*` and `?` says."""
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (
        {"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"([*?])", pattern)
    )
    return re.compile("".join(parts), re.DOTALL)
