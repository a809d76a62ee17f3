"""Style images as arrays: read from an image file, or from the thumbnails inside a style model (.vstyle)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from videostyle.config import LEARNED
from videostyle.errors import BadInput
from videostyle.media import images
from videostyle.media.images import read_picture
from videostyle.media.pixels import over_white
from videostyle.models.model_file import ACCEPTED, read_style_file


def load_style(path: Path) -> np.ndarray:
    """A painting as (H, W, 3) uint8 or uint16 sRGB, upright; where it is transparent, white shows.

    Raises BadInput where it is missing, no image, or only 1 pixel high or wide.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"style {path} is not a file", images.ACCEPTED)
    picture = read_picture(path)
    if min(picture.image.shape[:2]) < 2:
        size = f"{picture.image.shape[1]}x{picture.image.shape[0]}"
        raise BadInput(f"style {path} is {size} pixels and has no style", f"{images.ACCEPTED} of 2x2 pixels or more")
    return picture.image if picture.alpha is None else over_white(picture.image, picture.alpha)


def style_pictures(path: Path) -> list[np.ndarray]:
    """A style's pictures, (H, W, 3) uint8 or uint16 sRGB: an image is its own; the small ones that a learned painting holds,
    of each style that it has learned.

    Raises BadInput where it is neither.
    """
    if path.suffix.lower() != LEARNED:
        return [load_style(path)]
    found = read_style_file(path)
    decoded = (cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for jpeg in found.styles.values())
    pictures = [cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) for pixels in decoded if pixels is not None]
    if not pictures or len(pictures) < len(found.styles):
        raise BadInput(f"{path} is damaged: it holds no picture of its style", ACCEPTED)
    return pictures


def check_styles(styles: tuple[Path, ...], begin_with: Path | None = None) -> None:
    """Raises BadInput where a style is missing or `--begin-with` is no learned painting, before anything slow is done."""
    for style in styles:
        if not style.exists():
            raise BadInput(f"style {style} does not exist", "an image such as .jpg or .png")
    if begin_with is not None:
        read_style_file(begin_with)
