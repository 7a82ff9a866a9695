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


@dataclass(frozen=True, slots=True)
class Measure:
    """One number. `at_most` or `at_least` is its target, both None where there is none."""

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without one. A NaN reaches none."""
        if self.at_most is not None:
            return self.value <= self.at_most
        if self.at_least is not None:
            return self.value >= self.at_least
        return None


@dataclass(slots=True)
class Section:
    """Measures that belong together, with what they were measured on.

    `details` goes into the JSON only: rows, false plays by name, raw times.
    """

    title: str
    material: str
    measures: list[Measure] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


def as_text(sections: Sequence[Section]) -> str:
    """All sections as a table for a terminal."""
    lines: list[str] = []
    for section in sections:
        lines += ["", f"{section.title}  ({section.material})"]
        lines += [_line(measure) for measure in section.measures]
        lines += [f"  {line}" for line in section.lines]
    judged = [m for s in sections for m in s.measures if m.reached is not None]
    reached = sum(m.reached is True for m in judged)
    lines += ["", f"{reached} of {len(judged)} targets reached"]
    return "\n".join(lines)


def _line(measure: Measure) -> str:
    target = ""
    if measure.at_most is not None:
        target = f"at most {_number(measure.at_most)}"
    elif measure.at_least is not None:
        target = f"at least {_number(measure.at_least)}"
    verdict = {True: "ok", False: "MISSED", None: ""}[measure.reached]
    value = f"{_number(measure.value)} {measure.unit}".strip()
    return f"  {measure.name:<52} {value:>22}   {target:<16} {verdict}".rstrip()


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
    text = json.dumps(_plain(document), indent=1, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"bench-{now:%Y%m%dT%H%M%SZ}.json"
    for target in (path, folder / "latest.json"):
        target.write_text(text, encoding="utf-8")
    return path


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
