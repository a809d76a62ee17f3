"""A run and its measurement as one HTML file that opens anywhere: no script, no address, all pictures inside."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from videostyle.errors import VideoStyleError
from videostyle.frames import Size
from videostyle.media.workdir import write_atomically
from videostyle.reports.charts import Curve, plot
from videostyle.reports.records import FrameMeasure, FrameRecord, Measurement, RunReport
from videostyle.reports.thumbnails import Compared, compared, painted_beside_source

JPEG_QUALITY = 90

DASH = "\N{EN DASH}"

SKIPPED = {
    "damaged": "damaged parts left out",
    "cut_1": "pairs over a cut",
    "cut_10": "pairs over a cut, gap 10",
    "empty_1": "pairs with no pixel to compare",
    "empty_10": "pairs with no pixel to compare, gap 10",
    "no_flow": "pairs without a flow file",
    "moving": "pairs in which nothing is still",
}

HEAT_NOTE = (
    "Warp error: the difference from a neighboring frame, moved here along the source's flow. Black is none, bright much; "
    "what is gray cannot be followed and is not counted."
)

# The page asks for nothing; the policy makes a browser hold it to that, whatever a notice or a name may contain.
HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
"""

STYLE = """
:root { --paper: #fdfcfa; --ink: #1d1f24; --soft: #5b606b; --line: #dcdad4; --blue: #1c5fae; --rust: #b04a12; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16181c; --ink: #e6e6e3; --soft: #a3a8b3; --line: #373b43; --blue: #82b6f5; --rust: #f0a069; }
}
* { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: clamp(1rem, 4vw, 3rem); max-width: 78rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
  overflow-wrap: anywhere; }
h1 { margin: 0 0 1.5rem; font-size: clamp(1.4rem, 4vw, 2rem); line-height: 1.2; font-weight: 650; text-wrap: balance; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.15rem; font-weight: 650; }
h3 { margin: 1.5rem 0 .5rem; font-size: 1rem; font-weight: 600; }
p, ul { margin: .5rem 0; max-width: 48rem; }
.side { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1.5rem 3rem; }
.side h2, .side h3 { margin-top: .5rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 400; color: var(--soft); }
.facts th { width: 11rem; }
.numbers td, .numbers th + th { padding-right: 0; text-align: right; white-space: nowrap; }
.numbers th + th, .numbers td { padding-left: 1.25rem; width: 8rem; }
figure { margin: 0; }
figcaption { font-size: .9rem; }
.frame { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 14rem), 1fr)); gap: .75rem; }
.frame figcaption, .note { color: var(--soft); font-size: .85rem; }
img { display: block; width: 100%; height: auto; max-height: 90vh; object-fit: contain; object-position: left; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); gap: 2rem 1.75rem; }
.plots figure { display: flex; flex-direction: column; max-width: 38rem; }
.plots figure > svg { margin-top: auto; }
.plots b { display: block; font-weight: 600; }
.key { display: inline-block; margin-right: 1rem; color: var(--soft); white-space: nowrap; }
.key svg { display: inline-block; width: 1.8rem; height: .6rem; margin-right: .35rem; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
svg .x { text-anchor: middle; }
svg .y { text-anchor: end; }
svg path { fill: none; stroke-width: 1; stroke: var(--line); }
svg .axis, svg .tick { stroke: var(--soft); }
svg .cut { stroke: var(--soft); stroke-dasharray: 1 3; }
svg .curve { stroke-width: 1.6; stroke-linejoin: round; }
svg .c0 { stroke: var(--blue); }
svg .c1 { stroke: var(--rust); stroke-dasharray: 5 2.5; }
svg circle.c0 { fill: var(--blue); stroke: none; }
svg circle.c1 { fill: var(--rust); stroke: none; }
svg .strip { fill: var(--ink); opacity: 0; }
svg .strip:hover { opacity: .12; }
pre { margin: .5rem 0; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .3rem; white-space: pre-wrap;
  font: .85rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --blue: #1c5fae; --rust: #b04a12; }
  body { padding: 0; font-size: 10pt; }
  figure, tr { break-inside: avoid; }
  h2, h3, .note { break-after: avoid; }
  .side { grid-template-columns: 1fr 1fr; }
  img { max-height: 9cm; }
}
"""


