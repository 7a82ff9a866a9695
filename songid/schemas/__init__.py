"""The published JSON Schemas of what songid writes: report, result, explanation, event and more."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def load_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a name, as `report`, `result`, `explanation`, `event` or `gap`."""
    text = (files(__name__) / f"{name}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
