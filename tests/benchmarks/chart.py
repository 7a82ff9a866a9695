"""The recall of a run as one picture: an SVG that stands alone, for light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

_WIDTH, _LEFT, _RIGHT = 920, 196, 710
_ROW, _GAP, _TOP = 23, 26, 104
_MAIN_S = 10.0
_LANES: Mapping[float, tuple[str, float, float]] = {
    5.0: ("five", -6.0, 3.0),
    _MAIN_S: ("ten", 0.0, 4.2),
    20.0: ("twenty", 6.0, 3.0),
}
"""Of each length: its class, how far below its row's middle its dots are, and their radius."""

_GROUPS: Sequence[tuple[str, tuple[str, ...]]] = (
    ("Codecs, lines and rooms", ("clean", "MP3", "radio", "room", "telephone")),
    ("Noise", ("white noise", "pink noise")),
    ("Talk", ("speech over",)),
    ("Speed (tempo and pitch together)", ("speed",)),
    ("Tempo alone", ("tempo",)),
    ("Pitch alone", ("pitch",)),
)

_STYLE = """
.songid-chart { --paper: #fff; --ink: #17191c; --soft: #575c63; --line: #dcdedf; --band: #f4f5f5;
  --five: #7fb2c6; --ten: #17556d; --twenty: #3d86a3; --miss: #b3372b;
  font: 13px -apple-system, "Segoe UI", "Helvetica Neue", Helvetica, Arial, "Liberation Sans",
  system-ui, sans-serif; font-variant-numeric: tabular-nums; background: var(--paper); }
@media (prefers-color-scheme: dark) {
  .songid-chart { --paper: #14171a; --ink: #e7e8e8; --soft: #a4abb1; --line: #363c41;
    --band: #1c2024; --five: #3f7890; --ten: #a9dcee; --twenty: #6aaec8; --miss: #f0786b; } }
.songid-chart .paper { fill: var(--paper); } .songid-chart .band { fill: var(--band); }
.songid-chart text { fill: var(--ink); } .songid-chart .soft { fill: var(--soft); }
.songid-chart .head { font-weight: 600; font-size: 17px; }
.songid-chart .group { font-weight: 600; } .songid-chart .missed { fill: var(--miss);
  font-weight: 600; }
.songid-chart .grid { stroke: var(--line); } .songid-chart .whisker { stroke: var(--ten);
  stroke-width: 1.5; opacity: .55; }
.songid-chart .target { stroke: var(--ink); stroke-width: 2; }
.songid-chart .five { fill: var(--five); } .songid-chart .ten { fill: var(--ten); }
.songid-chart .twenty { fill: var(--twenty); } .songid-chart .ten.short { fill: var(--miss); }
"""


def recall_chart(cells: Sequence[Mapping[str, Any]], false_rate: float) -> str:
    """The chart of a recall part's cells (see `answers.Cell`) as an SVG document.

    A row for each distortion; a dot for each length, at its recall; the 95 % interval and
    the target of 10 s, and both as numbers.
    """
    names = list(dict.fromkeys(cell["distortion"] for cell in cells))
    by_cell = {(cell["distortion"], float(cell["length_s"])): cell for cell in cells}
    groups = [(title, [n for n in names if n.startswith(begin)]) for title, begin in _GROUPS]
    groups = [(title, rows) for title, rows in groups if rows]
    body: list[str] = []
    y = float(_TOP)
    for title, rows in groups:
        body.append(_text(16, y + 16, title, "group"))
        y += _GAP
        for number, name in enumerate(rows):
            body += _row(name, by_cell, y + _ROW / 2, banded=number % 2 == 0)
            y += _ROW
        y += 6
    height = round(y + 34)
    grid = _grid(float(_TOP), y)
    counts = {cell["known"] for cell in cells}
    of = f"{min(counts)}" if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
    head = [
        _text(16, 30, "Found of short excerpts", "head"),
        _text(
            16,
            52,
            f"Share found at no more than {false_rate:.1%} false positives on unknown music; "
            f"{of} excerpts a dot",
            "soft",
        ),
        *_legend(78),
        _text(_RIGHT + 62, _TOP - 8, "10 s", "soft", "end"),
        _text(_RIGHT + 132, _TOP - 8, "target", "soft", "end"),
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="songid-chart" role="img" '
            f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}">',
            "<title>Found of short excerpts, by distortion</title>",
            f"<style>{_STYLE}</style>",
            f'<rect class="paper" width="{_WIDTH}" height="{height}"/>',
            *head,
            *[line for line in body if 'class="band"' in line],
            *grid,
            *[line for line in body if 'class="band"' not in line],
            "</svg>\n",
        ]
    )


def _row(
    name: str, by_cell: Mapping[tuple[str, float], Mapping[str, Any]], y: float, *, banded: bool
) -> list[str]:
    out = []
    if banded:
        out.append(
            f'<rect class="band" x="8" y="{y - _ROW / 2:.1f}" width="{_WIDTH - 16}" '
            f'height="{_ROW}"/>'
        )
    out.append(_text(16, y + 4.5, name))
    main = by_cell.get((name, _MAIN_S))
    if main is not None and main["known"]:
        out.append(
            f'<line class="whisker" x1="{_x(main["low"]):.1f}" x2="{_x(main["high"]):.1f}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        missed = main["reached"] is False
        out.append(_text(_RIGHT + 62, y + 4.5, f"{main['recall']:.2f}", "missed" * missed, "end"))
        if main["target"] is not None:
            x = _x(main["target"])
            out.append(
                f'<line class="target" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 8:.1f}" '
                f'y2="{y + 8:.1f}"/>'
            )
            out.append(_text(_RIGHT + 132, y + 4.5, f"≥ {main['target']:.2f}", "soft", "end"))
            out.append(_text(_RIGHT + 146, y + 4.5, "missed" if missed else "", "missed"))
    for length_s, (kind, down, radius) in _LANES.items():
        cell = by_cell.get((name, length_s))
        if cell is None or not cell["known"]:
            continue
        short = " short" if length_s == _MAIN_S and cell["reached"] is False else ""
        tip = f"{name}, {length_s:.0f} s: {cell['found_at_rate']} of {cell['known']}"
        out.append(
            f'<circle class="{kind}{short}" cx="{_x(cell["recall"]):.1f}" cy="{y + down:.1f}" '
            f'r="{radius}"><title>{escape(tip)}</title></circle>'
        )
    return out


def _grid(top: float, bottom: float) -> list[str]:
    out = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _x(share)
        out.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}"/>'
        )
        out.append(_text(x, bottom + 18, f"{share:.0%}", "soft", "middle"))
    return out


def _legend(y: float) -> list[str]:
    out, x = [], float(_LEFT)
    for length_s, (kind, _, radius) in _LANES.items():
        out.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y - 4:.1f}" r="{radius + 0.8}"/>')
        out.append(_text(x + 11, y, f"{length_s:.0f} s"))
        x += 66
    out.append(
        f'<line class="whisker" x1="{x - 6:.1f}" x2="{x + 20:.1f}" y1="{y - 4}" y2="{y - 4}"/>'
    )
    out.append(_text(x + 28, y, "95 % interval of 10 s"))
    x += 186
    out.append(f'<line class="target" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 12}" y2="{y + 4}"/>')
    out.append(_text(x + 10, y, "target of 10 s"))
    return out


def _x(share: float) -> float:
    return _LEFT + share * (_RIGHT - _LEFT)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    attributes = f' class="{kind}"' * bool(kind) + f' text-anchor="{anchor}"' * (anchor != "start")
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(text)}</text>'
