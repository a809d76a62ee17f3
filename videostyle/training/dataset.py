"""The data of a training: pairs of consecutive frames from all clips, crops of them, and a validation split."""

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
from videostyle.frames import SMALLEST_SIDE, Motion, Size
from videostyle.losses.frame_targets import FrameTargets
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights, temporal_distance
from videostyle.media.resize import fit_size
from videostyle.media.sources import AS_USUAL, frames_at, open_source
from videostyle.option_groups import ReadingOptions
from videostyle.stylizers.memory import TRAINING, check_memory
from videostyle.temporal.consistency import estimate_motion
from videostyle.temporal.flow import Flow
from videostyle.temporal.warp import warp
from videostyle.tensors import to_tensor

MAX_PAIRS = 100
"""Pairs of frames in a training, spaced evenly over all clips."""

MAX_VALIDATION_PAIRS = 3
"""Validation pairs that are evaluated, at full size."""

VALIDATION_EVERY = 9
"""One pair in so many is a validation pair: nothing is trained on it."""

SMALLEST_CROP = 96
"""Pixels of a crop's longer side, where the frame has as many."""


@dataclass(frozen=True)
class Pair:
    """A frame and its predecessor. In a clip whose shots have one frame each, the frame is its own predecessor."""

    before: np.ndarray
    """uint8 or uint16 (H, W, 3) RGB."""
    frame: np.ndarray
    """The same type and shape."""
    motion: Motion | None
    """How the frame continues its predecessor; None without a temporal term, or before it is computed."""


@dataclass(frozen=True)
class AnalyzedClip:
    """A clip to train on, after the first pass over it."""

    path: Path
    shots: ShotList
    """Of the selected part."""
    size: Size
    """(height, width) of the training frames."""
    reading: ReadingOptions = AS_USUAL
    """How the frames are read."""

    def pairs(self) -> list[tuple[int, int]]:
        """Ordinals of every frame and its predecessor in the same shot; if there are none, of every frame alone."""
        ordinals = range(self.shots.first, self.shots.first + self.shots.count)
        pairs = [(ordinal - 1, ordinal) for ordinal in ordinals if ordinal not in self.shots.starts]
        return pairs or [(ordinal, ordinal) for ordinal in ordinals]

    def read(self, pairs: list[tuple[int, int]]) -> list[Pair]:
        """Decode these pairs, without motion. Raises BadInput if the clip has become shorter than it was."""
        needed = sorted({ordinal for pair in pairs for ordinal in pair})
        frames = frames_at(self.path, self.size, needed, self.reading) if needed else []
        images = {frame.index: frame.image for frame in frames}
        if not images.keys() >= set(needed):
            raise BadInput(
                f"{self.path} ended before its frame {max(needed) + 1}: it changed while the training was being prepared",
                todo="train again once the file is complete",
            )
        return [Pair(images[before], images[frame], None) for before, frame in pairs]


def load_pairs(job: TrainJob, device: str, progress: Progress) -> list[Pair]:
    """At most MAX_PAIRS pairs of consecutive frames, spaced evenly over all clips, at the training size, without motion."""
    clips = [analyze_clip(path, job, progress) for path in job.on]
    candidates = [(number, pair) for number, clip in enumerate(clips) for pair in clip.pairs()]
    places = sorted({*np.linspace(0, len(candidates) - 1, MAX_PAIRS).round().astype(int).tolist()})
    chosen = [candidates[place] for place in places]
    pairs = []
    for number, clip in enumerate(clips):
        if device == "cpu":
            check_memory(clip.size, TRAINING, "training")
        pairs += clip.read([pair for owner, pair in chosen if owner == number])
    return pairs


def analyze_clip(path: Path, job: TrainJob, progress: Progress) -> AnalyzedClip:
    """Find the shots of a clip's selected part. Raises BadInput if its frames are too narrow for the network."""
    with closing(open_source(path, job)) as source:
        size = fit_size(source.info.size, min(job.size, max(source.info.size)))
        if min(size) < SMALLEST_SIDE:
            problem = f"{path} would be {size[1]}x{size[0]} pixels, and the network needs {SMALLEST_SIDE} on each side"
            raise BadInput(problem, todo="raise --size")
        return AnalyzedClip(path, analyze(source, job, lambda count: progress(Analyzing(count))), size, job)


