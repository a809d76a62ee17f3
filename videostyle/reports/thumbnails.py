"""Painted frames beside those of the source, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videostyle.frames import Frame, Size, VideoInfo
from videostyle.media.image_sinks import output_name
from videostyle.media.images import read_picture
from videostyle.media.pixels import to_bits
from videostyle.media.resize import fit_size, resize
from videostyle.media.sources import frames_at, open_source
from videostyle.reports.records import Pictured, RunReport

LONGER_SIDE = 960  # of a picture on a page, in pixels


@dataclass(frozen=True)
class Compared:
    """A frame in several pictures. index: ordinal in the source, from 0. pictures: uint8 (H, W, 3) RGB by caption."""

    index: int
    pictures: dict[str, np.ndarray]


def compared(pictured: Pictured) -> Compared:
    """A measured frame, its pictures no larger than a page shows them."""
    pictures = {"source": pictured.source, "output": pictured.output, "warp error": pictured.heat}
    shown = {caption: for_a_page(image) for caption, image in pictures.items() if image is not None}
    return Compared(pictured.index, shown)


def for_a_page(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 scaled down so that its longer side is at most LONGER_SIDE."""
    size = image.shape[0], image.shape[1]
    return image if max(size) <= LONGER_SIDE else resize(image, fit_size(size, LONGER_SIDE))


def painted_beside_source(run: RunReport) -> list[Compared]:
    """An early, a middle and the last frame of a run; fewer where it has fewer. Holds no more than these in memory.

    The source is the file or folder in the run's options. Raises BadInput where it or the output can no longer be read.
    """
    if not run.frames or "input" not in run.options:
        return []
    places = chosen_places(len(run.frames))
    path = Path(str(run.options["input"]))
    with closing(open_source(path)) as source:
        size = shown_size(source.info)
    sources = frames_at(path, size, [run.frames[place].index for place in places])
    outputs = painted_at(run.output, size, places, sources)
    return [
        Compared(frame.index, {"source": to_bits(frame.image, 8), "output": to_bits(image, 8)})
        for frame, image in zip(sources, outputs, strict=False)  # both end early where files were damaged meanwhile
    ]


def chosen_places(count: int) -> list[int]:
    """An early, a middle and the last one of `count` places, each once. The first is no good sample: it is like a still."""
    return sorted({count // 6, count // 2, count - 1})


def shown_size(info: VideoInfo) -> Size:
    """How large a frame is shown: with square pixels, at most LONGER_SIDE."""
    height, width = info.size[0], max(1, round(info.size[1] * info.sample_aspect))
    return fit_size((height, width), min(LONGER_SIDE, max(height, width)))


def painted_at(output: Path, size: Size, places: Sequence[int], sources: Sequence[Frame]) -> list[np.ndarray]:
    """The painted frames at these places of a run: in a folder by the names of their source frames, else by order."""
    if output.is_dir():
        return [resize(read_picture(output / output_name(frame)).image, size) for frame in sources]
    return [frame.image for frame in frames_at(output, size, places)]
