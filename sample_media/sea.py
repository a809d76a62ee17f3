"""The second scene: a sailing boat rides home past a lighthouse at dusk."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from sample_media.layers import DETAIL, Sprite, drawn_at, moved_view, scale, shift, turn
from sample_media.paint import (
    along,
    brushed,
    color,
    cut_out,
    dabs,
    jittered,
    lit,
    noise,
    palette,
    puffed,
    scattered,
    smooth_polygon,
)

HORIZON = 196.0
SUN = (196.0, 178.0)  # frame pixels
FROM_SUN = (-0.75, -0.45)


@cache
def _sky() -> np.ndarray:
    rng = np.random.default_rng(101)
    height, width = 250 * DETAIL, 720 * DETAIL
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    center = ((SUN[0] + 40) * DETAIL, (SUN[1] + 30) * DETAIL)
    streaks = noise(rng, (height, width), 60, 5, 6)
    place = y / (height * 0.9) + 0.05 * streaks
    rgb = along(palette("#2b2a5e", "#4f3f7d", "#8f5189", "#d8697a", "#f59a62", "#fcc873"), place)
    bank = np.clip(streaks - 0.5, 0, 1)[..., None] * np.clip(1.15 - y / height, 0, 1)[..., None]
    rgb = rgb * (1 - 0.75 * bank) + 0.75 * bank * along(palette("#5a4680", "#b65b84", "#ffb070"), place)
    sun = np.hypot(x - center[0], y - center[1])
    rgb += np.exp(-sun / 190)[..., None] * np.array([70, 75, 35])
    disc = np.clip(52 - sun, 0, 1)[..., None]
    rgb = rgb * (1 - disc) + disc * np.array([255, 240, 190])
    angles = np.where(sun < 230, np.arctan2(y - center[1], x - center[0]) + np.pi / 2, 0.1 * streaks)
    picture = brushed(cut_out(rgb, np.ones((height, width))), rng, 8000, 60, 12, angles, 5)
    stars = rng.uniform(0, 1, (46, 2)) * [width, height * 0.36]
    dabs(picture, stars, rng.uniform(3, 7, 46), rng.uniform(3, 7, 46), 0.0, palette("#f4e8d0"))
    return picture


@cache
def _swell(seed: int, rows: int, wave: float, rise: float, tones: tuple[str, ...]) -> np.ndarray:
    """A strip of waves with sharp crests, foam on them, and glitter in the sun's path. 1000 frame pixels wide."""
    rng = np.random.default_rng(seed)
    height, width = rows * DETAIL, 1000 * DETAIL
    x = np.arange(width)
    bend = 2 * np.pi * x / (wave * DETAIL) + 0.8 * noise(rng, (8, width), wave * DETAIL, 2)[4]
    swell = 1.0 + 0.25 * noise(rng, (8, width), wave * DETAIL * 2, 1)[4]
    line = rise * DETAIL * (1.6 - (1 - np.abs(np.sin(bend / 2))) ** 1.3 * swell) + 4
    depth = np.arange(height)[:, None] - line[None, :]
    folds = noise(rng, (height, width), 26, 4, 4)
    rgb = along(palette(*tones), np.exp(-depth / (rise * DETAIL * 1.5)) + 0.16 * folds)
    angles = np.arctan(np.gradient(cv2.GaussianBlur(line[None, :].astype(np.float32), (0, 0), 6)[0]))[None, :]
    angles = angles * np.exp(-np.clip(depth, 0, None) / (rise * DETAIL * 3))
    picture = brushed(cut_out(rgb, _soft_below(line, height)), rng, 240 * rows, 34, 6, angles, 9)
    _foam(rng, picture, line, rise * DETAIL)
    return picture


def _soft_below(line: np.ndarray, height: int) -> np.ndarray:
    return np.clip(np.arange(height)[:, None] - line[None, :] + 0.5, 0, 1)


def _foam(rng: np.random.Generator, picture: np.ndarray, line: np.ndarray, rise: float) -> None:
    """Light dabs along the crests and sun glints below them; drawn inside the strip only."""
    crest = np.clip(1.25 - (line - line.min()) / rise, 0, 1) ** 2
    depth = np.arange(len(picture))[:, None] - line[None, :]
    near = (depth > 2) & (depth < rise * 0.55)
    places = scattered(rng, near * crest[None, :] * np.exp(-depth.clip(0) / (rise * 0.2)), 900)
    slope = np.arctan(np.gradient(line))[np.clip(places[:, 0].astype(int), 0, len(line) - 1)]
    tones = jittered(rng, palette("#f6e3d2", "#ffd9b0", "#cfd6e6")[rng.integers(0, 3, len(places))], 8, 4)
    alpha = picture[..., 3].copy()
    dabs(picture, places, rng.uniform(4, 15, len(places)), rng.uniform(2, 4.5, len(places)), slope, tones)
    picture[alpha < 255] = (picture[alpha < 255].astype(np.float32) * (alpha[alpha < 255] / 255)[:, None]).astype(
        np.uint8
    )


