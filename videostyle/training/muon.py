"""The Muon optimizer (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; Liu et al. 2025, arXiv:2502.16982).

The momentum of a layer's weights, seen as a matrix, is replaced by the nearest matrix whose singular values are all one:
directions in which the loss is flat get steps as large as the steep ones. Parameters that are not matrices (biases,
normalization) are left to Adam.

Why not torch.optim.Muon: it takes 2-D parameters only, and the weights of a convolution are 4-D.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEARNING_RATE = 0.05

ADAM_LEARNING_RATE = 0.015

MOMENTUM = 0.9

ROUNDS = 5
"""Newton-Schulz iterations."""

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the iteration, as Jordan et al. chose them."""


@torch.no_grad()
def orthogonalized(matrix: Tensor) -> Tensor:
    """U V^T of a matrix U S V^T (m, n), approximately: its singular values lie between 0.7 and 1.2."""
    a, b, c = QUINTIC
    x = matrix / (matrix.norm() + 1e-12)
    x = x.T if len(x) > x.shape[1] else x
    for _ in range(ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if len(matrix) > matrix.shape[1] else x


class Muon:
    """Updates a network's parameters from their gradients: Muon for matrices and convolutions, Adam for the rest."""

    def __init__(self, network: nn.Module):
        self.weights = {name: weight for name, weight in network.named_parameters() if weight.ndim > 1}
        rest = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
        self.momentum = {name: torch.zeros_like(weight) for name, weight in self.weights.items()}
        self.adam = torch.optim.Adam(rest, ADAM_LEARNING_RATE, betas=(0.9, 0.99))

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One update. rate: share of the full learning rates, in [0, 1]."""
        for name, weight in self.weights.items():
            assert weight.grad is not None
            momentum = self.momentum[name].mul_(MOMENTUM).add_(weight.grad)
            change = orthogonalized((weight.grad + MOMENTUM * momentum).flatten(1))
            scale = max(1.0, len(change) / change.shape[1]) ** 0.5
            weight.sub_(change.view(weight.shape), alpha=LEARNING_RATE * rate * scale)
        self.adam.param_groups[0]["lr"] = ADAM_LEARNING_RATE * rate
        self.adam.step()

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on besides parameters and gradients, by name."""
        moments = self.adam.state_dict()["state"]
        state = {
            f"adam {number} {field}": tensor for number, fields in moments.items() for field, tensor in fields.items()
        }
        return state | {f"momentum {name}": momentum for name, momentum in self.momentum.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue from where `state` was taken. Raises KeyError, ValueError or RuntimeError if it does not fit."""
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in state.items():
            if name.startswith("adam "):
                _, number, field = name.split(" ")
                moments.setdefault(int(number), {})[field] = tensor
        self.adam.load_state_dict({"state": moments, "param_groups": self.adam.state_dict()["param_groups"]})
        for name, momentum in self.momentum.items():
            momentum.copy_(state[f"momentum {name}"])
