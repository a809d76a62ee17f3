"""Charts: gaps where there is no value, peaks that survive, and drawings that stay inside their frames."""

from __future__ import annotations

import math
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from tests.support.svg import check_inside, lines_of
from videostyle.reports.charts import BUCKETS, HEIGHT, WIDTH, Curve, plot, thinned


def test_gaps() -> None:
    """None, NaN and infinity are gaps; a single point between two gaps is a dot."""
    values = [1.0, 2.0, None, 3.0, math.nan, 4.0, 5.0, 6.0, math.inf]
    svg = plot("p", [Curve("c", list(enumerate(values)))])
    assert [line.count("L") for line in lines_of(svg)] == [1, 2]
    assert svg.count("<circle") == 1
    assert "nan" not in svg
    assert "inf" not in svg


def test_sparse() -> None:
    """A sparse curve is joined across its gaps, and its points are marked."""
    svg = plot("p", [Curve("c", [(0, 1.0), (1, None), (2, 2.0), (3, None), (4, 1.5)], sparse=True)])
    assert [line.count("L") for line in lines_of(svg)] == [2]
    assert svg.count("<circle") == 3


def test_no_values() -> None:
    """A chart without values is empty."""
    assert plot("p", []) == ""
    assert plot("p", [Curve("c", [(0, None), (1, math.nan)])]) == ""
    assert plot("p", [Curve("c", [(0, 0.0), (1, -1.0)])], log=True) == ""


def test_cuts() -> None:
    """Cuts outside the time axis are left out."""
    assert plot("p", [Curve("c", [(0, 1.0), (9, 2.0)])], cuts=[-1, 4, 12]).count('class="cut"') == 1


def test_thinned() -> None:
    """A long curve is reduced, with its peaks."""
    values = [0.0] * 100_000
    values[54_321], values[7] = 9.0, -3.0
    kept = thinned(list(enumerate(values)))
    assert len(kept) <= 2 * BUCKETS
    assert {(54_321, 9.0), (7, -3.0)} < set(kept)
    assert kept == sorted(kept)
    assert len(plot("p", [Curve("c", list(enumerate(values)))])) < 60_000


values = st.one_of(st.none(), st.floats(), st.floats(0, 1), st.just(0.25))
points = st.lists(st.tuples(st.floats(-1e6, 1e6), values), max_size=8)


@given(points, points, st.booleans(), st.booleans())
def test_any_values(a, b, sparse: bool, log: bool) -> None:
    """Any values at all give well-formed SVG inside its frame."""
    curves = [
        Curve("a", sorted(a, key=lambda point: point[0])),
        Curve("b", sorted(b, key=lambda point: point[0]), sparse),
    ]
    svg = plot("<p>", curves, cuts=[0.0], log=log)
    if svg:
        drawing = ElementTree.fromstring(svg)
        assert drawing.attrib["viewBox"] == f"0 0 {WIDTH} {HEIGHT}"
        check_inside(drawing)
