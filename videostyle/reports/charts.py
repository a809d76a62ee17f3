"""Curves over time as SVG: without scripts, colored by the page's style sheet, told apart by dashes as well."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise

# The drawing in its own units; on a page of usual width one unit is about one pixel.
WIDTH, HEIGHT = 440, 210

LEFT, RIGHT, TOP, BOTTOM = 58, 428, 10, 172

HUGE, TINY = 1e100, 1e-100  # differences outside are not safe to compute, and nothing measured comes near

BUCKETS = 500  # a longer curve is drawn by the lowest and highest value of each, so that no peak is lost

STRIPS = 150

Points = Sequence[tuple[float, float | None]]

Run = list[tuple[float, float]]


@dataclass(frozen=True)
class Curve:
    """One line of a plot. points: (seconds, value), in order of time; None and NaN leave a gap.

    sparse: measured at some frames only, so that neighbors are joined across the others, and each is marked.
    """

    name: str
    points: Points
    sparse: bool = False

    def runs(self) -> list[Run]:
        """The known points, parted at the gaps."""
        runs: list[Run] = [[]]
        for time, value in self.points:
            known = finite(value)
            if known is not None:
                runs[-1].append((time, known))
            elif not self.sparse:
                runs.append([])
        return [run for run in runs if run]

    @property
    def known(self) -> Run:
        return [point for run in self.runs() for point in run]


def finite(value: float | None) -> float | None:
    """The value where it can be drawn; None for None, NaN and what is beyond all measure."""
    if value is None or not abs(value) < HUGE:
        return None
    return 0.0 if abs(value) < TINY else float(value)


def positive(points: Points) -> Points:
    """The points with a gap for every value that has no logarithm."""
    return [(time, value if (finite(value) or 0) > 0 else None) for time, value in points]


@dataclass(frozen=True)
class Axis:
    """The values from low to high, laid over the drawing's units from start to end. ticks: each value and its label."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Where a value lies, in units of the drawing."""
        low, high, value = (math.log10(each) if self.log else each for each in (self.low, self.high, value))
        return round(self.start + (self.end - self.start) * (value - low) / (high - low), 1)


