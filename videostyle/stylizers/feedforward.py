"""The stylizer for speed: a network that has learned the painting paints each frame in one pass.

Nothing is carried from frame to frame: the temporal term was part of what the network learned, so that like frames are painted
alike (Huang et al. 2017, doi 10.1109/CVPR.2017.745). L is not evaluated: that would take twenty times as long as the painting.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from videostyle.models.transformer_net import TransformerNet
from videostyle.stylizers.base import FrameInput, Iteration, OnIteration, State, StylizedFrame, ignore
from videostyle.stylizers.colors import LUMA
from videostyle.tensors import to_array, to_tensor

UNKNOWN = float("nan")  # L of a frame


class FeedForward:
    """Paints one shot frame by frame. See `Stylizer` for what its methods promise."""

    lookahead = 0

    def __init__(self, network: TransformerNet, device: str = "cpu", on_iteration: OnIteration = ignore):
        self.network, self.device, self.on_iteration = network, device, on_iteration

    def step(self, frame: FrameInput) -> list[StylizedFrame]:
        began = time.perf_counter()
        with torch.inference_mode():
            result = self.network(to_tensor(frame.image, self.device))
        self.on_iteration(Iteration(UNKNOWN, UNKNOWN, 1.0, result))
        picture = to_array(result)
        new_share = 1.0 if frame.motion is None else frame.motion.new_share
        return [StylizedFrame(picture, UNKNOWN, UNKNOWN, 0, new_share, time.perf_counter() - began)]

    def finish(self) -> list[StylizedFrame]:
        return []

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        pass

    def continue_from(self, picture: np.ndarray, source: np.ndarray) -> None:
        pass


def beginning(network: TransformerNet, gray: bool) -> Callable[[Tensor], Tensor]:
    """What paints a first frame, float32 (1, 3, H, W) in [0, 1], for others to go on from. gray: only its light."""

    @torch.no_grad()
    def begin(content: Tensor) -> Tensor:
        painted = network(content)
        return (
            torch.einsum("nchw,c->nhw", painted, painted.new_tensor(LUMA))[:, None].expand_as(painted)
            if gray
            else painted
        )

    return begin
