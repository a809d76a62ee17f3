"""Optical flow between two pictures: dense inverse search (DIS) on any CPU, or RAFT, a network.

`FLOWS` is the table of all of them. To add one, write a class with the `Flow` contract, add a line to the table and its
name to option_groups.py. Nothing here imports torch before a network is made.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from videostyle.errors import MissingModel

if TYPE_CHECKING:
    import torch

MAX_GAIN = 8.0
"""Of gain_match, and one over the smallest."""

DIS_SIDE = 16
"""Smallest side of a picture that OpenCV's DIS takes."""

RAFT_SIDE = 128
"""Smallest side of a picture that RAFT takes: the lowest level of its pyramid."""


class Flow(Protocol):
    """An estimator of optical flow."""

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The flow from a to b, two uint8 RGB pictures (H, W, 3) of one size: float32 (H, W, 2) in pixels, x right, y down.

        The point p of a lies at p + flow[p] in b.
        """
        ...


def gain_match(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The image with each channel scaled to the brightness of the reference, for exposure changes and fades.

    Both are (H, W, 3) of one size and type: uint8, uint16, or float32 in [0, 1]; the result too, clipped to that range. A
    channel's gain is the brightness-weighted median of the ratios of block means, 16 by 16 blocks, so that what moves or
    enters in less than half of the picture does not change it; it lies in [1/8, 8].
    """
    top = 1.0 if image.dtype == np.float32 else float(np.iinfo(image.dtype).max)
    ours, theirs = _block_means(image) / top, _block_means(reference) / top
    # the small constant makes the gain of black over black 1
    gains = [_weighted_median((t + 1e-4) / (o + 1e-4), o + t) for o, t in zip(ours.T, theirs.T, strict=True)]
    scaled = image * np.clip(gains, 1 / MAX_GAIN, MAX_GAIN).astype(np.float32)
    if image.dtype != np.float32:
        scaled = np.rint(scaled)
    return np.clip(scaled, 0, top).astype(image.dtype)


def _block_means(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    blocks = cv2.resize(image, (min(16, width), min(16, height)), interpolation=cv2.INTER_AREA)
    return blocks.reshape(-1, 3).astype(np.float64)


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])


class DIS:
    """Dense inverse search (Kroeger et al. 2016, arXiv:1603.03590), OpenCV's medium preset at full resolution.

    The preset itself stops at half resolution. That is three times faster, but its mean error is 0.33 px instead of 0.24 on
    Sintel alley_1, 0.21 instead of 0.13 on the same at 320 px, and 0.38 instead of 0.31 on Middlebury Venus. Smaller patches,
    denser strides and more refinement changed less than 0.02 px.
    """

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        height, width = a.shape[:2]
        first, second = _gray_for_dis(a), _gray_for_dis(b)
        # a new object each time: it would hold 200 bytes per pixel until the next call, and its collectGarbage() breaks it
        dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        dis.setFinestScale(0)
        flow = dis.calc(first, second, np.zeros((*first.shape, 2), dtype=np.float32))
        return np.ascontiguousarray(flow[:height, :width])


def _gray_for_dis(image: np.ndarray) -> np.ndarray:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    below, right = max(0, DIS_SIDE - gray.shape[0]), max(0, DIS_SIDE - gray.shape[1])
    return cv2.copyMakeBorder(gray, 0, below, 0, right, cv2.BORDER_REPLICATE)


class RAFT:
    """RAFT (Teed & Deng 2020, arXiv:2003.12039) with torchvision's weights: raft_small on a CPU, else raft_large.

    Raises MissingModel if the weights are neither in torch's cache nor can be downloaded, or are not those of this network.
    """

    def __init__(self, device: str = "cpu"):
        from torchvision.models import optical_flow as models

        if device.startswith("cpu"):
            network, weights = models.raft_small(), models.Raft_Small_Weights.DEFAULT
        else:
            network, weights = models.raft_large(), models.Raft_Large_Weights.DEFAULT
        _load_weights(network, weights.url)
        self._network = network.eval().to(device)
        self._device = device

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        import torch

        height, width = a.shape[:2]
        with torch.inference_mode():
            first, second = self._prepared(a), self._prepared(b)
            flow = self._network(first, second)[-1][0, :, :height, :width]
        return np.ascontiguousarray(flow.permute(1, 2, 0).float().cpu().numpy())

    def _prepared(self, image: np.ndarray) -> torch.Tensor:
        """(1, 3, H', W') in [-1, 1], sides multiples of 8 and at least RAFT_SIDE."""
        import torch

        height, width = image.shape[:2]
        below, right = (max(RAFT_SIDE, -(-side // 8) * 8) - side for side in (height, width))
        picture = torch.from_numpy(image).to(self._device).permute(2, 0, 1)[None].float() / 127.5 - 1
        return torch.nn.functional.pad(picture, (0, right, 0, below), mode="replicate")


def _load_weights(network: torch.nn.Module, url: str) -> None:
    import torch

    name = url.rsplit("/", 1)[-1]
    cached = f"{torch.hub.get_dir()}/checkpoints/{name}"
    try:
        state = torch.hub.load_state_dict_from_url(url, progress=False, check_hash=True, weights_only=True)
        network.load_state_dict(state)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise MissingModel(
            f"RAFT's weights could not be loaded: {error}",
            f"the file {name}",
            f"download {url} and put it at {cached}, or use --flow dis",
        ) from error


FLOWS: dict[str, Callable[[str], Flow]] = {"dis": lambda device: DIS(), "raft": RAFT}
"""By the name in `--flow`: a function that makes a Flow for a torch device. DIS runs on the CPU, whatever the device."""