def write_page(
    path: Path,
    *,
    title: str,
    run: RunReport | None = None,
    measurement: Measurement | None = None,
    command: str = "",
) -> None:
    """Writes what is known of a run, of a measurement or of both as one HTML file; it appears whole or not at all.

    command: the line that made the output. For the pictures of a run without a measurement the source and the output are
    read again; where that fails, the page says so. Raises OSError where the page cannot be written.
    """
    text = page(title, run, measurement, command)
    # a name on the disk need not be text; its odd bytes are shown as \udcff
    write_atomically(path, text.encode("utf-8", "backslashreplace"))


def page(title: str, run: RunReport | None, measurement: Measurement | None, command: str) -> str:
    """The whole file's text."""
    frames, lines = frames_to_show(run, measurement)
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<div class="side">{facts(run, measurement)}{metrics(measurement)}</div>',
        notices([*notices_of(run, measurement), *lines]),
        pictures(frames, times_of(run, measurement)),
        plots(run, measurement),
        making(run, measurement, command),
    ]
    head = f"{HEAD}<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>"
    return f"{head}\n<body>\n<main>\n{joined(body)}\n</main>\n</body>\n</html>\n"


def section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{escape(heading)}</h2>\n{content}\n</section>" if content else ""


def joined(parts: Iterable[str]) -> str:
    """The parts that say something, one below the other."""
    return "\n".join(filter(None, parts))


def row_table(rows: Iterable[tuple[str, object]]) -> str:
    """A table of names and what they stand for; "" without rows."""
    cells = [f'<tr><th scope="row">{escape(name)}</th><td>{escape(shown(value))}</td></tr>' for name, value in rows]
    return f'<table class="facts">\n{joined(cells)}\n</table>' if cells else ""


