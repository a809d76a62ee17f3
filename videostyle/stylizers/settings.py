"""What the stylizers of a run are made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from videostyle.option_groups import OptimizerOptions, StyleOptions
from videostyle.stylizers.schedule import IterationSchedule

if TYPE_CHECKING:
    from videostyle.losses.terms import Weights


@dataclass(frozen=True, kw_only=True, eq=False)
class StylizerSettings:
    """What the stylizers of a run are made from, the same for all of its shots. Stylizers ignore what they do not need."""

    styles: tuple[np.ndarray, ...] = ()
    """Style images, uint8 or uint16 (H, W, 3) RGB, of any sizes; empty with a style model."""
    style_counts: tuple[int, ...] = ()
    """How many of the style images each style has; empty for one each."""
    style_model: Path | None = None
    """A .vstyle file whose network does the stylizing; None where frames are optimized towards `styles`."""
    region_styles: tuple[tuple[np.ndarray, ...], ...] = ()
    """The style images of each region that has some of its own, in the order of the guides "region 1" and so on."""
    region_models: tuple[Path, ...] = ()
    """The same as .vstyle files, with a style model."""
    weights: Weights
    """Weight of each term of the objective L."""
    schedule: IterationSchedule
    """Iterations per frame."""
    style: StyleOptions = StyleOptions()
    """What is compared with the style images."""
    optimizer: OptimizerOptions = OptimizerOptions()
    """How frames are optimized, beside the schedule."""
    device: str = "cpu"
    """The torch device."""
    strength: float = 1.0
    """How far the style is aimed at, in [0, 1]."""
    seed: int = 0
    """Seed of the noise in the first frame's start."""
    grayscale: bool = False
    """Stylize the luminance only, for --keep-colors; the renderer puts the source's colors back."""
