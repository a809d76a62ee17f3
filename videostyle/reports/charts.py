"""Curves over time as SVG, without scripts: page.css has the colors, and dashes tell the curves apart without color."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from markupsafe import Markup

from videostyle.reports.templates import TEMPLATES

# The size of the drawing in its own units; on a page of usual width one unit is about one pixel.
WIDTH, HEIGHT = 440, 210

# The area of the curves inside it.
LEFT, RIGHT, TOP, BOTTOM = 58, 428, 10, 172

HUGE, TINY = 1e100, 1e-100  # arithmetic on values outside may overflow or underflow; no metric comes near

BUCKETS = 500  # a longer curve is reduced to the lowest and the highest value of each bucket, so that no peak is lost

HOVER_STRIPS = 150

Points = Sequence[tuple[float, float | None]]

Segment = list[tuple[float, float]]


@dataclass(frozen=True)
class Curve:
    """A named curve of a chart."""

    name: str
    """Shown in the key and on hover."""
    points: Points
    """(seconds, value), in order of time; None and NaN are gaps."""
    sparse: bool = False
    """Whether only some frames have a value: neighboring values are joined across the others, and marked by dots."""

    def segments(self) -> list[Segment]:
        """The points that have a value, split at the gaps."""
        segments: list[Segment] = [[]]
        for time, value in self.points:
            drawable = finite(value)
            if drawable is not None:
                segments[-1].append((time, drawable))
            elif not self.sparse:
                segments.append([])
        return [segment for segment in segments if segment]

    @property
    def known(self) -> Segment:
        """The points that have a value."""
        return [point for segment in self.segments() for point in segment]


def finite(value: float | None) -> float | None:
    """The value if it can be drawn; None for None, NaN and anything of HUGE or more. TINY values become 0."""
    if value is None or not abs(value) < HUGE:
        return None
    return 0.0 if abs(value) < TINY else float(value)


def positive(points: Points) -> Points:
    """The points with a gap for every value that has no logarithm."""
    return [(time, value if (finite(value) or 0) > 0 else None) for time, value in points]


@dataclass(frozen=True)
class Axis:
    """A linear or logarithmic scale from values to units of the drawing."""

    low: float
    """The value at the start."""
    high: float
    """The value at the end."""
    ticks: tuple[tuple[float, str], ...]
    """Values to mark, with their labels."""
    start: float
    """Position of the lowest value, in units of the drawing."""
    end: float
    """Position of the highest value, in units of the drawing."""
    log: bool = False
    """Whether the scale is logarithmic."""

    def __call__(self, value: float) -> float:
        """The position of a value, in units of the drawing."""
        low, high, value = (math.log10(x) if self.log else x for x in (self.low, self.high, value))
        return round(self.start + (self.end - self.start) * (value - low) / (high - low), 1)


def time_axis(times: Sequence[float]) -> Axis:
    """An axis from the first to the last time, in seconds; a single time gets half a second on either side."""
    low, high = min(times), max(times)
    if high - low < 1e-6:
        low, high = low - 0.5, high + 0.5
    step = round_step(high - low)
    ticks = [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return Axis(low, high, labeled(ticks, step), LEFT, RIGHT)


def value_axis(values: Sequence[float]) -> Axis:
    """An axis from tick to tick around all values; it starts at zero unless the lowest is over half of the highest."""
    low, high = min(values), max(values)
    if 0 <= low <= high / 2:
        low, high = 0.0, high or 1.0
    if high - low < 1e-6 * max(abs(low), abs(high)):
        low, high = low - 0.1 * abs(low), high + 0.1 * abs(high)
    step = round_step(high - low)
    ticks = [number * step for number in range(math.floor(low / step), math.ceil(high / step) + 1)]
    return Axis(ticks[0], ticks[-1], labeled(ticks, step), BOTTOM, TOP)


def log_axis(values: Sequence[float]) -> Axis:
    """A logarithmic axis around positive values, with ticks at 1, 2, 5 and 10, or at powers of ten over a wide range."""
    low, high = round_number(min(values), up=False), round_number(max(values), up=True)
    high = high if high > low else 2 * low
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [digit * 10.0**power for power in decades for digit in ((1, 2, 5) if high <= 1000 * low else (1,))]
    inside = [tick for tick in ticks if 0.999 * low <= tick <= 1.001 * high]
    return Axis(low, high, tuple((tick, f"{tick:g}") for tick in inside), BOTTOM, TOP, log=True)


def round_number(value: float, up: bool) -> float:
    """A positive value rounded up or down to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    steps = [digit * power for digit in (1, 2, 5, 10)]
    if up:
        return next((step for step in steps if step >= 0.999 * value), steps[-1])
    return next((step for step in reversed(steps) if step <= 1.001 * value), steps[0])


