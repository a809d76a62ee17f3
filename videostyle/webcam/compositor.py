"""The picture that is shown: the camera in the painting's colors, and over it styles carried here from the frames
they were painted on.

A painting is moved only once, along the flow straight from this frame to its own, so that nothing blurs or drifts however
long it is carried. Where its frame does not look like this one, once moved here, the camera shows through.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from videostyle.frames import Size
from videostyle.stylizers.colors import palette_between, recolored, unchanged

FLOW_SIDE = 200  # longer side of the pictures that flow is estimated on

STEADY = 0.6  # pixels: changes of the flow much below are mostly its noise, which would make the picture tremble

AGREES, DIFFERS = 0.06, 0.18  # mean RGB difference up to which a painting is kept, from which the camera shows instead

RECOVERS = 0.15  # of its cover a painting gains back in a frame at most: what comes and goes at once flickers

FADE = 0.35  # seconds until a new painting has replaced the last

SWITCH = 0.5  # seconds until another style has replaced the last

SETTLES = 0.2  # seconds: the time constant of improvements of one painting, and of the recolored camera's colors

MOST_LAYERS = 3

LOST = 0.3  # mean cover below which a frame is not worth painting any more

NO_MAP: Any = None  # cv2.remap takes both coordinates from one map; its type stubs ask for two


class Seen:
    """A camera frame at the size that is painted, with what flow needs of it. image: uint8 RGB (H, W, 3)."""

    def __init__(self, image: np.ndarray):
        self.image = image
        height, width = image.shape[:2]
        scale = min(1.0, FLOW_SIDE / max(height, width))
        small = max(16, round(width * scale)), max(16, round(height * scale))
        self.gray = cv2.cvtColor(cv2.resize(image, small, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        self.soft = cv2.blur(image, (3, 3))


class Layer:
    """A frame that is being, or has been, painted, and the way to it from the newest frame.

    picture: its painting, float32 (H, W, 3) in [0, 255], None until there is one. cover: float32 (H, W) in [0, 1], where it
    shows this frame's things. born, leaves: when it was first painted and began to go, None before.
    """

    def __init__(self, seen: Seen):
        self.seen = seen
        height, width = seen.image.shape[:2]
        self.picture: np.ndarray | None = None
        self.wanted: np.ndarray | None = None
        self.born: float | None = None
        self.leaves: float | None = None
        self.fade = FADE
        self.cover = np.ones((height, width), np.float32)
        self.flow = np.zeros((height, width, 2), np.float32)
        self._small: np.ndarray | None = None

    def follow(self, now: Seen, dis: cv2.DISOpticalFlow) -> None:
        """Finds the way from `now` to this layer's frame, beginning with the way from the frame before."""
        start = np.zeros((*now.gray.shape, 2), np.float32) if self._small is None else self._small.copy()
        self._small = dis.calc(now.gray, self.seen.gray, start)
        height, width = self.cover.shape
        scale = np.array([width / now.gray.shape[1], height / now.gray.shape[0]], np.float32)
        flow = cv2.resize(self._small, (width, height), interpolation=cv2.INTER_LINEAR) * scale
        change = flow - self.flow
        squared = cv2.transform(change * change, np.ones((1, 2)))
        self.flow += change * (squared / (squared + STEADY**2))[..., None]

    def look(self, now: Seen, grid: np.ndarray) -> None:
        """Finds where this layer shows the things of `now`. grid: the place of each pixel, (H, W, 2)."""
        targets = grid + self.flow
        carried = cv2.remap(self.seen.soft, targets, NO_MAP, cv2.INTER_LINEAR)
        difference = cv2.absdiff(carried, now.soft).astype(np.float32)
        gray = cv2.blur(cv2.transform(difference, np.full((1, 3), 1 / 765)), (5, 5))
        height, width = self.cover.shape
        inside = cv2.inRange(targets, (-0.5, -0.5, 0, 0), (width - 0.5, height - 0.5, 0, 0)) > 0
        cover = np.clip((DIFFERS - gray) / (DIFFERS - AGREES), 0, 1) * inside
        self.cover = np.minimum(cover, self.cover + RECOVERS)

    def carried(self, grid: np.ndarray) -> np.ndarray:
        """The painting moved to the newest frame, float32 (H, W, 3) in [0, 255]."""
        assert self.picture is not None
        return cv2.remap(self.picture, grid + self.flow, NO_MAP, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)

    def improve(self, share: float) -> None:
        """Goes over to a better painting of the same frame by this share."""
        if self.picture is not None and self.wanted is not None:
            self.picture += share * (self.wanted - self.picture)

    def weight(self, time: float) -> float:
        """How far the layer has come or gone, in [0, 1]."""
        come = 0.0 if self.born is None else min(1.0, (time - self.born) / self.fade)
        gone = 0.0 if self.leaves is None else min(1.0, (time - self.leaves) / SWITCH)
        return come * (1 - gone)


