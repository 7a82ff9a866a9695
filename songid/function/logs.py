"""Logs as lines of JSON on standard output, each with the request it belongs to.

What a line is about (an object's address, a station, an outcome) are fields of their own,
so that CloudWatch Logs Insights can filter and count by them.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_FACTS = "facts"


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON; `request_id` is that of the invocation at hand."""

    def __init__(self) -> None:
        super().__init__()
        self.request_id = ""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
        }
        if self.request_id:
            document["request_id"] = self.request_id
        given: Mapping[str, Any] = getattr(record, _FACTS, {})
        document |= {key: value for key, value in given.items() if key not in document}
        if record.exc_info:
            document["error"] = self.formatException(record.exc_info)
        if record.stack_info:
            document["stack"] = self.formatStack(record.stack_info)
        # ASCII: a file's name may hold what UTF-8 has no bytes for.
        return json.dumps(document, default=str)


class _Output(logging.Handler):
    """Writes to standard output as it is at the moment; a runtime may replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(self.format(record) + "\n")
            sys.stdout.flush()
        except Exception:
            self.handleError(record)


def log_as_json(level: str) -> JsonFormatter:
    """Have everything logged so, in place of whatever handlers there were before."""
    formatter = JsonFormatter()
    output = _Output()
    output.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [output]
    root.setLevel(level.upper())
    return formatter


def facts(**values: Any) -> dict[str, Any]:
    """What a line is about, for `extra=`; what is empty is left out."""
    return {_FACTS: {key: value for key, value in values.items() if value not in ("", None)}}
