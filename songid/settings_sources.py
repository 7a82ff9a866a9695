"""Where settings come from: a TOML file, the environment, the command line; and whose fault.

Each layer remembers how its user spells a key, so that an error names the very line or
variable to change and, where a name is misspelt, the one that was probably meant.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from songid.errors import SettingsError
from songid.plugin_trace import TRACE_VARIABLE

ENV_PREFIX = "SONGID_"
CONFIG_VARIABLE = "SONGID_CONFIG"
DEFAULT_TOML = Path("songid.toml")

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One source's values, and how each key is called there."""

    name: str
    values: Mapping[Key, Any]
    spelling: Mapping[Key, str]


def find_toml(path: Path | None) -> Path | None:
    """The file to read: the one named, else $SONGID_CONFIG, else ./songid.toml, else none."""
    named_by = "--config"
    if path is None and os.environ.get(CONFIG_VARIABLE):
        path, named_by = Path(os.environ[CONFIG_VARIABLE]), f"${CONFIG_VARIABLE}"
    if path is None:
        return DEFAULT_TOML if DEFAULT_TOML.is_file() else None
    if not path.is_file():
        raise SettingsError(f"{path}: there is no such file, but {named_by} names it.")
    return path


def layers(toml: Path | None, overrides: Mapping[str, Any], tree: type[BaseModel]) -> list[Layer]:
    """All layers, the weakest first."""
    file = _toml_layer(toml) if toml else Layer("defaults", {}, {})
    line = _overrides_layer(overrides)
    stations = {key[1] for layer in (file, line) for key in layer.values if _is_station(key)}
    return [file, _environment_layer(os.environ, tree, stations), line]


def merged(found: list[Layer]) -> dict[str, Any]:
    """One nested dictionary in which later layers win, key by key."""
    result: dict[str, Any] = {}
    for layer in found:
        for key, value in layer.values.items():
            place = result
            for part in key[:-1]:
                inner = place.get(part)
                if not isinstance(inner, dict):
                    inner = place[part] = {}
                place = inner
            place[key[-1]] = value
    return result


def _is_station(key: Key) -> bool:
    return len(key) > 1 and key[0] == "stations"


def _leaves(values: Mapping[str, Any], prefix: Key = ()) -> dict[Key, Any]:
    found: dict[Key, Any] = {}
    for name, value in values.items():
        key = (*prefix, name)
        if isinstance(value, Mapping) and value:
            found.update(_leaves(value, key))
        else:
            found[key] = value
    return found


def _toml_layer(path: Path) -> Layer:
    try:
        values = _leaves(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: this is not valid TOML: {error}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: it cannot be read: {error}.") from None
    return Layer(str(path), values, {key: f"{path}: {dotted(key)}" for key in values})


def _overrides_layer(overrides: Mapping[str, Any]) -> Layer:
    values: dict[Key, Any] = {}
    for name, value in overrides.items():
        prefix = tuple(name.split("."))
        values.update(_leaves(value, prefix) if isinstance(value, Mapping) else {prefix: value})
    given = {key: value for key, value in values.items() if value is not None}
    return Layer("the command line", given, {key: f"command line: {dotted(key)}" for key in given})


def _environment_layer(
    environment: Mapping[str, str], tree: type[BaseModel], stations: set[str]
) -> Layer:
    values: dict[Key, Any] = {}
    spelling: dict[Key, str] = {}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(ENV_PREFIX) or variable in (CONFIG_VARIABLE, TRACE_VARIABLE):
            continue
        key = _environment_key(variable, stations)
        parsed = _environment_value(variable, text, key, tree)
        inside = _leaves(parsed, key) if isinstance(parsed, dict) else {key: parsed}
        for leaf, value in inside.items():
            values[leaf] = value
            spelling[leaf] = variable
    return Layer("the environment", values, spelling)


def environment_name(station: str) -> str:
    """How a station is called in a variable: upper case, `_` for whatever is not A-Z or 0-9.

    `Radio 1`, `radio-1` and `radio.1` are all RADIO_1.
    """
    return re.sub(r"[^A-Z0-9]+", "_", station.upper())


def _environment_key(variable: str, stations: set[str]) -> Key:
    parts = variable.removeprefix(ENV_PREFIX).split("__")
    if len(parts) < 3 or parts[0] != "STATIONS":
        return tuple(part.lower() for part in parts)
    wanted = "_".join(parts[1:-1])
    meant = sorted(name for name in stations if environment_name(name) == wanted)
    if len(meant) > 1:
        raise SettingsError(
            f"{variable}: it may mean any of the stations {', '.join(map(repr, meant))};"
            " set the key in songid.toml instead."
        )
    return ("stations", meant[0] if meant else wanted.lower(), parts[-1].lower())


def _environment_value(variable: str, text: str, key: Key, tree: type[BaseModel]) -> Any:
    info = tree.model_fields.get(key[0]) if len(key) == 1 else None
    if info is None:
        return text
    if get_origin(info.annotation) is tuple:
        if not text.lstrip().startswith("["):
            return text.split()
    elif key != ("stations",):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{variable}: this is not valid JSON: {error}.") from None


# -- what is wrong ----------------------------------------------------------------------


def dotted(key: Key) -> str:
    """A key as TOML writes it: bare names joined by dots, others in quotes."""
    return ".".join(
        part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else json.dumps(part) for part in key
    )


def sentences(error: ValidationError, found: list[Layer], tree: type[BaseModel]) -> SettingsError:
    """The error with a line for each thing that is wrong: where, what, and what is right."""
    lines = []
    for detail in error.errors(include_url=False):
        key = tuple(str(part) for part in detail["loc"])
        where = _where(key, found)
        if detail["type"] == "extra_forbidden":
            lines.append(f"{where}: there is no such key; {_meant(key, tree)}")
            continue
        if detail["type"] == "model_type":
            lines.append(f"{where}: this is a section with keys of its own, not a value.")
            continue
        what = detail["msg"].removeprefix("Value error, ").rstrip(".?")
        got = "" if detail["type"] == "value_error" else f", not {_shown(detail['input'])}"
        lines.append(f"{where}: {what[:1].lower() + what[1:]}{got}." if where else f"{what}.")
    return SettingsError("\n".join(lines))


def _where(key: Key, found: list[Layer]) -> str:
    for layer in reversed(found):
        for length in range(len(key), 0, -1):
            if key[:length] in layer.spelling:
                return layer.spelling[key[:length]]
        inner = [leaf for leaf in layer.values if key and leaf[: len(key)] == key]
        if inner:
            whole = dotted(key)
            return (
                layer.spelling[inner[0]]
                if layer.name == "the environment"
                else (f"{layer.name}: {whole}")
            )
    return dotted(key)


def _meant(key: Key, tree: type[BaseModel]) -> str:
    section: Any = tree
    for part in key[:-1]:
        info = section.model_fields.get(part) if hasattr(section, "model_fields") else None
        if part == "stations":
            section = info.annotation.__args__[1] if info else None
            continue
        section = info.annotation if info else section
    names = list(getattr(section, "model_fields", {}))
    close = get_close_matches(key[-1], names, n=1)
    if close:
        return f"did you mean {dotted((*key[:-1], close[0]))!r}?"
    return f"known there: {', '.join(sorted(names))}."


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
