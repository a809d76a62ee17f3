"""Paint: noise, light on rounded shapes, and brush dabs; the means by which every picture here is made.

Layers are uint8 RGBA with the color multiplied by alpha. Drawing an opaque color with OpenCV's smooth edges onto
such a canvas keeps it so, because edges mix color and alpha alike.
"""

from __future__ import annotations

import cv2
import numpy as np


def color(text: str) -> np.ndarray:
    """ "#rrggbb" as three floats from 0 to 255."""
    return np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], float)


def palette(*texts: str) -> np.ndarray:
    return np.stack([color(text) for text in texts])


def along(stops: np.ndarray, place: np.ndarray | float) -> np.ndarray:
    """Colors (..., 3) of a gradient through `stops` (n, 3) at `place`, 0 being the first and 1 the last."""
    places = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(place, places, stops[:, channel]) for channel in range(3)], axis=-1)


def noise(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 4, stretch: float = 1.0):
    """Smooth random float32 (h, w) of mean 0 and deviation 1; each octave half as large and half as strong.

    cell: pixels from bump to bump in the coarsest octave, downwards; sideways `stretch` times as many.
    """
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        step = cell / 2**octave
        if step < 1:
            break
        grid = (int(shape[0] / step) + 3, int(shape[1] / (step * stretch)) + 3)
        bumps = rng.standard_normal(grid).astype(np.float32)
        big = cv2.resize(
            bumps, (int(grid[1] * step * stretch) + 1, int(grid[0] * step) + 1), interpolation=cv2.INTER_CUBIC
        )
        y, x = (rng.integers(0, max(1, big.shape[axis] - shape[axis] + 1)) for axis in (0, 1))
        total += big[y : y + shape[0], x : x + shape[1]] * 0.5**octave
    return (total - total.mean()) / (total.std() + 1e-6)


def lit(height: np.ndarray, light: tuple[float, float] = (-0.6, -0.8)) -> np.ndarray:
    """How much the slopes of a height field face the light, about -1 to 1; `light` points towards it (x, y)."""
    x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) / 8
    y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3) / 8
    return -(x * light[0] + y * light[1]) / np.sqrt(x * x + y * y + 1)


def puffed(mask: np.ndarray, radius: float) -> np.ndarray:
    """A float32 height field: the shape (bool or uint8) blown up like a cushion, round within `radius` of its rim."""
    inside = cv2.distanceTransform((mask > 0).astype(np.uint8), cv2.DIST_L2, 5)
    rim = np.clip(inside / radius, 0, 1)
    return cv2.GaussianBlur(np.sqrt(1 - (1 - rim) ** 2) * radius, (0, 0), max(radius / 6, 0.8)).astype(np.float32)


def cut_out(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """A layer (h, w, 4) from colors 0..255 and alpha 0..1."""
    alpha = np.clip(alpha, 0, 1)[..., None]
    return np.rint(np.concatenate([np.clip(rgb, 0, 255) * alpha, 255 * alpha], axis=-1)).astype(np.uint8)


def smooth_polygon(shape: tuple[int, int], points: np.ndarray, round_corners: float = 0) -> np.ndarray:
    """Alpha (h, w) in [0, 1] of a polygon given as (n, 2) x, y; corners rounded by about so many pixels."""
    big = np.zeros((shape[0], shape[1]), np.uint8)
    cv2.fillPoly(big, [np.rint(np.asarray(points, float) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    if not round_corners:
        return big.astype(np.float32) / 255
    soft = cv2.GaussianBlur(big.astype(np.float32) / 255, (0, 0), round_corners)
    return np.clip((soft - 0.5) * round_corners * 2 + 0.5, 0, 1)


def dabs(canvas: np.ndarray, centers: np.ndarray, lengths, widths, angles, colors: np.ndarray) -> None:
    """Paints one pointed oval per row of `centers` (n, 2), in order; lengths and widths in pixels, angles in radians.

    canvas: uint8, 3 or 4 channels; with 4, the dabs are opaque. colors: (n, 3) from 0 to 255.
    """
    count = len(centers)
    lengths, widths, angles = (np.broadcast_to(values, count) for values in (lengths, widths, angles))
    ends = 255 * np.ones((count, canvas.shape[2] - 3))
    colors = np.concatenate([np.clip(np.broadcast_to(colors, (count, 3)), 0, 255), ends], axis=1).tolist()
    places = np.rint(np.asarray(centers) * 16).astype(int).tolist()
    axes = np.maximum(np.rint(np.stack([lengths, widths], axis=1) * 8), 4).astype(int).tolist()
    for place, axis, angle, paint in zip(places, axes, np.degrees(angles).tolist(), colors, strict=True):
        cv2.ellipse(canvas, place, axis, angle, 0, 360, paint, -1, cv2.LINE_AA, 4)


def scattered(rng: np.random.Generator, where: np.ndarray, count: int) -> np.ndarray:
    """`count` random points (n, 2) x, y, as dense as `where` (h, w) is large; sorted from top to bottom."""
    rows = where.sum(axis=1).cumsum()
    if rows[-1] <= 0:
        return np.zeros((0, 2))
    y = np.searchsorted(rows, rng.random(count) * rows[-1])
    y = np.sort(np.minimum(y, len(rows) - 1))
    columns = np.cumsum(where, axis=1)
    x = np.array([np.searchsorted(columns[row], rng.random() * columns[row, -1]) for row in y])
    return np.stack([x, y], axis=1) + rng.random((count, 2)) - 0.5


def jittered(rng: np.random.Generator, colors: np.ndarray, light: float = 14, hue: float = 6) -> np.ndarray:
    """The colors (n, 3), each a little lighter or darker and a little off in hue."""
    return colors + rng.normal(0, light, (len(colors), 1)) + rng.normal(0, hue, (len(colors), 3))


def brushed(
    canvas: np.ndarray, rng: np.random.Generator, count: int, length: float, width: float, angles, light: float = 9
):
    """Goes over a layer with dabs of the colors that are already there; its outline stays. Returns the layer.

    angles: one for all, or a field (h, w), in radians.
    """
    places = scattered(rng, (canvas[..., 3] == 255).astype(np.float32), count)
    x, y = (np.clip(places[:, axis].astype(int), 0, canvas.shape[1 - axis] - 1) for axis in (0, 1))
    full = canvas[y, x, 3] == 255
    places, x, y = places[full], x[full], y[full]
    turned = (angles[y, x] if np.ndim(angles) else angles) + rng.normal(0, 0.15, len(places))
    sizes = rng.uniform(0.6, 1.4, len(places))
    order = rng.permutation(len(places))
    over = canvas.copy()
    colors = jittered(rng, canvas[y, x, :3].astype(float), light, light / 3)
    dabs(over, places[order], length * sizes[order], width * sizes[order], turned[order], colors[order])
    alpha = canvas[..., 3:].astype(np.float32) / 255
    covered = np.maximum(over[..., 3:], 1).astype(np.float32) / 255
    rgb = over[..., :3] / covered * alpha
    return np.rint(np.concatenate([rgb, alpha * 255], axis=-1)).clip(0, 255).astype(np.uint8)
