"""What must hold of whatever Terraform makes, with every exception and its reason.

Each table is exact: a row that is not needed any more is as wrong as one that is missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from terraform_cloud import arn
from terraform_material import Resource, resources
from terraform_permissions import Grant, listed, matches, statements

Shown = Mapping[str, Any]


# -- what each example is to make of songid's settings ---------------------------------


@dataclass(frozen=True)
class Meant:
    """What an example means, in songid's own words: stations' time zones and titles ..."""

    store: str
    stations: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    channels: Sequence[str] = ()  # stations that MediaLive follows
    pictures: bool = False
    final_snapshot: str = ""


_DUBLIN = "Europe/Dublin"
MEANT: Mapping[str, Meant] = {
    "minimal-dynamodb": Meant(
        store="dynamodb://minimal?",
        settings={"timezone": "UTC", "retention.journal_days": 400, "log_level": "info"},
    ),
    "aurora-stations": Meant(
        store="postgresql://songid@",
        stations={
            "campus_one": (_DUBLIN, "Campus One"),
            "city_radio": (_DUBLIN, "City Radio"),
            "classic_hall": (_DUBLIN, "Classic Hall"),
            "harbour_fm": (_DUBLIN, "Harbour FM"),
            "hill_country": (_DUBLIN, "Hill Country"),
            "island_beat": (_DUBLIN, "Island Beat"),
            "jazz_corner": (_DUBLIN, "Jazz Corner"),
            "night_line": (_DUBLIN, "Night Line"),
            "north_wave": (_DUBLIN, "North Wave"),
            "river_rock": (_DUBLIN, "River Rock"),
        },
        settings={"timezone": _DUBLIN, "retention.claims_days": 400},
    ),
    "everything": Meant(
        store="postgresql://songid@",
        stations={
            "city_tv": ("Europe/London", "City TV"),
            "harbour_fm": ("Europe/London", "Harbour FM"),
            "north_wave": ("Atlantic/Reykjavik", "North Wave"),
            "outpost": ("America/New_York", "Outpost"),
        },
        channels=("city_tv",),
        pictures=True,
        final_snapshot="everything-final",
        settings={
            "timezone": "Europe/London",
            "listening.threshold": 0.995,
            "log_level": "debug",
            "retention.journal_days": 1100,
            "retention.claims_days": 1100,
        },
    ),
}


# -- encryption ------------------------------------------------------------------------


def _has(name: str) -> Callable[[Resource, Sequence[Resource]], bool]:
    return lambda each, all_of_them: bool(each["values"].get(name))


def _bucket(each: Resource, all_of_them: Sequence[Resource]) -> bool:
    kind = "aws_s3_bucket_server_side_encryption_configuration"
    module = each["address"].rpartition(".aws_")[0]
    return any(
        other["type"] == kind and other["address"].startswith(module) for other in all_of_them
    )


_ENCRYPTED: Mapping[str, Callable[[Resource, Sequence[Resource]], bool]] = {
    "aws_rds_cluster": _has("storage_encrypted"),
    "aws_s3_bucket": _bucket,
    "aws_sns_topic": _has("kms_master_key_id"),
    "aws_sqs_queue": _has("sqs_managed_sse_enabled"),
}
# AWS encrypts these itself, and there is no way to have it otherwise.
_ALWAYS = {
    "aws_cloudwatch_log_group",
    "aws_dynamodb_table",
    "aws_ecr_repository",
    "aws_ecs_task_definition",
    "aws_lambda_event_source_mapping",
    "aws_lambda_function",
    "aws_rds_cluster_instance",  # as its cluster is
    "aws_scheduler_schedule",
}


def unencrypted(shown: Shown) -> list[str]:
    """Addresses of what keeps data and is not encrypted."""
    found = resources(shown)
    return [
        each["address"]
        for each in found
        if each["type"] in _ENCRYPTED and not _ENCRYPTED[each["type"]](each, found)
    ]


# By what the provider calls it where something can be encrypted with a key.
KEY_ARGUMENTS = ("kms_key_id", "kms_key_arn", "kms_master_key_id", "encryption_configuration")


def of_unknown_encryption(shown: Shown) -> set[str]:
    """Types that take a key, and of which nobody said here how they are encrypted."""
    known = {*_ENCRYPTED, *_ALWAYS}
    return {
        each["type"]
        for each in resources(shown)
        if each["type"] not in known and any(name in each["values"] for name in KEY_ARGUMENTS)
    }


# -- tags ------------------------------------------------------------------------------


def untagged(shown: Shown, tags: Mapping[str, str]) -> list[str]:
    """Addresses of what can be tagged and has not all of `tags`."""
    return [
        each["address"]
        for each in resources(shown)
        if "tags" in each["values"] and not tags.items() <= (each["values"]["tags"] or {}).items()
    ]


# -- queues ----------------------------------------------------------------------------


def dead_letter_queues(shown: Shown) -> set[str]:
    """ARNs of all queues that take what failed elsewhere."""
    found = set()
    for each in resources(shown):
        values = each["values"]
        if policy := values.get("redrive_policy"):
            found.add(json.loads(policy)["deadLetterTargetArn"])
        for config in values.get("dead_letter_config") or ():
            found.add(config.get("arn") or config.get("target_arn"))
        for target in (
            (values.get("target") or ()) if isinstance(values.get("target"), list) else ()
        ):
            found |= {config["arn"] for config in target.get("dead_letter_config") or ()}
    return found


def without_dead_letters(shown: Shown) -> list[str]:
    """Addresses of queues, subscriptions, targets and schedules whose failures go nowhere."""
    last = dead_letter_queues(shown)
    found = []
    for each in resources(shown):
        values = each["values"]
        if each["type"] == "aws_sqs_queue":
            has = values["arn"] in last or values.get("redrive_policy")
        elif each["type"] == "aws_sns_topic_subscription":
            # An address that takes no mail has no place for what it did not take.
            has = values["protocol"] == "email" or values.get("redrive_policy")
        elif each["type"] == "aws_cloudwatch_event_target":
            has = values["dead_letter_config"]
        elif each["type"] == "aws_scheduler_schedule":
            has = values["target"][0]["dead_letter_config"]
        else:
            continue
        if not has:
            found.append(each["address"])
    return found


# -- permissions -----------------------------------------------------------------------

# Actions that are about no one thing that has an ARN, so that their resource must be `*`.
WITHOUT_RESOURCE: Mapping[str, str] = {
    "comprehend:BatchDetect*": "they read what is sent along",
    "ec2:*NetworkInterface*": "Lambda makes a function's interfaces in its role, and wants it so",
    "ec2:AssignPrivateIpAddresses": "the same",
    "ec2:DescribeSubnets": "the same",
    "ec2:UnassignPrivateIpAddresses": "the same",
    "ecr:GetAuthorizationToken": "a token is for the whole registry",
    "rekognition:Detect*": "they look at what is sent along",
}


# Services that do not say for whom they act when they take on a role.
SILENT = ("lambda.amazonaws.com",)


def open_to_strangers(shown: Shown) -> list[str]:
    """Addresses of policies by which a service might act for somebody else's account."""
    found = []
    for each in resources(shown):
        for name in ("policy", "assume_role_policy"):
            for statement in statements(each["values"].get(name) or '{"Statement": []}'):
                services = set(listed(_services(statement)))
                if name == "assume_role_policy":
                    services -= set(SILENT)
                if services and not _asks_for_whom(statement):
                    found.append(f"{each['address']}: {sorted(services)}")
    return found


