"""Output frames beside their source frames, small enough for a page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from videostyle.frames import Frame, Size, VideoInfo
from videostyle.media.image_sinks import output_name
from videostyle.media.images import read_picture
from videostyle.media.pixels import WHITE, over, to_bits
from videostyle.media.resize import fit_size, resize, resize_alpha
from videostyle.media.sources import AS_WRITTEN, frames_at, open_source
from videostyle.option_groups import ReadingOptions
from videostyle.options import options_of
from videostyle.reports.records import RunReport, SampleFrame

LONGER_SIDE = 960
"""Largest side of an image on a page, in pixels."""


@dataclass(frozen=True)
class Thumbnails:
    """The images of one frame, for a page."""

    index: int
    """Ordinal in the source, from 0."""
    images: dict[str, np.ndarray]
    """uint8 (H, W, 3) RGB, by caption."""


def measured_thumbnails(frame: SampleFrame) -> Thumbnails:
    """The images of a measured frame, the source with outlines of the masks."""
    images = {"source": outlined(frame.source, frame.masks), "output": frame.output, "warp error": frame.heat}
    return Thumbnails(frame.index, {caption: shrunk(image) for caption, image in images.items() if image is not None})


OUTLINES = (255, 0, 255), (0, 255, 255), (255, 255, 0), (0, 255, 0), (255, 128, 0)
"""The colors of the masks' outlines, over and over."""


def outlined(image: np.ndarray, masks: Sequence[np.ndarray]) -> np.ndarray:
    """A uint8 image (H, W, 3) with the borders of masks, bool (H, W), each in a color of its own."""
    image, width = image.copy(), max(1, round(max(image.shape) / 320))
    for mask, color in zip(masks, cycle(OUTLINES)):
        contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(image, contours, -1, color, width)
    return image


def shrunk(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8, scaled down so that the longer side is at most LONGER_SIDE."""
    size = image.shape[0], image.shape[1]
    return image if max(size) <= LONGER_SIDE else resize(image, fit_size(size, LONGER_SIDE))


def run_thumbnails(run: RunReport) -> list[Thumbnails]:
    """An early, a middle and the last frame of a run that was not measured, read again from its source and output.

    The source is the path in the run's options. At most three frames are in memory. Raises BadInput where the source or the
    output cannot be read anymore.
    """
    if not run.frames or "input" not in run.options:
        return []
    places = sample_places(len(run.frames))
    path = Path(str(run.options["input"]))
    given: dict[str, Any] = {name: run.options[name] for name in options_of(ReadingOptions) if name in run.options}
    reading = ReadingOptions(**given)
    with closing(open_source(path, reading)) as source:
        size = display_size(source.info)
    sources = frames_at(path, size, [run.frames[place].index for place in places], reading)
    outputs = output_frames(run.output, size, places, sources)
    return [
        Thumbnails(frame.index, {"source": opaque(frame.image, frame.alpha), "output": image})
        for frame, image in zip(sources, outputs, strict=False)  # shorter where a file was damaged since the run
    ]


def opaque(image: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """An image (H, W, 3), with alpha of any size, as uint8 over white."""
    image = to_bits(image, 8)
    return image if alpha is None else over(image, resize_alpha(alpha, image.shape[:2], image.dtype), WHITE)


def sample_places(count: int) -> list[int]:
    """An early, a middle and the last of `count` places, without duplicates.

    The first frame is left out: it is stylized like a still image and says little about the clip.
    """
    return sorted({count // 6, count // 2, count - 1})


def display_size(info: VideoInfo) -> Size:
    """(height, width) of a source's frames with square pixels, the longer side at most LONGER_SIDE."""
    height, width = info.size[0], max(1, round(info.size[1] * info.sample_aspect))
    return fit_size((height, width), min(LONGER_SIDE, max(height, width)))


def output_frames(output: Path, size: Size, places: Sequence[int], sources: Sequence[Frame]) -> list[np.ndarray]:
    """The output's frames, uint8 (H, W, 3), at these places of a run.

    A folder's are read by the names of their source frames, a video's by order.
    """
    if output.is_dir():
        pictures = [read_picture(output / output_name(frame)) for frame in sources]
        return [opaque(resize(picture.image, size), picture.alpha) for picture in pictures]
    return [opaque(frame.image, frame.alpha) for frame in frames_at(output, size, places, AS_WRITTEN)]
