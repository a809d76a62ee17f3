"""A style: thousands of oil strokes along a swirling field, over a lake below mountains at sunset."""

from __future__ import annotations

import cv2
import numpy as np

from sample_media.paint import along, jittered, noise, palette

SHAPE = (700, 900)
WATER = 470  # row of the far shore
WHIRLS = ((655, 150, 150, 1.0), (300, 215, 170, -1.0), (95, 80, 110, 1.0), (480, 60, 90, 1.0))  # x, y, radius, sense


def _shore() -> np.ndarray:
    """Skyline of the mountains, a row per column."""
    x = np.arange(SHAPE[1])
    return (
        WATER
        - 60
        - 75 * np.exp(-(((x - 160) / 120) ** 2))
        - 115 * np.exp(-(((x - 430) / 90) ** 2))
        - 60 * np.sin(x / 210) ** 2
    )


def _colors(rng: np.random.Generator) -> np.ndarray:
    """The picture without its strokes: (h, w, 3) from 0 to 255."""
    y, x = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]].astype(np.float32)
    rgb = along(
        palette("#12235e", "#1f4a9a", "#3f86c4", "#9cc9c0", "#f3d27a", "#f29a3e"),
        y / WATER + 0.06 * noise(rng, SHAPE, 90, 3),
    )
    for number, (at, row, radius, _) in enumerate(WHIRLS):
        away = np.hypot(x - at, y - row) / radius
        rings = 0.5 + 0.5 * np.cos(away * 9 - np.arctan2(y - row, x - at))
        tones = (
            palette("#fff2b0", "#f7c83c", "#ef8a2c", "#5aa5c8", "#2456a8")
            if number in (0, 2)
            else palette("#e8f2e4", "#a8d4d8", "#4f97c9", "#1d3f8f")
        )
        light = np.exp(-(away**2) * 1.4)[..., None]
        rgb = rgb * (1 - light) + light * along(tones, np.clip(away * 0.85 + 0.3 * (rings - 0.5) * (away > 0.28), 0, 1))
    skyline = _shore()[None, :]
    rise = np.clip((y - skyline) / 130, 0, 1) + 0.12 * noise(rng, SHAPE, 50, 3)
    hills = along(palette("#5d4a9c", "#3a3f8c", "#24527a", "#1d6a66", "#2f8a4c"), rise)
    rgb = np.where((y > skyline)[..., None], hills, rgb)
    depth = (y - WATER) / (SHAPE[0] - WATER)
    mirror = rgb[np.clip(2 * WATER - np.arange(SHAPE[0]) - 2 * (np.arange(SHAPE[0]) - WATER), 0, SHAPE[0] - 1)]
    lake = 0.62 * mirror + 0.38 * along(
        palette("#2f7fb0", "#1c4f95", "#142f6e"), depth + 0.1 * noise(rng, SHAPE, 14, 3, 5)
    )
    rgb = np.where((y > WATER)[..., None], lake, rgb)
    bank = 640 - 55 * np.sin(x / 330 + 0.6) - 25 * np.sin(x / 95)
    field = along(
        palette("#8a3a1e", "#c8702a", "#e8b03a", "#8f9a34", "#3f6a2c"), 0.5 + 0.32 * noise(rng, SHAPE, 40, 3, 2)
    )
    return np.where((y > bank)[..., None], field, rgb)


def _directions(rng: np.random.Generator) -> np.ndarray:
    """The angle of the strokes at each pixel, radians: around the whirls, along the slopes, flat on the water."""
    y, x = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]].astype(np.float32)
    u = 1.0 + 0.2 * noise(rng, SHAPE, 200, 2)
    v = 0.5 * np.sin(x / 105 + y / 160) + 0.2 * noise(rng, SHAPE, 200, 2)
    for at, row, radius, sense in WHIRLS:
        dx, dy = (x - at) / radius, (y - row) / radius
        pull = 5 * np.exp(-(dx * dx + dy * dy) * 1.1) * sense
        u, v = u - pull * dy, v + pull * dx
    slope = np.gradient(_shore())[None, :] * np.clip(1.6 - (y - _shore()[None, :]) / 110, 0.2, 1.3)
    bank = 640 - 55 * np.sin(x / 330 + 0.6) - 25 * np.sin(x / 95)
    angles = np.where(y > _shore()[None, :], np.arctan(slope) + 0.25 * noise(rng, SHAPE, 60, 2), np.arctan2(v, u))
    angles = np.where(y > WATER, 0.12 * np.sin(x / 40 + y / 11), angles)
    return np.where(y > bank, -1.1 + 0.5 * np.sin(x / 120) + 0.25 * noise(rng, SHAPE, 50, 2), angles)


