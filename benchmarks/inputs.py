"""What several benchmarks start from: the first frames of a clip, the targets of a style image, and a preset's settings."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.media.resize import fit_size
from videostyle.media.sources import open_source
from videostyle.models.features import load_features
from videostyle.style_images import load_style
from videostyle.stylizers.schedule import SCHEDULES
from videostyle.stylizers.settings import StylizerSettings
from videostyle.tensors import to_tensor


def first_frames(clip: Path, longer: int, count: int, multiple: int = 2) -> list[np.ndarray]:
    """The first `count` frames, uint8 (H, W, 3) RGB, with `longer` pixels on the longer side; sides divide by `multiple`."""
    source = open_source(clip)
    size = fit_size(source.info.size, longer, multiple)
    frames = [frame.image for frame in islice(source.frames(size), count)]
    source.close()
    return frames


def style_targets(style: Path, device: str = "cpu") -> StyleTargets:
    """The targets of one style image, by the default network."""
    return StyleTargets(load_features("vgg19", device), [to_tensor(load_style(style), device)])


def settings_of(preset: str, device: str = "cpu") -> StylizerSettings:
    """A preset with the default weights."""
    return StylizerSettings(weights=Weights(), schedule=SCHEDULES[preset], device=device)
