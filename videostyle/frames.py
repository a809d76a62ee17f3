"""The records that pass between the parts, and the conventions they all keep.

Images outside the network are uint8 or uint16 (H, W, 3) RGB arrays with an optional alpha plane (H, W) of the same type;
inside it they are float32 (1, 3, H, W) RGB in [0, 1], channels_last. BGR exists only inside a cv2 call.
Flow is float32 (H, W, 2) in pixels, x right, y down: the point p of a lies at p + flow[p] in b, so
`warp(b, flow(a, b))` looks like a. Sizes are (height, width). Time is an exact Fraction of seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

Size = tuple[int, int]


@dataclass(frozen=True)
class Frame:
    """One upright picture of a source with its exact place in time.

    image: (H, W, 3) uint8 or uint16 RGB, C-contiguous. index: ordinal in the source, from 0.
    time, duration: seconds on the source's own clock (0 and 0 for a still). name: the file's name in a folder, else "".
    alpha: (H, W) of the image's type, or None.
    """

    image: np.ndarray
    index: int = 0
    time: Fraction = Fraction(0)
    duration: Fraction = Fraction(0)
    name: str = ""
    alpha: np.ndarray | None = None

    def __post_init__(self):
        image, alpha = self.image, self.alpha
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"a frame's image is uint8 or uint16 (H, W, 3), not {image.dtype} {image.shape}")
        if alpha is not None and (alpha.shape != image.shape[:2] or alpha.dtype != image.dtype):
            raise ValueError(f"alpha is {image.dtype} {image.shape[:2]}, not {alpha.dtype} {alpha.shape}")
        if self.duration < 0 or self.index < 0:
            raise ValueError(f"duration and index are not negative: {self.duration}, {self.index}")

    @property
    def size(self) -> Size:
        return self.image.shape[0], self.image.shape[1]


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a source before any frame is decoded.

    kind: "video", "folder" or "image". size: (height, width) in stored pixels, upright. bits: 8, or 16 where frames come
    as uint16. time_base: seconds per tick of the source's clock, None for stills and folders. sample_aspect: width over
    height of one stored pixel, upright. rate: frames a second as the file claims, a hint only, None where it claims none.
    zero: what the source's clock has at its beginning, where that means nothing, as in a transport stream, else 0.
    notices: lines the user should read. track: of a video, the index of the stream that is read, which the muxer leaves out.
    """

    kind: str
    size: Size
    bits: int = 8
    time_base: Fraction | None = None
    sample_aspect: Fraction = Fraction(1)
    rate: Fraction | None = None
    zero: Fraction = Fraction(0)
    notices: tuple[str, ...] = ()
    track: int = 0

    def __post_init__(self):
        if self.kind not in ("video", "folder", "image"):
            raise ValueError(f"kind is video, folder or image, not {self.kind!r}")
        if min(self.size) < 1 or self.bits not in (8, 16) or self.sample_aspect <= 0:
            raise ValueError(f"impossible source: size {self.size}, {self.bits} bits, aspect {self.sample_aspect}")


@dataclass(frozen=True)
class Trim:
    """The part [start, end) of a source's clock, in seconds, that a run paints; the output's clock begins at start."""

    start: Fraction
    end: Fraction

    def __post_init__(self):
        if not self.start < self.end:
            raise ValueError(f"an empty interval: [{self.start}, {self.end})")


@dataclass(frozen=True)
class Motion:
    """How a frame continues the one before it, at the working size.

    flow: float32 (H, W, 2), from this frame back to the previous one. consistency: float32 (H, W) in [0, 1], 0 where the
    previous picture says nothing about this one (newly visible, wrong flow, outside). to_keyframe: how it
    continues the shot's keyframe, None where that is the previous frame itself. is_keyframe: whether this frame is the next
    frames' keyframe (temporal/motion.py).
    """

    flow: np.ndarray
    consistency: np.ndarray
    to_keyframe: Motion | None = None
    is_keyframe: bool = False

    def __post_init__(self):
        if (
            self.flow.shape != (*self.consistency.shape, 2)
            or self.flow.dtype != np.float32
            or self.consistency.dtype != np.float32
        ):
            raise ValueError(
                f"flow (H, W, 2) and consistency (H, W) in float32, not {self.flow.shape} and {self.consistency.shape}"
            )

    @property
    def new_share(self) -> float:
        """The share of the picture that is new, in [0, 1]."""
        return float(1.0 - self.consistency.mean())
