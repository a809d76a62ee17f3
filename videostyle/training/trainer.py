"""One training step of a style model: it minimizes the project's own objective over the weights of a network.

After Johnson et al. 2016 (arXiv:1603.08155), with the temporal term between two consecutive frames (Huang et al. 2017, doi
10.1109/CVPR.2017.745; arXiv:1807.01197). A step stylizes both frames of a pair. The loss is L of the second frame, with the
first one, warped, as the previous frame. The gradient flows through both, so that on average the steps descend on the mean of
L over the clip.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from videostyle.losses.objective import Value
from videostyle.models.transformer_net import TransformerNet
from videostyle.training.dataset import Example
from videostyle.training.muon import Muon

WARM_UP = 20
"""Steps until the full learning rate."""


class Trainer:
    """A network in training, with its optimizer."""

    def __init__(self, network: TransformerNet):
        self.network = network.train()
        self.optimizer = Muon(network)
        self.steps = 0  # done so far

    def step(self, example: Example, rate: float) -> Value:
        """Train on one example and return L and spatial loss before the step. rate: share of the full learning rate."""
        before, picture = self.network(example.before), self.network(example.frame)
        spatial, temporal = example.spatial(picture.detach()), example.temporal(before, picture)
        self.network.zero_grad()
        torch.autograd.backward([picture, temporal], [spatial.gradient, None])
        self.optimizer.step(rate * min(1.0, (self.steps + 1) / WARM_UP))
        self.steps += 1
        return Value(spatial.total + float(temporal.detach()), spatial.total, spatial.gradient)

    @torch.no_grad()
    def mean_losses(self, examples: list[Example]) -> tuple[float, float]:
        """The means of L and of the spatial loss over examples, with the network as it is now."""
        losses = []
        for example in examples:
            before, picture = self.network(example.before), self.network(example.frame)
            with torch.enable_grad():
                spatial = example.spatial(picture).spatial
            losses.append((spatial + float(example.temporal(before, picture)), spatial))
        loss, spatial = np.mean(losses, axis=0).tolist()
        return loss, spatial

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on, by name."""
        weights = {f"network {name}": tensor for name, tensor in self.network.state_dict().items()}
        return weights | self.optimizer.state()

    def restore(self, state: dict[str, Tensor], steps: int) -> None:
        """Continue from where `state` was taken, after `steps` steps. Raises KeyError, ValueError or RuntimeError if the
        state is that of another network."""
        prefix = "network "
        weights = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
        self.network.load_state_dict(weights)
        self.optimizer.restore(state)
        self.steps = steps