@cache
def _still_water() -> np.ndarray:
    """The far sea below the horizon, with the path of the sun on it."""
    rng = np.random.default_rng(111)
    height, width = 70 * DETAIL, 720 * DETAIL
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    ripples = noise(rng, (height, width), 9, 3, 9)
    rgb = along(palette("#f0a06c", "#b56a7f", "#6a5488", "#3c4677", "#2c3f6b"), y / height * 1.3 + 0.13 * ripples)
    off = np.abs(x - (SUN[0] + 40) * DETAIL) / (26 + 0.55 * y)
    glitter = np.clip(np.exp(-off * off) * (0.8 + 0.6 * ripples), 0, 1)[..., None]
    rgb = rgb * (1 - glitter) + glitter * np.array([255, 214, 140])
    picture = brushed(cut_out(rgb, np.ones((height, width))), rng, 6000, 34, 5, 0.0, 8)
    places = scattered(rng, np.exp(-off * off) * (y > 3), 500)
    dabs(
        picture,
        places,
        rng.uniform(8, 30, 500),
        3.5,
        0.0,
        jittered(rng, palette("#fff0c0", "#ffce80")[rng.integers(0, 2, 500)]),
    )
    return picture


def _shaded(shape, points, paint: str, radius: float, seed: int, strength: float = 0.5, round_corners: float = 1.5):
    """Color and alpha of one lit, lightly grained shape, in picture pixels."""
    alpha = smooth_polygon(shape, np.asarray(points, float), round_corners)
    light = cv2.GaussianBlur(lit(puffed(alpha > 0.5, radius), FROM_SUN), (0, 0), 2)
    grain = noise(np.random.default_rng(seed), shape, 14, 3, 2)
    shadow = color(paint) * 0.5 + np.array([30, 18, 46])
    sunny = color(paint) * 1.08 + np.array([24, 12, -6])
    rgb = along(np.stack([shadow, color(paint), sunny]), 0.5 + strength * light) + 7 * grain[..., None]
    return rgb, alpha


def _assembled(shape: tuple[int, int], pieces) -> np.ndarray:
    """One layer out of (color, alpha) pieces, back to front."""
    rgb, cover = np.zeros((*shape, 3)), np.zeros(shape)
    for piece, alpha in pieces:
        rgb = rgb * (1 - alpha[..., None]) + piece * alpha[..., None]
        cover = cover + alpha * (1 - cover)
    return np.rint(np.concatenate([rgb.clip(0, 255 * cover[..., None]), 255 * cover[..., None]], axis=-1)).astype(
        np.uint8
    )


def _lighthouse(shape: tuple[int, int]) -> list:
    """The tower, its two red bands, gallery, lamp and roof, and the keeper's house: (color, alpha) pieces."""
    middle, foot, top = 300, 262, 76

    def block(low: float, high: float, wide: float, narrow: float) -> list[tuple[float, float]]:
        return [(middle - wide, low), (middle - narrow, high), (middle + narrow, high), (middle + wide, low)]

    tower = _shaded(shape, block(foot, top, 30, 20), "#e9d8cc", 26, 1, 0.9)
    pieces = [tower]
    for low, high in ((foot - 30, foot - 68), (foot - 106, foot - 144)):
        wide, narrow = (20 + 10 * (at - top) / (foot - top) for at in (low, high))
        red, alpha = _shaded(shape, block(low, high, wide, narrow), "#b93a34", 26, 2, 0.2)
        pieces.append((0.55 * red + 0.45 * tower[0] * np.array([0.85, 0.3, 0.28]), alpha))
    wall = [(352, 268), (352, 226), (392, 200), (432, 226), (432, 268)]
    roof = [(344, 230), (392, 194), (440, 230), (430, 234), (392, 208), (354, 234)]
    windows = [[(at, 252), (at, 234), (at + 14, 234), (at + 14, 252)] for at in (368, 404)]
    return [
        *pieces,
        _shaded(shape, block(top + 2, top - 6, 30, 30), "#3b3346", 4, 3),
        _shaded(shape, block(top - 6, top - 36, 15, 15), "#ffe9a0", 12, 4, 0.1),
        _shaded(shape, [(middle - 21, top - 34), (middle, top - 62), (middle + 21, top - 34)], "#a5332f", 12, 5, 0.8),
        _shaded(shape, wall, "#d9c2b4", 16, 6, 0.6),
        _shaded(shape, roof, "#6b3040", 8, 7, 0.6),
        *(_shaded(shape, window, "#ffd884", 6, 8, 0.1, 1.0) for window in windows),
    ]


