"""A run and its measurement as one HTML file that opens anywhere: no script, no address, all images inside.

This module builds the context; page.html, page.css and chart.html have the markup.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from markupsafe import Markup

from videostyle.errors import VideoStyleError
from videostyle.frames import Size
from videostyle.media.workdir import write_atomically
from videostyle.reports.charts import Curve, plot
from videostyle.reports.records import FrameMeasure, FrameRecord, Measurement, RunReport
from videostyle.reports.templates import TEMPLATES
from videostyle.reports.thumbnails import Thumbnails, measured_thumbnails, run_thumbnails

JPEG_QUALITY = 90

DASH = "\N{EN DASH}"

SKIPPED = {
    "damaged": "damaged parts skipped",
    "cut_1": "pairs across a cut",
    "cut_10": "pairs across a cut, gap 10",
    "empty_1": "pairs without a pixel to compare",
    "empty_10": "pairs without a pixel to compare, gap 10",
    "no_flow": "pairs without a flow file",
    "moving": "pairs without still pixels",
    "small_new": "frames in which what is new is too small for an embedding",
}

Rows = list[tuple[str, object]]


@dataclass(frozen=True)
class Chart:
    """A plot with its caption."""

    name: str
    """The heading."""
    note: str
    """One line below it."""
    keys: list[tuple[int, str]]
    """Number and name of each curve that has values; empty where there is a single curve."""
    svg: Markup
    """The drawing."""


def write_page(
    path: Path,
    *,
    title: str,
    run: RunReport | None = None,
    measurement: Measurement | None = None,
    command: str = "",
) -> None:
    """Write the page of a run, of a measurement, or of both. The file is complete or not there at all.

    command: the command line that made the output. For a run without a measurement, source and output are read again for the
    images; where that fails, the page has a notice instead. Raises OSError where the file cannot be written.
    """
    text = page(title, run, measurement, command)
    # a file name may have bytes that are not text; they are shown as \udcff
    write_atomically(path, text.encode("utf-8", "backslashreplace"))


def page(title: str, run: RunReport | None, measurement: Measurement | None, command: str) -> str:
    """The page as text."""
    frames, problems = frames_to_show(run, measurement)
    cuts = cut_times(run, measurement)
    return TEMPLATES.get_template("page.html").render(
        title=title,
        facts=[(name, shown(value)) for name, value in facts(run, measurement)],
        metrics=metric_rows(measurement) if measurement else [],
        notices=[*notices_of(run, measurement), *problems],
        frames=frame_rows(frames, times_of(run, measurement)),
        has_warp_errors=any("warp error" in frame.images for frame in frames),
        charts=charts(run, measurement, cuts),
        has_cuts=bool(cuts),
        command=command,
        tables=provenance_tables(run, measurement),
    )


def shown(value: object) -> str:
    """An option, a fact or a version as text."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    return DASH if value is None else str(value)


def number(value: float | None) -> str:
    """A number with four digits; a dash for None, NaN and infinity."""
    return DASH if value is None or not math.isfinite(value) else f"{value:.4g}"


def duration(seconds: float) -> str:
    """A duration: "8.4 s", or "0:03:20" from a minute on."""
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))


def size_text(size: Size) -> str:
    """(height, width) as "320 x 180 pixels"."""
    return f"{size[1]} \N{MULTIPLICATION SIGN} {size[0]} pixels"


def shots_text(run: RunReport) -> str:
    """The number of shots, and which they are where the run does not begin with the source's first one: "3 (5 to 7)"."""
    first = run.frames[0].shot if run.frames else 1
    return f"{run.shots} ({first} to {run.frames[-1].shot})" if first > 1 else str(run.shots)


def facts(run: RunReport | None, measurement: Measurement | None) -> Rows:
    """What was made or measured, by name."""
    rows: Rows = []
    if measurement:
        rows += [("source", measurement.source), ("styles", measurement.styles)]
    if either := run or measurement:
        rows += [("output", either.output), ("size", size_text(either.size)), ("frames", len(either.frames))]
    if run:
        per_frame = sum(frame.seconds for frame in run.frames) / max(1, len(run.frames))
        rows += [
            ("shots", shots_text(run)),
            ("time taken", duration(run.seconds)),
            ("seconds per frame", number(per_frame)),
        ]
        rows += [("peak memory", f"{run.peak_memory / 2**30:.2f} GiB"), ("device", run.device)]
    if run and measurement and run.size != measurement.size:
        rows.append(("measured at", size_text(measurement.size)))
    skipped = measurement.skipped if measurement else {"damaged": run.skipped if run else 0}
    rows += [(SKIPPED.get(name, name), count) for name, count in skipped.items() if count]
    return rows


