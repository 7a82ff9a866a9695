"""Making the table, and refusing one that is missing or of a newer version.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithTables.Basics.html
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from songid.errors import StoreError
from songid_plugins.aws_clients import AWS_ERRORS, aws_error_text, error_code
from songid_plugins.stores.dynamodb_layout import EXPIRES, LAYOUT, LAYOUT_VERSION
from songid_plugins.stores.dynamodb_table import ConditionFailed, Table
from songid_plugins.stores.dynamodb_wire import number, number_of, wire_key

_ACTIVE_WITHIN_S = 300.0
_LOOK_EVERY_S = 0.5
_KEYS = {"pk": "HASH", "sk": "RANGE"}
_NOT_OFFERED = frozenset({"UnknownOperationException", "UnknownOperation", "NotImplemented"})


def check(table: Table) -> None:
    """StoreError if there is no table, or its layout is of a newer version."""
    item = table.get(LAYOUT)
    version = LAYOUT_VERSION if item is None else number_of(item, "v")
    if version > LAYOUT_VERSION:
        raise StoreError(
            f"DynamoDB table {table.name!r} was written by a newer songid (layout {version}; "
            f"this one knows {LAYOUT_VERSION}); upgrade songid, or name another table"
        )


def migrate(table: Table) -> list[str]:
    """Create the table, its expiry and its backups where they are not there yet.

    A table that something else made, with the keys `pk` and `sk`, will do.
    """
    steps = []
    try:
        if _create(table):
            steps.append(f"Created the DynamoDB table {table.name}, billed by the request.")
        _await_active(table)
        if _expire(table):
            steps.append(f"Let items of {table.name} expire by {EXPIRES}.")
        if _back_up(table):
            steps.append(f"Turned on point-in-time recovery for {table.name}.")
    except AWS_ERRORS as error:
        raise StoreError(f"DynamoDB table {table.name!r}: {aws_error_text(error)}") from error
    with suppress(ConditionFailed):
        table.put({**wire_key(LAYOUT), "v": number(LAYOUT_VERSION)}, "attribute_not_exists(pk)")
    check(table)
    return steps


def _create(table: Table) -> bool:
    """Whether the table was created now."""
    try:
        table.client.describe_table(TableName=table.name)
        return False
    except AWS_ERRORS as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
    try:
        table.client.create_table(
            TableName=table.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in _KEYS],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in _KEYS.items()],
        )
    except AWS_ERRORS as error:
        if error_code(error) != "ResourceInUseException":
            raise
        return False  # another is making it at this moment
    return True


def _await_active(table: Table) -> None:
    deadline = time.monotonic() + _ACTIVE_WITHIN_S
    while True:
        state = table.client.describe_table(TableName=table.name)["Table"]
        if state["TableStatus"] in ("ACTIVE", "UPDATING"):
            break
        if time.monotonic() > deadline:
            raise StoreError(
                f"DynamoDB table {table.name!r} is still {state['TableStatus']} after "
                f"{_ACTIVE_WITHIN_S:g} s; look at it in the AWS console, and migrate again"
            )
        time.sleep(_LOOK_EVERY_S)
    keys = {each["AttributeName"]: each["KeyType"] for each in state["KeySchema"]}
    kinds = {each["AttributeName"]: each["AttributeType"] for each in state["AttributeDefinitions"]}
    if keys != _KEYS or {kinds[name] for name in keys} != {"S"}:
        raise StoreError(
            f"DynamoDB table {table.name!r} is another program's: its keys are "
            f"{', '.join(keys)}, not the texts pk and sk; name another table"
        )


def _expire(table: Table) -> bool:
    """Whether expiry was turned on now."""
    told = table.client.describe_time_to_live(TableName=table.name)["TimeToLiveDescription"]
    if told["TimeToLiveStatus"] in ("ENABLED", "ENABLING"):
        return False
    try:
        table.client.update_time_to_live(
            TableName=table.name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRES},
        )
    except AWS_ERRORS as error:
        # Another migrates at the same moment; the service says so in its message only.
        if error_code(error) == "ValidationException" and "already enabled" in str(error):
            return False
        raise
    return True


def _back_up(table: Table) -> bool:
    """Whether backups were turned on now; the local stand-ins may not offer them."""
    deadline = time.monotonic() + _ACTIVE_WITHIN_S
    while True:
        try:
            if _is_backed_up(table):
                return False
            table.client.update_continuous_backups(
                TableName=table.name,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            )
            return True
        except AWS_ERRORS as error:
            code = error_code(error)
            if code in _NOT_OFFERED:
                return False
            # A table is active a little before its backups can be turned on.
            if code != "ContinuousBackupsUnavailableException" or time.monotonic() > deadline:
                raise
        time.sleep(_LOOK_EVERY_S)


def _is_backed_up(table: Table) -> bool:
    told: dict[str, Any] = table.client.describe_continuous_backups(TableName=table.name)
    recovery = told["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    return bool(recovery.get("PointInTimeRecoveryStatus") == "ENABLED")