@cache
def _headland() -> np.ndarray:
    """Cliffs and the lighthouse."""
    rng = np.random.default_rng(121)
    height, width = 200 * DETAIL, 260 * DETAIL
    shape = (height, width)
    x = np.arange(width)
    line = (
        np.interp(x, [20, 70, 130, 210, 300, 380, 520], [400, 345, 305, 280, 250, 262, 240])
        + 5 * noise(rng, (8, width), 50, 5)[4]
    )
    rock = 14 * np.abs(noise(rng, shape, 60, 5, 0.6)) + 3 * noise(rng, shape, 14, 3)
    light = cv2.GaussianBlur(lit(rock.astype(np.float32), (-0.9, -0.4)), (0, 0), 1.2)
    depth = np.arange(height)[:, None] - line[None, :]
    stone = along(palette("#2a2340", "#4d3550", "#8a5259", "#e0926a"), 0.4 + 0.9 * light)
    turf = along(palette("#2f3d38", "#4c5b40", "#8d8648"), 0.45 + 0.7 * light + 0.1 * noise(rng, shape, 12, 3))
    green = np.clip((26 + 10 * noise(rng, shape, 30, 3) - depth) / 8, 0, 1)[..., None]
    cliff = brushed(cut_out(stone * (1 - green) + turf * green, _soft_below(line, height)), rng, 3500, 20, 7, 1.2, 7)
    front = (cliff[..., :3] * (255 / np.maximum(cliff[..., 3:], 1.0)), cliff[..., 3] / 255)
    return _assembled(shape, [*_lighthouse(shape), front])


@cache
def _boat() -> np.ndarray:
    """Hull, mast, two bellied sails and a sailor; the waterline's middle is at picture pixel (220, 380)."""
    shape = (420, 440)
    hull = [(70, 330), (120, 342), (220, 348), (320, 342), (396, 318), (372, 372), (330, 400), (120, 400), (86, 372)]
    stripe = [
        (76, 344),
        (130, 356),
        (220, 361),
        (320, 355),
        (388, 334),
        (384, 345),
        (320, 367),
        (220, 373),
        (130, 368),
        (80, 356),
    ]
    main = [(206, 22), (206, 318), (60, 306), (86, 210), (140, 110)]
    jib = [(226, 40), (384, 302), (300, 316), (228, 300), (246, 180)]
    mast = [(212, 10), (220, 10), (222, 346), (210, 346)]
    pieces = [
        _shaded(shape, mast, "#7a5138", 4, 10),
        _shaded(shape, _curved(jib), "#f3c9a0", 55, 11, 1.1),
        _shaded(shape, _curved(main), "#f7e2c6", 80, 12, 1.2),
        *(_seam(shape, y) for y in (96, 160, 224, 280)),
        _shaded(shape, [(112, 344), (116, 306), (132, 296), (148, 308), (152, 346)], "#2f6f8a", 14, 13, 0.9),
        _shaded(shape, _ring(132, 284, 13, 14), "#d99c78", 11, 14, 0.9),
        _shaded(shape, [(116, 282), (120, 268), (140, 264), (150, 280)], "#d8a92e", 8, 15, 0.8),
        _shaded(shape, [(138, 312), (176, 326), (174, 336), (134, 326)], "#2a617a", 6, 16, 0.8),
        _shaded(shape, hull, "#8e3030", 30, 17, 1.0),
        _shaded(shape, stripe, "#f0dcc0", 6, 18, 0.6),
    ]
    return _assembled(shape, pieces)


def _curved(points) -> np.ndarray:
    """A closed curve through the points (Catmull-Rom), for bellied sails."""
    points = np.asarray(points, float)
    ring = [np.roll(points, shift, axis=0) for shift in (1, 0, -1, -2)]
    t = np.linspace(0, 1, 12, endpoint=False)[:, None, None]
    a, b, c, d = (point[None] for point in ring)
    curve = (
        b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))) * 0.7 + 0.3 * t * (c - b)
    )
    return curve.transpose(1, 0, 2).reshape(-1, 2)


def _ring(x: float, y: float, wide: float, tall: float) -> np.ndarray:
    around = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    return np.stack([x + wide * np.cos(around), y + tall * np.sin(around)], axis=1)


