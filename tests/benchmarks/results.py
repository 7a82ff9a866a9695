"""What the benchmark measured: rows with their targets, a tidy table, and JSON to keep."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.chance import wilson


@dataclass(frozen=True, slots=True)
class Measure:
    """One number. `at_most` or `at_least` is its target, both None where there is none.

    `trials` is of how many a share is one, where chance has a part in it; `in_table` marks
    one that the section's tables show, and that no line of its own repeats.
    """

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    trials: int | None = None
    in_table: bool = False

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without one. A NaN reaches none."""
        if self.at_most is not None:
            return self.value <= self.at_most
        if self.at_least is not None:
            return self.value >= self.at_least
        return None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The share's 95 % interval; None for what is no share of trials."""
        if self.trials is None or math.isnan(self.value):
            return None
        return wilson(round(self.value * self.trials), self.trials)


@dataclass(frozen=True, slots=True)
class Entry:
    """A field of a table, and whether it reaches its target (None: it has none)."""

    text: str
    reached: bool | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Fields under heads; a row's first is its name."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]


@dataclass(slots=True)
class Section:
    """Measures that belong together, with what they were measured on.

    `details` goes into the JSON only: rows, false plays by name, raw times.
    """

    title: str
    material: str
    measures: list[Measure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


def as_text(sections: Sequence[Section]) -> str:
    """All sections as a table for a terminal."""
    lines: list[str] = []
    for section in sections:
        lines += ["", f"{section.title}  ({section.material})"]
        lines += [_line(measure) for measure in section.measures if not measure.in_table]
        for table in section.tables:
            lines += ["", *(f"  {line}" for line in _table_lines(table))]
        lines += [f"  {line}" for line in section.lines]
    judged = [m for s in sections for m in s.measures if m.reached is not None]
    reached = sum(m.reached is True for m in judged)
    lines += ["", f"{reached} of {len(judged)} targets reached"]
    return "\n".join(lines)


def _line(measure: Measure) -> str:
    verdict = {True: "ok", False: "MISSED", None: ""}[measure.reached]
    chance = f"{interval_text(measure)}" if measure.trials is not None else ""
    value, target = value_text(measure), target_text(measure)
    return f"  {measure.name:<52} {value:>22}   {target:<16} {verdict:<6}  {chance}".rstrip()


def value_text(measure: Measure) -> str:
    """The number with its unit."""
    return f"{_number(measure.value)} {measure.unit}".strip()


def target_text(measure: Measure) -> str:
    """The target in words; empty where there is none."""
    if measure.at_most is not None:
        return f"at most {_number(measure.at_most)}"
    return f"at least {_number(measure.at_least)}" if measure.at_least is not None else ""


def interval_text(measure: Measure) -> str:
    """The 95 % interval and the number of trials, where there are any."""
    if measure.interval is None:
        return ""
    low, high = measure.interval
    return f"{low:.3f}-{high:.3f} of {measure.trials:,}"


def _table_lines(table: Table) -> list[str]:
    marks = {True: " ok", False: " MISSED", None: ""}
    rows = [[entry.text + marks[entry.reached] for entry in row] for row in table.rows]
    columns = [table.head, *rows]
    widths = [max(len(row[n]) for row in columns) for n in range(len(table.head))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in columns
    ]
    return [table.title, *lines]


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.4g}"


def keep(sections: Sequence[Section], folder: Path, settings: Mapping[str, Any]) -> Path:
    """Write the run as JSON, named by its time, and once more as `latest.json`."""
    now = datetime.now(UTC)
    document = {
        "measured_at": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "settings": dict(settings),
        "sections": [
            asdict(section)
            | {"measures": [asdict(m) | {"reached": m.reached} for m in section.measures]}
            for section in sections
        ],
    }
    text = _json(_plain(document)) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"bench-{now:%Y%m%dT%H%M%SZ}.json"
    for target in (path, folder / "latest.json"):
        target.write_text(text, encoding="utf-8")
    return path


def kept_runs(folder: Path) -> list[Path]:
    """The runs kept in a folder, the oldest first."""
    return sorted(folder.glob("bench-*.json"))


def machine() -> dict[str, Any]:
    """What the numbers depend on beside songid."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    packages = ("songid-airplay", "numpy", "scipy", "av")
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
    }


def _plain(value: Any) -> Any:
    """JSON has no NaN: what could not be measured is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _json(value: Any, depth: int = 0) -> str:
    """Indented JSON in which a list of numbers and texts, as a query's, is one line."""
    inner = "\n" + " " * (depth + 1)
    if isinstance(value, dict) and value:
        fields = [f"{json.dumps(key)}: {_json(each, depth + 1)}" for key, each in value.items()]
        return "{" + inner + f",{inner}".join(fields) + "\n" + " " * depth + "}"
    if isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        return (
            "["
            + inner
            + f",{inner}".join(_json(each, depth + 1) for each in value)
            + ("\n" + " " * depth + "]")
        )
    return json.dumps(value, allow_nan=False)