class Canvas:
    """Composes what is shown from the newest camera frame and the styles so far. size: (height, width).

    style: the painting that gives the colors until something is painted. Times are seconds on any one clock.
    """

    def __init__(self, size: Size, style: np.ndarray):
        self.size, self.style = size, style
        self.layers: list[Layer] = []
        self.now: Seen | None = None
        self.palette, self.wanted_palette = unchanged(), unchanged()
        self.grid = np.stack(np.meshgrid(np.arange(size[1]), np.arange(size[0])), axis=2).astype(np.float32)
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._seen_at = 0.0

    def see(self, image: np.ndarray, time: float) -> None:
        """Takes the newest camera frame, uint8 RGB of the canvas's size: everything is carried to it."""
        first = self.now is None
        self.now = Seen(image)
        if first:
            self.palette = self.wanted_palette = palette_between(image, self.style)
        for layer in self.layers:
            layer.follow(self.now, self._dis)
            layer.look(self.now, self.grid)

    def begin(self) -> Layer:
        """The newest frame is going to be painted: the layer that its styles belong to."""
        assert self.now is not None
        if not (self.layers and self.layers[-1].seen is self.now and self.layers[-1].leaves is None):
            self.layers = [each for each in self.layers if each.picture is not None]
            self.layers.append(Layer(self.now))
        return self.layers[-1]

    @property
    def lost(self) -> bool:
        """Whether the frame that was given last to be painted shows hardly anything that is still to be seen."""
        return bool(self.layers) and float(self.layers[-1].cover.mean()) < LOST

    def take(self, layer: Layer, painted: np.ndarray, time: float) -> None:
        """A painting of the layer's frame, float32 (H, W, 3) in [0, 1], the first or a better one; late ones are left out."""
        if layer not in self.layers or layer.leaves is not None:
            return
        layer.wanted = painted * np.float32(255)
        self.wanted_palette = palette_between(layer.seen.image, painted)
        if layer.picture is None:
            # a painter that is faster than the fade is not to be left behind by it
            before = max((each.born for each in self.layers if each.born is not None), default=-np.inf)
            layer.fade = min(FADE, max(1e-3, time - before))
            layer.picture, layer.born = layer.wanted.copy(), time

    def switch(self, style: np.ndarray, time: float) -> None:
        """Another style: what is painted fades away, and the camera's colors become the new style's."""
        self.style = style
        if self.now is not None:
            self.wanted_palette = palette_between(self.now.image, style)
        for layer in self.layers:
            layer.leaves = time if layer.leaves is None else layer.leaves

    def picture(self, time: float, strength: float = 1.0) -> np.ndarray:
        """What is to be seen now, uint8 RGB (H, W, 3). strength: 0 is the camera's own picture, 1 the painted one."""
        assert self.now is not None
        share = 1 - float(np.exp(-max(0.0, time - self._seen_at) / SETTLES))
        self._seen_at = time
        self.palette = self.palette + share * (self.wanted_palette - self.palette)
        self._forget(time)
        shown: np.ndarray = recolored(self.now.image, self.palette).astype(np.float32)
        for layer in self.layers:
            layer.improve(share)
            if layer.picture is not None:
                over = layer.cover * np.float32(layer.weight(time))
                shown = cv2.blendLinear(shown, layer.carried(self.grid), 1 - over, over)
        if strength < 1:
            shown = cv2.addWeighted(shown, strength, self.now.image.astype(np.float32), 1 - strength, 0)
        return np.clip(shown + 0.5, 0, 255).astype(np.uint8)

    def _forget(self, time: float) -> None:
        """Leaves out layers that are gone, and the oldest where there are too many."""
        self.layers = [each for each in self.layers if each.leaves is None or each.weight(time) > 0]
        painted = [each for each in self.layers if each.picture is not None]
        for oldest in painted[: max(0, len(painted) - MOST_LAYERS + 1)]:
            self.layers.remove(oldest)
            painted.remove(oldest)
            painted[0].born = -np.inf  # nothing is left that it could come in over
