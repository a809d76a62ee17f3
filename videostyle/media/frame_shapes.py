"""The shape of each frame of a video, by its size, pixels, clean aperture and orientation; and how changes are treated."""

from __future__ import annotations

from collections import deque
from fractions import Fraction

import av
import numpy as np

from videostyle.errors import BadInput
from videostyle.frames import WHOLE, Size
from videostyle.media.alpha import alpha_of, chroma_reach
from videostyle.media.boxes import Aperture
from videostyle.media.color.decode import ToRGB
from videostyle.media.fit import Fitting, Shape, covered_size, fitted, fitting, with_bars
from videostyle.media.images import upright
from videostyle.media.interlacing import TimedFrame
from videostyle.media.pixels import filled
from videostyle.media.tracks import orientation

_REORDERED = 64  # packets, more than any decoder keeps back before it returns their frames

_MOST_CHANGES = 8  # of shape that get a notice of their own


class PixelAspects:
    """The pixel aspect of decoded frames: the container's, until the codec's changes in mid-stream; then the codec's.

    PyAV knows the codec's only of the packet that was decoded last, and frames come out later than their packets.
    """

    def __init__(self, container: Fraction | None):
        self._container = container or Fraction(1)
        self._first: Fraction | None = None
        self._newest: Fraction | None = None
        self._sent: deque[tuple[int | None, Fraction | None]] = deque(maxlen=_REORDERED)

    def sent(self, pts: int | None, codec: Fraction | None) -> None:
        """A packet has been decoded, after which the codec states this aspect, if any."""
        self._first = self._first or codec
        self._sent.append((pts, codec))

    def of(self, pts: int | None) -> Fraction:
        """The aspect of the next frame, which has this presentation time in ticks."""
        for place, (time, aspect) in enumerate(self._sent):
            if pts is not None and time == pts:
                self._newest = aspect
                del self._sent[place]
                break
        else:
            self._newest = self._sent[-1][1]
        return self._container if self._newest in (None, self._first) else self._newest


class ShapeChanges:
    """The shapes of a video's frames, one after another, against the first one's. fit: a value of `--fit`."""

    def __init__(self, name: str, first: Shape, fit: str):
        self.name, self.first, self.fit = name, first, fit
        self.notices: tuple[str, ...] = ()
        """About each change so far."""
        self._last, self._how, self._count = first, Fitting(), 0

    def fitting(self, shape: Shape, time: Fraction) -> Fitting:
        """How the next frame is fitted. time: in seconds after the first one. Raises BadInput if it is to be refused."""
        if shape != self._last:
            self._count += 1
            change = f"the frames of {self.name} change from {self._last} to {shape} at {float(time):.2f} s"
            if self.fit == "refuse":
                raise BadInput(change, todo="--fit bars keeps them whole, --fit fill crops them")
            self._last, self._how = shape, fitting(shape, self.first, self.fit)
            if self._count <= _MOST_CHANGES:
                self.notices = (*self.notices, f"{change}: {self._treatment(shape)}")
            elif self._count == _MOST_CHANGES + 1:
                self.notices = (*self.notices, f"the frames of {self.name} change their shape more often after that")
        return self._how

    def _treatment(self, shape: Shape) -> str:
        if shape == self.first:
            return "the first one's shape again"
        if self._how.covered != WHOLE:
            return "shown between black bars; --fit fill crops them instead"
        if self._how.used != WHOLE:
            return "cropped to the first frame's shape; --fit bars keeps them whole"
        return "scaled to the first frame's size"


class PictureReader:
    """Reads the pictures of one video's frames: upright, and cut to the clean aperture where there is one."""

    def __init__(self, aperture: Aperture | None):
        self.aperture = aperture
        self._to_rgb = ToRGB()
        self._rotation: int | None = None
        self._orientation = False, 0

    def shape(self, frame: TimedFrame) -> Shape:
        """The upright shape of a frame."""
        size = frame.picture.height, frame.picture.width
        if self.aperture and self.aperture.size == size:
            size = self.aperture.seen
        if self._orientation_of(frame.picture)[1] % 2:
            return Shape(size[::-1], 1 / frame.sample_aspect)
        return Shape(size, frame.sample_aspect)

    def image(self, picture: av.VideoFrame, size: Size, how: Fitting) -> tuple[np.ndarray, np.ndarray | None]:
        """The picture of a frame as BT.709 RGB, upright, at `size`, 8 or 16 bits as `ToRGB` gives; and its alpha, upright, at
        the frame's own size, None where everything is opaque. Transparent places have colors from their borders.
        """
        mirror, turns = self._orientation_of(picture)
        stored = picture.height, picture.width
        cut = self.aperture if self.aperture and self.aperture.size == stored else None
        alpha = alpha_of(picture)
        if cut or how.used != WHOLE or alpha is not None:  # before it is scaled: hidden colors would be mixed in
            image = filled(self._to_rgb(picture, stored), alpha, chroma_reach(picture.format))
            planes = image if alpha is None else np.dstack([image, alpha])
            planes = upright(planes[cut.rows, cut.columns] if cut else planes, mirror, turns)
            image, alpha = np.ascontiguousarray(planes[..., :3]), None if alpha is None else planes[..., 3]
            return fitted(image, size, how), alpha
        inside = covered_size(size, how)
        image = self._to_rgb(picture, inside[::-1] if turns % 2 else inside)
        return with_bars(upright(image, mirror, turns), size, how), None

    def _orientation_of(self, picture: av.VideoFrame) -> tuple[bool, int]:
        # PyAV's side data and their frame refer to one another: a frame that was asked for them is not freed at once
        if picture.rotation != self._rotation:
            self._rotation, self._orientation = picture.rotation, orientation(picture)
        return self._orientation
