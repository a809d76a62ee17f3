"""The records that the parts of the program exchange, and the conventions for arrays, sizes and times.

- Images outside the networks are uint8 or uint16 (H, W, 3) RGB arrays with an optional alpha plane (H, W) of the same
  type; inside them, float32 (1, 3, H, W) RGB in [0, 1], channels_last. BGR exists only around calls of cv2.
- Flow is float32 (H, W, 2) in pixels, x to the right, y down: point p of image a corresponds to p + flow[p] in image b, so
  `warp(b, flow(a, b))` looks like a.
- Sizes are (height, width). Times are exact Fractions of seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

Size = tuple[int, int]

Shares = tuple[Fraction, Fraction]
"""Shares of a height and a width, more than 0 and at most 1."""

WHOLE: Shares = (Fraction(1), Fraction(1))

SMALLEST_SIDE = 16  # pixels of either side of an image that is stylized: VGG-19 halves it four times


@dataclass(frozen=True)
class Frame:
    """One upright frame of a source, with its time and duration."""

    image: np.ndarray
    """(H, W, 3) uint8 or uint16 RGB, C-contiguous."""
    index: int = 0
    """Ordinal in the source, from 0."""
    time: Fraction = Fraction(0)
    """Seconds on the source's own clock, which need not begin at 0; 0 for a still."""
    duration: Fraction = Fraction(0)
    """Seconds until the next frame; 0 for a still."""
    name: str = ""
    """The file's name in a folder of images, else empty."""
    alpha: np.ndarray | None = None
    """(h, w) of the image's type, or None where everything is opaque. A source gives it at its own size, also where it scales
    the image; a sink takes it at the image's size."""
    covered: Shares = WHOLE
    """Shares of the height and the width, in the middle, that the picture covers; the rest is black bars."""
    file_number: int | None = None
    """The number in the file's name in a folder of images, else None."""

    def __post_init__(self):
        image, alpha = self.image, self.alpha
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"a frame's image is uint8 or uint16 (H, W, 3), not {image.dtype} {image.shape}")
        if alpha is not None and (alpha.ndim != 2 or alpha.dtype != image.dtype):
            raise ValueError(f"alpha is {image.dtype} (h, w), not {alpha.dtype} {alpha.shape}")
        if self.duration < 0 or self.index < 0:
            raise ValueError(f"duration and index are not negative: {self.duration}, {self.index}")

    @property
    def size(self) -> Size:
        return self.image.shape[0], self.image.shape[1]

    @property
    def number(self) -> int:
        """The number by which --frames means the frame: of a folder the file's, else counted from 1."""
        return self.index + 1 if self.file_number is None else self.file_number


def area(size: Size, shares: Shares) -> tuple[slice, slice]:
    """The rows and columns, at least one, of the part in the middle that has these shares of a picture's sides."""
    height, width = (max(1, round(side * share)) for side, share in zip(size, shares, strict=True))
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return slice(top, top + height), slice(left, left + width)


@dataclass(frozen=True)
class HdrTags:
    """What an HDR video says of its colors, by the code points of ITU-T H.273."""

    primaries: int
    transfer: int
    mastering: tuple[Fraction, ...] = ()
    """The mastering display (SMPTE ST 2086): x and y of red, green, blue and white, its darkest and brightest light in cd/m2;
    empty where it is not known."""
    light: tuple[int, ...] = ()
    """The brightest pixel and the brightest frame average in cd/m2 (MaxCLL, MaxFALL); empty where they are not known."""

    @property
    def curve(self) -> str:
        """PQ or HLG."""
        return "HLG" if self.transfer == 18 else "PQ"


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a source before its frames are read."""

    kind: str
    """One of video, folder and image."""
    size: Size
    """(height, width) in stored pixels, upright."""
    bits: int = 8
    """Depth of its frames: 8 (uint8) or 16 (uint16)."""
    time_base: Fraction | None = None
    """Seconds per tick of the source's clock; None where it has none: images, and folders whose numbers are not times."""
    sample_aspect: Fraction = Fraction(1)
    """Width over height of one stored pixel, upright."""
    rate: Fraction | None = None
    """Frames per second as the file claims, not to be relied on; None where it claims none."""
    zero: Fraction = Fraction(0)
    """Seconds on the source's clock at which the file begins, where its format starts clocks anywhere, as transport streams
    do; else 0."""
    notices: tuple[str, ...] = ()
    """Lines that the user should read."""
    track: int = 0
    """Index of the stream that is read from a video; the muxer leaves it out of the side tracks that it copies."""
    hdr: HdrTags | None = None
    """Of an HDR video, whose frames are tone-mapped to BT.709 when they are read."""

    def __post_init__(self):
        if self.kind not in ("video", "folder", "image"):
            raise ValueError(f"kind is video, folder or image, not {self.kind!r}")
        if min(self.size) < 1 or self.bits not in (8, 16) or self.sample_aspect <= 0:
            raise ValueError(f"impossible source: size {self.size}, {self.bits} bits, aspect {self.sample_aspect}")


@dataclass(frozen=True)
class Trim:
    """The part [start, end) of a source's clock that a run renders; the output's clock begins at start."""

    start: Fraction
    """Seconds on the source's clock."""
    end: Fraction
    """Seconds on the source's clock."""

    def __post_init__(self):
        if not self.start < self.end:
            raise ValueError(f"an empty interval: [{self.start}, {self.end})")


@dataclass(frozen=True)
class Motion:
    """How a frame continues the one before it, at the working size."""

    flow: np.ndarray
    """float32 (H, W, 2), from this frame back to the previous one."""
    consistency: np.ndarray
    """float32 (H, W) in [0, 1]: 0 where the previous frame says nothing about this one, because the point is newly visible,
    lies outside the previous frame, or the flow is wrong there."""
    changed: np.ndarray | None = None
    """float32 (H, W) in [0, 1]: 1 where a mask puts what is seen into another part of the picture than before, with another
    style or none; None where there are no masks."""
    to_keyframe: Motion | None = None
    """How the frame continues the shot's keyframe; None where that is the previous frame itself."""
    is_keyframe: bool = False
    """Whether this frame becomes the keyframe of the frames after it (temporal/motion.py)."""

    def __post_init__(self):
        flow, consistency = self.flow, self.consistency
        if flow.shape != (*consistency.shape, 2) or flow.dtype != np.float32 or consistency.dtype != np.float32:
            raise ValueError(
                f"flow (H, W, 2) and consistency (H, W) in float32, not {flow.shape} and {consistency.shape}"
            )

    @property
    def new_share(self) -> float:
        """The share of the frame, in [0, 1], that the previous frame says nothing about."""
        return float(1.0 - self.consistency.mean())
