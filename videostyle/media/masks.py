"""Masks that follow a clip: read from an image, a film or a folder, or made from the clip's own frames.

A mask is float32 (H, W) in [0, 1] at the size of a frame: 1 is white.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from videostyle.errors import BadInput, BadOption
from videostyle.frames import SMALLEST_SIDE, Frame, Size, VideoInfo
from videostyle.mask_values import ACCEPTED, ALPHA, KeyColor, LumaRange, Mask
from videostyle.media.fit import SAME, Shape
from videostyle.media.image_sources import numbered_names
from videostyle.media.pixels import LUMA
from videostyle.media.resize import resize_alpha
from videostyle.media.sources import Source, open_source
from videostyle.option_groups import ReadingOptions

AS_MASK = ReadingOptions(fit="refuse", deinterlace="off", gaps="skip")
"""How the files of masks are read."""

BLACK, WHITE = 4 / 255, 251 / 255
"""Brightness up to which a mask is black, and from which it is white: lossy codecs miss both by a few levels."""

RAMP = 0.04
"""Width of the transition at a bound of brightness or color, in [0, 1]: the noise of a clip would make a hard one flicker."""

SLACK = Fraction(1, 500)
"""Seconds by which a mask's frame may come late: some containers round times to milliseconds."""


class MaskReader(Protocol):
    """Reads one mask for the frames of a clip, one after another."""

    def at(self, frame: Frame) -> np.ndarray:
        """The mask of the next frame, at the size of its image. Raises BadInput where its file can no longer be read."""

    def close(self) -> None:
        """Release all files."""


@dataclass(frozen=True)
class MaskedClip:
    """What masks have to fit: the clip, and which of its frames are painted."""

    path: Path
    info: VideoInfo
    origin: Fraction
    """Time of the clip's first frame in seconds."""
    first: int
    """Ordinal in the clip of the first painted frame, from 0."""
    times: Sequence[Fraction]
    """Of each painted frame, in seconds on the clip's clock."""
    transparent: bool = False
    """Whether any of them is transparent in places."""


def check_mask(mask: Mask, clip: MaskedClip, name: str) -> None:
    """Read a mask through. name: of the option, for messages.

    Raises BadInput where a file has another shape than the clip, ends more than a frame early or cannot be decoded, and
    BadOption for ALPHA where the clip is opaque.
    """
    if mask.origin == ALPHA and not clip.transparent:
        raise BadOption(f"{name} {ALPHA} has no effect, as {clip.path} is opaque", todo="name a file as the mask")
    if mask.path is None:
        return
    name = f"{name} {mask.path}"
    try:
        with closing(open_source(mask.path, AS_MASK)) as source:
            check_shape(source.info, clip, name)
            if source.info.kind != "image":
                check_frames(MatchedFile(source, clip), clip, name)
    except UnfitMask:
        raise
    except BadInput as error:  # its advice may be about the options of another file
        raise BadInput(f"{name} cannot be used: {str(error).split(';')[0]}", ACCEPTED) from error


class UnfitMask(BadInput):
    """A mask that can be read and does not fit its clip."""


def check_shape(info: VideoInfo, clip: MaskedClip, name: str) -> None:
    """Raises UnfitMask where a mask has other proportions than the clip, as stored and as displayed."""
    own, frame = Shape(info.size, info.sample_aspect), Shape(clip.info.size, clip.info.sample_aspect)
    stored = Shape(own.size).aspect / Shape(frame.size).aspect
    if min(abs(stored - 1), abs(own.aspect / frame.aspect - 1)) >= SAME:
        problem = f"{name} has {own} pixels and {clip.path} has {frame}, which is another shape"
        raise UnfitMask(problem, todo="give a mask of the clip's proportions, of any size")


