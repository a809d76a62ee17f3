"""How a network learns to paint: it minimises the project's own L over the frames of clips, by its weights.

Johnson et al. 2016 (arXiv:1603.08155) with the temporal term between two consecutive frames (Huang et al. 2017, doi
10.1109/CVPR.2017.745; arXiv:1807.01197). A step sees two frames as the network paints them: L of the second, the first one,
warped, being w. The gradient goes through both, so that on the mean the steps descend on the mean of L over the clip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from videostyle.frames import Motion, Size
from videostyle.models.feedforward import PaintingNetwork
from videostyle.stylizers.losses import Objective, StyleTargets, Value, Weights, temporal_distance
from videostyle.stylizers.muon import Muon
from videostyle.stylizers.optimize import to_tensor
from videostyle.temporal.warp import warp

WARM_UP = 20  # steps until the full rate


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
        self.trust = None if motion is None else torch.from_numpy(motion.trust).to(device)[None, None]
        self.star = Objective(styles.extract, self.frame, styles.at(size), weights)
        self.temporal_weight = weights.temporal

    def temporal(self, before: Tensor, picture: Tensor) -> Tensor:
        """The weighted temporal term, a scalar, of both frames as painted."""
        if self.flow is None or self.trust is None:
            return 0 * picture.mean()  # and a gradient to go with it
        return self.temporal_weight * temporal_distance(picture, warp(before, self.flow), self.trust)


class Learner:
    """A network in training. steps: how many were done."""

    def __init__(self, network: PaintingNetwork):
        self.network = network.train()
        self.optimizer = Muon(network)
        self.steps = 0

    def step(self, example: Example, slowdown: float) -> Value:
        """One step at the full rate times `slowdown`; L and L* before it."""
        before, picture = self.network(example.before), self.network(example.frame)
        star, temporal = example.star(picture.detach()), example.temporal(before, picture)
        self.network.zero_grad()
        torch.autograd.backward([picture, temporal], [star.gradient, None])
        self.optimizer.step(slowdown * min(1.0, (self.steps + 1) / WARM_UP))
        self.steps += 1
        return Value(star.total + float(temporal.detach()), star.total, star.gradient)

    @torch.no_grad()
    def value(self, examples: list[Example]) -> tuple[float, float]:
        """The means of L and L* over examples, as the network paints them now."""
        losses = []
        for each in examples:
            before, picture = self.network(each.before), self.network(each.frame)
            with torch.enable_grad():
                star = each.star(picture).star
            losses.append((star + float(each.temporal(before, picture)), star))
        loss, star = np.mean(losses, axis=0).tolist()
        return loss, star

    def state(self) -> dict[str, Tensor]:
        """All that the next step depends on, by name."""
        weights = {f"network {name}": each for name, each in self.network.state_dict().items()}
        return weights | self.optimizer.state()

    def restore(self, state: dict[str, Tensor], steps: int) -> None:
        """Take up where `state` was taken, after so many steps. Raises KeyError, ValueError or RuntimeError for another's."""
        network = {name.removeprefix("network "): each for name, each in state.items() if name.startswith("network ")}
        self.network.load_state_dict(network)
        self.optimizer.restore(state)
        self.steps = steps
