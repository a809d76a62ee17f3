"""The records of a finished run and of a finished measurement: what the reports are written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from videostyle.frames import Size, Trim


@dataclass(frozen=True)
class FrameRecord:
    """A stylized frame of a run."""

    index: int
    """Ordinal in the source, from 0."""
    time: Fraction
    """Seconds on the source's clock."""
    shot: int
    """Number of the shot, from 1 over the whole source."""
    iterations: int
    """Optimizer steps taken."""
    loss: float
    """The objective L at the end; NaN where it was not evaluated."""
    spatial_loss: float
    """L without its temporal term; NaN where it was not evaluated."""
    new_share: float
    """Share of the pixels to which the previous frame does not apply, in [0, 1]."""
    seconds: float
    """Wall time spent on this frame."""


@dataclass(frozen=True)
class Mixed:
    """A place where a run was resumed with other libraries, on another processor or with other threads (--mixed)."""

    index: int
    """Ordinal in the source, from 0, of the first frame that was not finished by then."""
    differences: tuple[str, ...]
    """What had changed, such as "torch was 2.8.0 and is now 2.9.0"."""


@dataclass(frozen=True)
class RunReport:
    """A finished run."""

    output: Path
    """The file or folder that was written."""
    size: Size
    """(height, width) of the output, in pixels."""
    frames: tuple[FrameRecord, ...]
    """One record for each frame of the output, in order."""
    shots: int
    """Number of shots."""
    seconds: float
    """Wall time, including that of earlier runs that this one resumed."""
    peak_memory: int
    """Peak resident memory of this process, in bytes."""
    device: str
    """The device that computed, such as "cpu" or "cuda:0"."""
    options: dict[str, object]
    """The options of the job, as JSON values."""
    versions: dict[str, str]
    """Versions of the libraries, by package name."""
    notices: tuple[str, ...] = ()
    """Lines that the user should read."""
    skipped: int = 0
    """Damaged packets and frames of the source that were skipped."""
    stylized_size: Size | None = None
    """(height, width) at which the frames were stylized, before --output-size scaled them; None where unknown."""
    values: Mapping[str, tuple[tuple[float, ...], ...]] = field(default_factory=dict)
    """What the options that change over time were at each frame, by the names of their fields; one of each style for a
    mix, and none in a shot in which an option does not change."""

    trim: Trim | None = None
    """The part of the source's clock that the output covers; None where it is the whole source."""
    mixed: tuple[Mixed, ...] = ()
    """Where the bytes may differ from those of an uninterrupted run, in order; empty where they are the same."""
    origins: dict[str, str] = field(default_factory=dict)
    """Where each option came from that is not a default, by the keys of `options`: "command line", the name of a variable, or
    a config file with the preset."""
    shot_options: dict[int, dict[str, object]] = field(default_factory=dict)
    """The options that a shot had in place of the run's, by its number, as JSON values; without shots that had none."""


