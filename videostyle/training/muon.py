"""Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; Liu et al. 2025, arXiv:2502.16982).

The momentum of a layer's weights, as a matrix, is replaced by the nearest matrix whose singular values are all one: directions
in which the loss is flat get steps as large as the steep ones. What is no matrix (biases, normalization) is left to Adam.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

RATE = 0.05

RATE_OF_ADAM = 0.015

MOMENTUM = 0.9

ROUNDS = 5

QUINTIC = (3.4445, -4.7750, 2.0315)  # of Newton and Schulz's iteration, as Jordan et al. chose them


@torch.no_grad()
def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix U V^T of a matrix U S V^T (m, n), but for singular values between 0.7 and 1.2 where they should be 1."""
    a, b, c = QUINTIC
    x = matrix / (matrix.norm() + 1e-12)
    x = x.T if len(x) > x.shape[1] else x
    for _ in range(ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if len(matrix) > matrix.shape[1] else x


class Muon:
    """Changes a network's weights by their gradients. slowdown, in [0, 1], is the share of the full rate."""

    def __init__(self, network: nn.Module):
        self.weights = {name: each for name, each in network.named_parameters() if each.ndim > 1}
        rest = [each for each in network.parameters() if each.ndim <= 1]
        self.momentum = {name: torch.zeros_like(each) for name, each in self.weights.items()}
        self.adam = torch.optim.Adam(rest, RATE_OF_ADAM, betas=(0.9, 0.99))

    @torch.no_grad()
    def step(self, slowdown: float) -> None:
        for name, weight in self.weights.items():
            assert weight.grad is not None
            momentum = self.momentum[name].mul_(MOMENTUM).add_(weight.grad)
            change = orthogonal((weight.grad + MOMENTUM * momentum).flatten(1))
            scale = max(1.0, len(change) / change.shape[1]) ** 0.5
            weight.sub_(change.view(weight.shape), alpha=RATE * slowdown * scale)
        self.adam.param_groups[0]["lr"] = RATE_OF_ADAM * slowdown
        self.adam.step()

    def state(self) -> dict[str, Tensor]:
        """All that the next step depends on besides weights and gradients, by name."""
        moments = self.adam.state_dict()["state"]
        found = {f"adam {number} {name}": each for number, own in moments.items() for name, each in own.items()}
        return found | {f"momentum {name}": each for name, each in self.momentum.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up where `state` was taken. Raises KeyError, ValueError or RuntimeError where it does not fit."""
        moments: dict[int, dict[str, Tensor]] = {}
        for name, each in state.items():
            if name.startswith("adam "):
                _, number, field = name.split(" ")
                moments.setdefault(int(number), {})[field] = each
        self.adam.load_state_dict({"state": moments, "param_groups": self.adam.state_dict()["param_groups"]})
        for name, momentum in self.momentum.items():
            momentum.copy_(state[f"momentum {name}"])