class MatchedFile:
    """The frames of a mask's film or folder, by the place in the clip from which each holds.

    A film is matched by the time since its own first frame, a folder by order, or by number where the clip is a folder too.
    """

    def __init__(self, source: Source, clip: MaskedClip):
        self.source, self.clip = source, clip
        self.by_time = source.info.kind == "video"
        self.by_number = source.info.kind == clip.info.kind == "folder"
        self._origin: Fraction | None = None

    def frames(self, size: Size) -> Generator[tuple[Fraction, Frame]]:
        """Each frame of the mask, scaled to `size`, with its place."""
        with closing(self.source.frames(size)) as frames:
            for frame in frames:
                self._origin = frame.time if self._origin is None else self._origin
                yield self._place(frame, self._origin), frame

    def place_in_clip(self, frame: Frame) -> Fraction:
        """The place of a frame of the clip."""
        return self._place(frame, self.clip.origin) + (SLACK if self.by_time else 0)

    def _place(self, frame: Frame, origin: Fraction) -> Fraction:
        return frame.time - origin if self.by_time else Fraction(frame.number if self.by_number else frame.index)


def check_frames(mask: MatchedFile, clip: MaskedClip, name: str) -> None:
    """Decode a mask as far as the clip needs it. Raises UnfitMask where it ends early, lacks a number or is damaged."""
    if mask.by_number:
        check_numbers(mask.source.path, clip, name)
    last = clip.times[-1] - clip.origin if mask.by_time else Fraction(clip.first + len(clip.times) - 1)
    end = Fraction(0)
    for place, frame in mask.frames((SMALLEST_SIDE, SMALLEST_SIDE)):
        end = place + (frame.duration if mask.by_time else 1)
        if place > last and not mask.by_number:
            break
    if mask.source.skipped:
        raise UnfitMask(
            f"{name} is damaged", todo="make it again: a mask that is not whole would paint the wrong places"
        )
    if end + SLACK < last and not mask.by_number:
        ends = f"ends after {float(end):.2f} s" if mask.by_time else f"has {end} images"
        needed = f"its frame at {float(last):.2f} s" if mask.by_time else f"its frame {last + 1}"
        todo = "make it as long as the clip, or select a shorter part"
        raise UnfitMask(f"{name} {ends} and {clip.path} is painted up to {needed}", todo=todo)


def check_numbers(folder: Path, clip: MaskedClip, name: str) -> None:
    """Raises UnfitMask where a folder has no mask for a number of the clip's folder; only the last may lack one."""
    needed = list(numbered_names(clip.path))[clip.first :][: len(clip.times)]
    masks = numbered_names(folder)
    absent = [number for number in needed[:-1] or needed if number not in masks]
    if absent:
        numbers = ", ".join(map(str, absent[:8])) + (" ..." if absent[8:] else "")
        problem = f"{name} has no image with the number {numbers}, which {clip.path} has"
        raise UnfitMask(problem, todo="add it: a folder of masks is matched with a folder of frames by number")


def open_mask(mask: Mask, clip: MaskedClip, scale: float = 1.0) -> MaskReader:
    """A reader of a mask, whose border is grown and feathered by `scale` times as many pixels as the mask says."""
    if isinstance(mask.origin, Path):
        with closing(open_source(mask.origin, AS_MASK)) as source:
            own = MatchedFile(source, clip)
        reader: MaskReader = FileReader(own)
    elif isinstance(mask.origin, LumaRange):
        reader = ClipReader(partial(in_range, mask.origin))
    elif isinstance(mask.origin, KeyColor):
        reader = ClipReader(partial(unlike, mask.origin))
    else:
        reader = ClipReader(opacity)
    return ShapedReader(reader, mask, scale)


