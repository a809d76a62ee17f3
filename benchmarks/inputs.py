"""What several benchmarks start from: pairs of clip and style image, frames, targets of a style image, a preset's settings."""

from __future__ import annotations

import argparse
from itertools import islice, product
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

Pair = tuple[Path, Path]
"""A clip and a style image."""


def add_pairs(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is stylized."""
    clips, styles = [Path("sample_media/clip.mp4")], [Path("sample_media/styles/swirls.jpg")]
    parser.add_argument("--clips", nargs="+", type=Path, default=clips, help="videos, or folders of frames")
    parser.add_argument("--styles", nargs="+", type=Path, default=styles, help="each clip is stylized in each of them")
    parser.add_argument(
        "--pairs",
        nargs=2,
        type=Path,
        action="append",
        metavar=("CLIP", "STYLE"),
        help="one clip in one style image, in place of --clips and --styles; may be repeated",
    )


def pairs_of(options: argparse.Namespace) -> list[Pair]:
    """The pairs that `add_pairs` was given."""
    return [(clip, style) for clip, style in options.pairs or product(options.clips, options.styles)]


def pair_name(pair: Pair) -> str:
    """The name of the folder with everything that belongs to a pair. Folders of frames often have the same name: theirs has
    the parent's, too."""
    clip, style = pair
    return f"{f'{clip.parent.name}_{clip.name}' if clip.is_dir() else clip.stem}_{style.stem}"


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
