"""How a network learns to paint: it minimizes the project's own L over the frames of clips, by its weights.

Johnson et al. 2016 (arXiv:1603.08155) with the temporal term between two consecutive frames (Huang et al. 2017, doi
10.1109/CVPR.2017.745; arXiv:1807.01197). A step sees two frames as the network paints them: L of the second, the first one,
warped, being w. The gradient goes through both, so that on the mean the steps descend on the mean of L over the clip.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from videostyle.losses.objective import Value
from videostyle.models.transformer_net import TransformerNet
from videostyle.training.dataset import Example
from videostyle.training.muon import Muon

WARM_UP = 20  # steps until the full rate


class Trainer:
    """A network in training. steps: how many were done."""

    def __init__(self, network: TransformerNet):
        self.network = network.train()
        self.optimizer = Muon(network)
        self.steps = 0

    def step(self, example: Example, slowdown: float) -> Value:
        """One step at the full rate times `slowdown`; L and L* before it."""
        before, picture = self.network(example.before), self.network(example.frame)
        spatial, temporal = example.spatial(picture.detach()), example.temporal(before, picture)
        self.network.zero_grad()
        torch.autograd.backward([picture, temporal], [spatial.gradient, None])
        self.optimizer.step(slowdown * min(1.0, (self.steps + 1) / WARM_UP))
        self.steps += 1
        return Value(spatial.total + float(temporal.detach()), spatial.total, spatial.gradient)

    @torch.no_grad()
    def value(self, examples: list[Example]) -> tuple[float, float]:
        """The means of L and L* over examples, as the network paints them now."""
        losses = []
        for each in examples:
            before, picture = self.network(each.before), self.network(each.frame)
            with torch.enable_grad():
                spatial = each.spatial(picture).spatial
            losses.append((spatial + float(each.temporal(before, picture)), spatial))
        loss, spatial = np.mean(losses, axis=0).tolist()
        return loss, spatial

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
