"""One picture in the style of another, from Python: the classic transfer of Gatys et al. (arXiv:1508.06576)."""

from __future__ import annotations

import numpy as np

from videostyle.errors import BadInput
from videostyle.frames import SMALLEST_SIDE, Frame
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.models.features import load_features
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.optimize import Optimize
from videostyle.stylizers.schedule import SCHEDULES, Schedule
from videostyle.tensors import to_tensor


def stylize_image(
    content: np.ndarray,
    style: np.ndarray,
    *,
    iterations: int | None = None,
    style_weight: float = 15.0,
    style_scale: float = 1.0,
    features: str = "vgg19",
    device: str = "cpu",
    seed: int = 0,
) -> np.ndarray:
    """Paint a picture in the style of another.

    content, style: (H, W, 3) RGB arrays, uint8 or uint16, of any two sizes; the result is uint8 (H, W, 3) of content's
    size. iterations: over all scales, the standard preset's where None. style_scale: stroke size relative to the picture.
    Raises BadInput where an array is not a picture, MissingModel where the network's weights are not at hand.
    """
    content = _checked("content", content, SMALLEST_SIDE)
    style = _checked("style", style, 2)
    styles = StyleTargets(load_features(features, device), [to_tensor(style, device)], style_scale)
    schedule = Schedule(iterations or SCHEDULES["standard"].first, 0, 0)
    painter = Optimize(styles, Weights(style=style_weight), schedule, device, seed)
    (painted,) = painter.step(FrameInput(content))
    return (painted.picture * 255).round().astype(np.uint8)


def _checked(name: str, image: np.ndarray, smallest: int) -> np.ndarray:
    """The picture as an array. Raises BadInput where it is none, or has a side below `smallest`."""
    image = np.asarray(image)
    try:
        Frame(image)
    except ValueError as error:
        raise BadInput(f"the {name} is not a picture: {error}", "RGB as uint8 or uint16 (H, W, 3)") from error
    if min(image.shape[:2]) < smallest:
        raise BadInput(f"the {name} is {image.shape[1]}x{image.shape[0]} pixels", f"sides of {smallest} and more")
    return image