def _traced(angles: np.ndarray, starts: np.ndarray, lengths: np.ndarray, steps: int = 10) -> np.ndarray:
    """Paths (n, steps + 1, 2) that follow the field both ways from their starts."""
    halves = []
    for sense in (-1, 1):
        place, path = starts.copy(), []
        heading = None
        for _ in range(steps // 2):
            column, row = (np.clip(place[:, axis].astype(int), 0, SHAPE[1 - axis] - 1) for axis in (0, 1))
            ahead = sense * np.stack([np.cos(angles[row, column]), np.sin(angles[row, column])], axis=1)
            if heading is not None:
                ahead *= np.where((ahead * heading).sum(axis=1) < 0, -1, 1)[:, None]
            heading = ahead
            place = place + ahead * (lengths / steps)[:, None]
            path.append(place)
        halves.append(path)
    return np.stack([*halves[0][::-1], starts, *halves[1]], axis=1)


def _stroke(rng, canvas: np.ndarray, relief: np.ndarray, path: np.ndarray, width: float, tone: np.ndarray) -> None:
    """One loaded brush drawn along `path`: hairs side by side, each with its own color, ridge and ragged ends."""
    along_path = np.gradient(path, axis=0)
    side = np.stack([-along_path[:, 1], along_path[:, 0]], axis=1)
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-6
    hairs = max(3, int(width / 2.2))
    offsets = np.linspace(-0.5, 0.5, hairs) + rng.normal(0, 0.03, hairs)
    swell = np.sin(np.linspace(0.25, 0.9, len(path)) * np.pi)[:, None]
    tones = (
        tone
        + rng.normal(0, 11, (hairs, 1))
        + rng.normal(0, 7, (hairs, 3))
        + 16 * (0.5 - np.arange(hairs)[:, None] / hairs)
    )
    ridges = 105 + 75 * rng.random(hairs)
    first, last = rng.integers(0, 3, hairs), len(path) - rng.integers(0, 3, hairs)
    for hair in rng.permutation(hairs):
        line = (path + side * swell * offsets[hair] * width)[first[hair] : last[hair]]
        points = [np.rint(line * 16).astype(np.int32)]
        cv2.polylines(canvas, points, False, np.clip(tones[hair], 0, 255).tolist(), 3, cv2.LINE_AA, 4)
        cv2.polylines(relief, points, False, float(ridges[hair]), 2, cv2.LINE_AA, 4)


def _coat(rng, canvas, relief, target: np.ndarray, angles: np.ndarray, count: int, width: float) -> None:
    """A layer of `count` strokes about `width` pixels wide, colored by `target`."""
    starts = rng.random((count, 2)) * SHAPE[::-1]
    x, y = starts.astype(int).T
    tones = jittered(rng, target[y, x], 13, 9)
    spice = rng.random(count) < 0.08
    tones[spice] = 255 - 0.85 * (255 - tones[spice][:, ::-1])  # a few strokes in the opposite hue
    lengths = width * rng.uniform(3.5, 7.0, count)
    paths = _traced(angles, starts, lengths)
    widths = width * rng.uniform(0.7, 1.3, count)
    for path, breadth, tone in zip(paths, widths, tones, strict=True):
        _stroke(rng, canvas, relief, path, breadth, tone)


def paint() -> np.ndarray:
    """uint8 RGB (700, 900, 3)."""
    rng = np.random.default_rng(5)
    target, angles = _colors(rng), _directions(rng)
    canvas = np.full((*SHAPE, 3), (60, 52, 66), np.uint8)
    relief = np.full(SHAPE, 100, np.uint8)
    for count, width in ((900, 30), (2600, 17), (3600, 11)):
        _coat(rng, canvas, relief, target, angles, count, width)
    height = cv2.GaussianBlur(relief.astype(np.float32), (0, 0), 0.9)
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) * 0.6 + cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3) * 0.8
    shine = np.clip(slope / 8, -26, 30)[..., None]
    return np.rint(np.clip(canvas + shine, 0, 255)).astype(np.uint8)
