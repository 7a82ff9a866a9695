"""Renders what a Terraform module takes and gives as tables in its README.

Also lists the time zones that Terraform accepts, which it cannot look up by itself.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hcl2
from hcl2.rules.base import AttributeRule, BlockRule
from hcl2.rules.containers import ObjectElemRule, ObjectRule
from hcl2.rules.functions import FunctionCallRule
from hcl2.rules.whitespace import NewLineOrCommentRule
from hcl2.utils import SerializationContext, SerializationOptions
from hcl2.walk import find_first

MODULE = Path(__file__).resolve().parents[1]
TIME_ZONES = MODULE / "time_zones.txt"

REQUIRED = "required"
# Names that stand for no place, and would be another zone on another machine.
_NO_ZONES = {"Factory", "localtime", "posixrules"}


@dataclass(frozen=True, slots=True)
class Input:
    """A variable, or (`name` with a dot) an attribute of one that is an object."""

    name: str
    type: str
    default: str
    description: str


@dataclass(frozen=True, slots=True)
class Output:
    name: str
    description: str


# -- reading ----------------------------------------------------------------------------


def read_inputs(text: str) -> list[Input]:
    """What the `variable` blocks of `text` say: required ones first, else as they stand there.

    An object's attributes follow it, each with what its comment says (the one on its line, or
    those above it), or else with the sentence "`attribute`: ..." of the variable's description.
    """
    variables = [list(_variable(block)) for block in _blocks(text, "variable")]
    variables.sort(key=lambda rows: rows[0].default != REQUIRED)
    return [row for rows in variables for row in rows]


def read_outputs(text: str) -> list[Output]:
    return [Output(_label(block), _marked(_attributes(block))) for block in _blocks(text, "output")]


def _blocks(text: str, kind: str) -> Iterator[BlockRule]:
    for child in hcl2.parses(text).body.children:
        if isinstance(child, BlockRule) and child.labels[0].serialize() == kind:
            yield child


def _label(block: BlockRule) -> str:
    return str(block.labels[1].serialize()).strip('"')


def _attributes(block: BlockRule) -> dict[str, Any]:
    found = [child for child in block.body.children if isinstance(child, AttributeRule)]
    return {str(each.identifier.serialize()): each.expression for each in found}


def _variable(block: BlockRule) -> Iterator[Input]:
    said = _attributes(block)
    name = _label(block)
    default = _source(said["default"]) if "default" in said else REQUIRED
    text = _marked(said)
    rows = []
    for row in _rows_of(name, said.get("type")):
        if not row.description:
            own, text = _sentence(row.name.rpartition(".")[2], text)
            row = replace(row, description=own)
        rows.append(row)
    yield Input(name, _type_name(said.get("type")), default, text)
    yield from rows


def _sentence(attribute: str, text: str) -> tuple[str, str]:
    """What `text` says of `attribute`, and what is left of it."""
    found = re.search(rf"\s*(?:^- )?`{attribute}`:\s+(.*?\.)(?=\s|$)", text, re.S | re.M)
    if not found:
        return "", text
    return found[1], (text[: found.start()] + text[found.end() :]).strip()


def _rows_of(name: str, type_: Any) -> Iterator[Input]:
    """A row for each attribute of the object that `type_` is, or is a collection of."""
    while (call := _call(type_)) and call[0] in ("map", "list", "set", "optional"):
        if call[0] != "optional":
            name += "[*]"
        type_ = call[1][0]
    if not call or call[0] != "object":
        return
    for key, attribute, comment in _elements(find_first(type_, ObjectRule)):
        default = REQUIRED
        call = _call(attribute)
        if call and call[0] == "optional":
            attribute, *rest = call[1]
            default = _source(rest[0]) if rest else "null"
        yield Input(f"{name}.{key}", _type_name(attribute), default, comment)
        yield from _rows_of(f"{name}.{key}", attribute)


def _elements(rule: ObjectRule | None) -> Iterator[tuple[str, Any, str]]:
    """Each element of an object: its key, its value, and what its comments say."""
    found: list[tuple[str, Any, list[str]]] = []
    above: list[str] = []
    for child in rule.children if rule else []:
        if isinstance(child, NewLineOrCommentRule):
            on_the_line, *lines = str(child.serialize()).split("\n")
            if found and on_the_line.strip():
                found[-1][2].append(_uncommented(on_the_line))
            above += [_uncommented(line) for line in lines if line.strip()]
        elif isinstance(child, ObjectElemRule):
            key = str(child.key.serialize()).strip('"')
            found.append((key, child.expression, above))
            above = []
    for key, expression, comments in found:
        yield key, expression, " ".join(comments)


def _uncommented(line: str) -> str:
    return re.sub(r"^(#|//|/\*)\s*|\s*\*/$", "", line.strip())


def _call(expression: Any) -> tuple[str, list[Any]] | None:
    """The name and arguments of the function call that `expression` is, if it is one."""
    rule = expression
    while rule is not None and not isinstance(rule, FunctionCallRule):
        inner = [each for each in getattr(rule, "children", []) if each is not None]
        rule = inner[0] if len(inner) == 1 else None
    if rule is None:
        return None
    name = "::".join(str(each.serialize()) for each in rule.identifiers)
    return name, list(rule.arguments.arguments) if rule.arguments else []


def _type_name(type_: Any) -> str:
    """A type as it is written, but for what an object holds."""
    if type_ is None:
        return "any"
    call = _call(type_)
    if not call:
        return _source(type_)
    name, arguments = call
    if name == "object":
        return "object"
    return f"{name}({', '.join(map(_type_name, arguments))})" if arguments else name


def _source(expression: Any) -> str:
    """An expression as it is written, on one line."""
    written = expression.serialize(
        SerializationOptions(), SerializationContext(inside_dollar_string=True)
    )
    if written is None or isinstance(written, bool):
        return json.dumps(written)
    return " ".join(str(written).split())


def _marked(said: dict[str, Any]) -> str:
    text = _text(said["description"]) if "description" in said else ""
    secret = "sensitive" in said and _source(said["sensitive"]) == "true"
    return f"{text} (sensitive)".lstrip() if secret else text


def _text(expression: Any) -> str:
    """The string that an expression is, without quotes, escapes and heredoc marks."""
    written = str(expression.serialize())
    heredoc = re.fullmatch(r'"?<<(-?)(\w+)\n(.*?)\n?[ \t]*\2"?\s*', written, re.S)
    if heredoc:
        text = textwrap.dedent(heredoc[3]) if heredoc[1] else heredoc[3]
    else:
        text = json.loads(written)
    return text.replace("$${", "${").replace("%%{", "%{").strip()


# -- writing ----------------------------------------------------------------------------


def inputs_table(inputs: list[Input]) -> str:
    rows = [[_code(i.name), _code(i.type), _default(i), _cell(i.description)] for i in inputs]
    return _table(["name", "type", "default", "what it is"], rows)


def outputs_table(outputs: list[Output]) -> str:
    return _table(["name", "what it is"], [[_code(o.name), _cell(o.description)] for o in outputs])


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _default(row: Input) -> str:
    return REQUIRED if row.default == REQUIRED else _code(row.default)


def _code(text: str) -> str:
    mark = "``" if "`" in text else "`"
    return f"{mark}{text}{mark}".replace("|", "\\|")


def _cell(text: str) -> str:
    """Markdown of several lines as one cell: paragraphs and list items on lines of their own."""
    parted = re.split(r"\n\s*\n|\n(?=\s*[-*] )", text)
    outside = re.compile(r"(`[^`]*`)|<")
    lines = (outside.sub(lambda m: m[1] or "&lt;", " ".join(each.split())) for each in parted)
    return "<br>".join(lines).replace("|", "\\|")


def render(readme: str, tables: dict[str, str]) -> str:
    """`readme` with each table between its markers."""
    for name, table in tables.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        if readme.count(begin) != 1 or readme.count(end) != 1:
            raise SystemExit(f"the README needs {begin} and {end}, once each")
        before, _, rest = readme.partition(begin)
        readme = f"{before}{begin}\n\n{table}\n{end}{rest.partition(end)[2]}"
    return readme


def rendered(module: Path = MODULE) -> tuple[str, str]:
    """The README of `module` as it is, and as it should be."""
    readme = (module / "README.md").read_text("utf-8")
    inputs = read_inputs((module / "variables.tf").read_text("utf-8"))
    outputs = read_outputs((module / "outputs.tf").read_text("utf-8"))
    tables = {"inputs": inputs_table(inputs), "outputs": outputs_table(outputs)}
    return readme, render(readme, tables)


# -- time zones -------------------------------------------------------------------------


def time_zones() -> list[str]:
    """The names in the time zone data that comes with songid, sorted."""
    from importlib.resources import files

    names = files("tzdata").joinpath("zones").read_text("utf-8").split()
    return sorted(name for name in names if _is_zone(name))


def _is_zone(name: str) -> bool:
    from songid.errors import SettingsError
    from songid.stations import zone_named

    if name in _NO_ZONES or name.startswith(("posix/", "right/")):
        return False
    try:
        zone_named(name)
    except SettingsError:
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--check", action="store_true", help="change nothing, show what would")
    only.add_argument("--time-zones", action="store_true", help=f"write {TIME_ZONES.name}")
    options = parser.parse_args()
    if options.time_zones:
        TIME_ZONES.write_text("".join(f"{name}\n" for name in time_zones()), "utf-8")
        return 0
    before, after = rendered()
    if options.check:
        names = ("README.md as it is", "README.md as `make tf-docs` writes it")
        diff = list(difflib.unified_diff(before.splitlines(), after.splitlines(), *names, "", ""))
        print("\n".join(line.rstrip("\n") for line in diff), end="\n" if diff else "")
        return 1 if diff else 0
    (MODULE / "README.md").write_text(after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
