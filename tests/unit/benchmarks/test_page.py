"""The page and its chart: whole without a network, well-formed, and true to the numbers."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import pytest
from benchmarks.answers import Cell
from benchmarks.chart import recall_chart
from benchmarks.page import as_page, measure_of, write_page
from benchmarks.results import Entry, Measure, Section, Table, keep

SVG = "{http://www.w3.org/2000/svg}"


def cell(distortion: str, length_s: float, found: int, target: float | None) -> dict[str, object]:
    made = Cell(distortion, length_s, 40, found, 0.5, 0.9, target, found, found, 40, 0)
    return asdict(made) | {"recall": made.recall, "reached": made.reached}


CELLS = [
    cell("clean AAC/TS", 5.0, 40, 0.99),
    cell("clean AAC/TS", 10.0, 40, 1.0),
    cell("pink noise -5 dB", 10.0, 20, 0.8),
    cell("pink noise -5 dB", 20.0, 39, 0.8),
]


def run(folder: Path, details: dict[str, object]) -> Path:
    section = Section(
        "Recall <at> & over",
        "40 excerpts",
        [Measure("share", 0.5, at_least=0.9, trials=40), Measure("a cell", 1.0, in_table=True)],
        tables=[Table("a table", ("", "5 s"), ((Entry("<room>"), Entry("0.10", False)),))],
        lines=["a line & more"],
        details=details,
    )
    return keep([section], folder, {"music": "9 files", "speech": None})


def test_the_chart_shows_every_cell_at_its_recall() -> None:
    root = ElementTree.fromstring(recall_chart(CELLS, 0.002))
    dots = [c for c in root.iter(f"{SVG}circle") if c.find(f"{SVG}title") is not None]
    at = {c.findtext(f"{SVG}title"): (float(c.get("cx", 0)), c.get("class")) for c in dots}
    assert len(at) == 4
    full, half = at["clean AAC/TS, 10 s: 40 of 40"], at["pink noise -5 dB, 10 s: 20 of 40"]
    none = full[0] - 2 * (full[0] - half[0])
    assert at["pink noise -5 dB, 20 s: 39 of 40"][0] == pytest.approx(
        none + 0.975 * (full[0] - none), abs=0.2
    )
    assert (full[1], half[1]) == ("ten", "ten short")
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert texts.count("missed") == 1
    assert "Noise" in texts
    assert "Pitch alone" not in texts


def test_the_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    page, chart = write_page(run(tmp_path, {"cells": CELLS, "false_rate": 0.002}))
    assert chart is not None
    assert (tmp_path / "latest.html").read_text() == page.read_text()
    assert (tmp_path / "latest.svg").read_text() == chart.read_text()
    for text in (page.read_text(), chart.read_text()):
        assert not re.search(r"<script|@import|<link|<img|src=|url\(", text)
        assert set(re.findall(r"https?://[^\s\"']+", text)) <= {"http://www.w3.org/2000/svg"}
        assert "prefers-color-scheme: dark" in text


def test_the_page_says_what_was_measured_and_escapes_it(tmp_path: Path) -> None:
    text = write_page(run(tmp_path, {}))[0].read_text()
    assert "Recall &lt;at&gt; &amp; over" in text
    assert "&lt;room&gt;" in text
    assert "0 of 1 targets reached" in text
    assert "0.352-0.648 of 40" in text
    assert "a cell" not in text
    assert text.count('<span class="missed">missed</span>') == 2


def test_without_recall_there_is_a_page_but_no_chart(tmp_path: Path) -> None:
    page, chart = write_page(run(tmp_path, {}))
    assert page.exists()
    assert chart is None
    assert "<svg" not in page.read_text()


def test_a_run_kept_before_tables_and_trials_were_is_still_shown(tmp_path: Path) -> None:
    document = json.loads(run(tmp_path, {}).read_text())
    for section in document["sections"]:
        del section["tables"]
        for measure in section["measures"]:
            del measure["trials"], measure["in_table"]
    assert "a cell" in as_page(document, "")
    assert measure_of(document["sections"][0]["measures"][0]).value == 0.5
