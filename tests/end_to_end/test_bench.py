from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]


def run(module: str, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *options],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_benchmark_measures_keeps_its_numbers_and_compares_them(tmp_path: Path) -> None:
    out = ("--out", str(tmp_path))
    music = (*out, "--pieces", "3", "--recordings", "4")
    asked = ("--excerpts", "1", "--unknown-excerpts", "1", "--workers", "1")
    few = ("--distortions", "clean", "speed +2 %")
    shown = run(
        "benchmarks.bench", *music, *asked, *few, "--hours", "0.05",
        "--parts", "index", "search", "recall", "broadcast",
    )  # fmt: skip
    for expected in (
        "bytes per posting, all in",
        "recall at no more than 0.2% false positives",
        "songs aired that were found",
        "CPU over bare decoding of its segments",
    ):
        assert expected in shown
    (kept,) = tmp_path.glob("bench-*.json")
    document = json.loads(kept.read_text())
    sections = {section["title"]: section for section in document["sections"]}
    recall = sections["Recall"]["details"]
    assert len(recall["queries"]) == 2 * 2 * 3
    assert recall["queries_built"] == 2
    found = {(c["distortion"], c["length_s"]): c["found"] for c in recall["cells"]}
    assert found["clean AAC/TS", 10.0] == 1
    chart = kept.with_suffix(".svg").read_text()
    assert chart.startswith("<svg")
    assert chart.strip() in kept.with_suffix(".html").read_text()

    kept.rename(tmp_path / "bench-1.json")
    run("benchmarks.bench", *music, *asked, *few, "--parts", "recall")
    (kept,) = tmp_path.glob("bench-2*.json")
    (again,) = json.loads(kept.read_text())["sections"]
    assert again["details"]["queries_built"] == 0, "queries are kept"
    compared = run("benchmarks.compare", *out)
    assert "Found at songid's own threshold: 0 of 9 differ" in compared
    assert "Index on disk: only in the first run" in compared
