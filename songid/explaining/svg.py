"""Drawing with ElementTree, which escapes what it is given: shapes, text that fits, axes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

Element = ElementTree.Element

# XML 1.0 has no way to write these, and tags of files hold them now and then.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WIDTH = 0.55
"""The mean width of a letter, as a share of the font's size."""


def document(width: float, height: float, title: str, style: str) -> Element:
    """An SVG of a size in pixels, on white."""
    svg = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {number(width)} {number(height)}",
            "width": number(width),
            "height": number(height),
            "role": "img",
        },
    )
    ElementTree.SubElement(svg, "title").text = clean(title)
    ElementTree.SubElement(svg, "style").text = style
    shape(svg, "rect", "paper", width="100%", height="100%")
    return svg


def shape(parent: Element, name: str, css: str = "", **attributes: float | str) -> Element:
    """A shape, styled by `css`; `_` in an attribute's name stands for `-`."""
    given = {"class": css} if css else {}
    for key, value in attributes.items():
        given[key.replace("_", "-")] = value if isinstance(value, str) else number(value)
    return ElementTree.SubElement(parent, name, given)


def text(
    parent: Element, x: float, y: float, content: str, css: str = "", **attributes: float | str
) -> Element:
    """A line of text whose baseline begins at (x, y)."""
    element = shape(parent, "text", css, x=x, y=y, **attributes)
    element.text = clean(content)
    return element


def line(parent: Element, x1: float, y1: float, x2: float, y2: float, css: str) -> Element:
    """A straight line."""
    return shape(parent, "line", css, x1=x1, y1=y1, x2=x2, y2=y2)


def hint(element: Element, content: str) -> None:
    """What is shown when the mouse rests on an element."""
    ElementTree.SubElement(element, "title").text = clean(content)


def fitted(content: str, width: float, size: float) -> str:
    """Text cut, with an ellipsis, to about what a width in pixels holds at a font's size."""
    most = max(1, int(width / (_WIDTH * size)))
    return content if len(content) <= most else content[: most - 1].rstrip() + "…"


def wrapped(content: str, width: float, size: float) -> list[str]:
    """Text as lines of about a width; words longer than a line are cut."""
    most = max(1, int(width / (_WIDTH * size)))
    lines = [""]
    for word in content.split():
        part = word if len(word) <= most else word[: most - 1] + "…"
        if lines[-1] and len(lines[-1]) + 1 + len(part) > most:
            lines.append(part)
        else:
            lines[-1] = f"{lines[-1]} {part}".strip()
    return lines


def ticks(low: float, high: float, most: int, steps: Sequence[float]) -> list[float]:
    """Round numbers from `low` to `high`, at most about `most`, a step of `steps` apart."""
    step = next((s for s in steps if (high - low) / s <= most), steps[-1])
    first = -int(-low // step)
    return [step * k for k in range(first, int(high // step) + 1)]


def number(value: float) -> str:
    """A number as short as a hundredth of a pixel allows."""
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def clean(content: str) -> str:
    """Text without what XML cannot hold."""
    return _UNWRITABLE.sub("�", content)


def written(svg: Element) -> bytes:
    """The document as UTF-8."""
    return bytes(ElementTree.tostring(svg, encoding="utf-8", xml_declaration=True)) + b"\n"
