"""What a run tells while it works and when it is done. Records only; the command line prints them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from videostyle.frames import Size


@dataclass(frozen=True)
class Notice:
    """A line the user should read; nothing failed."""

    text: str


@dataclass(frozen=True)
class Counting:
    """The quick first pass is at this frame (from 1)."""

    frame: int


@dataclass(frozen=True)
class Plan:
    """What is about to be painted. sizes: (height, width). look: a file that always holds the newest painted frame."""

    input: Path
    output: Path
    source_size: Size
    size: Size
    frames: int
    shots: int
    device: str
    look: Path


@dataclass(frozen=True)
class Estimate:
    """Seconds the whole run will take, from the first measured iterations."""

    seconds: float


@dataclass(frozen=True)
class Painting:
    """One iteration was done. frame, shot: from 1, within the run. loss: L now. fraction: of the whole run's work done,
    in [0, 1]. remaining: seconds, None while unknown."""

    frame: int
    frames: int
    shot: int
    shots: int
    loss: float
    fraction: float
    remaining: float | None


Event = Notice | Counting | Plan | Estimate | Painting


@dataclass(frozen=True)
class FrameRecord:
    """One painted frame. index: ordinal in the source, from 0. loss: L at the end; loss_star: L without its temporal
    term; untrusted: the share of new pixels in [0, 1]; seconds: spent on the iterations."""

    index: int
    time: Fraction
    shot: int
    iterations: int
    loss: float
    loss_star: float
    untrusted: float
    seconds: float


def frame_as_json(record: FrameRecord) -> dict[str, object]:
    """The record as JSON has it: its time an exact fraction as text, a loss that is no finite number null."""
    losses = {"loss": record.loss, "loss_star": record.loss_star}
    return (
        asdict(record)
        | {name: loss if math.isfinite(loss) else None for name, loss in losses.items()}
        | {"time": str(record.time)}
    )


def frame_from_json(values: dict[str, Any]) -> FrameRecord:
    """The record of which `frame_as_json` made this."""
    losses = {name: math.nan if values[name] is None else values[name] for name in ("loss", "loss_star")}
    return FrameRecord(**(values | losses | {"time": Fraction(values["time"])}))


@dataclass(frozen=True)
class RunReport:
    """A finished run. seconds: wall time. peak_memory: bytes of resident memory at the highest, of this process. skipped:
    damaged packets and frames of the source that were left out."""

    output: Path
    size: Size
    frames: tuple[FrameRecord, ...]
    shots: int
    seconds: float
    peak_memory: int
    device: str
    options: dict[str, object]
    versions: dict[str, str]
    notices: tuple[str, ...] = field(default=())
    skipped: int = 0


@dataclass(frozen=True)
class FrameMeasure:
    """One frame of a painted clip, measured; None where a metric says nothing of this frame. index: ordinal, from 0.

    warp, floor: the warp error of output and source by gap in frames. untrusted: the share of new pixels in [0, 1].
    gram_layers: the Gram distance by the network's layer. luminance, contrast: mean and spread in [0, 1].
    """

    index: int
    time: Fraction
    warp: dict[int, float | None]
    floor: dict[int, float | None]
    all_pixel: float | None
    tof: float | None
    flicker: float | None
    flicker_floor: float | None
    untrusted: float
    gram: float | None
    gram_layers: dict[str, float]
    content: float | None
    ssim: float | None
    sharpness: float
    luminance: float
    contrast: float
    source_luminance: float
    source_contrast: float


@dataclass(frozen=True)
class Pictured:
    """A chosen frame as uint8 (H, W, 3) RGB: of the source, of the output, and where the warp error lies."""

    index: int
    source: np.ndarray
    output: np.ndarray
    heat: np.ndarray


@dataclass(frozen=True)
class Measurement:
    """A painted clip measured against its source. summary, floor: each metric over all frames, of the output and of the
    source, by the same names; a metric may be missing in floor. skipped: damaged parts left out, by where they were."""

    source: Path
    output: Path
    styles: tuple[Path, ...]
    size: Size
    frames: tuple[FrameMeasure, ...]
    summary: dict[str, float | None]
    floor: dict[str, float | None]
    skipped: dict[str, int]
    options: dict[str, object]
    versions: dict[str, str]
    notices: tuple[str, ...]
    pictures: tuple[Pictured, ...]


def write_report(report: RunReport, path: Path) -> None:
    """The run as JSON. Keys: schema (1), output, width, height, shots, seconds, peak_memory (bytes), device, options,
    versions, notices, skipped (damaged packets and frames that were left out), and frames: index (from 0), time (seconds,
    exact fraction as text), shot (from 1), iterations, loss, loss_star, untrusted, seconds."""
    content = {
        "schema": 1,
        "output": str(report.output),
        "width": report.size[1],
        "height": report.size[0],
        "shots": report.shots,
        "seconds": report.seconds,
        "peak_memory": report.peak_memory,
        "device": report.device,
        "options": report.options,
        "versions": report.versions,
        "notices": list(report.notices),
        "skipped": report.skipped,
        "frames": [frame_as_json(each) for each in report.frames],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
