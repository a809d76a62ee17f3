"""The terms of the objective L."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from videostyle.models.fast.matmul import linear
from videostyle.models.fast.winograd import strips
from videostyle.models.vgg import CONTENT_LAYERS, STYLE_LAYERS

LEAST_NORM = 1e-12  # squared, of a target: a black one divides by this


@dataclass(frozen=True)
class Weights:
    """How much each term of L counts; the defaults are the command line's."""

    content: float = 1.0
    style: float = 15.0
    tv: float = 2.0
    temporal: float = 300.0


class _Gram(torch.autograd.Function):
    """F F^T / n with its gradient in one product, where autograd would take one for each factor."""

    @staticmethod
    def forward(ctx, places: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(places)
        wide = widened(places)
        return wide.T @ wide / len(places)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # type: ignore[override]
        (places,) = ctx.saved_tensors
        return (widened(places) @ ((gradient + gradient.T) / len(places))).to(places.dtype)


def widened(activations: Tensor) -> Tensor:
    """bfloat16 as float32, which sums over thousands of places need; other types as they are."""
    return activations.float() if activations.dtype == torch.bfloat16 else activations


def gram(features: Tensor) -> Tensor:
    """Gram matrix (C, C) of activations (1, C, H, W), divided by the number of places: F F^T / (H W)."""
    # a place's channels lie side by side (channels_last), so that no copy is made
    return _Gram.apply(features.permute(0, 2, 3, 1).reshape(-1, features.shape[1]))


def relative_distance(value: Tensor, target: Tensor) -> Tensor:
    """|value - target|^2 / |target|^2, a scalar; a black target counts with a tiny norm rather than dividing by zero."""
    value, target = widened(value), widened(target)
    return (value - target).square().sum() / target.square().sum().clamp_min(LEAST_NORM)


def content_distance(features: dict[str, Tensor], target: dict[str, Tensor]) -> Tensor:
    """Mean relative distance of the content layers' activations."""
    return torch.stack([relative_distance(features[layer], target[layer]) for layer in CONTENT_LAYERS]).mean()


def style_distance(grams: dict[str, Tensor], styles: list[dict[str, Tensor]]) -> Tensor:
    """Mean relative distance of the style layers' Gram matrices, averaged over the styles where there are several."""
    return torch.stack(
        [relative_distance(grams[layer], style[layer]) for layer in STYLE_LAYERS for style in styles]
    ).mean()


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of neighboring pixels of (1, 3, H, W), over all horizontal and vertical pairs."""
    across, down = image.diff(dim=3), image.diff(dim=2)
    return (across.square().sum() + down.square().sum()) / (across.numel() + down.numel())


def temporal_distance(image: Tensor, warped: Tensor, consistency: Tensor) -> Tensor:
    """Mean of consistency * (image - warped)^2 over every pixel and channel, new_share ones too (Ruder et al., eq. 7).

    image, warped: (1, 3, H, W). consistency: (1, 1, H, W) in [0, 1].
    """
    return (consistency * (image - warped).square()).mean()


def gram_sum(activations: Tensor) -> Tensor:
    """F^T F (C, C) of activations F (h, w, C), summed in float32 at least. Without a gradient."""
    channels = activations.shape[2]
    found = activations.new_zeros(channels, channels, dtype=torch.promote_types(activations.dtype, torch.float32))
    for rows in strips(activations):
        places = widened(activations[rows].reshape(-1, channels)).T
        found += linear(places, places)
    return found


def add_gram_gradient(gradient: Tensor, activations: Tensor, slope: Tensor) -> None:
    """gradient += F slope, of F and gradient (h, w, C); slope: (C, C), symmetric."""
    for rows in strips(activations):
        part = activations[rows]
        gradient[rows] += linear(widened(part.reshape(-1, len(slope))), slope).view(part.shape)
