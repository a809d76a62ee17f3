"""Style transfer for one picture, from Python: that of Gatys et al. 2016 (arXiv:1508.06576)."""

from __future__ import annotations

import numpy as np

from videostyle.errors import BadInput
from videostyle.frames import SMALLEST_SIDE, Frame
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.models.features import load_features
from videostyle.option_groups import StyleOptions
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.optimize import Optimize
from videostyle.stylizers.schedule import SCHEDULES, IterationSchedule
from videostyle.stylizers.settings import StylizerSettings
from videostyle.tensors import to_tensor

STYLE_WEIGHT = Weights()["style"]
"""The command line's default."""


def stylize_image(
    content: np.ndarray,
    style: np.ndarray,
    *,
    iterations: int | None = None,
    style_weight: float = STYLE_WEIGHT,
    style_scale: float = 1.0,
    features: str = "vgg19",
    device: str = "cpu",
    seed: int = 0,
) -> np.ndarray:
    """Stylize a picture in the style of another; returns uint8 (H, W, 3) of the content's size.

    content, style: RGB (H, W, 3), uint8 or uint16, of any two sizes. iterations: over all scales; None for those of preset
    standard. style_scale: size of the strokes relative to the picture. Raises BadInput if an array is not a picture, and
    MissingModel if the network's weights are missing.
    """
    content = _checked("content", content, SMALLEST_SIDE)
    style = _checked("style", style, 2)
    settings = StylizerSettings(
        weights=Weights(style=style_weight),
        schedule=IterationSchedule(iterations or SCHEDULES["standard"].first, 0, 0),
        style=StyleOptions(style_scale=style_scale, features=features),
        device=device,
        seed=seed,
    )
    styles = StyleTargets(load_features(features, device), [to_tensor(style, device)], settings.style)
    (stylized,) = Optimize(styles, settings).step(FrameInput(content))
    return (stylized.picture * 255).round().astype(np.uint8)


def _checked(name: str, image: np.ndarray, smallest: int) -> np.ndarray:
    """The picture as an array. Raises BadInput if it is not a picture, or has a side below `smallest`."""
    image = np.asarray(image)
    try:
        Frame(image)
    except ValueError as error:
        raise BadInput(f"the {name} is not a picture: {error}", todo="give RGB as uint8 or uint16 (H, W, 3)") from error
    if min(image.shape[:2]) < smallest:
        raise BadInput(
            f"the {name} is {image.shape[1]}x{image.shape[0]} pixels; both sides must be at least {smallest}"
        )
    return image
