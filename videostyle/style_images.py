"""Style images as arrays, read from image files or from the thumbnails inside a style model (.vstyle)."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from videostyle.config import MODEL_SUFFIX
from videostyle.errors import BadInput
from videostyle.media import images
from videostyle.media.images import is_image_name, kind_of, read_picture
from videostyle.media.pixels import WHITE, over
from videostyle.media.resize import resize_alpha
from videostyle.media.sources import open_source
from videostyle.models.model_file import ACCEPTED, read_style_model
from videostyle.option_values import style_name
from videostyle.palettes import palette_of, recolored_to, sums_of


def load_style(path: Path) -> np.ndarray:
    """The style image in an image file, or `FILE@TIME`: (H, W, 3) uint8 or uint16 sRGB, upright, composited over white.

    Raises BadInput if the file is missing, is a film or no image at all, or is only 1 pixel high or wide.
    """
    path = Path(path)
    name = style_name(path)
    if name.time is not None:
        return frame_at(path, name.path, name.time)
    if not path.is_file():
        raise BadInput(f"style {path} is not a file", images.ACCEPTED)
    picture = read_picture(path)
    if kind_of(path) != "image":
        raise BadInput(f"style {path} is a film, not an image", todo=f"name one of its frames by {path}@TIME")
    if min(picture.image.shape[:2]) < 2:
        size = f"{picture.image.shape[1]}x{picture.image.shape[0]}"
        raise BadInput(f"style {path} has only {size} pixels", todo="a style image needs 2x2 pixels or more")
    return picture.image if picture.alpha is None else over(picture.image, picture.alpha, WHITE)


def frame_at(style: Path, film: Path, time: float) -> np.ndarray:
    """The frame of a film that is shown a time in seconds after its first one, as `load_style` has it.

    style: as it was given. The film is decoded up to there. Raises BadInput where it is no film, or is over by then.
    """
    with closing(open_source(film)) as source:
        if source.info.kind != "video":
            raise BadInput(f"style {style}: {film} is not a film", todo=f"name {film} without a time")
        shown = first = None
        with closing(source.frames()) as frames:
            for frame in frames:
                first = first or frame
                if shown is not None and frame.time - first.time > time:
                    break
                shown = frame
    assert shown is not None
    assert first is not None
    end = float(shown.time + shown.duration - first.time)
    if time >= end:
        raise BadInput(f"style {style}: {film} ends at {end:g} s", todo="name an earlier time")
    if shown.alpha is None:
        return shown.image
    return over(shown.image, resize_alpha(shown.alpha, shown.size, shown.image.dtype), WHITE)


def style_files(style: Path) -> list[Path]:
    """What `load_style` reads for a style: `FOLDER@all` as the images in the folder, in the order of their names.

    Raises BadInput where there are none.
    """
    name = style_name(style)
    if not name.all:
        return [style]
    files = sorted(path for path in name.path.iterdir() if is_image_name(path))
    if not files:
        raise BadInput(f"style {style}: the folder has no images", images.ACCEPTED)
    return files


def style_pictures(path: Path) -> list[np.ndarray]:
    """The pictures of a style, (H, W, 3) uint8 or uint16 sRGB: the image in an image file, all images of `FOLDER@all`, or the
    thumbnails of all style images that a style model was trained on.

    Raises BadInput if the file is neither.
    """
    if path.suffix.lower() != MODEL_SUFFIX:
        return [load_style(file) for file in style_files(path)]
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
    palette = palette_of(map(sums_of, style_pictures(palette_file)))
    return [recolored_to(picture, palette) for picture in pictures]


def check_styles(styles: tuple[Path, ...], begin_with: Path | None = None) -> None:
    """Raises BadInput, before any slow step, if a style does not exist, or if one that should be a style model is not; so does
    `--begin-with`."""
    for style in styles:
        if not style_name(style).path.exists():
            raise BadInput(f"style {style} does not exist", "an image such as .jpg or .png")
        if style.suffix.lower() == MODEL_SUFFIX:
            read_style_model(style)
    if begin_with is not None:
        read_style_model(begin_with)
