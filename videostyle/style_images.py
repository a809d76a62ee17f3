"""Style images as arrays, read from image files or from the thumbnails inside a style model (.vstyle)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from videostyle.config import MODEL_SUFFIX
from videostyle.errors import BadInput
from videostyle.media import images
from videostyle.media.images import kind_of, read_picture
from videostyle.media.pixels import WHITE, over
from videostyle.models.model_file import ACCEPTED, read_style_model
from videostyle.palettes import palette_of, recolored_to, sums_of


def load_style(path: Path) -> np.ndarray:
    """The style image in an image file: (H, W, 3) uint8 or uint16 sRGB, upright, composited over white.

    Raises BadInput if the file is missing, is a film or no image at all, or is only 1 pixel high or wide.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"style {path} is not a file", images.ACCEPTED)
    picture = read_picture(path)
    if kind_of(path) != "image":
        raise BadInput(f"style {path} is a film, not an image", todo="name an image, such as one of its frames")
    if min(picture.image.shape[:2]) < 2:
        size = f"{picture.image.shape[1]}x{picture.image.shape[0]}"
        raise BadInput(f"style {path} has only {size} pixels", todo="a style image needs 2x2 pixels or more")
    return picture.image if picture.alpha is None else over(picture.image, picture.alpha, WHITE)


def style_pictures(path: Path) -> list[np.ndarray]:
    """The pictures of a style, (H, W, 3) uint8 or uint16 sRGB: the image in an image file, or the thumbnails of all style
    images that a style model was trained on.

    Raises BadInput if the file is neither.
    """
    if path.suffix.lower() != MODEL_SUFFIX:
        return [load_style(path)]
    thumbnails = read_style_model(path).styles.values()
    decoded = (cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for jpeg in thumbnails)
    pictures = [cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) for pixels in decoded if pixels is not None]
    if not pictures or len(pictures) < len(thumbnails):
        raise BadInput(f"{path} is damaged: a thumbnail of its style images is missing or unreadable", ACCEPTED)
    return pictures


def in_colors_of(palette_file: Path | None, pictures: Iterable[np.ndarray]) -> list[np.ndarray]:
    """The pictures of styles with the colors of the picture in a file; None: they keep their own. Raises BadInput."""
    if palette_file is None:
        return list(pictures)
    palette = palette_of([sums_of(load_style(palette_file))])
    return [recolored_to(picture, palette) for picture in pictures]


def check_styles(styles: tuple[Path, ...], begin_with: Path | None = None) -> None:
    """Raises BadInput if a style does not exist or `--begin-with` is not a style model, before any slow step."""
    for style in styles:
        if not style.exists():
            raise BadInput(f"style {style} does not exist", "an image such as .jpg or .png")
    if begin_with is not None:
        read_style_model(begin_with)
