"""Stylizers for the live preview: the optimizer, a style model's network, or both, behind `LiveStylizer`."""

from __future__ import annotations

import numpy as np
import torch

from videostyle.config import MODEL_SUFFIX, WebcamJob
from videostyle.frames import SMALLEST_SIDE, Motion, Size
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.media.resize import resize
from videostyle.models.features import load_features
from videostyle.models.transformer_net import TransformerNet, load_network
from videostyle.stylizers.base import FrameInput, Iteration
from videostyle.stylizers.colors import color_map_between, recolored
from videostyle.stylizers.feedforward import FeedForward
from videostyle.stylizers.fill import fill_by_recoloring
from videostyle.stylizers.optimize import Optimize
from videostyle.stylizers.schedule import COARSEST, IterationSchedule
from videostyle.stylizers.settings import StylizerSettings
from videostyle.temporal.consistency import color_difference, estimate_motion
from videostyle.temporal.flow import FLOWS
from videostyle.tensors import resize as resize_tensor
from videostyle.tensors import to_array, to_tensor
from videostyle.webcam.interfaces import LiveStylizer, Publish, Request

STAGE_ITERATIONS = 12, 5, 4
"""Iterations at each stage on the way to the full size."""

LATER_ITERATIONS = 2
"""Iterations of a frame at full size: its picture is stylized already, and the next frame is waiting."""

DIFFERENT = 32.0
"""Levels of 255: a pixel of the warped last frame that differs by more shows something else than this frame ..."""

LOST = 0.6
"""... and the share of such pixels from which the picture is started afresh, coarse and fast."""


def live_stylizer(job: WebcamJob, styles: list[np.ndarray], device: str) -> LiveStylizer:
    """The stylizer of a job. Call it in the thread that will use it.

    styles: uint8 or uint16 (H, W, 3), one for each of the job's. Raises MissingModel, and BadInput for a damaged style model.
    """
    torch.set_num_threads(job.threads or max(1, torch.get_num_threads() - 1))  # one core is for the display
    networks = {
        number: load_network(path, device)
        for number, path in enumerate(job.styles)
        if path.suffix.lower() == MODEL_SUFFIX
    }
    if not networks:
        return LiveOptimizer(job, styles, device)
    feedforward = LiveFeedForward(networks, device)
    return feedforward if len(networks) == len(styles) else LiveMixed(feedforward, LiveOptimizer(job, styles, device))


class LiveFeedForward:
    """Stylizes every frame in one pass of a style model's network. networks: by the style's number."""

    def __init__(self, networks: dict[int, TransformerNet], device: str):
        self.stylizers = {number: FeedForward(network, device) for number, network in networks.items()}

    def stylize(self, request: Request, publish: Publish) -> None:
        (stylized,) = self.stylizers[request.style].step(FrameInput(request.image))
        publish(stylized.picture)


class LiveMixed:
    """Leaves the styles that are style models to one live stylizer, and style images to the other."""

    def __init__(self, feedforward: LiveFeedForward, optimizer: LiveOptimizer):
        self.feedforward, self.optimizer = feedforward, optimizer

    def stylize(self, request: Request, publish: Publish) -> None:
        stylizer: LiveStylizer = self.feedforward if request.style in self.feedforward.stylizers else self.optimizer
        stylizer.stylize(request, publish)


class LiveOptimizer:
    """Stylizes the newest frame by optimization: coarse at first, so that something is visible soon, then up to full size."""

    def __init__(self, job: WebcamJob, styles: list[np.ndarray], device: str):
        features = load_features(job.features, device)
        self.styles = styles
        self.targets = [StyleTargets(features, [to_tensor(style, device)], job) for style in styles]
        self.weights = Weights.of(job)
        self.device = device
        self.flow = FLOWS["dis"](device)
        self.stylizer: Optimize | None = None
        self.last: Request | None = None
        self.stage = 0
        self.publish: Publish = lambda picture: None
        """Of the current request."""
        self.full_size: Size = (0, 0)
        """Of the current request."""

    def stylize(self, request: Request, publish: Publish) -> None:
        self.publish, self.full_size = publish, request.image.shape[:2]
        sizes = stages(self.full_size)
        stylizer, motion = self._continued(request, sizes)
        if stylizer is None or motion is None:
            self.stage = 0
            stylizer, motion = self._fresh(request, sizes[0])
        at_full_size = self.stage >= len(sizes)
        count = LATER_ITERATIONS if at_full_size else STAGE_ITERATIONS[self.stage]
        # a picture enlarged from a coarser stage is too soft to be held to
        weights = self.weights if at_full_size else Weights(**self.weights | {"temporal": 0.0})
        stylizer.configure(IterationSchedule(count, count, count).exactly(count), weights)
        self.stylizer = None  # if `publish` ends the request, nothing is left to continue from
        image = resize(request.image, (motion.consistency.shape[0], motion.consistency.shape[1]))
        stylizer.step(FrameInput(image, motion))
        self.stylizer, self.last, self.stage = stylizer, request, min(self.stage + 1, len(sizes))

    def _continued(self, request: Request, sizes: list[Size]) -> tuple[Optimize | None, Motion | None]:
        """The last frame's stylizer, at the size of this frame, and this frame's motion; None if it cannot be continued."""
        last, stylizer = self.last, self.stylizer
        if last is None or stylizer is None or last.style != request.style or last.image.shape != request.image.shape:
            return None, None
        size = sizes[min(self.stage, len(sizes) - 1)]
        before, image = resize(last.image, size), resize(request.image, size)
        motion = estimate_motion(before, image, self.flow)
        # not motion.new_share: if nothing agrees, the limit of what counts as agreement is high
        if (color_difference(before, image, motion.flow) > DIFFERENT).mean() > LOST:
            return None, None
        stylizer.resize(size, before)
        return stylizer, motion

    def _fresh(self, request: Request, size: Size) -> tuple[Optimize, Motion]:
        """A stylizer that starts from the frame in the style's colors, and motion that holds the frame to nothing."""
        image = resize(request.image, size)
        stylizer = Optimize(
            self.targets[request.style],
            StylizerSettings(weights=self.weights, schedule=IterationSchedule(0, 0, 0), device=self.device),
            self._publish,
            fill=fill_by_recoloring,
        )
        start = recolored(image, color_map_between(image, self.styles[request.style])) / np.float32(255)
        stylizer.continue_from(start, image)
        return stylizer, Motion(np.zeros((*size, 2), np.float32), np.zeros(size, np.float32))

    def _publish(self, iteration: Iteration) -> None:
        if iteration.fraction > 0:  # the start has not been stylized yet
            self.publish(to_array(resize_tensor(iteration.picture, self.full_size)))


def stages(size: Size) -> list[Size]:
    """The sizes at which a picture of (height, width) is started, coarse to fine: up to three in equal steps."""
    longer, shorter = max(size), min(size)
    least = max(COARSEST, SMALLEST_SIDE * longer / shorter)
    count = 3 if longer >= 2 * least else 2 if longer >= 1.3 * least else 1
    shares = [(least / longer) ** (1 - step / (count - 1)) for step in range(count)] if count > 1 else [1.0]
    return [(round(size[0] * share), round(size[1] * share)) for share in shares]
