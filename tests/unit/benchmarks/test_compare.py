"""Two runs side by side: what changed, and which of it is more than chance."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.answers import Answer
from benchmarks.compare import main, tallies
from benchmarks.measures_recall import summary
from benchmarks.results import Measure, Section, keep

NAMES = ("room", "telephone mu-law")


def answer(known: bool, number: int, name: str, length_s: float, score: float) -> Answer:
    return Answer(
        known=known,
        number=number,
        title="a.ogg",
        distortion=name,
        length_s=length_s,
        confidence=score / 10,
        score=score,
        wrong_confidence=0.0,
        wrong_score=0.0,
        found=known and score > 5,
        offset_error_s=0.0 if known else None,
        wrong=(),
        cpu_ms=1.0,
    )


def recall(found: Callable[[int, str], bool], identity: str = "same") -> Section:
    answers = [
        each
        for number in range(30)
        for name in NAMES
        for length_s in (5.0, 10.0, 20.0)
        for each in (
            answer(True, number, name, length_s, 9.0 if found(number, name) else 2.0),
            answer(False, number, name, length_s, 3.0),
        )
    ]
    section = summary(answers, NAMES)
    section.details["queries_identity"] = identity
    return section


def compared(
    folder: Path, sections: list[Section], monkeypatch: pytest.MonkeyPatch, *options: str
) -> None:
    for number, section in enumerate(sections):
        kept = keep([section], folder / "new", {})
        kept.rename(folder / f"bench-{number}.json")
    monkeypatch.setattr(sys, "argv", ["compare", "--out", str(folder), *options])
    main()


def test_the_same_queries_are_compared_one_by_one() -> None:
    before = recall(lambda n, name: n % 3 > 0).details
    after = recall(lambda n, name: n % 3 != 1 or name == "room").details
    cells = {t.name: t for t in tallies(before, after, "rate")}
    room, line = cells["room, 10 s"], cells["telephone mu-law, 10 s"]
    assert (room.trials, room.before, room.after, room.gained, room.lost) == (30, 20, 30, 10, 0)
    assert (line.before, line.after, line.gained, line.lost) == (20, 20, 10, 10)
    assert room.p < 0.01
    assert line.p == 1.0
    assert list(cells)[-3:] == ["all kinds, 5 s", "all kinds, 10 s", "all kinds, 20 s"]


def test_distortions_of_one_excerpt_count_once_over_all_kinds() -> None:
    before = recall(lambda n, name: n > 0).details
    after = recall(lambda n, name: True).details
    pooled = next(t for t in tallies(before, after, "own") if t.name == "all kinds, 10 s")
    assert pooled.gained == 2
    assert pooled.p == 1.0, "one excerpt is one trial, however often it was distorted"


def test_only_what_differs_is_shown_and_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = recall(lambda n, name: n % 3 > 0)
    after = recall(lambda n, name: n % 3 > 0 or name == "room")
    compared(tmp_path, [before, after], monkeypatch)
    text = capsys.readouterr().out
    line = next(each for each in text.splitlines() if each.startswith("room, 10 s"))
    assert line.split(maxsplit=3)[3] == "0.667  1.000  10 gained, 0 lost of 30  **"
    assert "telephone mu-law, 10 s" not in text
    assert "bench-0.json" in text


def test_numbers_are_shown_with_their_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Section("Speed", "x", [Measure("ratio", 2.0, at_most=2.5), Measure("same", 1.0)])
    after = Section("Speed", "x", [Measure("ratio", 3.0, at_most=2.5), Measure("same", 1.0)])
    compared(tmp_path, [before, after], monkeypatch)
    text = capsys.readouterr().out
    assert "Speed: 1 of 2 differ" in text
    assert "+1 (+50.0%), now MISSED" in text


def test_shares_of_trials_are_marked_where_chance_does_not_part_them_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Section("Broadcasts", "x", [Measure("near", 0.5, trials=60), Measure("far", 0.5)])
    after = Section("Broadcasts", "x", [Measure("near", 0.9, trials=60), Measure("far", 0.9)])
    compared(tmp_path, [before, after], monkeypatch)
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("near")).split()[-2:] == ["+0.4", "*"]
    assert not next(line for line in lines if line.startswith("far")).rstrip().endswith("*")


def test_queries_of_other_music_are_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = (recall(lambda n, name: n > 2, identity) for identity in ("one", "other"))
    compared(tmp_path, [before, after], monkeypatch)
    assert "do not compare them" in capsys.readouterr().out


def test_two_runs_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = Section("Speed", "x")
    with pytest.raises(SystemExit, match="fewer than two"):
        compared(tmp_path, [section], monkeypatch)
    with pytest.raises(SystemExit, match="two files"):
        compared(tmp_path, [section], monkeypatch, str(tmp_path / "bench-0.json"))
    with pytest.raises(SystemExit, match="no such file"):
        compared(tmp_path, [section], monkeypatch, "a.json", "b.json")


def test_a_run_with_a_part_more_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compared(tmp_path, [Section("Speed", "x"), Section("Index", "x")], monkeypatch)
    text = capsys.readouterr().out
    assert "Index: only in the second run" in text
    assert json.loads((tmp_path / "bench-0.json").read_text())["sections"][0]["title"] == "Speed"
