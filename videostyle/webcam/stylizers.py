"""Who paints while the camera runs: the optimizer or a learned network, behind the interface of base.LiveStylizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from videostyle import tensors as losses
from videostyle.config import MODEL_SUFFIX, WebcamJob
from videostyle.frames import SMALLEST_SIDE, Motion, Size
from videostyle.losses.objective import Objective, Value
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.media.resize import resize
from videostyle.models.features import load_features
from videostyle.models.transformer_net import TransformerNet, load_network
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.colors import palette_between, recolored
from videostyle.stylizers.feedforward import FeedForward
from videostyle.stylizers.fill import replaced
from videostyle.stylizers.optimize import Optimize
from videostyle.stylizers.schedule import COARSEST, Schedule
from videostyle.temporal.consistency import color_difference, motion
from videostyle.temporal.flow import FLOWS
from videostyle.tensors import to_array, to_tensor
from videostyle.webcam.interfaces import LiveStylizer, Publish, Request

STARTING = 12, 5, 4  # iterations at each stage on the way to the full size

KEEPING = 2  # iterations for each later frame: it is painted already, and the next one is waiting

ANOTHER = 32.0  # levels of 255 from which the carried last frame shows another thing than this one ...

LOST = 0.6  # ... and the share of the picture that does, from which it is begun anew, coarse and fast


def live_stylizer(job: WebcamJob, styles: list[np.ndarray], device: str) -> LiveStylizer:
    """The painter for a job, built in the thread that it will paint in. styles: uint8 or uint16 (H, W, 3).

    Raises MissingModel, and BadInput where a learned painting is damaged.
    """
    torch.set_num_threads(job.threads or max(1, torch.get_num_threads() - 1))  # one core is the shown picture's
    networks = {
        number: load_network(path, device)
        for number, path in enumerate(job.styles)
        if path.suffix.lower() == MODEL_SUFFIX
    }
    if not networks:
        return LiveOptimizer(job, styles, device)
    learned = LiveFeedForward(networks, device)
    return learned if len(networks) == len(styles) else LiveMixed(learned, LiveOptimizer(job, styles, device))


class LiveFeedForward:
    """Paints each frame at once, by networks that have learned the painting. networks: by the style's number."""

    def __init__(self, networks: dict[int, TransformerNet], device: str):
        self.stylizers = {number: FeedForward(network, device) for number, network in networks.items()}

    def stylize(self, request: Request, publish: Publish) -> None:
        (painted,) = self.stylizers[request.style].step(FrameInput(request.image))
        publish(painted.picture)


class LiveMixed:
    """Has learned styles painted by one painter and pictures by the other."""

    def __init__(self, learned: LiveFeedForward, optimizing: LiveOptimizer):
        self.learned, self.optimizing = learned, optimizing

    def stylize(self, request: Request, publish: Publish) -> None:
        painter: LiveStylizer = self.learned if request.style in self.learned.stylizers else self.optimizing
        painter.stylize(request, publish)


class Refining(Optimize):
    """Optimize, which hands out the picture after each iteration. publish: takes (1, 3, H, W) in [0, 1]."""

    publish: Callable[[Tensor], None]

    def filled(self, warped: Tensor, consistency: Tensor, wrong: Tensor, before: Tensor, content: Tensor) -> Tensor:
        """With the frame itself in the painting's colors where the carried picture shows another thing.

        Optimize's guess looks colors up in the last painting; of a thing that had two iterations there, they are not its
        colors yet, and never come right.
        """
        assert self.picture is not None
        image = np.rint(to_array(content) * 255).astype(np.uint8)
        palette = palette_between(to_array(before), to_array(self.picture))
        guess = to_tensor(recolored(image, palette), self.device)
        return torch.lerp(warped, guess, (1 - consistency) * replaced(wrong))

    def minimized(self, objective: Objective, start: Tensor) -> Iterator[tuple[Tensor, Value]]:
        for number, (picture, value) in enumerate(super().minimized(objective, start)):
            if number:
                self.publish(picture)
            yield picture, value

    def grow(self, size: Size, source: np.ndarray) -> None:
        """Go on at another (height, width). source: the last frame at that size.

        The curvature pairs come along: a step is the same picture at any size, and as each term of L is a mean over
        places, a gradient shrinks as the number of pixels grows.
        """
        assert self.picture is not None
        if tuple(self.picture.shape[2:]) == size:
            return
        less = self.picture.shape[2] * self.picture.shape[3] / (size[0] * size[1])

        def scaled(stack: Tensor) -> Tensor:
            grown = torch.nn.functional.interpolate(stack, size, mode="bilinear", align_corners=False)
            grown[1::2] *= less  # LBFGS.carry: every other one is a change of the gradient
            return grown

        self.optimizer.carry(scaled)
        self.owed = self.keyframe = self.since = None
        self.continue_from(to_array(losses.resize(self.picture, size)), source)