def time_axis(times: Sequence[float]) -> Axis:
    """Seconds, from the first to the last; a single moment gets half a second on either side."""
    low, high = min(times), max(times)
    if high - low < 1e-6:
        low, high = low - 0.5, high + 0.5
    step = round_step(high - low)
    ticks = [each * step for each in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return Axis(low, high, labeled(ticks, step), LEFT, RIGHT)


def value_axis(values: Sequence[float]) -> Axis:
    """From tick to tick around all values, and from zero where the lowest is nearer to it than to the highest."""
    low, high = min(values), max(values)
    if 0 <= low <= high / 2:
        low, high = 0.0, high or 1.0
    if high - low < 1e-6 * max(abs(low), abs(high)):
        low, high = low - 0.1 * abs(low), high + 0.1 * abs(high)
    step = round_step(high - low)
    ticks = [each * step for each in range(math.floor(low / step), math.ceil(high / step) + 1)]
    return Axis(ticks[0], ticks[-1], labeled(ticks, step), BOTTOM, TOP)


def log_axis(values: Sequence[float]) -> Axis:
    """Positive values on a logarithmic scale, marked at 1, 2, 5 and 10, or at powers of ten where those are many."""
    low, high = (round_number(each, up) for each, up in ((min(values), False), (max(values), True)))
    high = high if high > low else 2 * low
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [digit * 10.0**power for power in decades for digit in ((1, 2, 5) if high <= 1000 * low else (1,))]
    inside = [each for each in ticks if 0.999 * low <= each <= 1.001 * high]
    return Axis(low, high, tuple((each, f"{each:g}") for each in inside), BOTTOM, TOP, log=True)


def round_number(value: float, up: bool) -> float:
    """The nearest 1, 2 or 5 times a power of ten, not below a positive value (up), or not above it."""
    power = 10.0 ** math.floor(math.log10(value))
    steps = [digit * power for digit in (1, 2, 5, 10)]
    if up:
        return next((each for each in steps if each >= 0.999 * value), steps[-1])
    return next((each for each in reversed(steps) if each <= 1.001 * value), steps[0])


def round_step(span: float) -> float:
    """The distance of ticks, so that at most seven stand in a span."""
    return round_number(span / 5.5, up=True)


def labeled(ticks: Sequence[float], step: float) -> tuple[tuple[float, str], ...]:
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    style = f".{decimals}f" if 1e-4 <= step < 1e6 else ".3g"
    return tuple((tick, format(tick, style)) for tick in ticks)


def thinned(run: Run) -> Run:
    """A run of at most 2 * BUCKETS points that keeps the peaks."""
    if len(run) <= 2 * BUCKETS:
        return run
    size = math.ceil(len(run) / BUCKETS)
    buckets = (run[start : start + size] for start in range(0, len(run), size))
    by_value = ((min(each, key=lambda point: point[1]), max(each, key=lambda point: point[1])) for each in buckets)
    return [point for pair in by_value for point in sorted(set(pair))]


def plot(title: str, curves: Sequence[Curve], cuts: Sequence[float] = (), log: bool = False) -> str:
    """An <svg> element of curves over seconds, "" where no curve has a point. cuts: seconds, thin vertical lines.

    log: a logarithmic scale, on which values of zero and below are gaps. Hovering shows the values of a moment.
    """
    if log:
        curves = [replace(each, points=positive(each.points)) for each in curves]
    known = [point for curve in curves for point in curve.known]
    if not known:
        return ""
    x = time_axis([time for curve in curves for time, _ in curve.points])
    y = (log_axis if log else value_axis)([value for _, value in known])
    cut_lines = [f'<path class="cut" d="M{x(cut)} {TOP}V{BOTTOM}"/>' for cut in cuts if x.low <= cut <= x.high]
    lines = [part for number, curve in enumerate(curves) for part in curve_parts(curve, number, x, y)]
    parts = [*axis_parts(x, y), *cut_lines, *lines, *strips(curves, x)]
    label = escape(f"{title} over time: {'; '.join(span_of(curve) for curve in curves)}")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def span_of(curve: Curve) -> str:
    """A curve in words, for those who do not see it."""
    values = [value for _, value in curve.known]
    return f"{curve.name} from {min(values):.3g} to {max(values):.3g}" if values else f"{curve.name}: no values"


def axis_parts(x: Axis, y: Axis) -> Iterator[str]:
    for value, label in y.ticks:
        yield f'<path class="grid" d="M{LEFT} {y(value)}H{RIGHT}"/>'
        yield f'<text class="y" x="{LEFT - 8}" y="{y(value)}" dy="0.35em">{label}</text>'
    for value, label in x.ticks:
        yield f'<path class="tick" d="M{x(value)} {BOTTOM}v4"/>'
        yield f'<text class="x" x="{x(value)}" y="{BOTTOM + 17}">{label}</text>'
    yield f'<path class="axis" d="M{LEFT} {BOTTOM}H{RIGHT}"/>'
    yield f'<text class="x" x="{(LEFT + RIGHT) / 2}" y="{HEIGHT - 6}">seconds</text>'


def curve_parts(curve: Curve, number: int, x: Axis, y: Axis) -> Iterator[str]:
    """The curve's lines, and a dot for each point that no line shows."""
    for run in map(thinned, curve.runs()):
        places = [(x(time), y(value)) for time, value in run]
        if len(places) > 1:
            yield f'<path class="curve c{number}" d="M{"L".join(f"{left} {top}" for left, top in places)}"/>'
        if len(places) == 1 or curve.sparse:
            yield from (f'<circle class="c{number}" cx="{left}" cy="{top}" r="2.5"/>' for left, top in places)


def strips(curves: Sequence[Curve], x: Axis) -> Iterator[str]:
    """Invisible strips over the drawing, each with the values of its moment for whoever points at it."""
    values = [(curve.name, dict(curve.known)) for curve in curves]
    times = sorted({time for _, known in values for time in known})
    if len(times) > STRIPS:
        # the first and every few; a curve of few points keeps them only by luck, its dots show where they are
        times = times[:: math.ceil(len(times) / STRIPS)]
    borders = [x.low, *((a + b) / 2 for a, b in pairwise(times)), x.high]
    for time, (start, end) in zip(times, pairwise(borders), strict=True):
        said = [f"{name} {known[time]:.4g}" for name, known in values if time in known]
        shape = f'x="{x(start)}" y="{TOP}" width="{round(x(end) - x(start), 1)}" height="{BOTTOM - TOP}"'
        yield f'<rect class="strip" {shape}><title>{escape(", ".join([f"{time:.2f} s", *said]))}</title></rect>'
