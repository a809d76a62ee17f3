"""The plots of the documentation, from what benchmarks.speed has kept: `make plots`, or with --folder and --to."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import pyplot
from matplotlib.ticker import NullFormatter, ScalarFormatter

from benchmarks.speed import WAYS
from videostyle.option_groups import PRESETS


def plain_ticks(axis: Any, ticks: list[float]) -> None:
    """A logarithmic axis with these ticks, written as plain numbers."""
    axis.axes.set_xscale("log") if axis.axis_name == "x" else axis.axes.set_yscale("log")
    axis.set_ticks(ticks)
    axis.set_major_formatter(ScalarFormatter())
    axis.set_minor_formatter(NullFormatter())


def presets(folder: Path, target: Path) -> None:
    """Spatial loss and warp error at gap 10 against seconds a frame: numbers of iterations as a curve, presets as points."""
    clips = sorted({path.name.split("_draft.row")[0] for path in folder.glob("presets_*_draft.row.json")})
    figure, places = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for number, clip in enumerate(clips):
        rows = {way: json.loads((folder / f"{clip}_{way.replace(' ', '_')}.row.json").read_text()) for way in WAYS}
        for place, name in zip(places, ("spatial", "warp_10"), strict=True):
            exact = [rows[way] for way in WAYS if way not in PRESETS]
            color, label = f"C{number}", clip.removeprefix("presets_")
            place.plot([row["seconds"] for row in exact], [row[name] for row in exact], ".-", color=color, label=label)
            for preset in PRESETS:
                place.plot(rows[preset]["seconds"], rows[preset][name], "D", color=color)
                where = (rows[preset]["seconds"], rows[preset][name])
                place.annotate(preset, where, (4, 5), textcoords="offset points", fontsize=8)
    for place, label in zip(places, ("content + 15 style", "warp error at 10 frames"), strict=True):
        plain_ticks(place.xaxis, [0.5, 1, 2, 5, 10])
        place.margins(0.1)  # for the names
        place.set(xlabel="seconds a frame", ylabel=label)
        place.grid(alpha=0.3)
    places[0].legend()
    figure.savefig(target, dpi=110)


def growth(folder: Path, target: Path) -> None:
    """Seconds a frame against the clip's length and against pixels."""
    curves = json.loads((folder / "growth.json").read_text())
    figure, places = pyplot.subplots(1, 2, figsize=(9, 3.0), layout="constrained")
    for place, name, label in zip(places, ("lengths", "pixels"), ("frames", "megapixels"), strict=True):
        across, up = zip(*curves[name], strict=True)
        place.plot(across, up, "o-")
        place.set(xlabel=label, ylabel="seconds a frame", ylim=(0, 1.3 * max(up)))
        place.grid(alpha=0.3)
    plain_ticks(places[0].xaxis, [length for length, _ in curves["lengths"]])
    figure.savefig(target, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("out/bench_speed"))
    parser.add_argument("--to", type=Path, default=Path("docs"))
    options = parser.parse_args()
    matplotlib.use("agg")
    presets(options.folder, options.to / "presets.png")
    growth(options.folder, options.to / "growth.png")


if __name__ == "__main__":
    main()