def _services(statement: Mapping[str, Any]) -> Any:
    principal = statement.get("Principal", {})
    return principal.get("Service", ()) if isinstance(principal, dict) else ()


def _asks_for_whom(statement: Mapping[str, Any]) -> bool:
    keys = {key.lower() for asked in statement.get("Condition", {}).values() for key in asked}
    return bool(keys & {"aws:sourcearn", "aws:sourceaccount"})


def needs_no_resource(action: str) -> bool:
    """Whether an action may be allowed on `*`, there being no ARN that it is about."""
    return any(matches(pattern, action) for pattern in WITHOUT_RESOURCE)


@dataclass(frozen=True)
class Unseen:
    """What a role may do and nothing in the tests does, with what in songid or AWS does it."""

    action: str
    resource: str
    why: str

    def is_about(self, grant: Grant) -> bool:
        """Whether it is this grant that it explains."""
        return matches(self.action, grant.action) and matches(self.resource, grant.resource)


_FUNCTION = (
    Unseen("sqs:SendMessage", "*-jobs", "a long file goes on in a further run: continue_to"),
    Unseen("sqs:SendMessage", "*-undelivered", "Lambda, where a chore that was asked for failed"),
)
_PICTURES = (
    Unseen("comprehend:*", "*", "the picture half, which is not there yet"),
    Unseen("rekognition:*", "*", "the same"),
)


