"""What a style model is trained on: pairs of consecutive frames, crops of them, and a validation split."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from videostyle.analysis import ShotList, analyze
from videostyle.config import TrainJob
from videostyle.errors import BadInput
from videostyle.events import Analyzing, Progress
from videostyle.frames import Motion, Size
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights, temporal_distance
from videostyle.media.resize import fit_size
from videostyle.media.sources import frames_at, open_source
from videostyle.models.vgg import SMALLEST_SIDE
from videostyle.stylizers.memory import check_memory
from videostyle.temporal.consistency import motion
from videostyle.temporal.flow import Flow
from videostyle.temporal.warp import warp
from videostyle.tensors import to_tensor

PAIRS = 100  # of frames, over all clips, as evenly as they come

MOST_HELD = 3  # of them looked at

HELD_EVERY = 9  # one of so many is held back: it is not learned on, and tells how good the network is

# From this share of the training on, parts of frames with this share of their sides: they cost less and teach as much at
# first. Frames scaled down would not: a style's strokes keep their size relative to the picture.
STAGES = ((0.0, 0.5), (0.15, 1.0))

SMALLEST_PART = 96  # pixels of the longer side


def chosen_pairs(job: TrainJob, device: str, tell: Progress) -> list[Pair]:
    """At most PAIRS pairs of consecutive frames, evenly over all clips, at the size of the training, still without motion."""
    clips = [scanned(path, job, tell) for path in job.on]
    pairs = [(path, size, pair) for path, (clip, size) in zip(job.on, clips, strict=True) for pair in pairs_of(clip)]
    taken = [pairs[place] for place in sorted({*np.linspace(0, len(pairs) - 1, PAIRS).round().astype(int).tolist()})]
    found = []
    for path, (_, size) in zip(job.on, clips, strict=True):
        if device == "cpu":
            check_memory(size, way="learning")
        own = [pair for each, _, pair in taken if each == path]
        wanted = sorted({ordinal for pair in own for ordinal in pair})
        images = {frame.index: frame.image for frame in (frames_at(path, size, wanted) if wanted else [])}
        if not images.keys() >= set(wanted):
            raise BadInput(
                f"{path} ended before its frame {max(wanted) + 1}: it has changed", "a clip that stays as it is"
            )
        found += [Pair(images[before], images[frame], None) for before, frame in own]
    return found


def scanned(path: Path, job: TrainJob, tell: Progress) -> tuple[ShotList, Size]:
    """The part of a clip to learn on, and the size to learn at. Raises BadInput where it is too narrow for the network."""
    with closing(open_source(path)) as source:
        size = fit_size(source.info.size, min(job.size, max(source.info.size)))
        if min(size) < SMALLEST_SIDE:
            raise BadInput(
                f"{path} would be {size[1]}x{size[0]} pixels", f"sides of {SMALLEST_SIDE} and more", "raise --size"
            )
        return analyze(source, job, lambda count: tell(Analyzing(count))), size


def pairs_of(clip: ShotList) -> list[tuple[int, int]]:
    """The ordinals of each frame and the one before it in its shot; of a clip without such, its frames alone."""
    ordinals = range(clip.first, clip.first + clip.count)
    pairs = [(each - 1, each) for each in ordinals if each not in clip.starts]
    return pairs or [(each, each) for each in ordinals]


def part_size(size: Size, share: float) -> Size:
    """(height, width) of the parts of a frame in a stage of the training."""
    least = max(SMALLEST_PART / max(size), SMALLEST_SIDE / min(size))
    scale = min(1.0, max(share, least))
    return math.ceil(size[0] * scale), math.ceil(size[1] * scale)


@dataclass
class Dataset:
    """What is learned on, in an order that the seed and the number of the step decide, and what is held back."""

    pairs: list[Pair]
    held: list[Pair]
    styles: StyleTargets
    weights: Weights
    device: str
    flow: Flow | None
    seed: int

    def __post_init__(self) -> None:
        self.share = 0.0
        self.made: dict[int, Example] = {}
        self.checked: list[Example] = []

    def of_step(self, step: int, done: float) -> Example:
        """The example of a step, from 0, where this share of the training is done."""
        share = max(each for begin, each in STAGES if done >= begin)
        if share != self.share:
            self.share, self.made = share, {}
        count = len(self.pairs)
        order = np.random.default_rng([self.seed, step // count]).permutation(count)
        place = int(order[step % count])
        if place not in self.made:
            self.made[place] = self._example(self.pairs[place], share, place)
        return self.made[place]

    @property
    def held_back(self) -> list[Example]:
        self.checked = self.checked or [self._example(each, 1.0) for each in self.held[:MOST_HELD]]
        return self.checked

    def _example(self, pair: Pair, share: float, place: int = 0) -> Example:
        size = pair.frame.shape[0], pair.frame.shape[1]
        height, width = part_size(size, share)
        random = np.random.default_rng([self.seed, place])
        top, left = (int(random.integers(whole - own + 1)) for whole, own in zip(size, (height, width), strict=True))
        before, frame = (
            np.ascontiguousarray(each[top : top + height, left : left + width]) for each in (pair.before, pair.frame)
        )
        alone = self.flow is None or pair.before is pair.frame
        moved = None if alone or self.flow is None else motion(before, frame, self.flow)
        return Example(Pair(before, frame, moved), size, self.styles, self.weights, self.device)


@dataclass(frozen=True)
class Pair:
    """A frame and the one before it, uint8 or uint16 (H, W, 3), and how it continues that one, or None where it does not."""

    before: np.ndarray
    frame: np.ndarray
    motion: Motion | None


class Example:
    """A pair as tensors, and L* of its second frame, whose content is looked at once.

    size: (height, width) of the picture that strokes are to be right for, where the pair is only a part of it.
    """

    def __init__(self, pair: Pair, size: Size, styles: StyleTargets, weights: Weights, device: str):
        self.before, self.frame = to_tensor(pair.before, device), to_tensor(pair.frame, device)
        motion = pair.motion
        self.flow = None if motion is None else torch.from_numpy(motion.flow).to(device)
        self.consistency = None if motion is None else torch.from_numpy(motion.consistency).to(device)[None, None]
        self.spatial = Objective(styles.extract, self.frame, styles.at(size), weights)
        self.temporal_weight = weights.temporal

    def temporal(self, before: Tensor, picture: Tensor) -> Tensor:
        """The weighted temporal term, a scalar, of both frames as painted."""
        if self.flow is None or self.consistency is None:
            return 0 * picture.mean()  # and a gradient to go with it
        return self.temporal_weight * temporal_distance(picture, warp(before, self.flow), self.consistency)
