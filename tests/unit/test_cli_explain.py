"""`songid explain`: what it prints and draws, which recording is meant, and its exit codes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from small_material import aired, put, song, title

from songid.cli import run
from songid.schemas import load_schema

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a catalogue of two songs, and files to ask about."""
    folder = tmp_path_factory.mktemp("explained")
    for seed in (1, 2):
        put(folder / f"songs/{seed}.mp3", song(seed))
    put(folder / "known.ts", aired(3, 1))
    put(folder / "unknown.mp3", song(3))
    put(folder / "broken.mp3", b"\0" * 999)
    store = f"sqlite:{folder}/songid-data"
    assert run(["--store", store, "index", str(folder / "songs"), "--workers", "1"]) == 0
    return folder


@pytest.fixture(autouse=True)
def folder(indexed: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> Path:
    monkeypatch.chdir(indexed)
    capsys.readouterr()
    return indexed


def test_a_match_is_explained_in_words_and_drawn(folder: Path, capsys: Capture) -> None:
    assert run(["explain", "known.ts", "--out", "why.svg"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Matched: ") and f"“{title(1)}”" in out
    for what in ("window", "score", "discount", "heard in", "landmarks", "lag", "warp", "drawn"):
        assert f"\n{what} " in out
    svg = ElementTree.fromstring((folder / "why.svg").read_bytes())
    assert svg.get("width") == "1000"


def test_what_was_not_matched_says_so_with_exit_code_1(folder: Path, capsys: Capture) -> None:
    assert run(["explain", "unknown.mp3"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("Not matched: ") and "is needed" in out
    assert run(["explain", "known.ts", title(2)]) == 1
    assert f"What is heard is “{title(1)}”" in capsys.readouterr().out
    assert run(["explain", "known.ts", title(1), "--at", "3"]) == 1


def test_a_recording_is_named_by_its_id_or_by_a_part_of_its_title(capsys: Capture) -> None:
    assert run(["explain", "known.ts", title(1)[1:].upper(), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, load_schema("explanation"))
    assert document["verdict"] == "matched"
    chosen = document["candidates"][0]
    assert chosen["title"] == title(1)
    for name in (chosen["recording_id"], chosen["recording_id"][:8]):
        assert run(["explain", "known.ts", name, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == document


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere.mp3"], 3, "nowhere.mp3: there is no such file"),
        (["broken.mp3"], 3, "nothing but zeros"),
        (["known.ts", "no such song"], 2, "no such song: no recording has it"),
        (["known.ts", "-"], 2, "; name one by its ID"),
        (["known.ts", "--at", "99"], 2, "s, and 99 s were asked about"),
        (["known.ts", "--at", "-1"], 2, "-1"),
        (["known.ts", "--out", "why.pdf"], 2, "name a file that ends in .svg"),
        (["known.ts", "--out", "no/such/folder/why.svg"], 2, "it cannot be written"),
    ],
)
def test_what_cannot_be_explained_is_said_in_a_line(
    arguments: list[str], code: int, said: str, capsys: Capture
) -> None:
    assert run(["explain", *arguments]) == code
    captured = capsys.readouterr()
    assert said in captured.err and "Traceback" not in captured.err and captured.out == ""


def test_programs_are_told_of_a_file_that_cannot_be_read_as_well(capsys: Capture) -> None:
    assert run(["explain", "broken.mp3", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, load_schema("explanation"))
    assert document["source"] == "broken.mp3" and document["error"]


def test_standard_input_is_explained(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    class Standard:
        buffer = io.BytesIO(song(2))

    monkeypatch.setattr("sys.stdin", Standard)
    assert run(["explain", "-", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["source"] == "standard input"
    assert document["candidates"][0]["title"] == title(2)


def test_what_explain_says_agrees_with_what_identify_finds(capsys: Capture) -> None:
    for file in ("known.ts", "unknown.mp3", "songs/1.mp3"):
        assert run(["explain", file]) == run(["identify", file])
