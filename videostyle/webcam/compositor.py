"""The compositor: the newest camera frame in the style's colors, and over it stylized frames, warped to it.

Stylizing takes longer than a frame, so a stylized picture is shown on later frames than its own. It is always warped in one
step, along the flow from the newest frame straight to its own frame, so that it neither blurs nor drifts however long it is
used. Where the warped camera frame does not look like the newest one, the recolored camera shows instead.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from videostyle.frames import Size
from videostyle.stylizers.colors import color_map_between, identity_map, recolored

FLOW_SIDE = 200
"""Longer side, in pixels, of the pictures that flow is estimated on."""

STEADY = 0.6
"""Pixels. Changes of the flow well below this are mostly its noise and would make the picture tremble: they are damped."""

SAME, DIFFERENT = 0.06, 0.18
"""Mean RGB differences in [0, 1] up to which a stylized picture is shown fully, and from which the camera is shown instead."""

RECOVERY = 0.15
"""A stylized picture regains at most this much opacity in a frame: regions that come and go at once would flicker."""

FADE = 0.35
"""Seconds in which a new stylized picture replaces the previous one."""

SWITCH = 0.5
"""Seconds in which another style replaces the previous one."""

SETTLING = 0.2
"""Seconds: time constant with which refined pictures and colors replace earlier ones."""

MAX_LAYERS = 3

LOST = 0.3
"""Mean opacity of the newest layer below which its frame is not worth stylizing any more."""

NO_MAP: Any = None
"""cv2.remap takes both coordinates from one map; its type stubs ask for two."""


class PreparedFrame:
    """A camera frame at the working size, with the reduced copies that flow and comparison need."""

    def __init__(self, image: np.ndarray):
        """image: uint8 RGB (H, W, 3)."""
        self.image = image
        height, width = image.shape[:2]
        scale = min(1.0, FLOW_SIDE / max(height, width))
        small = max(16, round(width * scale)), max(16, round(height * scale))
        self.gray = cv2.cvtColor(cv2.resize(image, small, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        self.blurred = cv2.blur(image, (3, 3))


class Layer:
    """A camera frame that is being stylized or has been, and its relation to the newest camera frame."""

    def __init__(self, frame: PreparedFrame):
        self.frame = frame
        height, width = frame.image.shape[:2]
        self.picture: np.ndarray | None = None
        """What is shown of it, float32 (H, W, 3) in [0, 255]; None until the first stylized picture."""
        self.refined: np.ndarray | None = None
        """The newest stylized picture, which `picture` approaches."""
        self.born: float | None = None
        """When the first stylized picture came; None before."""
        self.leaving_since: float | None = None
        """When another style was selected; None before."""
        self.fade = FADE
        self.opacity = np.ones((height, width), np.float32)
        """(H, W) in [0, 1]: where the newest camera frame shows the same things as this layer's."""
        self.flow = np.zeros((height, width, 2), np.float32)
        """From the newest camera frame to this layer's, in pixels."""
        self._small_flow: np.ndarray | None = None

    def update_flow(self, newest: PreparedFrame, dis: cv2.DISOpticalFlow) -> None:
        """Estimate the flow from the newest frame to this layer's, beginning with the flow of the frame before."""
        start = np.zeros((*newest.gray.shape, 2), np.float32) if self._small_flow is None else self._small_flow.copy()
        self._small_flow = dis.calc(newest.gray, self.frame.gray, start)
        height, width = self.opacity.shape
        scale = np.array([width / newest.gray.shape[1], height / newest.gray.shape[0]], np.float32)
        flow = cv2.resize(self._small_flow, (width, height), interpolation=cv2.INTER_LINEAR) * scale
        change = flow - self.flow
        squared = cv2.transform(change * change, np.ones((1, 2)))
        self.flow += change * (squared / (squared + STEADY**2))[..., None]

    def update_opacity(self, newest: PreparedFrame, grid: np.ndarray) -> None:
        """Compare the warped camera frame with the newest one. grid: pixel coordinates, (H, W, 2)."""
        targets = grid + self.flow
        warped = cv2.remap(self.frame.blurred, targets, NO_MAP, cv2.INTER_LINEAR)
        difference = cv2.absdiff(warped, newest.blurred).astype(np.float32)
        gray = cv2.blur(cv2.transform(difference, np.full((1, 3), 1 / 765)), (5, 5))
        height, width = self.opacity.shape
        inside = cv2.inRange(targets, (-0.5, -0.5, 0, 0), (width - 0.5, height - 0.5, 0, 0)) > 0
        opacity = np.clip((DIFFERENT - gray) / (DIFFERENT - SAME), 0, 1) * inside
        self.opacity = np.minimum(opacity, self.opacity + RECOVERY)

    def warped(self, grid: np.ndarray) -> np.ndarray:
        """The stylized picture warped to the newest frame, float32 (H, W, 3) in [0, 255]."""
        assert self.picture is not None
        return cv2.remap(self.picture, grid + self.flow, NO_MAP, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)

    def add_picture(self, stylized: np.ndarray, time: float, previous: float) -> None:
        """Take a stylized picture, float32 (H, W, 3) in [0, 1]: the first, or a better one. previous: when the layer below
        came, so that a stylizer that is faster than the fade is not held up by it."""
        self.refined = stylized * np.float32(255)
        if self.picture is None:
            self.fade = min(FADE, max(1e-3, time - previous))
            self.picture, self.born = self.refined.copy(), time

    def leave(self, time: float) -> None:
        """Begin to fade out, unless it has begun before."""
        self.leaving_since = time if self.leaving_since is None else self.leaving_since

    def show_fully(self) -> None:
        """End the fade-in: nothing is left below that the layer could fade in over."""
        self.born = -np.inf

    def refine(self, share: float) -> None:
        """Move this share of the way to the newest stylized picture."""
        if self.picture is not None and self.refined is not None:
            self.picture += share * (self.refined - self.picture)

    def weight(self, time: float) -> float:
        """How far the layer has faded in, or not yet out, in [0, 1]."""
        faded_in = 0.0 if self.born is None else min(1.0, (time - self.born) / self.fade)
        faded_out = 0.0 if self.leaving_since is None else min(1.0, (time - self.leaving_since) / SWITCH)
        return faded_in * (1 - faded_out)


