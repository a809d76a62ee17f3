"""The stylizer for speed: the network of a style model stylizes each frame in one forward pass.

Nothing is carried from frame to frame: the temporal term was part of the training, so that similar frames are stylized alike
(Huang et al. 2017, doi 10.1109/CVPR.2017.745). L is not evaluated: that would take twenty times as long as stylizing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from videostyle.losses.frame_targets import nothing_painted, region_name
from videostyle.models.transformer_net import TransformerNet, load_network
from videostyle.stylizers.base import FrameInput, Iteration, OnIteration, State, StylizedFrame, ignore
from videostyle.stylizers.colors import LUMA
from videostyle.stylizers.settings import StylizerSettings
from videostyle.stylizers.shared import Shared
from videostyle.tensors import to_array, to_tensor

UNKNOWN = float("nan")
"""The losses of a frame, which are not evaluated."""


class FeedForward:
    """Stylizes the frames of a shot one by one with a trained network. See `Stylizer` for the contract."""

    lookahead = 0

    def __init__(
        self,
        network: TransformerNet,
        device: str = "cpu",
        on_iteration: OnIteration = ignore,
        regions: Sequence[TransformerNet] = (),
    ):
        """regions: the networks of the parts that have one of their own, whose masks are the guides "region 1" and so on."""
        self.network, self.device, self.on_iteration = network, device, on_iteration
        self.regions = {region_name(number): own for number, own in enumerate(regions, 1)}

    def step(self, frame: FrameInput) -> list[StylizedFrame]:
        began = time.perf_counter()
        with torch.inference_mode():
            result = self._stylized(to_tensor(frame.image, self.device), frame.guides)
        self.on_iteration(Iteration(UNKNOWN, UNKNOWN, 1.0, result))
        picture = to_array(result)
        new_share = 1.0 if frame.motion is None else frame.motion.new_share
        return [StylizedFrame(picture, UNKNOWN, UNKNOWN, 0, new_share, time.perf_counter() - began)]

    def _stylized(self, image: Tensor, guides: Mapping[str, np.ndarray]) -> Tensor:
        """The picture of the network, with those of the regions' networks in their places."""
        if nothing_painted(guides):
            return image
        result = self.network(image)
        mixed = result.clone() if self.regions else result
        for name, network in self.regions.items():
            if guides[name].any():
                mixed += torch.from_numpy(guides[name]).to(self.device) * (network(image) - result)
        return mixed

    def finish(self) -> list[StylizedFrame]:
        return []

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        pass

    def continue_from(self, picture: np.ndarray, source: np.ndarray) -> None:
        pass


def prepare(settings: StylizerSettings, shared: Shared) -> Callable[[OnIteration], FeedForward]:
    """Loads the style model; see StylizerKind.prepare. Networks are trained on colors, so `grayscale` changes nothing here."""
    assert settings.style_model is not None, "the feed-forward stylizer needs a style model"
    device = settings.device

    def network(model: Path) -> TransformerNet:
        return shared.network(model, lambda: load_network(model, device))

    plain, regions = network(settings.style_model), [*map(network, settings.region_models)]
    return lambda on_iteration: FeedForward(plain, device, on_iteration, regions)


def first_picture_by(network: TransformerNet, grayscale: bool) -> Callable[[Tensor], Tensor]:
    """A function from content to its stylized version, both float32 (1, 3, H, W) in [0, 1], for an optimizer to start from.

    grayscale: it returns only the luminance.
    """

    @torch.no_grad()
    def first_picture(content: Tensor) -> Tensor:
        picture = network(content)
        if not grayscale:
            return picture
        return torch.einsum("nchw,c->nhw", picture, picture.new_tensor(LUMA))[:, None].expand_as(picture)

    return first_picture
