"""A run of the benchmark as one page for people, with its chart; made from the kept JSON.

It holds all it needs: no other file, no script, nothing from the network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.chart import recall_chart
from benchmarks.results import Measure, interval_text, target_text, value_text
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_HERE = Path(__file__).parent


def write_page(run: Path) -> tuple[Path, Path | None]:
    """Write a run's page beside it and, where recall was measured, its chart; their paths.

    Both are written once more as `latest`.
    """
    document = json.loads(run.read_text(encoding="utf-8"))
    chart = chart_of(document)
    page = run.with_suffix(".html")
    for path in (page, run.with_name("latest.html")):
        path.write_text(as_page(document, chart), encoding="utf-8")
    if not chart:
        return page, None
    picture = run.with_suffix(".svg")
    for path in (picture, run.with_name("latest.svg")):
        path.write_text(chart, encoding="utf-8")
    return page, picture


def chart_of(document: Mapping[str, Any]) -> str:
    """The chart of a run's recall, an SVG document; empty where that was not measured."""
    for section in document["sections"]:
        if section["details"].get("cells"):
            return recall_chart(section["details"]["cells"], section["details"]["false_rate"])
    return ""


def as_page(document: Mapping[str, Any], chart: str) -> str:
    """A run as HTML."""
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [_section(section) for section in document["sections"]]
    judged = [m["reached"] for s in document["sections"] for m in s["measures"]]
    return environment.get_template("page.html.j2").render(
        measured_at=document["measured_at"].replace("T", " ").replace("+00:00", " UTC"),
        machine=document["machine"],
        about=[v for k in ("music", "speech") if (v := document["settings"].get(k))],
        chart=Markup(chart),
        sections=sections,
        reached=judged.count(True),
        judged=len(judged) - judged.count(None),
    )


def _section(section: Mapping[str, Any]) -> dict[str, Any]:
    measures = [measure_of(each) for each in section["measures"] if not each.get("in_table")]
    return {
        "title": section["title"],
        "material": section["material"],
        "measures": [
            {
                "name": m.name,
                "value": value_text(m),
                "target": target_text(m),
                "interval": interval_text(m),
                "reached": m.reached,
            }
            for m in measures
        ],
        "tables": section.get("tables", []),
        "lines": section["lines"],
    }


def measure_of(kept: Mapping[str, Any]) -> Measure:
    """A measure as it was before it was kept: null in JSON is not a number."""
    value = kept["value"]
    return Measure(
        name=kept["name"],
        value=float("nan") if value is None else value,
        unit=kept["unit"],
        at_most=kept["at_most"],
        at_least=kept["at_least"],
        trials=kept.get("trials"),
        in_table=kept.get("in_table", False),
    )
