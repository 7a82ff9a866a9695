"""README.md and the top of the repository: what they say is there, and nothing else is."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import click
import jsonschema
import pytest

from songid.cli import cli
from songid.schemas import load_schema
from songid.settings import describe

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.M | re.S)
SHELL = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
INLINE = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", README, flags=re.M | re.S))
SONGID = sorted({c for c in [*SHELL, *INLINE] if re.match(r"(.*\| )?songid( |$)", c)})
MAKE = sorted({c for c in [*SHELL, *INLINE] if re.match(r"make [a-z]", c)})
TOP = {"LICENSE", "Makefile", "README.md", "lambda_build", "plugins", "pyproject.toml"}
TOP |= {"reports_templates", "songid", "terraform", "tests", "uv.lock"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|TBD|XXX|lorem)\b|/(root|home|tmp|Users)/", re.I)


def section(name: str) -> str:
    """What stands between the markers of a section that is not written by hand."""
    (text,) = re.findall(rf"<!-- {name}: begin.*?-->\n(.*?)<!-- {name}: end -->", README, re.S)
    return str(text)


def test_the_table_of_settings_is_the_one_that_songid_prints() -> None:
    assert section("settings") == describe(), "paste the output of `songid settings describe`"


@pytest.mark.parametrize("text", SONGID)
def test_every_songid_command_shown_is_one(text: str) -> None:
    words = shlex.split(text.rpartition("| ")[2])[1:]
    command: click.Command = cli
    with click.Context(cli) as context:
        while words:
            parser = command.make_parser(context)
            word = words.pop(0)
            if word.startswith("-") and word != "-":
                option = parser._long_opt.get(word) or parser._short_opt.get(word)
                assert option is not None, f"{command.name} has no option {word}"
                if option.takes_value and words:
                    words.pop(0)
            elif isinstance(command, click.Group):
                found = command.get_command(context, word)
                assert found is not None, f"there is no command {word}"
                command = found


@pytest.mark.parametrize("text", MAKE)
def test_every_make_target_shown_is_one_and_knows_its_variables(text: str) -> None:
    target, *variables = shlex.split(text)[1:]
    (recipe,) = re.findall(rf"^{target}:.*\n(?:\t.*\n)*", MAKEFILE, re.M)
    for variable in variables:
        name = variable.partition("=")[0]
        used = (f"$${{{name}:+", f'"$${name}"', f"$({name})")
        assert any(each in recipe for each in used), name


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_leads_to_something_that_is_in_the_repository(link: str) -> None:
    assert not link.startswith("http"), "nothing outside is needed to read this"
    assert (ROOT / link).exists()


@pytest.mark.parametrize("anchor", sorted(set(re.findall(r"\]\(#([^)]+)\)", README))))
def test_every_link_within_the_page_leads_to_a_heading(anchor: str) -> None:
    headings = re.findall(r"^#+ (.+)$", README, re.M)
    assert anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}


def test_the_event_shown_keeps_the_schema_of_events() -> None:
    (text,) = [text for kind, text in BLOCKS if kind == "json"]
    jsonschema.validate(json.loads(text), load_schema("event"))


def test_the_top_of_the_repository_holds_what_it_should() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git repository, so what is part of it cannot be told")
    names = {line.partition("/")[0] for line in listed.stdout.splitlines()}
    assert {name for name in names if not name.startswith(".")} <= TOP


@pytest.mark.parametrize(
    "path", ["README.md", "Makefile", "plugins/README.md", "plugins/template/README.md"]
)
def test_what_people_read_first_is_finished_and_speaks_of_no_ones_machine(path: str) -> None:
    found = UNFINISHED.search((ROOT / path).read_text("utf-8"))
    assert found is None, found
