from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from songid.audio.encode import encode
from songid.testing.music import compose

TESTS = Path(__file__).parents[1]


def test_a_large_catalogue_is_made_measured_beside_smaller_ones_and_kept(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for seed in range(4):
        samples, _ = compose(seed, 40.0, 11_025)
        encode(samples, 11_025, music / f"{'abcd'[seed]}.wav")
    options = ["--recordings", "12", "--excerpts", "2", "--unknown-excerpts", "1"]
    options += ["--distortions", "MP3", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", "--music", str(music), *options],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "12 recordings" in done.stdout
    assert "memory besides the page cache" in done.stdout
    assert (tmp_path / "scale-12" / "made.json").exists()
    (kept,) = (tmp_path / "scale").glob("bench-*.json")
    (section,) = json.loads(kept.read_text())["sections"]
    assert [each["recordings"] for each in section["details"]["catalogues"]] == [3, 3, 12]
