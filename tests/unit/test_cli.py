from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from songid.cli import cli, run
from songid.errors import StoreError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command() -> Callable[[Exception], list[str]]:
    """Makes a command that fails in one way."""

    def make(error: BaseException) -> list[str]:
        @click.command("fails")
        def fails() -> None:
            raise error

        cli.add_command(fails)
        return ["fails"]

    yield make  # type: ignore[misc]
    cli.commands.pop("fails", None)


def test_help_comes_without_loading_what_is_heavy() -> None:
    program = (
        "import sys; from songid.cli import run; code = run(['--help']);"
        "heavy = {'numpy', 'scipy', 'av', 'pydantic', 'rich', 'apscheduler', 'jinja2'};"
        "print(code, sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 []"
    assert "Exit codes:" in done.stdout


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert "Usage: songid" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command"),
        (["identify"], "Missing argument"),
        (["index", "nowhere"], "does not exist"),
        (["--set", "listening.treshold=1", "plugins"], "did you mean 'listening.threshold'"),
        (["--set", "nothing", "plugins"], "KEY=VALUE"),
        (["--config", "missing.toml", "plugins"], "no such file"),
        (
            ["--store", "postgres://x", "catalogue", "list"],
            "Installed: dynamodb, memory, postgresql, sqlite",
        ),
        (["report"], "nothing was heard yet"),
        (["report", "--all", "--date", "today"], "exclude each other"),
        (["plays", "radio"], "nothing was heard of a station 'radio'"),
        (["catalogue", "show", "abcdef"], "no recording has it"),
        (["catalogue", "remove"], "--source PATH"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line_and_with_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err and captured.out == ""


def test_an_error_meant_for_the_user_is_shown_as_it_is(
    command: Callable[[BaseException], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(StoreError("the disk is full; make room"))) == 2
    assert capsys.readouterr().err == "songid: the disk is full; make room\n"


def test_an_interrupt_says_what_is_kept(
    command: Callable[[BaseException], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(KeyboardInterrupt())) == 130
    assert "is kept" in capsys.readouterr().err


def test_a_defect_is_shown_whole_and_asks_to_be_reported(
    command: Callable[[BaseException], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(ZeroDivisionError("oh"))) == 70
    captured = capsys.readouterr()
    assert "Traceback" in captured.err and "please report it" in captured.err


def test_output_may_be_closed_early() -> None:
    songid = Path(sys.executable).with_name("songid")
    done = subprocess.run(
        f"{songid} settings describe | head -c 10; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "" and done.returncode in (0, 141)


def test_plugins_are_listed_with_what_failed_and_why(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.py").write_text("import no_such_module\n")
    assert run(["--set", "plugins=broken.py", "plugins"]) == 0
    out = capsys.readouterr().out
    assert "songid_plugins" in out and "stores: dynamodb, memory, postgresql, sqlite" in out
    assert "failed" in out and "no_such_module" in out
    assert run(["plugins", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["status"] for row in rows} == {"loaded"}


def test_settings_in_force_are_shown_without_passwords_and_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = [
        "--store",
        "postgresql://me:secret@host/db",
        "--set",
        "sinks=stdout https://h/?secret=x",
    ]
    assert run([*arguments, "--set", "index.workers=3", "settings", "show"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["store"] == "postgresql://me:***@host/db"
    assert shown["sinks"] == ["stdout", "https://h/?secret=***"]
    assert shown["index"]["workers"] == 3


def test_the_example_settings_can_be_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["settings", "example"]) == 0
    (folder / "songid.toml").write_text(capsys.readouterr().out)
    assert run(["settings", "show"]) == 0
