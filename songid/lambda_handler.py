"""The entry point on AWS Lambda: `songid.lambda_handler.handler`.

Settings come from songid.toml ($SONGID_CONFIG) and `SONGID_*` variables as everywhere.
Under a runtime everything is opened while the module is imported, when Lambda gives a
function all of a machine's power; anywhere else at the first event.
"""

from __future__ import annotations

import contextlib
import logging
import os
from typing import Any, Protocol

from songid.errors import SongidError, StoreError
from songid.function.function import Function, Request
from songid.function.logs import JsonFormatter, log_as_json
from songid.settings import load

log = logging.getLogger(__name__)

_MOST_FAILS_IN_A_ROW = 3


class Context(Protocol):
    """What Lambda tells of an invocation: "Using the Lambda context object" in its guide."""

    aws_request_id: str
    function_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is killed."""
        ...


_function: Function | None = None
_formatter: JsonFormatter | None = None


def handler(event: Any, context: Context) -> dict[str, Any]:
    """Do what an event asks for; see `songid.function.function.Function.handle`."""
    global _function
    if _function is None:
        _function = _made()
    if _formatter is not None:
        _formatter.request_id = context.aws_request_id
    request = Request(
        context.aws_request_id,
        context.function_name or "songid",
        lambda: context.get_remaining_time_in_millis() / 1000,
    )
    try:
        return _function.handle(event, request)
    except SongidError as error:
        log.error("%s", error)
        _function.fails_in_a_row += isinstance(error, StoreError)
        raise
    except Exception:
        log.exception("songid failed; please report this")
        _drop()
        raise
    finally:
        if _function is not None and _function.fails_in_a_row >= _MOST_FAILS_IN_A_ROW:
            log.warning("the store failed again and again; everything is opened anew")
            _drop()


def _made() -> Function:
    global _formatter
    settings = load()
    _formatter = log_as_json(settings.log_level)
    return Function(settings)


def _drop() -> None:
    """Give up a function that may be broken; the next event makes another."""
    global _function
    broken, _function = _function, None
    if broken is not None:
        with contextlib.suppress(Exception):
            broken.close()


if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    try:
        _function = _made()
        _function.open()
    except SongidError as error:
        # Said again, and to whoever invoked it, at the first event.
        log.error("it cannot start: %s", error)
        _drop()
