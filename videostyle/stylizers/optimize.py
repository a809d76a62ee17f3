"""The reference stylizer: minimize L over the pixels of each frame, starting from the last painted picture.

Ruder et al. 2016 (arXiv:1604.08610) with one departure that replaces hundreds of iterations by a few: the optimizer's
curvature pairs are carried from frame to frame, warped along the flow with the picture (docs/decisions.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from videostyle.frames import Motion
from videostyle.losses.objective import Objective, Value
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import FrameTargets, Weights
from videostyle.models.features import load_features
from videostyle.models.transformer_net import load_network
from videostyle.stylizers.base import FrameInput, Iteration, OnIteration, State, StylizedFrame, ignore
from videostyle.stylizers.colors import luminance
from videostyle.stylizers.feedforward import first_picture_by
from videostyle.stylizers.fill import fill_new, inside, mismatch, replaced
from videostyle.stylizers.lbfgs import LBFGS
from videostyle.stylizers.schedule import Schedule, steps_of_first, work
from videostyle.stylizers.settings import StylizerSettings
from videostyle.temporal.motion import composed, held, saved_up
from videostyle.temporal.warp import warp
from videostyle.tensors import resize, to_array, to_tensor

PAIR = "pair_"  # begins the names of the curvature pairs in a state

START_NOISE = 0.02  # standard deviation added to the first frame's start, so that another seed gives another painting


def prepare(settings: StylizerSettings) -> Callable[[OnIteration], Optimize]:
    """Loads the feature network, the style targets, and the model that `begin_with` names; see StylizerKind.prepare."""
    device, grayscale = settings.device, settings.grayscale
    pictures = [to_tensor(luminance(style) if grayscale else style, device) for style in settings.styles]
    targets = StyleTargets(load_features(settings.features, device), pictures, settings.style_scale)
    start = first_picture_by(load_network(settings.begin_with, device), grayscale) if settings.begin_with else None
    return lambda on_iteration: Optimize(
        targets, settings.weights, settings.schedule, device, settings.seed, on_iteration, start, grayscale
    )


class Optimize:
    """Paints one shot frame by frame. See `Stylizer` for what its methods promise.

    first_picture: makes the start of a shot's first frame from the frame, both float32
    (1, 3, H, W) in [0, 1]; without it the start is the frame with a little noise, coarse to fine. grayscale: stylizes only the
    luminance. optimizer: one of another configuration than the default, with values bounded to [0, 1].
    """

    lookahead = 0

    def __init__(
        self,
        styles: StyleTargets,
        weights: Weights,
        schedule: Schedule,
        device: str = "cpu",
        seed: int = 0,
        on_iteration: OnIteration = ignore,
        first_picture: Callable[[Tensor], Tensor] | None = None,
        grayscale: bool = False,
        optimizer: LBFGS | None = None,
    ):
        self.styles, self.weights, self.schedule = styles, weights, schedule
        self.device, self.seed, self.on_iteration, self.first_picture = device, seed, on_iteration, first_picture
        self.grayscale = grayscale
        self.optimizer = optimizer or LBFGS(within=(0.0, 1.0))  # clipping afterwards would change the loss
        self.picture: Tensor | None = None
        self.source: np.ndarray | None = None
        self.owed: np.ndarray | None = None
        self.keyframe: Tensor | None = None
        self.since: np.ndarray | None = None
        self.first_spatial_loss = self.last_spatial_loss = float("nan")

    def step(self, frame: FrameInput) -> list[StylizedFrame]:
        began = time.perf_counter()
        image, motion = luminance(frame.image) if self.grayscale else frame.image, frame.motion
        if motion is None or self.picture is None or self.source is None:
            picture, value, iterations = self._paint_first(to_tensor(image, self.device))
        elif self.schedule.repeats and not np.isnan(self.last_spatial_loss) and np.array_equal(image, self.source):
            picture, value, iterations = self._last_again(self.picture)
        else:
            picture, value, iterations = self._paint_next(image, motion)
        self.styles.features.release()  # for what is done between frames, flow and warps, has large arrays of its own
        # as `restore` does it: in another memory layout, kernels sum in another order and round otherwise
        painted = to_array(picture)
        self._keep(painted, image)
        self.last_spatial_loss = value.spatial
        if motion is None or motion.is_keyframe:
            self.keyframe, self.since = self.picture, None
        new_share = 1.0 if motion is None else motion.new_share
        seconds = time.perf_counter() - began
        return [StylizedFrame(painted, value.total, value.spatial, iterations, new_share, seconds)]

    def _report(self, picture: Tensor, value: Value, fraction: float) -> None:
        self.on_iteration(Iteration(value.total, value.spatial, fraction, picture))

    def finish(self) -> list[StylizedFrame]:
        return []

    def _paint_first(self, content: Tensor) -> tuple[Tensor, Value, int]:
        """Coarse to fine, each scale from an empty history; the finest scale's pairs are kept for the next frame."""
        self.owed = None
        height, width = content.shape[2:]
        steps = steps_of_first((height, width), self.schedule.first, self.first_picture is not None)
        picture = (
            self._noisy(resize(content, steps[0][0])) if self.first_picture is None else self.first_picture(content)
        )
        total = sum(count * work(size) for size, count in steps)
        done = iterations = 0
        for size, count in steps:
            self.optimizer.forget()
            objective = self._objective(resize(content, size))
            start = resize(picture, size)
            for iteration, (picture, value) in enumerate(islice(self.optimizer.minimize(objective, start), count + 1)):
                self._report(picture, value, (done + iteration * work(size)) / total)
            done, iterations = done + iteration * work(size), iterations + iteration
        self.first_spatial_loss = value.spatial
        return picture, value, iterations

    def _noisy(self, picture: Tensor) -> Tensor:
        noise = torch.Generator().manual_seed(self.seed)
        return picture + START_NOISE * torch.randn(picture.shape, generator=noise).to(picture)

    def _last_again(self, picture: Tensor) -> tuple[Tensor, Value, int]:
        value = Value(self.last_spatial_loss, self.last_spatial_loss, torch.zeros(0))
        self._report(picture, value, 1.0)
        return picture, value, 0

    def _objective(self, content: Tensor, warped: Tensor | None = None, consistency: Tensor | None = None) -> Objective:
        styles = self.styles.at((content.shape[2], content.shape[3]))
        targets = FrameTargets(self.styles.features, content, styles, warped, consistency)
        return Objective(targets, self.weights)

    def _paint_next(self, image: np.ndarray, motion: Motion) -> tuple[Tensor, Value, int]:
        """From the last picture carried along the flow, with the curvature pairs of the last frame carried too."""
        collecting = not self.optimizer.pairs
        objective, start, new = self._continued(to_tensor(image, self.device), motion)
        planned = self.schedule.least + round(self.schedule.for_new * new)
        planned = max(planned, self.schedule.collect) if collecting else planned
        path = self.minimized(objective, start)
        del start  # what is not needed while the network is at work is not held then
        before_it = float("inf")
        for iterations, (picture, value) in enumerate(path):
            self._report(picture, value, min(1.0, iterations / max(1, planned)))
            if iterations >= planned and self._enough(iterations, before_it, value):
                break
            before_it = value.total
        if np.isnan(self.first_spatial_loss):
            self.first_spatial_loss = value.spatial
        return picture, value, iterations

    def _continued(self, content: Tensor, motion: Motion) -> tuple[Objective, Tensor, float]:
        """A later frame's L, the picture that its iterations begin with, and how much of it is new. The pairs are moved."""
        assert self.picture is not None
        assert self.source is not None
        consistency = torch.from_numpy(motion.consistency).to(self.device)[None, None]
        flow = inside(self._way_back(motion))
        before = to_tensor(self.source, self.device)
        both = warp(torch.cat([before, self.picture]), flow)
        source, picture = (each.clone() for each in both.split(1))  # held for different times
        del both
        wrong = mismatch(source, content)
        self.optimizer.carry(lambda stack: warp(stack, flow).mul_(consistency))
        gone = (1 - consistency) * replaced(wrong)
        warped, consistency = self._with_keyframe(picture, consistency, gone, motion.to_keyframe)
        start = self.filled(warped, consistency, wrong, before, content)
        return self._objective(content, warped, consistency), start, 1 - float(consistency.mean())

    def _way_back(self, motion: Motion) -> np.ndarray:
        """The flow that the last picture is moved by: held to the keyframe's, small moves saved up."""
        flow = motion.flow
        if motion.to_keyframe is not None and self.since is not None:
            flow = held(flow, motion.to_keyframe, self.since)
        self.since = composed(flow, self.since)
        moves, self.owed = saved_up(flow, self.owed)
        return moves

    def _with_keyframe(
        self, warped: Tensor, consistency: Tensor, gone: Tensor, long: Motion | None
    ) -> tuple[Tensor, Tensor]:
        """The carried picture and its consistency, both the keyframe's where it shows what the last frame hid.

        As c_long of Ruder et al. 2016, eq. 9, with a departure: not wherever the last frame is new_share, but where what it
        brought is another thing too, or each doubt of the flow would make the picture jump. gone: how far that is so.
        """
        if long is None or self.keyframe is None:
            return warped, consistency
        share = gone * torch.from_numpy(long.consistency).to(self.device)[None, None]
        return torch.lerp(warped, warp(self.keyframe, inside(long.flow)), share), consistency + share

    def filled(self, warped: Tensor, consistency: Tensor, wrong: Tensor, before: Tensor, content: Tensor) -> Tensor:
        """What a later frame starts from: the carried picture, and a guess where it shows another thing. See `fill_new`."""
        assert self.picture is not None
        return fill_new(warped, consistency, wrong, self.picture, before, content)

    def minimized(self, objective: Objective, start: Tensor) -> Iterator[tuple[Tensor, Value]]:
        """The pictures on the way down from a later frame's start, the first being the start itself."""
        return self.optimizer.minimize(objective, start)

    def _enough(self, iterations: int, before_it: float, value: Value) -> bool:
        """Whether a frame that had its planned iterations needs no more; before_it: L before the last one."""
        pays = value.total < (1 - self.schedule.pays) * before_it
        return iterations >= self.schedule.most or not (pays or value.spatial > self.first_spatial_loss)

    def state(self) -> State:
        if self.picture is None or self.source is None:
            return {}
        state = {"picture": to_array(self.picture), "source": self.source}
        state |= {
            "first_spatial_loss": np.array(self.first_spatial_loss),
            "last_spatial_loss": np.array(self.last_spatial_loss),
        }
        if self.keyframe is not None:
            state["keyframe"] = to_array(self.keyframe)
        state |= {name: field for name, field in (("owed", self.owed), ("since", self.since)) if field is not None}
        return state | {f"{PAIR}{name}": each.cpu().numpy() for name, each in self.optimizer.state().items()}

    def restore(self, state: State) -> None:
        if not state:
            return
        self._keep(state["picture"], state["source"])
        self.owed, self.since = state.get("owed"), state.get("since")
        self.keyframe = self._as_picture(state["keyframe"]) if "keyframe" in state else None
        self.first_spatial_loss, self.last_spatial_loss = (
            float(state["first_spatial_loss"]),
            float(state["last_spatial_loss"]),
        )
        pairs = {name.removeprefix(PAIR): each for name, each in state.items() if name.startswith(PAIR)}
        self.optimizer.restore({name: torch.from_numpy(each).to(self.device) for name, each in pairs.items()})

    def continue_from(self, picture: np.ndarray, source: np.ndarray) -> None:
        if self.grayscale:
            picture, source = luminance(picture), luminance(source)
        self._keep(picture, source)

    def _keep(self, picture: np.ndarray, source: np.ndarray) -> None:
        self.picture, self.source = self._as_picture(picture), source

    def _as_picture(self, array: np.ndarray) -> Tensor:
        """float32 (H, W, 3) as (1, 3, H, W), channels_last."""
        tensor = torch.from_numpy(array).permute(2, 0, 1).unsqueeze(0)
        return tensor.contiguous(memory_format=torch.channels_last).to(self.device)
