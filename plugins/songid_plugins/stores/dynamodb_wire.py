"""Items in the service's notation, where every value stands beside its type.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from __future__ import annotations

from typing import Any

from songid_plugins.stores.dynamodb_layout import Item, Key


def text(value: str) -> dict[str, str]:
    """A text as an attribute's value."""
    return {"S": value}


def number(value: int) -> dict[str, str]:
    """A whole number as an attribute's value."""
    return {"N": str(value)}


def binary(value: bytes) -> dict[str, bytes]:
    """Bytes as an attribute's value."""
    return {"B": value}


def text_of(item: Item, name: str) -> str:
    """An attribute's text; empty if it is not there."""
    return str(item[name]["S"]) if name in item else ""


def number_of(item: Item, name: str) -> int:
    """An attribute's whole number; 0 if it is not there."""
    return int(item[name]["N"]) if name in item else 0


def binary_of(item: Item, name: str) -> bytes | None:
    """An attribute's bytes; None if it is not there."""
    return bytes(item[name]["B"]) if name in item else None


def wire_key(key: Key) -> Item:
    """A primary key as an item has it."""
    return {"pk": text(key.pk), "sk": text(key.sk)}


def key_of(item: Item) -> Key:
    """An item's primary key."""
    return Key(item["pk"]["S"], item["sk"]["S"])


def wire_put(item: Item, condition: str = "", values: Item | None = None) -> dict[str, Any]:
    """A put as part of a transaction."""
    return {"Put": {"Item": item, **condition_of(condition, values)}}


def wire_update(key: Key, expression: str, values: Item, condition: str = "") -> dict[str, Any]:
    """An update as part of a transaction."""
    body = {"Key": wire_key(key), "UpdateExpression": expression}
    return {"Update": {**body, **condition_of(condition, values)}}


def condition_of(condition: str, values: Item | None) -> dict[str, Any]:
    """The part of a request that makes it depend on a condition."""
    request: dict[str, Any] = {}
    if condition:
        request["ConditionExpression"] = condition
    if values:
        request["ExpressionAttributeValues"] = values
    return request