def metric_rows(measurement: Measurement) -> list[tuple[str, str, str]]:
    """Each metric over all frames: name, the output's value, and the source's own where it has one."""
    return [
        (name.replace("_", " ", 1), number(value), number(measurement.floor.get(name)))
        for name, value in measurement.summary.items()
    ]


def notices_of(run: RunReport | None, measurement: Measurement | None) -> list[str]:
    """The notices of both, without duplicates."""
    return list(dict.fromkeys([*(run.notices if run else ()), *(measurement.notices if measurement else ())]))


def provenance_tables(run: RunReport | None, measurement: Measurement | None) -> list[tuple[str, Rows]]:
    """The options and versions of the run and of the measurement, by heading; without empty tables."""
    tables: list[tuple[str, Mapping[str, object]]] = []
    if run:
        tables += [
            ("Options of the run", with_origins(run.options, run.origins)),
            ("Options of single shots", options_of_shots(run)),
            ("Versions of the run", run.versions),
        ]
    if measurement:
        options, versions = own_provenance(run, measurement)
        tables += [
            ("Options of the measurement", with_origins(options, {} if run else measurement.origins)),
            ("Versions of the measurement", versions),
        ]
    return [(heading, [(name, shown(value)) for name, value in values.items()]) for heading, values in tables if values]


def with_origins(options: Mapping[str, object], origins: Mapping[str, str]) -> dict[str, object]:
    """The options as text, each with where it came from unless it is a default."""
    return {name: f"{shown(value)} ({origins[name]})" if name in origins else value for name, value in options.items()}


def options_of_shots(run: RunReport) -> dict[str, object]:
    """What shots had in place of the run's options, by the shot."""
    return {
        f"shot {number}": [f"{name} {shown(value)}" for name, value in own.items()]
        for number, own in run.shot_options.items()
    }


def own_provenance(
    run: RunReport | None, measurement: Measurement
) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """The options and versions of a measurement; beside a run, only those that the run's tables do not have."""
    if not run:
        return measurement.options, measurement.versions
    options = {
        name: value
        for name, value in measurement.options.items()
        if value not in (None, False, run.options.get(name)) and name not in ("source", "output", "style")
    }
    versions = {name: value for name, value in measurement.versions.items() if run.versions.get(name) != value}
    return options, versions


def frames_to_show(run: RunReport | None, measurement: Measurement | None) -> tuple[list[Thumbnails], list[str]]:
    """A few frames with their images, and a notice where they cannot be read."""
    if measurement and measurement.pictures:
        return [measured_thumbnails(frame) for frame in measurement.pictures], []
    try:
        return (run_thumbnails(run) if run else []), []
    except (VideoStyleError, OSError) as error:
        return [], [f"no frames are shown: {error}"]


def times_of(run: RunReport | None, measurement: Measurement | None) -> dict[int, float]:
    """The time of each frame in seconds on the source's clock, by index."""
    measured = {frame.index: float(frame.time) for frame in (measurement.frames if measurement else ())}
    return measured | {frame.index: float(frame.time) for frame in (run.frames if run else ())}


def frame_rows(frames: Sequence[Thumbnails], times: Mapping[int, float]) -> list[dict[str, object]]:
    """The frames as page.html shows them: number from 1, time where it is known, images."""
    return [
        {
            "number": frame.index + 1,
            "time": times.get(frame.index),
            "images": [
                {
                    "caption": caption,
                    "address": data_address(image),
                    "width": image.shape[1],
                    "height": image.shape[0],
                }
                for caption, image in frame.images.items()
            ],
        }
        for frame in frames
    ]


def data_address(image: np.ndarray) -> str:
    """uint8 (H, W, 3) RGB as a JPEG in a data: URL."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError(f"an image of {image.shape[1]}x{image.shape[0]} pixels cannot be encoded as JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def cut_times(run: RunReport | None, measurement: Measurement | None) -> list[float]:
    """The start of every shot but the first, in seconds."""
    frames = (run.frames if run else ()) or (measurement.frames if measurement else ())
    places = [(frame.shot, float(frame.time)) for frame in frames]
    return [time for (before, _), (shot, time) in pairwise(places) if shot != before]


def charts(run: RunReport | None, measurement: Measurement | None, cuts: Sequence[float]) -> list[Chart]:
    """All per-frame values over the source's time; charts without values are left out."""
    charts = [*run_charts(run, cuts), *measured_charts(measurement, cuts)]
    if not (run and run.frames) and measurement:
        charts.append(new_share_chart(measurement.frames, cuts))
    return [chart for chart in charts if chart]