def _seam(shape: tuple[int, int], y: int):
    """A thin darker line across the main sail."""
    line = np.zeros(shape, np.uint8)
    left = int(np.interp(y, [22, 110, 210, 306], [206, 138, 86, 62])) + 6
    cv2.ellipse(line, ((left + 206) // 2, y), ((206 - left) // 2, 8), 0, 0, 180, 255, 2, cv2.LINE_AA)
    return np.broadcast_to(color("#c49a78"), (*shape, 3)), line / 255 * 0.7


@cache
def _wing(paint: str) -> np.ndarray:
    """Half a gull; its shoulder is at picture pixel (10, 30)."""
    return cut_out(
        *_shaded(
            (60, 110),
            _curved([(8, 26), (40, 12), (72, 18), (102, 40), (66, 32), (38, 34), (8, 36)]),
            paint,
            8,
            141,
            0.8,
        )
    )


@cache
def _gull_body() -> np.ndarray:
    body = _shaded((40, 80), _ring(38, 20, 24, 7), "#f4e4dc", 7, 142, 0.9)
    beak = _shaded((40, 80), [(60, 18), (72, 22), (60, 24)], "#e6a23c", 3, 143, 0.4, 1.0)
    return _assembled((40, 80), [beak, body])


def _gull(frame: float, x: float, y: float, size: float, beat: float) -> list[Sprite]:
    """Far wing, body, near wing; the wings swing about the shoulder and grow shorter as they come towards us."""
    place = shift(x, y) @ scale(size / DETAIL, size / DETAIL)
    flap = np.sin(2 * np.pi * frame / 15 + beat)
    far = place @ shift(2, -3) @ turn(-0.5 * flap - 0.35) @ scale(0.9, 0.9) @ shift(-10, -30)
    near = place @ turn(-0.55 * flap - 0.2) @ scale(-1, 1) @ shift(-10, -30)
    body = place @ shift(-38, -20 + 3 * flap)
    return [Sprite(_wing("#b59aa8"), far), Sprite(_gull_body(), body), Sprite(_wing("#efdcd6"), near)]


DEEP = ("#16224a", "#233765", "#3f5a86", "#8d7ba0", "#f0ab84")
SHALLOW = ("#1b2c56", "#304a78", "#5c6a98", "#b585a0", "#ffbf8a")


def sprites(frame: float) -> list[Sprite]:
    """The scene at `frame` (0 to 35, counted from the cut), back to front."""
    done = frame / 36
    camera = np.array([0.75 * done, 0.05 * np.sin(2 * np.pi * done), 0.9 * done])

    def upright(distance: float) -> np.ndarray:
        return moved_view(camera, (0, 0, 1), distance, HORIZON)

    def rolling(distance: float, drift: float, heave: float, late: float) -> np.ndarray:
        angle = 2 * np.pi * frame / 30 + late
        return upright(distance) @ shift(drift * frame + 2 * heave * np.cos(angle), heave * np.sin(angle))

    rock = 0.07 * np.sin(2 * np.pi * frame / 30 + 0.6) - 0.03
    afloat = rolling(11, 1.5, 2.4, 0.2) @ shift(268, 286) @ turn(rock) @ scale(0.52, 0.52) @ shift(-220, -380)
    return [
        Sprite(_sky(), drawn_at(-40, -30)),
        Sprite(_still_water(), upright(120) @ drawn_at(-40, HORIZON)),
        Sprite(_headland(), upright(45) @ drawn_at(410, 33)),
        *_gull(frame, 118 + 1.7 * frame, 74 - 0.25 * frame, 0.55, 0.0),
        *_gull(frame, 66 + 1.5 * frame, 112 - 0.15 * frame, 0.42, 1.7),
        Sprite(_swell(151, 44, 62, 5, SHALLOW), rolling(26, -0.35, 0.8, 0) @ drawn_at(-120, 216)),
        Sprite(_swell(152, 58, 92, 8, SHALLOW), rolling(17, -0.55, 1.4, 1.2) @ drawn_at(-140, 233)),
        Sprite(_boat(), afloat),
        Sprite(_swell(153, 68, 132, 11, DEEP), rolling(11, -0.9, 2.4, 2.4) @ drawn_at(-160, 262)),
        Sprite(_swell(154, 80, 190, 15, DEEP), rolling(8, -1.3, 3.2, 3.8) @ drawn_at(-180, 292)),
        Sprite(_swell(155, 56, 280, 19, DEEP), rolling(6, -1.9, 4.0, 5.0) @ drawn_at(-160, 326)),
    ]