@dataclass(frozen=True, kw_only=True)
class FrameMeasure:
    """The metrics of one frame; None where there is nothing to compute them from.

    evaluation/metrics.py has the formulas. A field that starts with `source_`, or ends in `floor`, is the metric of the
    source itself. Lower is better for errors and distances.
    """

    index: int
    """Ordinal in the source, from 0."""
    time: Fraction
    """Seconds on the source's clock."""
    warp: dict[int, float | None]
    """Warp error in [0, 1], by the gap in frames to the earlier frame of the pair."""
    floor: dict[int, float | None]
    """Warp error of the source, by gap."""
    all_pixel: float | None = None
    """Squared difference along the flow, averaged over all pixels; masked pixels count as 0."""
    tof: float | None = None
    """Mean absolute difference between the flows of output and source, in pixels."""
    flicker: float | None = None
    """RMS difference from the previous frame where the source does not move, in [0, 1]."""
    flicker_floor: float | None = None
    """Flicker of the source."""
    new_share: float = 1.0
    """Share of the pixels without a correspondence at gap 1, in [0, 1]; 1 where the frame has no earlier one."""
    gram: float | None = None
    """Relative Gram distance from the style, the mean of the layers; on some of the frames only."""
    gram_layers: dict[str, float] | None = None
    """Relative Gram distance from the style, by layer."""
    content: float | None = None
    """Relative distance from the source's features; on some of the frames only."""
    unpainted: float | None = None
    """Largest difference from the source where a mask says that nothing is painted, in levels of 255; None without a mask."""
    ssim: float | None = None
    """Structural similarity to the source; None with a mask, as it is a figure of whole pictures."""
    sharpness: float | None
    """Mean gradient energy of the luma."""
    luminance: float | None
    """Mean of the luma, in [0, 1]."""
    contrast: float | None
    """Standard deviation of the luma."""
    source_luminance: float | None
    """Mean of the source's luma, in [0, 1]."""
    source_contrast: float | None
    """Standard deviation of the source's luma."""
    shot: int = 1
    """Number of the shot, from 1 over the whole source."""
    source_sharpness: float | None = None
    """Mean gradient energy of the source's luma."""
    source_gram: float | None = None
    """Relative Gram distance of the source from the style."""
    all_pixel_floor: float | None = None
    """`all_pixel` of the source."""
    embedding: float | None = None
    """Relative distance from the style in the embedding network; None where its package is not installed."""
    source_embedding: float | None = None
    """`embedding` of the source."""
    new: float | None = None
    """Share of the pixels that are new, now or in one of the last frames, in [0, 1]; None for a shot's first frame."""
    gram_new: float | None = None
    """`gram` of what is new, of the layers that can be compared there."""
    source_gram_new: float | None = None
    """`gram_new` of the source."""
    gram_rest: float | None = None
    """`gram` of the rest, of the layers that can be compared there."""
    source_gram_rest: float | None = None
    """`gram_rest` of the source."""
    content_new: float | None = None
    """`content` of what is new."""
    content_rest: float | None = None
    """`content` of the rest."""
    embedding_new: float | None = None
    """`embedding` of the box around the largest connected piece of what is new; None where the box is too small."""
    source_embedding_new: float | None = None
    """`embedding_new` of the source."""
    color_drift: float | None = None
    """Distance of the colors from those of the shot's first frame, in Lab units; None for that frame."""
    source_color_drift: float | None = None
    """`color_drift` of the source."""
    color_new: float | None = None
    """Distance of the colors of what is new from those of the rest, in Lab units."""
    source_color_new: float | None = None
    """`color_new` of the source."""


@dataclass(frozen=True)
class SampleFrame:
    """The images of a measured frame, for the page."""

    index: int
    """Ordinal in the source, from 0."""
    source: np.ndarray
    """uint8 (H, W, 3) RGB."""
    output: np.ndarray
    """uint8 (H, W, 3) RGB."""
    heat: np.ndarray | None
    """Warp error at gap 1 as colors, uint8 (H, W, 3) RGB; None where there is no frame to compare with."""
    masks: tuple[np.ndarray, ...] = ()
    """What is painted, where --mask was given, and each region with a style of its own, bool (H, W)."""


@dataclass(frozen=True)
class Measurement:
    """A finished measurement of a stylized clip."""

    source: Path
    """The source clip."""
    output: Path
    """The stylized clip."""
    styles: tuple[Path, ...]
    """Style images or style models."""
    size: Size
    """(height, width) at which both were measured, in pixels."""
    frames: tuple[FrameMeasure, ...]
    """The metrics of each frame, in order."""
    summary: dict[str, float | None]
    """Mean of each metric over the frames that have it, and drift, by key."""
    floor: dict[str, float | None]
    """The same of the source itself; None where a metric compares with the source."""
    skipped: dict[str, int]
    """Number of pairs and frames left out, by reason."""
    options: dict[str, object]
    """The options of the job, as JSON values."""
    versions: dict[str, str]
    """Versions of the libraries, by package name."""
    notices: tuple[str, ...]
    """Lines that the user should read."""
    pictures: tuple[SampleFrame, ...]
    """A few frames with their images; not part of the JSON."""
    origins: dict[str, str] = field(default_factory=dict)
    """Where each option came from that is not a default, by the keys of `options`."""
