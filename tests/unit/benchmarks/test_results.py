"""The benchmark's pure parts: targets, tables, JSON, splitting, and measuring a process."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks.material import Music, single, split, versions
from benchmarks.relatives import likeness
from benchmarks.resources import median_cpu_s, run_fresh, stopwatch
from benchmarks.results import Entry, Measure, Section, Table, as_text, keep, kept_runs


def test_a_target_is_reached_missed_or_not_there() -> None:
    assert Measure("a", 2.5, at_most=2.5).reached is True
    assert Measure("a", 2.6, at_most=2.5).reached is False
    assert Measure("a", 98.0, at_least=98).reached is True
    assert Measure("a", 1.0).reached is None
    assert Measure("a", float("nan"), at_most=1).reached is False


def test_the_table_shows_every_number_beside_its_target() -> None:
    section = Section(
        "Speed",
        "3 files",
        [Measure("decoding", 1234.5, "x real time"), Measure("ratio", 2.75, at_most=2.5)],
        lines=["a line of its own"],
    )
    text = as_text([section])
    assert "Speed  (3 files)" in text
    assert "1,234 x real time" in text
    assert "at most 2.50" in text
    assert "MISSED" in text
    assert "a line of its own" in text
    assert text.endswith("0 of 1 targets reached")


def test_what_is_kept_is_strict_json_with_machine_and_settings(tmp_path: Path) -> None:
    section = Section("S", "m", [Measure("x", float("nan"), at_most=1)], details={"rows": [(1, 2)]})
    path = keep([section], tmp_path, {"music": "12 pieces"})
    document = json.loads(path.read_text())
    assert document == json.loads((tmp_path / "latest.json").read_text())
    assert document["settings"] == {"music": "12 pieces"}
    assert document["machine"]["cores"] >= 1
    assert document["sections"][0]["measures"][0]["value"] is None
    assert document["sections"][0]["measures"][0]["reached"] is False


def test_shares_show_their_interval_and_tables_their_verdicts() -> None:
    section = Section(
        "Recall",
        "40 excerpts",
        [
            Measure("share", 0.975, at_least=0.95, trials=40),
            Measure("cell", 0.5, at_least=0.8, trials=40, in_table=True),
        ],
        tables=[Table("found", ("", "5 s"), ((Entry("room"), Entry("0.50", False)),))],
    )
    lines = as_text([section]).splitlines()
    share = next(line for line in lines if "share" in line)
    assert share.split()[-6:] == ["at", "least", "0.95", "ok", "0.871-0.996", "of", "40"][-6:]
    assert "  room  0.50 MISSED" in lines
    assert not any("cell" in line for line in lines)
    assert lines[-1] == "1 of 2 targets reached"
    assert Measure("x", float("nan"), trials=0).interval is None


def test_a_row_of_numbers_is_one_line_and_runs_are_found_in_order(tmp_path: Path) -> None:
    section = Section("S", "m", details={"queries": [["a", 1, None], ["b", 2, 0.5]], "none": {}})
    path = keep([section], tmp_path, {})
    assert '["a", 1, null],\n' in path.read_text()
    (tmp_path / "bench-19990101T000000Z.json").write_text("{}")
    assert kept_runs(tmp_path) == [tmp_path / "bench-19990101T000000Z.json", path]


def test_the_same_quarter_is_held_out_wherever_the_files_lie() -> None:
    names = [f"song {n}.ogg" for n in range(40)]
    here = split([Path("/a") / n for n in names], "here")
    there = split([Path("/b") / n for n in reversed(names)], "there")
    assert len(here.unknown) == 10
    assert {p.name for p in here.unknown} == {p.name for p in there.unknown}
    assert not set(here.unknown) & set(here.indexed)
    assert len(here.files) == 40


def test_versions_of_a_piece_are_held_out_together() -> None:
    files = [Path(f"{n}{v}.ogg") for n in ("a", "b", "c", "d") for v in ("", "_fast", " (Remix)")]
    music = split(files, "versions")
    assert len(music.unknown) == 3
    assert len({path.stem[0] for path in music.unknown}) == 1


def test_what_follows_another_files_name_is_a_version_but_a_number_is_not() -> None:
    names = ("farm", "farm_f", "farm_2", "farmhouse", "Sun", "sun - live", "suite_01", "suite_02")
    groups = versions([Path(f"{name}.ogg") for name in names])
    assert sorted(sorted(path.stem for path in group) for group in groups.values()) == [
        ["Sun", "sun - live"], ["farm", "farm_f"], ["farm_2"], ["farmhouse"], ["suite_01"],
        ["suite_02"],
    ]  # fmt: skip


def test_only_pieces_of_one_version_are_asked_for() -> None:
    files = [Path(f"{name}.ogg") for name in ("a", "a_fast", "b", "c", "d")]
    music = Music(tuple(files[:4]), (files[4],), "x")
    assert [path.stem for path in single(music)] == ["b", "c"]
    assert single(Music(tuple(files[:2]), (), "x")) == files[:2]


def test_the_same_sound_is_told_from_another_by_its_samples() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.standard_normal((2, 9000)).astype(np.float32)
    noisy = one + 0.5 * other
    assert likeness(one[2000:5000], 0.1 * noisy) > 0.8
    assert likeness(one[2000:5000], other) < 0.2
    assert likeness(one[:0], other) == 0.0


def test_cpu_time_is_that_of_work_and_not_of_waiting() -> None:
    with stopwatch() as watch:
        sum(range(2_000_000))
    assert 0 < watch.cpu_s < 5
    assert median_cpu_s(lambda: sum(range(1000)), 3) < 0.1


def test_a_fresh_process_tells_its_answer_its_memory_and_its_failure(tmp_path: Path) -> None:
    fresh = run_fresh("benchmarks.listen_once", [str(tmp_path / "store")])
    assert fresh.answer["plays"] == 0
    assert 10e6 < fresh.answer["peak_bytes"] < 500e6
    assert 0.05 < fresh.cpu_s < 60
    with pytest.raises(RuntimeError, match="listen_once failed"):
        run_fresh("benchmarks.listen_once", [])