class FileReader:
    """Reads a file. The latest of its frames at or before the clip's frame holds."""

    def __init__(self, file: MatchedFile):
        self.file = file
        self._frames: Generator[tuple[Fraction, Frame]] | None = None
        self._next: tuple[Fraction, Frame] | None = None
        self._mask: np.ndarray | None = None

    def at(self, frame: Frame) -> np.ndarray:
        if self._frames is None:
            self._frames = self.file.frames(frame.size)
            _, first = next(self._frames)
            self._mask, self._next = brightness(first), next(self._frames, None)
        newest, place = None, self.file.place_in_clip(frame)
        while self._next is not None and self._next[0] <= place:
            newest, self._next = self._next[1], next(self._frames, None)
        if newest is not None:
            self._mask = brightness(newest)
        assert self._mask is not None
        return self._mask

    def close(self) -> None:
        if self._frames is not None:
            self._frames.close()


class ClipReader:
    """Makes a mask from each frame of the clip."""

    def __init__(self, of: Callable[[Frame], np.ndarray]):
        self.of = of

    def at(self, frame: Frame) -> np.ndarray:
        return self.of(frame)

    def close(self) -> None:
        """Nothing is open."""


class ShapedReader:
    """Inverts, grows and feathers what another reader reads."""

    def __init__(self, reader: MaskReader, mask: Mask, scale: float):
        self.reader, self.invert = reader, mask.invert
        self.grow, self.feather = scale * mask.grow, scale * mask.feather

    def at(self, frame: Frame) -> np.ndarray:
        mask = self.reader.at(frame)
        return feathered(grown(1 - mask if self.invert else mask, self.grow), self.feather)

    def close(self) -> None:
        self.reader.close()


def brightness(frame: Frame) -> np.ndarray:
    """How white each pixel of a mask's frame is; transparent is black."""
    gray = luma(frame.image)
    if frame.alpha is not None:
        gray = gray * opacity(frame)
    return np.clip((gray - BLACK) / (WHITE - BLACK), 0, 1).astype(np.float32)


def luma(image: np.ndarray) -> np.ndarray:
    """The brightness (H, W) of an image, in [0, 1]."""
    return image @ LUMA / np.float32(np.iinfo(image.dtype).max)


def opacity(frame: Frame) -> np.ndarray:
    """A frame's alpha at the size of its image."""
    if frame.alpha is None:
        return np.ones(frame.size, np.float32)
    alpha = resize_alpha(frame.alpha, frame.size, frame.alpha.dtype)
    return alpha / np.float32(np.iinfo(alpha.dtype).max)


def in_range(limits: LumaRange, frame: Frame) -> np.ndarray:
    """White where a frame's brightness lies within limits; 0 and 1 are no limits."""
    gray, mask = luma(frame.image), np.ones(frame.size, np.float32)
    if limits.low > 0:
        mask = np.minimum(mask, _ramp(gray - limits.low))
    return np.minimum(mask, _ramp(limits.high - gray)) if limits.high < 1 else mask


def unlike(key: KeyColor, frame: Frame) -> np.ndarray:
    """Black where a frame has the key color, white elsewhere."""
    colors = frame.image / np.float32(np.iinfo(frame.image.dtype).max) - np.array(key.color, np.float32) / 255
    return _ramp(np.sqrt(np.square(colors).mean(axis=2)) - key.tolerance)


def _ramp(excess: np.ndarray) -> np.ndarray:
    """From 0 to 1 where a value rises through 0."""
    return np.clip(excess / RAMP + 0.5, 0, 1).astype(np.float32)


def grown(mask: np.ndarray, pixels: float) -> np.ndarray:
    """A mask whose white reaches so many pixels further; shrunk where the number is negative."""
    radius = round(abs(pixels))
    if not radius:
        return mask
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(mask, disc) if pixels > 0 else cv2.erode(mask, disc)


def feathered(mask: np.ndarray, pixels: float) -> np.ndarray:
    """A mask whose borders fade over so many pixels to either side, and that is the same further away."""
    if not pixels:
        return mask
    side = 2 * max(1, round(pixels)) + 1
    return cv2.GaussianBlur(mask, (side, side), pixels / 2, borderType=cv2.BORDER_REPLICATE).clip(0, 1)
