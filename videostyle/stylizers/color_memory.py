"""Color constancy: what comes into view gets the colors that a shot's stylized frames give to such source colors.

Where the last frame says nothing, an optimizer is free to keep any color that it starts from, and what starts with the color
of its neighbors would spread it. So a shot has a memory of stylized colors by source color, taken from its first frame, and
from later frames for colors that only came into view there. It gives the color that a new place should have on average; its
strokes remain free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from videostyle.losses.frame_targets import PLAIN, LocalColors, region_masks
from videostyle.losses.guides import SMALLEST_NORM
from videostyle.losses.terms import local_means

GRID = 40
"""Longer side of the grid of cells, over which colors are averaged: coarse enough for strokes to even out."""

BIN = 12.0
"""Width of a bin of source colors, in each of L, a and b."""

LEAST_SHARE = 0.0025
"""Of the cells: source colors that are rarer are not remembered."""

REACH = 8.0
"""Distance in Lab units at which the weight of a remembered color has fallen to exp(-1/2)."""

LEVELS = 33
"""Of each of R, G and B in the table of looked-up colors, between which it is interpolated."""


class ColorMemory:
    """The stylized colors of a shot by source color. Pictures are float32 (1, 3, H, W) RGB in [0, 1]."""

    def __init__(self, device: str = "cpu", name: str = "memory"):
        """name: what its arrays' names in a state begin with."""
        self.device, self.name = device, name
        self.reset()

    def reset(self) -> None:
        """Forget everything, as at the start of a shot."""
        self.sources = np.zeros((0, 3), np.float32)
        """Source colors in Lab."""
        self.stylized = np.zeros((0, 3), np.float32)
        """The stylized color of each, RGB in [0, 1]."""
        self.counts = np.zeros(0, np.float32)
        """How many cells each was averaged over."""
        self.table: Tensor | None = None
        """`looked_up` at every level, (1, 4, LEVELS, LEVELS, LEVELS); None until it is needed."""

    def add(self, source: Tensor, picture: Tensor, settled: Tensor) -> None:
        """Remember the colors of a stylized picture whose source colors are not known yet.

        settled: (1, 1, H, W) in [0, 1], how far each pixel counts; 0 for what has only come into view.
        """
        height, width = source.shape[2:]
        scale = min(1.0, GRID / max(height, width))
        size = max(1, round(height * scale)), max(1, round(width * scale))
        cells = F.adaptive_avg_pool2d(torch.cat([source, picture, settled], dim=1), size)[0].flatten(1).T.cpu().numpy()
        labs, colors, weights = lab(cells[:, :3]), cells[:, 3:6], cells[:, 6]
        _, bins = np.unique(np.floor(labs / BIN), axis=0, return_inverse=True)
        counts = np.bincount(bins.ravel(), weights).astype(np.float32)
        known = counts >= max(LEAST_SHARE * len(cells), 1e-3)
        labs, colors = (_means(values, bins.ravel(), weights)[known] for values in (labs, colors))
        new = np.ones(len(labs), bool)
        if len(self.sources):
            new = np.linalg.norm(labs[:, None] - self.sources, axis=2).min(axis=1) > BIN
        if new.any():
            self.sources = np.concatenate([self.sources, labs[new]])
            self.stylized = np.concatenate([self.stylized, colors[new]])
            self.counts = np.concatenate([self.counts, counts[known][new]])
            self.table = None

    def colors_of(self, source: Tensor, weights: Tensor) -> LocalColors | None:
        """The colors that the pixels of a source frame should have, each weighted by how well its source color is known.

        weights: (1, 1, H, W) in [0, 1], how far each pixel counts. None while nothing is remembered.
        """
        if not len(self.sources):
            return None
        if self.table is None:
            self.table = self._table()
        places = 2 * source.permute(0, 2, 3, 1)[:, None].flip(-1) - 1  # the last axis of the table is blue
        found = F.grid_sample(self.table, places, align_corners=True)[:, :, 0]
        return LocalColors(found[:, :3], weights * found[:, 3:])

    def _table(self) -> Tensor:
        levels = np.linspace(0, 1, LEVELS, dtype=np.float32)
        colors = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
        table = looked_up(lab(colors), self.sources, self.stylized, self.counts)
        return torch.from_numpy(table.T.reshape(1, 4, LEVELS, LEVELS, LEVELS).copy()).to(self.device)

    def state(self) -> dict[str, np.ndarray]:
        """Everything that later frames depend on, as arrays."""
        arrays = {"sources": self.sources, "stylized": self.stylized, "counts": self.counts}
        return {f"{self.name}_{name}": array for name, array in arrays.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from a state; it may hold other arrays too."""
        self.sources, self.stylized, self.counts = (
            state[f"{self.name}_{name}"] for name in ("sources", "stylized", "counts")
        )
        self.table = None


class RegionColors:
    """A memory for each region: in another style the same source color gets another one.

    names: of the guides of the regions with a style of their own. guides: masks (1, 1, H, W) of a frame by name.
    """

    def __init__(self, names: Iterable[str], device: str = "cpu"):
        self.names = list(names)
        others = {name: ColorMemory(device, f"memory of {name}") for name in self.names}
        self.memories = {PLAIN: ColorMemory(device), **others}

    def reset(self) -> None:
        """Forget everything, as at the start of a shot."""
        for memory in self.memories.values():
            memory.reset()

    def add(self, source: Tensor, picture: Tensor, settled: Tensor, guides: Mapping[str, Tensor]) -> None:
        """As `ColorMemory.add`, each region's colors into its own memory."""
        for name, mask in region_masks(guides, self.names, torch.ones_like(settled)).items():
            self.memories[name].add(source, picture, settled * mask)

    def colors_of(self, source: Tensor, weights: Tensor, guides: Mapping[str, Tensor]) -> LocalColors | None:
        """As `ColorMemory.colors_of`, of each pixel those of its region; mixed where regions share it."""
        masks = region_masks(guides, self.names, torch.ones_like(weights))
        found = [self.memories[name].colors_of(source, weights * mask) for name, mask in masks.items()]
        known = [colors for colors in found if colors is not None]
        if len(known) < 2:
            return known[0] if known else None
        total = sum((colors.weights for colors in known), torch.zeros_like(weights))
        mixed = sum((colors.weights * colors.colors for colors in known), torch.zeros_like(source))
        return LocalColors(mixed / total.clamp_min(SMALLEST_NORM), total)

    def state(self) -> dict[str, np.ndarray]:
        """Everything that later frames depend on, as arrays."""
        return {name: array for memory in self.memories.values() for name, array in memory.state().items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from a state; it may hold other arrays too."""
        for memory in self.memories.values():
            memory.restore(state)


def looked_up(labs: np.ndarray, sources: np.ndarray, stylized: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Stylized colors (n, 3) of source colors (n, 3) in Lab, and how well each is known, in [0, 1]: float32 (n, 4).

    Kernel regression (Nadaraya 1964, Watson 1964) over the remembered colors, each weighted by the root of its count.
    """
    near = -0.5 * (torch.cdist(torch.from_numpy(labs), torch.from_numpy(sources)).numpy() / REACH) ** 2
    highest = near.max(axis=1, keepdims=True)
    weights = np.exp(near - highest) * np.sqrt(counts)
    colors = weights @ stylized / weights.sum(axis=1, keepdims=True)
    return np.concatenate([colors, np.exp(highest)], axis=1).astype(np.float32)


def moved_to(picture: Tensor, target: LocalColors) -> Tensor:
    """A picture with its local mean colors moved to the target's, where that counts."""
    off = local_means(target.colors - picture, target.weights)
    moved = F.interpolate(off, picture.shape[2:], mode="bilinear", align_corners=False)
    return (picture + target.weights * moved).clamp(0, 1)


def lab(colors: np.ndarray) -> np.ndarray:
    """Colors (n, 3) RGB in [0, 1] in CIE Lab, float32."""
    return cv2.cvtColor(np.ascontiguousarray(colors[None], np.float32), cv2.COLOR_RGB2Lab)[0]


def _means(values: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted mean (k, 3) of the values (n, 3) of each group; groups: their numbers, (n,)."""
    sums = np.stack([np.bincount(groups, weights * column) for column in values.T], axis=1)
    return (sums / np.maximum(np.bincount(groups, weights), 1e-6)[:, None]).astype(np.float32)