def shown(value: object) -> str:
    """An option, a fact or a version as a reader sees it."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    return DASH if value is None else str(value)


def number(value: float | None) -> str:
    """Four digits; a dash for what is not known."""
    return DASH if value is None or not math.isfinite(value) else f"{value:.4g}"


def length(seconds: float) -> str:
    """A length of time: "8.4 s", or "0:03:20" from a minute on."""
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))


def facts(run: RunReport | None, measurement: Measurement | None) -> str:
    rows: list[tuple[str, object]] = []
    if measurement:
        rows += [("source", measurement.source), ("styles", measurement.styles)]
    if either := run or measurement:
        rows += [("output", either.output), ("size", size_text(either.size)), ("frames", len(either.frames))]
    if run:
        painting = sum(each.seconds for each in run.frames) / max(1, len(run.frames))
        rows += [("shots", run.shots), ("time taken", length(run.seconds)), ("seconds a frame", number(painting))]
        rows += [("peak memory", f"{run.peak_memory / 2**30:.2f} GiB"), ("device", run.device)]
    if run and measurement and run.size != measurement.size:
        rows.append(("measured at", size_text(measurement.size)))
    skipped = measurement.skipped if measurement else {"damaged": run.skipped if run else 0}
    rows += [(SKIPPED.get(name, name), count) for name, count in skipped.items() if count]
    return section("Facts", row_table(rows))


def size_text(size: Size) -> str:
    return f"{size[1]} \N{MULTIPLICATION SIGN} {size[0]} pixels"


def metrics(measurement: Measurement | None) -> str:
    """Each metric over all frames, of the output and, where that means something, of the source itself."""
    if not measurement or not measurement.summary:
        return ""
    head = ["metric", "output", "source's floor"]
    rows = [
        f'<tr><th scope="row">{escape(name.replace("_", " ", 1))}</th><td>{number(value)}</td>'
        f"<td>{number(measurement.floor.get(name))}</td></tr>"
        for name, value in measurement.summary.items()
    ]
    columns = "".join(f'<th scope="col">{each}</th>' for each in head)
    table = f'<table class="numbers">\n<thead><tr>{columns}</tr></thead>\n<tbody>\n{joined(rows)}\n</tbody>\n</table>'
    note = "The floor is what the source itself measures: its noise, and the flow's errors."
    return section("Measured", f'{table}\n<p class="note">{note}</p>')


def notices_of(run: RunReport | None, measurement: Measurement | None) -> list[str]:
    """Every notice once."""
    return list(dict.fromkeys([*(run.notices if run else ()), *(measurement.notices if measurement else ())]))


def notices(lines: Sequence[str]) -> str:
    items = [f"<li>{escape(line)}</li>" for line in lines]
    return section("Notices", f"<ul>\n{joined(items)}\n</ul>" if items else "")


def making(run: RunReport | None, measurement: Measurement | None, command: str) -> str:
    """The command, the options and the versions that made the output or measured it."""
    tables: list[tuple[str, Mapping[str, object]]] = []
    if run:
        tables += [("Painted with these options", run.options), ("Painted with these versions", run.versions)]
    if measurement:
        options, versions = told_by_measurement(run, measurement)
        tables += [("Measured with these options", options), ("Measured with these versions", versions)]
    columns = [f"<div>\n<h3>{name}</h3>\n{row_table(values.items())}\n</div>" for name, values in tables if values]
    side = f'<div class="side">\n{joined(columns)}\n</div>' if columns else ""
    return section("How it was made", joined([f"<pre>{escape(command)}</pre>" if command else "", side]))


def told_by_measurement(
    run: RunReport | None, measurement: Measurement
) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """The options and versions of a measurement; beside a run only what neither it nor the facts say."""
    if not run:
        return measurement.options, measurement.versions
    options = {
        name: value
        for name, value in measurement.options.items()
        if value not in (None, False, run.options.get(name)) and name not in ("source", "output", "style")
    }
    versions = {name: value for name, value in measurement.versions.items() if run.versions.get(name) != value}
    return options, versions


def frames_to_show(run: RunReport | None, measurement: Measurement | None) -> tuple[list[Compared], list[str]]:
    """The frames to be looked at, and a line for the reader where they cannot be had."""
    if measurement and measurement.pictures:
        return [compared(each) for each in measurement.pictures], []
    try:
        return (painted_beside_source(run) if run else []), []
    except (VideoStyleError, OSError) as error:
        return [], [f"no frames are shown: {error}"]


def times_of(run: RunReport | None, measurement: Measurement | None) -> dict[int, float]:
    """Each frame's seconds on the source's clock, by its index."""
    measured = {each.index: float(each.time) for each in (measurement.frames if measurement else ())}
    return measured | {each.index: float(each.time) for each in (run.frames if run else ())}


def pictures(frames: Sequence[Compared], times: dict[int, float]) -> str:
    """Each frame's pictures in a row, side by side where there is room."""
    rows = []
    for frame in frames:
        at = f", {times[frame.index]:.2f} s" if frame.index in times else ""
        figures = [
            f'<figure><img src="{data_address(image)}" width="{image.shape[1]}" height="{image.shape[0]}" '
            f'alt="frame {frame.index + 1}: {caption}"><figcaption>{caption}</figcaption></figure>'
            for caption, image in frame.pictures.items()
        ]
        rows.append(f'<h3>frame {frame.index + 1}{at}</h3>\n<div class="frame">\n{joined(figures)}\n</div>')
    if any("warp error" in frame.pictures for frame in frames):
        rows.insert(0, f'<p class="note">{HEAT_NOTE}</p>')
    return section("Frames", "\n".join(rows))


def data_address(image: np.ndarray) -> str:
    """uint8 (H, W, 3) RGB as a JPEG inside a data: address."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError(f"no JPEG can be made of a picture of {image.shape[1]}x{image.shape[0]}")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def plots(run: RunReport | None, measurement: Measurement | None) -> str:
    """Everything that is known frame by frame, over the source's time."""
    cuts = cut_times(run, measurement)
    figures = [*run_plots(run, cuts), *measured_plots(measurement, cuts)]
    if not (run and run.frames) and measurement:
        figures.append(untrusted_plot(measurement.frames, cuts))
    if not any(figures):
        return ""
    hint = "Dotted vertical lines are cuts." if cuts else ""
    return section("Over time", f'<p class="note">{hint}</p>\n<div class="plots">\n{joined(figures)}\n</div>')


