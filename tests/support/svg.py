"""Reads the SVG drawings of a page: where things are, and whether they stay inside."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree


def drawings(text: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


def coordinates(drawing: ElementTree.Element) -> list[tuple[float, float]]:
    """The absolute positions in a drawing; of paths, those of the commands M, L, H and V."""
    left, top, *_ = map(float, drawing.attrib["viewBox"].split())
    positions = []
    for element in drawing.iter():
        at = element.attrib
        if element.tag == "rect":
            x, y, w, h = (float(at[name]) for name in ("x", "y", "width", "height"))
            assert min(w, h) >= 0
            positions += [(x, y), (x + w, y + h)]
        if element.tag in ("circle", "text"):
            positions.append((float(at.get("cx", at.get("x"))), float(at.get("cy", at.get("y")))))
        for command, numbers in re.findall(r"([MLHV])([^A-Za-z]*)", at.get("d", "")):
            values = [float(number) for number in numbers.split()]
            x, y = {"H": (values[0], top), "V": (left, values[0])}.get(command) or (values[0], values[-1])
            positions.append((x, y))
    return positions


def check_inside(drawing: ElementTree.Element) -> None:
    left, top, width, height = map(float, drawing.attrib["viewBox"].split())
    for x, y in coordinates(drawing):
        assert math.isfinite(x)
        assert left <= x <= left + width
        assert math.isfinite(y)
        assert top <= y <= top + height


def lines_of(svg: str, number: int = 0) -> list[str]:
    """The path data of a curve's lines."""
    return re.findall(rf'class="curve c{number}" d="([^"]*)"', svg)