def split(pairs: list[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Divide pairs into training pairs and validation pairs. A single pair serves as both."""
    first = VALIDATION_EVERY // 2
    validation = pairs[first::VALIDATION_EVERY] or pairs[:1]
    training = [pair for number, pair in enumerate(pairs) if number % VALIDATION_EVERY != first]
    return training or validation, validation


def crop_size(size: Size, share: float) -> Size:
    """(height, width) of crops with this share of a frame's sides, or as small as is allowed."""
    smallest = max(SMALLEST_CROP / max(size), SMALLEST_SIDE / min(size))
    scale = min(1.0, max(share, smallest))
    return math.ceil(size[0] * scale), math.ceil(size[1] * scale)


@dataclass
class Dataset:
    """Training and validation examples. The seed and the step number alone decide which example a step gets, so that a
    resumed training continues with the same ones."""

    training: list[Pair]
    validation: list[Pair]
    styles: StyleTargets
    weights: Weights
    device: str
    flow: Flow | None
    """None: there is no temporal term."""
    seed: int

    def __post_init__(self) -> None:
        self._crop = 0.0
        self._examples: dict[int, Example] = {}  # by the pair's place, all with crops of this size
        self._validation: list[Example] = []

    def example(self, step: int, crop: float) -> Example:
        """The training example of a step (from 0): every pair once, then again in another order.

        crop: size of the crop, as a fraction of the frame's sides.
        """
        if crop != self._crop:
            self._crop, self._examples = crop, {}
        count = len(self.training)
        order = np.random.default_rng([self.seed, step // count]).permutation(count)
        place = int(order[step % count])
        if place not in self._examples:
            self._examples[place] = self._example(self.training[place], crop, place)
        return self._examples[place]

    def validation_examples(self) -> list[Example]:
        """At most MAX_VALIDATION_PAIRS whole frames."""
        if not self._validation:
            self._validation = [self._example(pair, 1.0, 0) for pair in self.validation[:MAX_VALIDATION_PAIRS]]
        return self._validation

    def _example(self, pair: Pair, crop: float, place: int) -> Example:
        size = pair.frame.shape[0], pair.frame.shape[1]
        height, width = crop_size(size, crop)
        random = np.random.default_rng([self.seed, place])
        top, left = (int(random.integers(whole - part + 1)) for whole, part in zip(size, (height, width), strict=True))
        before, frame = (
            np.ascontiguousarray(image[top : top + height, left : left + width]) for image in (pair.before, pair.frame)
        )
        flow = None if pair.before is pair.frame else self.flow
        moved = None if flow is None else estimate_motion(before, frame, flow)
        return Example(Pair(before, frame, moved), size, self.styles, self.weights, self.device)


class Example:
    """A pair as tensors, with the terms of the objective for its second frame."""

    def __init__(self, pair: Pair, size: Size, styles: StyleTargets, weights: Weights, device: str):
        """size: (height, width) of the whole frame, to which the size of the strokes is relative, also in a crop."""
        self.before, self.frame = to_tensor(pair.before, device), to_tensor(pair.frame, device)
        motion = pair.motion
        self.flow = None if motion is None else torch.from_numpy(motion.flow).to(device)
        self.consistency = None if motion is None else torch.from_numpy(motion.consistency).to(device)[None, None]
        self.spatial = Objective(FrameTargets(styles.features, self.frame, styles.at(size)), weights)
        self.temporal_weight = weights["temporal"]

    def temporal(self, before: Tensor, picture: Tensor) -> Tensor:
        """The weighted temporal term (a scalar) between the stylized predecessor and the stylized frame."""
        if self.flow is None or self.consistency is None:
            return 0 * picture.mean()  # zero, and differentiable
        return self.temporal_weight * temporal_distance(picture, warp(before, self.flow), self.consistency)