def round_step(span: float) -> float:
    """The distance between ticks, so that a span has at most seven."""
    return round_number(span / 5.5, up=True)


def labeled(ticks: Sequence[float], step: float) -> tuple[tuple[float, str], ...]:
    """The ticks with their labels, all with as many decimals as the step needs."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    style = f".{decimals}f" if 1e-4 <= step < 1e6 else ".3g"
    return tuple((tick, format(tick, style)) for tick in ticks)


def thinned(segment: Segment) -> Segment:
    """A segment reduced to at most 2 * BUCKETS points, with its peaks."""
    if len(segment) <= 2 * BUCKETS:
        return segment
    size = math.ceil(len(segment) / BUCKETS)
    buckets = (segment[start : start + size] for start in range(0, len(segment), size))
    extremes = (
        (min(bucket, key=lambda point: point[1]), max(bucket, key=lambda point: point[1])) for bucket in buckets
    )
    return [point for pair in extremes for point in sorted(set(pair))]


def plot(title: str, curves: Sequence[Curve], cuts: Sequence[float] = (), log: bool = False) -> Markup:
    """An <svg> element of curves over seconds; empty if no curve has a value.

    cuts: times of vertical lines, in seconds. log: whether the scale is logarithmic; values of zero and below are gaps then.
    """
    if log:
        curves = [replace(curve, points=positive(curve.points)) for curve in curves]
    known = [point for curve in curves for point in curve.known]
    if not known:
        return Markup()
    x = time_axis([time for curve in curves for time, _ in curve.points])
    y = (log_axis if log else value_axis)([value for _, value in known])
    svg = TEMPLATES.get_template("chart.html").render(
        label=f"{title} over time: {'; '.join(span_of(curve) for curve in curves)}",
        frame={"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM},
        x=x,
        y=y,
        cuts=[x(cut) for cut in cuts if x.low <= cut <= x.high],
        curves=[(list(lines(curve, x, y)), list(dots(curve, x, y))) for curve in curves],
        strips=list(hover_strips(curves, x)),
    )
    return Markup(svg)


def span_of(curve: Curve) -> str:
    """A curve in words, for screen readers."""
    values = [value for _, value in curve.known]
    return f"{curve.name} from {min(values):.3g} to {max(values):.3g}" if values else f"{curve.name}: no values"


def lines(curve: Curve, x: Axis, y: Axis) -> Iterator[str]:
    """The path data of the curve's segments that have at least two points."""
    for segment in map(thinned, curve.segments()):
        if len(segment) > 1:
            yield "M" + "L".join(f"{x(time)} {y(value)}" for time, value in segment)


def dots(curve: Curve, x: Axis, y: Axis) -> Iterator[tuple[float, float]]:
    """The positions of the points that are marked: all of a sparse curve, else those that no line shows."""
    for segment in map(thinned, curve.segments()):
        if len(segment) == 1 or curve.sparse:
            yield from ((x(time), y(value)) for time, value in segment)


def hover_strips(curves: Sequence[Curve], x: Axis) -> Iterator[tuple[float, float, str]]:
    """Invisible strips over the drawing: left edge, width, and the values of that time, shown on hover."""
    values = [(curve.name, dict(curve.known)) for curve in curves]
    times = sorted({time for _, known in values for time in known})
    if len(times) > HOVER_STRIPS:
        # every nth time; a sparse curve may lose its values here, but its dots still show them
        times = times[:: math.ceil(len(times) / HOVER_STRIPS)]
    borders = [x.low, *((a + b) / 2 for a, b in pairwise(times)), x.high]
    for time, (start, end) in zip(times, pairwise(borders), strict=True):
        shown = [f"{name} {known[time]:.4g}" for name, known in values if time in known]
        yield x(start), round(x(end) - x(start), 1), ", ".join([f"{time:.2f} s", *shown])
