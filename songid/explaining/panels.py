"""What the picture's panels have in common: style, a panel's inside, headings and axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songid.explaining.spectrogram import height_of
from songid.explaining.svg import Element, line, text, ticks
from songid.explaining.words import moment

SECONDS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)

STYLE = """
text { font: 12px "Segoe UI", "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif; }
text { fill: #17191c; }
.paper { fill: #fff; }
.head { font-size: 22px; font-weight: 600; }
.yes { fill: #1e6b3a; } .no { fill: #b3372b; }
.say { font-size: 14.5px; }
.label { font-weight: 600; }
.soft { fill: #575c63; }
.middle { text-anchor: middle; } .end { text-anchor: end; }
.frame { fill: none; stroke: #b9bcc0; }
.grid { stroke: #e4e5e7; } .tick { stroke: #b9bcc0; }
.peak { fill: #17191c; fill-opacity: .32; }
.aligned { fill: none; stroke: #d1400c; stroke-width: 1.3; stroke-opacity: .8; }
.anchor { fill: #d1400c; }
.as-well { fill: none; stroke: #16775f; stroke-width: 1.2; stroke-opacity: .75; }
.other { fill: none; stroke: #1f6fb2; stroke-width: .8; stroke-opacity: .4; }
.on { paint-order: stroke; stroke: #fff; stroke-width: 3.5; stroke-linejoin: round; }
.many { stroke-width: .8; stroke-opacity: .65; }
.chosen { fill: #dc6a40; } .also { fill: #4f9b87; } .rival { fill: #8b9aa7; }
.lag { fill: none; stroke: #7c8b98; stroke-width: 1; } .best { stroke: #d1400c; stroke-width: 2; }
.chance { stroke: #1f6fb2; stroke-dasharray: 4 3; }
.needed { stroke: #17191c; stroke-width: 1.5; stroke-dasharray: 5 3; }
"""
"""By class; what stands later wins."""


@dataclass(frozen=True, slots=True)
class Box:
    """A panel's inside, and the values at its edges."""

    left: float
    top: float
    width: float
    height: float
    x0: float
    x1: float
    y1: float = 1.0

    def x(self, value: float) -> float:
        """Where a value lies across."""
        return self.left + self.width * (value - self.x0) / (self.x1 - self.x0)

    def y(self, value: float) -> float:
        """How far down a value lies."""
        return self.top + self.height * (1 - value / self.y1)

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.height

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.width


def heading(drawing: Element, box: Box, what: str, more: str = "") -> None:
    """What a panel shows, and at its right what more there is to say."""
    text(drawing, box.left, box.top - 10, what, "label")
    if more:
        text(drawing, box.right, box.top - 10, more, "soft end")


def grid(drawing: Element, box: Box, values: list[float]) -> None:
    """Lines across at values, each with its number."""
    for value in values:
        y = box.y(value)
        line(drawing, box.left, y, box.right, y, "grid")
        text(drawing, box.left - 7, y + 4, f"{value:g}", "soft end")


def floor(drawing: Element, box: Box) -> None:
    """The line that a panel's bars stand on."""
    line(drawing, box.left, box.bottom, box.right, box.bottom, "tick")


def time_axis(drawing: Element, box: Box) -> None:
    """Moments below a panel."""
    for second in ticks(box.x0, box.x1, 14, SECONDS):
        x = box.x(second)
        line(drawing, x, box.bottom, x, box.bottom + 4, "tick")
        text(drawing, x, box.bottom + 17, moment(second), "soft middle")


def height_at(frequency_hz: float, top_hz: float) -> float:
    """How high one frequency stands; see `height_of`."""
    return float(height_of(np.array([frequency_hz], np.float64), top_hz)[0])
