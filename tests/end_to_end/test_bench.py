from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_the_benchmark_measures_and_keeps_its_numbers(tmp_path: Path) -> None:
    options = ["--pieces", "3", "--recordings", "4", "--parts", "index", "search"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench", *options, "--out", str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "bytes per posting, all in" in done.stdout
    (kept,) = tmp_path.glob("bench-*.json")
    assert json.loads(kept.read_text())