def cut_times(run: RunReport | None, measurement: Measurement | None) -> list[float]:
    """Where every shot but the first begins."""
    frames = (run.frames if run else ()) or (measurement.frames if measurement else ())
    places = [(frame.shot, float(frame.time)) for frame in frames]
    return [time for (before, _), (shot, time) in pairwise(places) if shot != before]


def run_plots(run: RunReport | None, cuts: Sequence[float]) -> list[str]:
    frames = run.frames if run else ()
    losses = [curve("loss", frames, lambda frame: frame.loss), curve("L*", frames, lambda frame: frame.spatial_loss)]
    iterations = [curve("iterations", frames, lambda frame: frame.iterations)]
    return [
        figure("Loss", "at each frame's end; L* is without the temporal term", losses, cuts),
        figure("Iterations", "on a logarithmic scale", iterations, cuts, log=True),
        untrusted_plot(frames, cuts),
    ]


def untrusted_plot(frames: Sequence[FrameRecord] | Sequence[FrameMeasure], cuts: Sequence[float]) -> str:
    """The share of new pixels. Where all is new, as at a shot's start, there is a gap: 100 % would dwarf the rest."""
    share = curve("untrusted", frames, lambda frame: 100 * frame.new_share if frame.new_share < 1 else None)
    return figure("Untrusted share", "of the picture, in %: what the frame before says nothing about", [share], cuts)


def measured_plots(measurement: Measurement | None, cuts: Sequence[float]) -> list[str]:
    """Warp errors by gap, the distances from style and content, and the light of both clips."""
    frames = measurement.frames if measurement else ()
    gaps = sorted({gap for frame in frames for gap in frame.warp})
    gram = [curve("Gram distance", frames, lambda frame: frame.gram, sparse=True)]
    embedding = [
        curve("output", frames, lambda frame: frame.embedding, sparse=True),
        curve("source's floor", frames, lambda frame: frame.source_embedding, sparse=True),
    ]
    content = [curve("content distance", frames, lambda frame: frame.content, sparse=True)]
    light = [
        curve("output", frames, lambda frame: frame.luminance),
        curve("source", frames, lambda frame: frame.source_luminance),
    ]
    return [
        *(warp_plot(frames, gap, cuts) for gap in gaps),
        figure("Gram distance", "to the style", gram, cuts),
        figure("Style embedding", "to the style, as another network sees it", embedding, cuts),
        figure("Content distance", "to the source", content, cuts),
        figure("Luminance", "mean of each frame", light, cuts),
    ]


def warp_plot(frames: Sequence[FrameMeasure], gap: int, cuts: Sequence[float]) -> str:
    curves = [
        curve("output", frames, lambda frame: frame.warp.get(gap)),
        curve("source's floor", frames, lambda frame: frame.floor.get(gap)),
    ]
    before = "the frame before" if gap == 1 else f"{gap} frames before"
    return figure(f"Warp error, gap {gap}", f"from {before}; lower is steadier", curves, cuts)


def curve(name: str, frames: Sequence[Any], value: Callable[[Any], float | None], sparse: bool = False) -> Curve:
    return Curve(name, [(float(frame.time), value(frame)) for frame in frames], sparse)


def figure(name: str, note: str, curves: Sequence[Curve], cuts: Sequence[float], log: bool = False) -> str:
    """A plot under its name, with a key where there are several curves; "" where no curve has a point."""
    drawing = plot(name, curves, cuts, log)
    if not drawing:
        return ""
    keys = [
        f'<span class="key"><svg viewBox="0 0 36 12" aria-hidden="true"><path class="curve c{order}" d="M0 6H36"/></svg>'
        f"{escape(each.name)}</span>"
        for order, each in enumerate(curves)
        if len(curves) > 1 and each.known
    ]
    caption = f'<b>{escape(name)}</b><span class="note">{escape(note)}</span><div>{"".join(keys)}</div>'
    return f"<figure><figcaption>{caption}</figcaption>{drawing}</figure>"
