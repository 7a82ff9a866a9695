"""`SONGID_TRACE_PLUGINS=1`: a line on standard error for every call of a plugin.

It tells who was called, with what, how long it took and what came of it; never a secret.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TextIO

from songid.model import without_secrets

TRACE_VARIABLE = "SONGID_TRACE_PLUGINS"
_OFF = {"", "0", "no", "off", "false"}
_SHOWN_CHARACTERS = 160


def tracing(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment asks for a trace: any value does but 0, no, off and false."""
    return environment.get(TRACE_VARIABLE, "").strip().lower() not in _OFF


class PluginTrace:
    """Prints calls of plugins to `out`; to nowhere without one."""

    def __init__(self, out: TextIO | None) -> None:
        self._out = out

    @contextmanager
    def call(self, hook: str, plugin: str, **arguments: object) -> Iterator[list[str]]:
        """Print the call made within, when it has ended, with what it appended to the list."""
        results: list[str] = []
        if self._out is None:
            yield results
            return
        began = time.perf_counter()
        try:
            yield results
        except BaseException as error:
            results.append(f"raised {type(error).__name__}: {error}")
            raise
        finally:
            took_ms = 1000 * (time.perf_counter() - began)
            given = [f"{name}={_shown(value)}" for name, value in arguments.items()]
            then = [f"-> {_shortened(result)}" for result in results]
            words = [f"{datetime.now(UTC):%H:%M:%S.%f}", hook, plugin, *given]
            # In one piece, lest the lines of threads mix.
            self._out.write(" ".join([*words, f"{took_ms:.1f} ms", *then]) + "\n")
            self._out.flush()


def plugin_trace() -> PluginTrace:
    """The trace that the environment asks for."""
    return PluginTrace(sys.stderr if tracing() else None)


def _shown(value: object) -> str:
    return _shortened(value if isinstance(value, str) else repr(value))


def _shortened(text: str) -> str:
    """One line without secrets; what is cut is cut after they were found."""
    line = " ".join(without_secrets(text).split())
    line = line.encode("utf-8", "backslashreplace").decode()
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[: _SHOWN_CHARACTERS - 3]}..."