def run_charts(run: RunReport | None, cuts: Sequence[float]) -> list[Chart | None]:
    """Losses, iterations and new share of a run."""
    frames = run.frames if run else ()
    losses = [
        curve("loss", frames, lambda frame: frame.loss),
        curve("spatial loss", frames, lambda frame: frame.spatial_loss),
    ]
    iterations = [curve("iterations", frames, lambda frame: frame.iterations)]
    return [
        chart("Loss", "at the end of each frame; the spatial loss has no temporal term", losses, cuts),
        chart("Iterations", "on a logarithmic scale", iterations, cuts, log=True),
        new_share_chart(frames, cuts),
        *([value_chart(run, name, cuts) for name in run.values] if run else []),
    ]


def value_chart(run: RunReport, name: str, cuts: Sequence[float]) -> Chart | None:
    """An option that changes over time, with a curve for each number of its value."""
    times, columns = [float(frame.time) for frame in run.frames], columns_of(run.values[name])
    names = [f"style {number}" for number in range(1, len(columns) + 1)] if len(columns) > 1 else [name]
    curves = [Curve(each, list(zip(times, column, strict=True))) for each, column in zip(names, columns, strict=True)]
    return chart(f"--{name.replace('_', '-')}", "as it was at each frame", curves, cuts)


def columns_of(values: Sequence[tuple[float, ...]]) -> list[list[float | None]]:
    """The numbers of the values by their places; None where a value has none."""
    places = range(max(map(len, values)))
    return [[value[place] if place < len(value) else None for value in values] for place in places]


def new_share_chart(frames: Sequence[FrameRecord] | Sequence[FrameMeasure], cuts: Sequence[float]) -> Chart | None:
    """The new share. A frame that is all new, as at the start of a shot, is a gap: 100 % would flatten the rest."""
    share = curve("new share", frames, lambda frame: 100 * frame.new_share if frame.new_share < 1 else None)
    return chart("New share", "in %: pixels to which the previous frame does not apply", [share], cuts)


def measured_charts(measurement: Measurement | None, cuts: Sequence[float]) -> list[Chart | None]:
    """Warp errors by gap, distances from style and source, color constancy, and the luminance of both clips."""
    frames = measurement.frames if measurement else ()
    gaps = sorted({gap for frame in frames for gap in frame.warp})
    gram = [curve("Gram distance", frames, lambda frame: frame.gram, sparse=True)]
    gram_parts = [
        curve("new", frames, lambda frame: frame.gram_new, sparse=True),
        curve("rest", frames, lambda frame: frame.gram_rest, sparse=True),
    ]
    embedding = [
        curve("output", frames, lambda frame: frame.embedding, sparse=True),
        curve("source's floor", frames, lambda frame: frame.source_embedding, sparse=True),
    ]
    content = [curve("content distance", frames, lambda frame: frame.content, sparse=True)]
    drift = [
        curve("output", frames, lambda frame: frame.color_drift),
        curve("source's floor", frames, lambda frame: frame.source_color_drift),
    ]
    new_colors = [
        curve("output", frames, lambda frame: frame.color_new),
        curve("source's floor", frames, lambda frame: frame.source_color_new),
    ]
    luminance = [
        curve("output", frames, lambda frame: frame.luminance),
        curve("source", frames, lambda frame: frame.source_luminance),
    ]
    return [
        *(warp_chart(frames, gap, cuts) for gap in gaps),
        chart("Gram distance", "to the style", gram, cuts),
        chart("Gram distance of parts", "to the style, of what is new and of the rest", gram_parts, cuts),
        chart("Style embedding", "to the style, in a network that nothing here optimizes", embedding, cuts),
        chart("Content distance", "to the source", content, cuts),
        chart("Color drift", "in Lab units, from the shot's first frame, by colors of the source", drift, cuts),
        chart("Colors of what is new", "in Lab units, from the rest of the same frame", new_colors, cuts),
        chart("Luminance", "mean of each frame", luminance, cuts),
    ]


def warp_chart(frames: Sequence[FrameMeasure], gap: int, cuts: Sequence[float]) -> Chart | None:
    """The warp error at one gap."""
    curves = [
        curve("output", frames, lambda frame: frame.warp.get(gap)),
        curve("source's floor", frames, lambda frame: frame.floor.get(gap)),
    ]
    before = "the previous frame" if gap == 1 else f"{gap} frames before"
    return chart(f"Warp error, gap {gap}", f"from {before}; lower is steadier", curves, cuts)


def curve(name: str, frames: Sequence[Any], value: Callable[[Any], float | None], sparse: bool = False) -> Curve:
    """A value of each frame over its time."""
    return Curve(name, [(float(frame.time), value(frame)) for frame in frames], sparse)


def chart(name: str, note: str, curves: Sequence[Curve], cuts: Sequence[float], log: bool = False) -> Chart | None:
    """A plot with its caption and, for several curves, a key; None where no curve has a value."""
    svg = plot(name, curves, cuts, log)
    keys = [(order, one.name) for order, one in enumerate(curves) if len(curves) > 1 and one.known]
    return Chart(name, note, keys, svg) if svg else None
