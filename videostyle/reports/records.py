"""The records of a finished run or measurement."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from videostyle.frames import Size


@dataclass(frozen=True)
class FrameRecord:
    """One painted frame. index: ordinal in the source, from 0. loss: L at the end; spatial_loss: L without its temporal
    term; new_share: the share of new pixels in [0, 1]; seconds: spent on the iterations."""

    index: int
    time: Fraction
    shot: int
    iterations: int
    loss: float
    spatial_loss: float
    new_share: float
    seconds: float


@dataclass(frozen=True)
class RunReport:
    """A finished run. size, painted_size: (height, width) of the output, and at which it was painted, None where unknown.
    seconds: wall time, and that of the frames painted by a run that this one went on from. peak_memory: bytes of resident
    memory at the highest, of this process. skipped: damaged packets and frames of the source that were left out."""

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
    painted_size: Size | None = None


@dataclass(frozen=True)
class FrameMeasure:
    """One frame, measured. Each figure is None where there is nothing to take it from; metrics.py has the formulas.

    index, time: of the source's frame, from 0; shot: from 1. warp, floor: warp error at each gap, of output and source.
    all_pixel: the same difference over every pixel, squared; tof: pixels; flicker: of what does not move. new_share: the
    share of pixels left out at gap 1, 1 where the frame has no earlier one. gram, gram_layers, embedding, content: relative
    distances from style and source, on some of the frames; embedding only where its package is installed. luminance,
    contrast: mean and deviation. The names that begin with source_ or end in floor are the source's own.
    """

    index: int
    time: Fraction
    warp: dict[int, float | None]
    floor: dict[int, float | None]
    all_pixel: float | None
    tof: float | None
    flicker: float | None
    flicker_floor: float | None
    new_share: float
    gram: float | None
    gram_layers: dict[str, float] | None
    content: float | None
    ssim: float
    sharpness: float
    luminance: float
    contrast: float
    source_luminance: float
    source_contrast: float
    shot: int = 1
    source_sharpness: float | None = None
    source_gram: float | None = None
    all_pixel_floor: float | None = None
    embedding: float | None = None
    source_embedding: float | None = None


@dataclass(frozen=True)
class Pictured:
    """A frame to look at: source, output and warp error at gap 1 as colors, each uint8 (H, W, 3) RGB; heat is None where
    there is no frame to compare with."""

    index: int
    source: np.ndarray
    output: np.ndarray
    heat: np.ndarray | None


@dataclass(frozen=True)
class Measurement:
    """A painted clip, measured. size: (height, width) measured at. summary, floor: the mean of each metric over the
    frames that have it, of the output and of the source itself. skipped: how many pairs and frames were left out, and why.
    """

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
