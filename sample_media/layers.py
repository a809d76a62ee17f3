"""Flat pictures in a small scene with a moving camera: their composition, and their exact motion.

A sprite is a picture with a homography that takes its pixels to the pixels of the frame. Sprites come back to front,
and the k-th sprite of a scene is the same thing in every frame: the motion of every pixel follows from two lists alone.
Pixel centers have whole coordinates; matrices are 3x3 and act on columns (x, y, 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SIZE = (360, 640)
DETAIL = 2  # pixels per frame pixel, along each axis, at which pictures are drawn and frames composed
FOCAL = 640.0
OPAQUE = 0.98  # below this share of a pixel, more than one motion is mixed in it


@dataclass(frozen=True)
class Sprite:
    """picture: (h, w, 4) uint8 RGBA, color already multiplied by alpha. matrix: picture pixel -> frame pixel."""

    picture: np.ndarray
    matrix: np.ndarray


def shift(x: float, y: float) -> np.ndarray:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], float)


def turn(angle: float) -> np.ndarray:
    """Rotation by `angle` radians, from x towards y: clockwise to the eye, as y points down."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], float)


def scale(x: float, y: float) -> np.ndarray:
    return np.diag([x, y, 1.0])


def finer(detail: int = DETAIL) -> np.ndarray:
    """From pixels to the pixels of the same picture with `detail` times as many along each axis."""
    half = (detail - 1) / 2
    return np.array([[detail, 0, half], [0, detail, half], [0, 0, 1]], float)


def drawn_at(x: float, y: float) -> np.ndarray:
    """The matrix of a picture whose upper left corner stands at frame pixel (x, y) of the camera's first view."""
    return shift(x, y) @ np.linalg.inv(finer())


def moved_view(camera: np.ndarray, normal: tuple[float, float, float], distance: float, horizon: float) -> np.ndarray:
    """First view -> view of the camera moved by `camera`, for points on the plane normal . X = distance.

    A point X is seen from there at X - camera, which on the plane is (I - camera normal^T / distance) X. x points
    right, y down, z ahead; `horizon` is the row at eye level. This is exact, so flow made from it is exact as well.
    """
    lens = np.array([[FOCAL, 0, (SIZE[1] - 1) / 2], [0, FOCAL, horizon], [0, 0, 1]])
    return lens @ (np.eye(3) - np.outer(camera, normal) / distance) @ np.linalg.inv(lens)


def _window(sprite: Sprite) -> tuple[slice, slice, np.ndarray]:
    """Rows and columns of the fine frame that the sprite can touch, and the matrix from its pixels to that window."""
    height, width = sprite.picture.shape[:2]
    matrix = finer() @ sprite.matrix
    corners = matrix @ np.array([[-1, width, -1, width], [-1, -1, height, height], [1, 1, 1, 1]], float)
    corners = corners[:2] / corners[2]
    low = np.maximum(np.floor(corners.min(axis=1)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=1)).astype(int) + 1, (SIZE[1] * DETAIL, SIZE[0] * DETAIL))
    high = np.maximum(low, high)
    return slice(low[1], high[1]), slice(low[0], high[0]), shift(*-low) @ matrix


def _warped(picture: np.ndarray, window: tuple[slice, slice, np.ndarray]) -> np.ndarray:
    """The picture, or one channel of it, as it lies in its window; float32 in [0, 1]."""
    rows, columns, matrix = window
    size = (columns.stop - columns.start, rows.stop - rows.start)
    return cv2.warpPerspective(picture, matrix, size, flags=cv2.INTER_LINEAR).astype(np.float32) / 255


def _is_empty(window: tuple[slice, slice, np.ndarray]) -> bool:
    rows, columns, _ = window
    return rows.start >= rows.stop or columns.start >= columns.stop


def composite(sprites: list[Sprite]) -> np.ndarray:
    """The frame: uint8 RGB (360, 640, 3), composed at DETAIL times the size and averaged down."""
    fine = np.zeros((SIZE[0] * DETAIL, SIZE[1] * DETAIL, 3), np.float32)
    for sprite in sprites:
        window = _window(sprite)
        if _is_empty(window):
            continue
        warped = _warped(sprite.picture, window)
        part = fine[window[:2]]
        part *= 1 - warped[..., 3:]
        part += warped[..., :3]
    small = cv2.resize(fine, SIZE[::-1], interpolation=cv2.INTER_AREA)
    return np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8)


def owners(sprites: list[Sprite]) -> tuple[np.ndarray, np.ndarray]:
    """The sprite that fills most of each pixel, and its share of the pixel: int and float32 in [0, 1], both (360, 640)."""
    light = np.ones((SIZE[0] * DETAIL, SIZE[1] * DETAIL), np.float32)  # transmittance of the sprites in front
    owner = np.zeros(SIZE, int)
    share = np.zeros(SIZE, np.float32)
    for number in reversed(range(len(sprites))):
        window = _window(sprites[number])
        if _is_empty(window):
            continue
        warped = _warped(np.ascontiguousarray(sprites[number].picture[..., 3]), window)
        filled = np.zeros_like(light)
        filled[window[:2]] = light[window[:2]] * warped
        light[window[:2]] *= 1 - warped
        small = cv2.resize(filled, SIZE[::-1], interpolation=cv2.INTER_AREA)
        more = small > share
        owner[more] = number
        share[more] = small[more]
    return owner, share


def motion(now: list[Sprite], before: list[Sprite]) -> tuple[np.ndarray, np.ndarray]:
    """Exact flow from the frame of `now` back to the frame of `before`, and where it can be trusted.

    flow: float32 (360, 640, 2); the point p lies at p + flow[p] in the frame before. visible: bool (360, 640); False
    where that point was hidden or outside the picture, and at edges where a pixel mixes two motions.
    """
    owner, share = owners(now)
    rows, columns = np.indices(SIZE)
    points = np.stack([columns, rows, np.ones(SIZE)], axis=-1)
    back = np.stack([old.matrix @ np.linalg.inv(new.matrix) for new, old in zip(now, before, strict=True)])
    origin = np.einsum("hwij,hwj->hwi", back[owner], points)
    origin = origin[..., :2] / origin[..., 2:]
    flow = (origin - points[..., :2]).astype(np.float32)
    return flow, (share >= OPAQUE) & _same_thing_there(owner, origin, *owners(before))


def _same_thing_there(
    owner: np.ndarray, origin: np.ndarray, old_owner: np.ndarray, old_share: np.ndarray
) -> np.ndarray:
    """Whether all four pixels around `origin` lie inside the frame before and show `owner` and nothing else."""
    left, top = np.floor(origin).astype(int)[..., 0], np.floor(origin).astype(int)[..., 1]
    inside = (origin >= 0).all(axis=-1) & (origin[..., 0] <= SIZE[1] - 1) & (origin[..., 1] <= SIZE[0] - 1)
    pure = np.where(old_share >= OPAQUE, old_owner, -1)
    for down in (0, 1):
        for right in (0, 1):
            row = np.clip(top + down, 0, SIZE[0] - 1)
            column = np.clip(left + right, 0, SIZE[1] - 1)
            inside &= pure[row, column] == owner
    return inside
