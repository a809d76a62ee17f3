"""Which implementation of VGG-19 computes the activations that the losses compare."""

from __future__ import annotations

import torch

from videostyle.models.fast.cuda_graph import GraphedVGG19
from videostyle.models.fast.inplace import InPlaceVGG19
from videostyle.models.fast.malloc import keep_freed_memory
from videostyle.models.vgg import VGG19, Features
from videostyle.models.weights import WEIGHTS, VGGWeights
from videostyle.options import switch

SWITCH = "VIDEOSTYLE_FAST"  # switched off in the environment, the plain network is used


def load_features(name: str, device: str, exact: bool = False) -> Features:
    """The network with these weights ("vgg19" or "vgg19-torchvision") on a device. Raises MissingModel.

    exact: compute in float32, and from then on in this process without TF32; else in `compute_dtype`.
    """
    if device == "cpu" and is_fast():
        keep_freed_memory()
    if exact and device.startswith("cuda"):
        torch.backends.cudnn.allow_tf32 = False
    return features_of(WEIGHTS[name](), device, torch.float32 if exact else compute_dtype(device))


def features_of(weights: VGGWeights, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Features:
    """A network with these weights: a fast one where there is one for this device and type, else the plain one."""
    if is_fast() and device == "cpu" and dtype != torch.bfloat16:
        return InPlaceVGG19(weights, dtype)
    if is_fast() and device.startswith("cuda"):
        return GraphedVGG19(weights, device, dtype)
    return VGG19(weights, device, dtype)


def is_fast() -> bool:
    """Whether the implementations of models/fast are used where they apply; VIDEOSTYLE_FAST=0 turns them off."""
    return switch(SWITCH, default=True)


def compute_dtype(device: str) -> torch.dtype:
    """bfloat16 where a GPU computes it in hardware, else float32.

    Not measured on a GPU yet. With activations rounded to bfloat16 on a CPU, L at the end was the same or 4 % higher
    (docs/decisions).
    """
    if not device.startswith("cuda"):
        return torch.float32
    with torch.cuda.device(device):
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
