"""Frames of a stylized clip beside the same frames stylized alone: `python -m benchmarks.alone --folder out/bench_quality`.

For some frames of every pair that benchmarks.quality has stylized with one method: the spatial loss and the sharpness over
those of the same frame stylized alone, as a shot's first frame; and the distances from content and style inside the region
that was disoccluded three frames earlier, over those of the frame alone. A frame alone takes as long as a
shot's first one, and is kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.inputs import settings_of, style_targets
from videostyle.evaluation.metrics import luma, sharpness
from videostyle.losses.objective import Objective
from videostyle.losses.terms import CONTENT_LAYERS, STYLE_LAYERS, FrameTargets, Weights, relative_distance
from videostyle.media.images import read_picture
from videostyle.media.sources import open_source
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.optimize import Optimize
from videostyle.temporal.consistency import disoccluded, estimate_motion, outside
from videostyle.temporal.flow import DIS
from videostyle.temporal.warp import warp
from videostyle.tensors import to_tensor

AGE = 3  # frames since a region became visible
NARROWEST = 5  # pixels: narrower regions are errors of the flow
SMALLEST_REGION = 0.003  # share of the picture below which there are too few places for statistics


def sources(clip: Path, size: tuple[int, int], last: int) -> list[np.ndarray]:
    """The frames up to frame `last` (from 1), as many as `newly_visible` needs, uint8 (H, W, 3)."""
    source, first = open_source(clip), max(0, last - AGE - 2)
    frames = [frame.image for frame, _ in zip(source.frames(size, first), range(last - first), strict=False)]
    source.close()
    return frames


def newly_visible(frames: Sequence[np.ndarray]) -> Tensor:
    """The region that the second frame disoccludes, warped to the last one: (1, 1, H, W), 0 or 1."""
    flow = DIS()
    back, forth = flow(frames[1], frames[0]), flow(frames[0], frames[1])
    new = (outside(back) | disoccluded(back, forth)).astype(np.float32)
    new = cv2.morphologyEx(new, cv2.MORPH_OPEN, np.ones((NARROWEST, NARROWEST), np.uint8))
    region = torch.from_numpy(new)[None, None]
    for before, now in pairwise(frames[1:]):
        step = estimate_motion(before, now, flow)
        region = warp(region, step.flow) * torch.from_numpy(step.consistency)
    return (region > 0.5).float()


def stylized_alone(clip: Path, style: Path, ordinal: int, size: tuple[int, int], kept: Path) -> np.ndarray:
    """A frame (from 1) stylized as a shot's first, float32 (H, W, 3); kept in a file."""
    if not kept.exists():
        (image,) = sources(clip, size, ordinal)[-1:]
        (result,) = Optimize(style_targets(style), settings_of("standard")).step(FrameInput(image))
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, result.picture)
    return np.load(kept)


class FrameMetrics:
    """Measures stylized pictures of one frame. image: the source frame, uint8; region: its disoccluded part, (1, 1, H, W)."""

    def __init__(self, image: np.ndarray, style: Path, region: Tensor):
        targets = style_targets(style)
        self.features, self.region = targets.features, region
        content, styles = to_tensor(image, "cpu"), targets.at(image.shape[:2])
        self.objective = Objective(FrameTargets(self.features, content, styles), Weights())
        self.content, self.style = self._activations(content), styles[0]["style"]

    def of(self, picture: np.ndarray) -> dict[str, float]:
        """Spatial loss and sharpness; and the distances from content and style inside the region, unless it is too small."""
        tensor = torch.from_numpy(picture).permute(2, 0, 1)[None]
        features = self._activations(tensor)
        figures = {"spatial": self.objective(tensor).spatial, "sharpness": sharpness(luma(picture))}
        if float(self.region.mean()) < SMALLEST_REGION:
            return figures
        content = [self._inside(features[layer], self.content[layer]) for layer in CONTENT_LAYERS]
        grams = [relative_distance(self._gram(features[layer]), self.style[layer]) for layer in STYLE_LAYERS]
        return figures | {"content": float(np.mean(content)), "gram": float(np.mean([float(gram) for gram in grams]))}

    @torch.no_grad()
    def _activations(self, image: Tensor) -> dict[str, Tensor]:
        """By layer, copies of the activations (1, C, h, w)."""
        by_layer = self.features.forward(image, {*STYLE_LAYERS, *CONTENT_LAYERS})
        return {layer: activations.permute(2, 0, 1)[None].clone() for layer, activations in by_layer.items()}

    def _share(self, features: Tensor) -> Tensor:
        """The share of each place of a layer that lies in the region, (1, 1, h, w)."""
        height, width = features.shape[2:]
        return F.adaptive_avg_pool2d(self.region, (height, width))

    def _inside(self, features: Tensor, target: Tensor) -> float:
        """The relative distance of activations (1, C, h, w) from the target's, over the region's places."""
        share = self._share(features)
        return float((share * (features - target).square()).sum() / (share * target.square()).sum())

    def _gram(self, features: Tensor) -> Tensor:
        """The Gram matrix (C, C) over the region's places, divided by their number."""
        share = self._share(features).flatten()
        places = features.flatten(2).squeeze(0)
        return (places * share) @ places.T / share.sum()


def compared(clip: Path, style: Path, ordinal: int, pair: Path, method: str) -> dict[str, float]:
    """Each figure of a stylized frame over that of the frame alone, and the region's share of the picture."""
    picture = read_picture(pair / method.replace(" ", "_") / f"{ordinal:06d}.png").image
    stylized = picture.astype(np.float32) / 255
    size = stylized.shape[:2]
    alone = stylized_alone(clip, style, ordinal, size, pair / "alone" / f"{ordinal:06d}.npy")
    frames = sources(clip, size, ordinal)
    region = newly_visible(frames)
    metrics = FrameMetrics(frames[-1], style, region)
    ours, theirs = metrics.of(stylized), metrics.of(alone)
    return {name: ours[name] / theirs[name] for name in ours} | {
        "region": float(region.mean()),
        "loss": ours["spatial"],
    }


def line(pair: str, ordinal: int, row: dict[str, float]) -> str:
    ratios = [f"{row[name]:.2f}" if name in row else "" for name in ("spatial", "sharpness", "content", "gram")]
    return f"| {pair} | {ordinal} | {row['loss']:.2f} | {' | '.join(ratios)} | {row['region']:.1%} |"


def print_table(
    clips: Sequence[Path], styles: Sequence[Path], ordinals: Sequence[int], folder: Path, method: str
) -> None:
    """Print a row for each frame of each pair as it is done."""
    heads = ["pair", "frame", "spatial loss", "over alone", "sharpness", "new: content", "new: Gram", "new"]
    print(
        f"\n**{method}, over the same frame stylized alone**\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}",
        flush=True,
    )
    for clip, style, ordinal in product(clips, styles, ordinals):
        row = compared(clip, style, ordinal, folder / f"{clip.stem}_{style.stem}", method)
        print(line(f"{clip.stem}, {style.stem}", ordinal, row), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", nargs="+", type=Path, default=[Path("sample_media/clip.mp4")])
    parser.add_argument("--styles", nargs="+", type=Path, default=[Path("sample_media/styles/swirls.jpg")])
    parser.add_argument("--folder", type=Path, default=Path("out/bench_quality"))
    parser.add_argument("--method", default="videostyle standard")
    parser.add_argument("--at", nargs="+", type=int, default=[24, 48], help="the frames, from 1")
    options = parser.parse_args()
    torch.set_num_threads(2)
    print_table(options.clips, options.styles, options.at, options.folder, options.method)


if __name__ == "__main__":
    main()