def unseen_in(example: str, role: str) -> list[Unseen]:
    """The rows that must explain something in a role of an example."""
    if not role.endswith("-function"):
        return []
    return [*_FUNCTION, *(_PICTURES if MEANT[example].pictures else ())]


# -- what moto forgets -----------------------------------------------------------------


FORGOTTEN: Mapping[tuple[str, str], str] = {
    ("aws_cloudfront_distribution", "default_cache_behavior"): "moto keeps no functions in it",
    ("aws_cloudfront_distribution", "origin"): "moto keeps no access control in it",
    ("aws_cloudfront_distribution", "viewer_certificate"): "moto adds a way of TLS to none",
    ("aws_ecs_service", "availability_zone_rebalancing"): "moto does not return it",
    ("aws_lambda_function", "dead_letter_config"): "moto does not keep it",
    ("aws_lambda_function", "image_config"): "moto returns an empty one where there is none",
    ("aws_lambda_function", "logging_config"): "moto does not return the one that there is always",
    ("aws_rds_cluster", "scaling_configuration"): "moto returns that of Serverless v1, all empty",
    ("aws_s3_bucket_notification", "eventbridge"): "moto does not return it as AWS does",
    ("aws_sqs_queue", "redrive_policy"): "moto puts blanks into the JSON",
    ("aws_sqs_queue_policy", "policy"): "it is made of the queue's ARN, and read when that is done",
    ("aws_vpc_security_group_egress_rule", "description"): "moto forgets it with another group",
    ("aws_vpc_security_group_ingress_rule", "description"): "the same",
}


# What moto cannot do at all: terraform/tests/overrides/modules says why.
NOT_APPLIED = {
    ("aws_budgets_budget", "create"),
    ("aws_cloudfront_function", "update"),
    ("aws_medialive_channel", "create"),
    ("aws_medialive_input", "create"),
}


def forgotten(plan: Shown) -> set[tuple[str, str]]:
    """What a second plan wants to change because moto does not return it as AWS does."""
    there = {each["type"] for each in plan["resource_changes"]}
    return {(kind, name) for kind, name in FORGOTTEN if kind in there}


def not_applied(plan: Shown) -> set[tuple[str, str]]:
    """What a plan of all still wants to make, because moto cannot."""
    there = {each["type"] for each in plan["resource_changes"]}
    return {(kind, action) for kind, action in NOT_APPLIED if kind in there}


# -- what is kept ----------------------------------------------------------------------


def unprotected_stores(shown: Shown) -> list[str]:
    """Addresses of stores that can be deleted just so."""
    kinds = {
        "aws_dynamodb_table": "deletion_protection_enabled",
        "aws_rds_cluster": "deletion_protection",
    }
    found = [each for each in resources(shown) if each["type"] in kinds]
    assert found, "there is no store"
    return [each["address"] for each in found if not each["values"][kinds[each["type"]]]]


def kept(example: str) -> set[tuple[str, str, str]]:
    """What an example asks to be kept when it is destroyed."""
    if not MEANT[example].final_snapshot:
        return set()
    name = MEANT[example].final_snapshot
    return {
        ("rds", "db_cluster_snapshots", name),
        ("resourcegroupstaggingapi", "resources", arn("rds", f"cluster-snapshot:{name}")),
    }