class LiveOptimizer:
    """Paints the newest frame by Optimize: coarse at first, so that something is seen soon, then up to the full size."""

    def __init__(self, job: WebcamJob, styles: list[np.ndarray], device: str):
        features = load_features(job.features, device)
        self.styles = styles
        self.targets = [StyleTargets(features, [to_tensor(each, device)], job.style_scale) for each in styles]
        self.weights = Weights.of(job)
        self.device = device
        self.flow = FLOWS["dis"](device)
        self.stylizer: Refining | None = None
        self.last: Request | None = None
        self.stage = 0

    def stylize(self, request: Request, publish: Publish) -> None:
        sizes = stages((request.image.shape[0], request.image.shape[1]))
        stylizer, how = self._going_on(request, sizes)
        if stylizer is None or how is None:
            self.stage = 0
            stylizer, how = self._fresh(request, sizes[0])
        assert stylizer.source is not None
        started = self.stage >= len(sizes)
        # what comes from a coarser picture is too soft to be held on to
        stylizer.weights = self.weights if started else Weights(**self.weights | {"temporal": 0.0})
        count = KEEPING if started else STARTING[self.stage]
        stylizer.schedule = Schedule(count, count, count).exactly(count)
        stylizer.publish = lambda picture: publish(to_array(losses.resize(picture, sizes[-1])))
        self.stylizer = None  # a painting that is broken off leaves nothing to go on from
        image = resize(request.image, (how.consistency.shape[0], how.consistency.shape[1]))
        stylizer.step(FrameInput(image, how))
        self.stylizer, self.last, self.stage = stylizer, request, min(self.stage + 1, len(sizes))

    def _going_on(self, request: Request, sizes: list[Size]) -> tuple[Refining | None, Motion | None]:
        """The stylizer of the last frame at the size of this one, and how this one continues that; None where it does not."""
        last, stylizer = self.last, self.stylizer
        if last is None or stylizer is None or last.style != request.style or last.image.shape != request.image.shape:
            return None, None
        size = sizes[min(self.stage, len(sizes) - 1)]
        before = resize(last.image, size)
        image = resize(request.image, size)
        how = motion(before, image, self.flow)
        # not the new_share share: where nothing agrees, motion's limit of what agrees is high
        if (color_difference(before, image, how.flow) > ANOTHER).mean() > LOST:
            return None, None
        stylizer.grow(size, before)
        return stylizer, how

    def _fresh(self, request: Request, size: Size) -> tuple[Refining, Motion]:
        """A stylizer that starts from the frame in the painting's colors, nothing of which it holds on to."""
        image = resize(request.image, size)
        stylizer = Refining(self.targets[request.style], self.weights, Schedule(0, 0, 0), self.device)
        start = recolored(image, palette_between(image, self.styles[request.style])) / np.float32(255)
        stylizer.continue_from(start, image)
        return stylizer, Motion(np.zeros((*size, 2), np.float32), np.zeros(size, np.float32))


def stages(size: Size) -> list[Size]:
    """The sizes that a picture of this (height, width) is begun at, coarse to fine: up to three in equal steps."""
    longer, shorter = max(size), min(size)
    least = max(COARSEST, SMALLEST_SIDE * longer / shorter)
    count = 3 if longer >= 2 * least else 2 if longer >= 1.3 * least else 1
    shares = [(least / longer) ** (1 - step / (count - 1)) for step in range(count)] if count > 1 else [1.0]
    return [(round(size[0] * share), round(size[1] * share)) for share in shares]
