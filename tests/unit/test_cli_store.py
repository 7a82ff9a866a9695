from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from postgres_material import PACKAGE, server_or_skip, session_folder
from small_material import put, song

from songid.cli import run

Capture = pytest.CaptureFixture[str]


def answer(capsys: Capture, *arguments: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*arguments, "--json"]) == code
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.fixture
def database(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The URL of a database without tables, with a password that it does not ask for."""
    server = server_or_skip(session_folder(tmp_path_factory), PACKAGE)
    monkeypatch.chdir(tmp_path)
    return server.url(f"cli_{os.getpid()}_{tmp_path.name}"[:60], user="postgres:hush", patience_s=5)


def test_a_database_is_migrated_checked_and_used(
    database: str, tmp_path: Path, capsys: Capture
) -> None:
    store = ["--store", database]
    assert run([*store, "store", "check"]) == 2
    assert "run `songid store migrate`" in capsys.readouterr().err
    assert run([*store, "store", "migrate"]) == 0
    assert "Created the tables (version 1)." in capsys.readouterr().out
    assert answer(capsys, *store, "store", "migrate")["steps"] == []
    put(tmp_path / "songs/1.mp3", song(1))
    assert run([*store, "index", "songs", "--workers", "1"]) == 0
    document = answer(capsys, *store, "store", "check")
    assert document["reached"] is True
    assert (document["volumes"], document["recordings"], document["stations"]) == (1, 1, [])
    assert document["postings"] > 0
    assert document["catalogue_version"] >= 1
    assert run([*store, "identify", "songs/1.mp3"]) == 0
    assert run([*store, "store", "check"]) == 0
    out = capsys.readouterr().out
    assert "1 volume with" in out and "1 recording," in out
    assert "hush" not in out


def test_what_cannot_be_reached_is_told_with_the_reason_and_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    store = ["--store", f"postgresql://me:hush@/songs?host={tmp_path}&patience_s=0"]
    assert run([*store, "store", "check"]) == 2
    captured = capsys.readouterr()
    assert "could not be used" in captured.err
    document = answer(capsys, *store, "store", "check", code=2)
    assert document["reached"] is False
    assert "could not be used" in document["error"]
    assert "hush" not in captured.err + str(document)


def test_a_store_that_needs_no_migration_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["--store", "sqlite:songs", "store", "migrate"]) == 0
    assert "sqlite:songs: nothing to do" in capsys.readouterr().out
    assert answer(capsys, "--store", "sqlite:songs", "store", "check")["reached"] is True