class Compositor:
    """Composes the shown picture from the newest camera frame and the stylized pictures so far.

    Times are seconds on any one clock.
    """

    def __init__(self, size: Size, style: np.ndarray):
        """size: (height, width). style: the style image, which gives the colors until something is stylized."""
        self.size, self.style = size, style
        self.layers: list[Layer] = []
        self.newest: PreparedFrame | None = None
        self.palette, self.target_palette = identity_map(), identity_map()
        self.grid = np.stack(np.meshgrid(np.arange(size[1]), np.arange(size[0])), axis=2).astype(np.float32)
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._rendered_at = 0.0

    def add_frame(self, image: np.ndarray) -> None:
        """Take the newest camera frame, uint8 RGB of the compositor's size, and relate all layers to it."""
        first = self.newest is None
        self.newest = PreparedFrame(image)
        if first:
            self.palette = self.target_palette = color_map_between(image, self.style)
        for layer in self.layers:
            layer.update_flow(self.newest, self._dis)
            layer.update_opacity(self.newest, self.grid)

    def layer_for_newest(self) -> Layer:
        """The layer of the newest camera frame, which is about to be stylized."""
        assert self.newest is not None
        last = self.layers[-1] if self.layers else None
        if last is None or last.frame is not self.newest or last.leaving_since is not None:
            self.layers = [layer for layer in self.layers if layer.picture is not None]
            self.layers.append(Layer(self.newest))
        return self.layers[-1]

    @property
    def scene_lost(self) -> bool:
        """Whether hardly anything of the frame that is being stylized is still in view."""
        return bool(self.layers) and float(self.layers[-1].opacity.mean()) < LOST

    def add_picture(self, layer: Layer, stylized: np.ndarray, time: float) -> None:
        """Take a stylized picture of a layer's frame, float32 (H, W, 3) in [0, 1]: the first, or a better one. One for a
        layer that is gone, or leaving, is ignored."""
        if layer not in self.layers or layer.leaving_since is not None:
            return
        self.target_palette = color_map_between(layer.frame.image, stylized)
        previous = max((other.born for other in self.layers if other.born is not None), default=-np.inf)
        layer.add_picture(stylized, time, previous)

    def switch_style(self, style: np.ndarray, time: float) -> None:
        """Fade out what is stylized, and go over to the colors of another style."""
        self.style = style
        if self.newest is not None:
            self.target_palette = color_map_between(self.newest.image, style)
        for layer in self.layers:
            layer.leave(time)

    def render(self, time: float, blend: float = 1.0) -> np.ndarray:
        """The picture to be shown now, uint8 RGB (H, W, 3). blend: 0 is the camera's own picture, 1 the stylized one."""
        assert self.newest is not None
        share = 1 - float(np.exp(-max(0.0, time - self._rendered_at) / SETTLING))
        self._rendered_at = time
        self.palette = self.palette + share * (self.target_palette - self.palette)
        self._drop_layers(time)
        shown: np.ndarray = recolored(self.newest.image, self.palette).astype(np.float32)
        for layer in self.layers:
            layer.refine(share)
            if layer.picture is not None:
                over = layer.opacity * np.float32(layer.weight(time))
                shown = cv2.blendLinear(shown, layer.warped(self.grid), 1 - over, over)
        if blend < 1:
            shown = cv2.addWeighted(shown, blend, self.newest.image.astype(np.float32), 1 - blend, 0)
        return np.clip(shown + 0.5, 0, 255).astype(np.uint8)

    def _drop_layers(self, time: float) -> None:
        """Remove layers that have faded out, and the oldest if there are too many."""
        self.layers = [layer for layer in self.layers if layer.leaving_since is None or layer.weight(time) > 0]
        stylized = [layer for layer in self.layers if layer.picture is not None]
        for oldest in stylized[: max(0, len(stylized) - MAX_LAYERS + 1)]:
            self.layers.remove(oldest)
            stylized.remove(oldest)
            stylized[0].show_fully()
