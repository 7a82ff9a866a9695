"""What all commands share: settings and app made when first asked for, output, exit codes."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import click

from songid.errors import SettingsError

if TYPE_CHECKING:
    from songid.app import App
    from songid.progress import Progress
    from songid.settings import Settings

_LOG_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"
_FILE_URI = re.compile(r"file://(/[^\s]*)")


class ExitCode(IntEnum):
    """What the program's exit code says; see `songid --help`."""

    OK = 0
    NOTHING_FOUND = 1
    IMPOSSIBLE = 2
    FILES_FAILED = 3
    DEFECT = 70
    INTERRUPTED = 130
    OUTPUT_CLOSED = 141


class Context:
    """The command line's global options, and what is made from them on demand."""

    def __init__(self, config: Path | None, store: str | None, pairs: Iterable[str]) -> None:
        self._config = config
        self._store = store
        self._pairs = tuple(pairs)

    def __enter__(self) -> Context:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if "app" in self.__dict__:
            self.app.close()

    @cached_property
    def settings(self) -> Settings:
        """The settings; SettingsError says what is wrong with them."""
        from songid.settings import load

        overrides: dict[str, Any] = {"store": self._store}
        for pair in self._pairs:
            key, equals, value = pair.partition("=")
            if not equals:
                raise SettingsError(f"--set {pair}: write it as KEY=VALUE.")
            overrides[key.strip()] = _value(key.strip(), value)
        settings = load(self._config, overrides)
        logging.basicConfig(
            level=settings.log_level.upper(), format=_LOG_FORMAT, stream=sys.stderr, force=True
        )
        return settings

    @cached_property
    def app(self) -> App:
        """The app over the store that the settings name."""
        from songid.app import App

        return App(self.settings)


@contextmanager
def parts_of(command: str) -> Iterator[None]:
    """Around imports of what the function's image leaves out: says so where it is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"`songid {command}` cannot be run here, for {error.name} is not installed; the image"
            " of songid's function leaves it out, so run it from an installation of songid"
        ) from error


pass_context = click.make_pass_decorator(Context)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def _value(key: str, text: str) -> Any:
    """A value as its key's type needs it: lists as JSON or as words, others as they are."""
    from songid.settings import Settings

    if isinstance(getattr(Settings(), key, None), tuple) and not text.lstrip().startswith("["):
        return text.split()
    if text.lstrip().startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise SettingsError(f"--set {key}: this is not valid JSON: {error}.") from None
    return text


def progress(*, quiet: bool = False) -> Progress:
    """Progress on standard error, if a person looks at it."""
    from songid.progress import Progress

    return Progress(silent=quiet or not sys.stderr.isatty())


def print_json(document: Mapping[str, Any] | list[Any], *, indent: int | None = 2) -> None:
    """Print a document on standard output; `indent` None makes it one line."""
    text = json.dumps(document, ensure_ascii=False, indent=indent, default=str)
    click.echo(text.encode("utf-8", "backslashreplace"))


def source_of(path: str | Path) -> str:
    """How the catalogue names where a local file came from, however the path was written."""
    return Path(path).expanduser().resolve().as_uri()


def path_of(source: str) -> Path | None:
    """The local file that a recording's source names; None if it is none."""
    if not source.startswith("file:///"):
        return None
    return Path(os.fsdecode(unquote_bytes(source.removeprefix("file://"))))


def unquote_bytes(text: str) -> bytes:
    """The bytes of a percent-encoded path."""
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(text)


def shown(text: str) -> str:
    """A text with local files as plain paths, for people."""
    return _FILE_URI.sub(lambda found: unquote(found[1]), text)


def length(seconds: float) -> str:
    """Seconds as `3:05` or `1:02:07`, for tables."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count(number: int, noun: str) -> str:
    """A number of things, as `1 file` or `2,000 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(number: float) -> str:
    """Bytes in the unit that suits them."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
