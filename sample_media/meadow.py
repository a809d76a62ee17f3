"""The first scene: a walker and a dog cross a meadow below snowy mountains, and the camera goes along with them."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from sample_media.figure import dog, shadow, walker
from sample_media.layers import DETAIL, Sprite, drawn_at, moved_view, shift
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

HORIZON = 186.0
EYE = 2.03  # height of the camera above the ground, in units of distance
WALK = 5.4  # pixels a frame at the walker's distance
FEET = 318.0
GREENS = palette("#3c5a24", "#55752b", "#77933a", "#9aab4a", "#bcbf62")


def _canvas(width: float, height: float) -> np.ndarray:
    return np.zeros((int(height * DETAIL), int(width * DETAIL), 4), np.uint8)


def _ridge(rng: np.random.Generator, width: int, mean: float, swing: float, cell: float, octaves: int) -> np.ndarray:
    """A skyline: one height per column."""
    return mean + swing * noise(rng, (64, width), cell, octaves)[32]


def _below(line: np.ndarray, height: int) -> np.ndarray:
    """Alpha (height, w) of everything under a skyline, its edge one pixel soft."""
    return np.clip(np.arange(height)[:, None] - line[None, :] + 0.5, 0, 1).astype(np.float32)


@cache
def _sky() -> np.ndarray:
    rng = np.random.default_rng(1)
    height, width = 260 * DETAIL, 720 * DETAIL
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    drift = 0.05 * noise(rng, (height, width), 90, 5, 4)
    rgb = along(palette("#2f6fb5", "#5a9bd3", "#9cc8e3", "#e8dfc6", "#fbe3b4"), y / (height * 0.86) + drift)
    sun = np.hypot(x - 480, y - 150)
    rgb += (np.exp(-sun / 260)[..., None] * np.array([90, 70, 25])) + (
        np.exp(-sun / 70)[..., None] * np.array([80, 70, 40])
    )
    disc = np.clip(58 - sun, 0, 1)[..., None]
    rgb = rgb * (1 - disc) + disc * np.array([255, 248, 214])
    around = np.arctan2(y - 150, x - 480) + np.pi / 2
    angles = np.where(sun < 330, around, 0.12 * noise(rng, (height, width), 200, 2, 3))
    return brushed(cut_out(rgb, np.ones((height, width))), rng, 9000, 62, 13, angles, 5)


@cache
def _cloud(seed: int, width: int, height: int) -> np.ndarray:
    """Heaped puffs on a flat base, warm in the light and blue below."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height * DETAIL, width * DETAIL), np.uint8)
    for _ in range(46):
        place = rng.normal(0, 0.36)
        radius = height * DETAIL * (0.10 + 0.16 * np.exp(-4 * place * place)) * rng.uniform(0.7, 1.2)
        rise = height * DETAIL * (0.80 - rng.random() * 0.50 * np.exp(-5 * place * place))
        cv2.circle(
            mask,
            (int(width * DETAIL * (0.5 + 0.42 * place)), int(min(rise, mask.shape[0] * 0.8 - radius * 0.6))),
            int(radius),
            255,
            -1,
        )
    fluff = noise(rng, mask.shape, 24, 4)
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 7) + 0.09 * fluff
    alpha = np.clip((soft - 0.45) * 5, 0, 1)
    _, parts, sizes, _ = cv2.connectedComponentsWithStats((alpha > 0).astype(np.uint8))
    alpha *= parts == 1 + np.argmax(sizes[1:, cv2.CC_STAT_AREA])
    heap = puffed(alpha > 0.5, height * DETAIL * 0.3) + 3.5 * cv2.GaussianBlur(fluff, (0, 0), 2)
    low = np.linspace(0, 1, mask.shape[0])[:, None]
    light = 0.62 + 0.9 * cv2.GaussianBlur(lit(heap, (-0.5, -0.85)), (0, 0), 3) - 0.35 * low
    rgb = along(palette("#8fa3c4", "#b9c4d8", "#efe6da", "#fffaf0", "#ffffff"), light)
    return brushed(cut_out(rgb, alpha), rng, 1500, 30, 12, 0.0, 4)


@cache
def _mountains() -> np.ndarray:
    rng = np.random.default_rng(7)
    height, width = 170 * DETAIL, 720 * DETAIL
    x = np.arange(width)
    peaks = np.zeros(width)
    for center, rise, slope in (
        (170, 150, 0.62),
        (420, 215, 0.85),
        (610, 165, 0.7),
        (860, 265, 0.9),
        (1090, 190, 0.75),
        (1330, 225, 0.8),
    ):
        peaks = np.maximum(peaks, rise - slope * np.abs(x - center))
    line = height - 70 - peaks + _ridge(rng, width, 0, 7, 40, 5)
    alpha = _below(line, height)
    depth = np.arange(height)[:, None] - line[None, :]
    folds = noise(rng, (height, width), 120, 6, 0.8)
    rock = (
        26 * np.abs(folds)
        + 0.5 * cv2.GaussianBlur(peaks[None, :].astype(np.float32), (0, 0), 3)
        + 5 * noise(rng, (height, width), 18, 4)
    )
    light = 1.1 * cv2.GaussianBlur(lit(rock.astype(np.float32), (-0.9, -0.3)), (0, 0), 1.2)
    stone = along(palette("#3d4f78", "#5f7199", "#8f93ab", "#c9b5a4"), 0.45 + light)
    snow = along(palette("#8ea6cf", "#c3d2e8", "#fdf6ea", "#ffffff"), 0.55 + light)
    white = np.clip((88 - depth + 34 * folds - 0.32 * (line[None, :] - 40)) / 14, 0, 1)[..., None]
    haze = np.clip((np.arange(height)[:, None, None] - height * 0.45) / (height * 0.62), 0, 0.8)
    rgb = (stone * (1 - white) + snow * white) * (1 - haze) + haze * color("#b9cbd8")
    slope = np.where(np.gradient(peaks) > 0, -0.7, 0.7)[None, :] + 0.3 * folds
    return brushed(cut_out(rgb, alpha), rng, 9000, 20, 7, slope, 6)


def _woods(
    rng: np.random.Generator, picture: np.ndarray, where: np.ndarray, count: int, size: float, colors: np.ndarray
) -> None:
    """Crowns of far trees from back to front, each a dark, a middle and a light dab."""
    places = scattered(rng, where, count)
    sizes = size * rng.uniform(0.6, 1.3, count)
    tones = jittered(rng, colors[rng.integers(0, len(colors), count)], 10, 5)
    triple = np.stack(
        [places, places + np.stack([-sizes, -sizes], 1) * 0.1, places + np.stack([-sizes, -sizes], 1) * 0.22], 1
    )
    shades = np.stack([tones * 0.55, tones, tones * 1.22 + 10], 1)
    spans = np.stack([sizes * 1.25, sizes, sizes * 0.5], 1)
    dabs(picture, triple.reshape(-1, 2), spans.ravel(), spans.ravel() * 0.8, 0.0, shades.reshape(-1, 3))


@cache
def _far_hills() -> np.ndarray:
    rng = np.random.default_rng(12)
    height, width = 90 * DETAIL, 740 * DETAIL
    line = _ridge(rng, width, 62, 17, 240, 2)
    rgb = along(
        palette("#6f8fa0", "#6d9181", "#86a36c", "#a5b673"),
        np.indices((height, width))[0] / height + 0.08 * noise(rng, (height, width), 60, 3, 3),
    )
    picture = brushed(cut_out(rgb, _below(line, height)), rng, 4000, 34, 8, 0.05, 7)
    depth = np.arange(height)[:, None] - line[None, :]
    patches = noise(rng, (height, width), 50, 3, 3)
    _woods(
        rng,
        picture,
        ((depth > 0) & (depth < 14)) | ((depth > 0) & (patches > 0.55)),
        2300,
        11,
        palette("#49706b", "#56805f", "#6a8c58"),
    )
    return picture


@cache
def _near_hills() -> np.ndarray:
    rng = np.random.default_rng(23)
    height, width = 110 * DETAIL, 760 * DETAIL
    x = np.arange(width)
    line = 100 - 46 * np.sin(x / 330 + 0.4) - 14 * np.sin(x / 117)
    depth = np.arange(height)[:, None] - line[None, :]
    field = (
        0.45
        + 0.0016 * depth
        + 0.22 * np.sin(depth / 17 + np.sin(x / 90)[None, :] * 1.5)
        + 0.12 * noise(rng, (height, width), 40, 4, 3)
    )
    rgb = along(palette("#4f7034", "#6f8f3c", "#a3ad4c", "#d6c465"), field)
    angles = np.broadcast_to(np.arctan(np.gradient(line))[None, :], (height, width))
    picture = brushed(cut_out(rgb, _below(line, height)), rng, 6000, 30, 8, angles, 8)
    groves = (noise(rng, (height, width), 60, 2, 2.5) > 0.75) & (depth > 6)
    _woods(
        rng,
        picture,
        groves | ((depth > 88) & (depth < 112)),
        900,
        19,
        palette("#2f5a34", "#3f6b33", "#5a7d35", "#8a7a35"),
    )
    return picture


@cache
def _ground() -> np.ndarray:
    """The meadow and the path, already in perspective."""
    rng = np.random.default_rng(31)
    top = 214
    height, width = (384 - top) * DETAIL, 860 * DETAIL
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    near = (y / DETAIL + top - HORIZON) / (FEET - HORIZON)
    tone = 0.62 + 0.2 * noise(rng, (height, width), 46, 5, 4) - 0.25 * near
    rgb = along(GREENS, tone)
    middle = (FEET - 4 - top) * DETAIL + 5 * np.sin(x / 210) + 3 * noise(rng, (height, width), 60, 3, 4)
    path = np.clip(1.6 - np.abs(y - middle) / 24, 0, 1)[..., None]
    dust = along(palette("#a98a58", "#d2b57c", "#ecd7a4"), 0.5 + 0.3 * noise(rng, (height, width), 16, 4, 5))
    rgb = rgb * (1 - path) + dust * path
    picture = brushed(cut_out(rgb, np.ones((height, width))), rng, 7000, 34, 9, 0.0, 8)
    _grass(rng, picture, near * (path[..., 0] < 0.3), 15000, GREENS)
    _flowers(
        rng,
        picture,
        np.clip(near - 0.35, 0, None) * (path[..., 0] < 0.1) * (noise(rng, (height, width), 60, 2, 3) > 0.2),
    )
    return picture


def _grass(rng: np.random.Generator, picture: np.ndarray, near: np.ndarray, count: int, colors: np.ndarray) -> None:
    """Blades, longer where `near` (0 at the horizon, 1 at the walker) is larger."""
    places = scattered(rng, near, count)
    size = np.interp(places[:, 1], np.arange(len(near)), near.max(axis=1))
    tones = jittered(rng, along(colors, rng.random(count)), 10, 6)
    dabs(picture, places, 26 * size, 3 + 1.2 * size, -np.pi / 2 + rng.normal(0, 0.35, count), tones)


def _flowers(rng: np.random.Generator, picture: np.ndarray, where: np.ndarray) -> None:
    places = scattered(rng, where, 800)
    size = 4 + 9 * places[:, 1] / len(where)
    kinds = palette("#f5f0dc", "#f2c230", "#d8452f", "#e58fb0", "#8a6cc0")[rng.integers(0, 5, len(places))]
    dabs(picture, places + np.array([0, 2]), size * 1.1, size * 0.9, 0.0, kinds * 0.6)
    dabs(picture, places, size, size * 0.8, 0.0, jittered(rng, kinds))


@cache
def _tree(seed: int, width: int, height: int, leaves: tuple[str, ...]) -> np.ndarray:
    """A broad tree; its trunk stands in the middle of the lower edge."""
    rng = np.random.default_rng(seed)
    picture = _canvas(width, height)
    w, h = width * DETAIL, height * DETAIL
    root = np.array([w / 2, h - 4])
    _branch(rng, picture, root, -np.pi / 2, h * 0.36, h * 0.05, 3)
    crown = np.array([w / 2, h * 0.38])
    clumps = np.clip(rng.normal(0, 1, (34, 2)), -1.7, 1.7) * [w * 0.16, h * 0.13] + crown
    clumps = clumps[np.argsort(-clumps[:, 1])]
    light = np.array([-0.55, -0.8])
    for clump in clumps:
        radius = h * rng.uniform(0.07, 0.12)
        away = np.clip(rng.normal(0, 0.5, (130, 2)), -1.1, 1.1) * radius
        facing = (away @ light) / radius + 0.35 * ((clump - crown) @ light) / (h * 0.2)
        order = np.argsort(facing)
        tones = jittered(rng, along(palette(*leaves), 0.45 + 0.42 * facing[order]), 8, 6)
        dabs(picture, clump + away[order], radius * 0.36, radius * 0.2, rng.uniform(-1.2, 0.6, 130), tones)
    return picture


def _branch(
    rng: np.random.Generator,
    picture: np.ndarray,
    start: np.ndarray,
    angle: float,
    length: float,
    width: float,
    forks: int,
) -> None:
    end = start + length * np.array([np.cos(angle), np.sin(angle)])
    side = np.array([-np.sin(angle), np.cos(angle)])
    steps = np.linspace(0, 1, 40)[:, None]
    for offset, tone in ((0.0, "#3d2a20"), (-0.22, "#6b4a33"), (-0.34, "#9a7350")):
        girth = width * (1 - 0.4 * steps[:, 0]) * (1 if offset == 0 else 0.35)
        bark = jittered(rng, np.repeat(palette(tone), 40, axis=0), 10, 3)
        dabs(
            picture,
            start + (end - start) * steps + side * offset * width * np.sign(side[0] or 1),
            length / 9,
            girth,
            angle,
            bark,
        )
    if forks:
        for lean in (-rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7)):
            _branch(rng, picture, end, angle + lean, length * 0.5, width * 0.6, forks - 1)


@cache
def _birch() -> np.ndarray:
    """A white trunk that rises out of the picture."""
    rng = np.random.default_rng(71)
    height, width = 400 * DETAIL, 40 * DETAIL
    y = np.linspace(0, 1, 40)
    sway = 40 + 7 * np.sin(2.6 * y + 0.5)
    girth = 11 + 5 * y + 7 * np.exp(-(1 - y) * 14)
    sides = [np.stack([sway + sign * girth, y * height], axis=1)[::sign] for sign in (1, -1)]
    alpha = smooth_polygon((height, width), np.concatenate(sides), 1.0)
    tone = 0.62 + 0.8 * cv2.GaussianBlur(lit(puffed(alpha > 0.5, 15), (-0.9, 0)), (0, 0), 2)
    bark = along(
        palette("#6d6660", "#a9a196", "#e2d9c8", "#fffaf0"), tone + 0.05 * noise(rng, (height, width), 10, 3, 5)
    )
    picture = brushed(cut_out(bark, alpha), rng, 1600, 16, 6, 0.1, 8)
    places = scattered(rng, (picture[..., 3] > 250).astype(np.float32), 70)
    dark = picture.copy()
    dabs(dark, places, rng.uniform(6, 22, 70), rng.uniform(2, 6, 70), rng.normal(0.05, 0.15, 70), palette("#2c2724"))
    return np.where(picture[..., 3:] == 255, dark, picture)


@cache
def _foreground() -> np.ndarray:
    """Tall grass, ears and flowers just before the camera."""
    rng = np.random.default_rng(51)
    width, height = 900, 120
    picture = _canvas(width, height)
    h, w = picture.shape[:2]
    crest = 0.35 + 0.25 * noise(rng, (8, w), 260, 2)[4]
    for layer, tones in ((0.0, GREENS[:3]), (0.25, GREENS[:4]), (0.45, GREENS[1:])):
        x = np.sort(rng.uniform(0, w, 1300))
        x = x[rng.permutation(len(x))]
        tall = h * np.clip(crest[x.astype(int)] + rng.normal(0, 0.14, len(x)) - layer * 0.6, 0.08, 0.95)
        lean = rng.normal(0.08, 0.16, len(x))
        centers = np.stack([x + tall / 2 * np.sin(lean), h - tall / 2], axis=1)
        dabs(
            picture,
            centers,
            tall * 1.1,
            7,
            np.pi / 2 - lean + np.pi,
            jittered(rng, along(tones, rng.random(len(x))), 9, 6),
        )
    heads = np.stack([rng.uniform(0, w, 90), np.zeros(90)], axis=1)
    heads[:, 1] = h * (1 - crest[heads[:, 0].astype(int)] * rng.uniform(0.6, 1.05, 90)) - 4
    kinds = palette("#d8452f", "#e2b13c", "#f3ead2", "#6f62b5")[rng.integers(0, 4, 90)]
    for grow, shade, up in ((1.25, 0.62, 3), (1.0, 1.0, 0), (0.45, 1.25, -4)):
        dabs(
            picture,
            heads + np.array([0, up]),
            17 * grow,
            13 * grow,
            rng.normal(0, 0.3, 90),
            jittered(rng, kinds * shade, 8, 4),
        )
    return picture


@cache
def _fence() -> np.ndarray:
    """Weathered posts and two rails."""
    rng = np.random.default_rng(61)
    height, width = 74 * DETAIL, 330 * DETAIL
    rgb = np.zeros((height, width, 3), np.float32)
    alpha = np.zeros((height, width), np.float32)
    pieces = [[(0, 40 + 34 * k), (width, 34 + 34 * k), (width, 50 + 34 * k), (0, 55 + 34 * k)] for k in (0, 1)]
    pieces += [
        [(x, 12), (x + 9, 4), (x + 20, 10), (x + 22, height - 4), (x - 2, height - 4)] for x in range(30, width, 150)
    ]
    for points in pieces:
        mask = smooth_polygon((height, width), np.array(points) + rng.normal(0, 1.5, (len(points), 2)), 1.5)
        grain = noise(rng, (height, width), 5, 3, 8 if points[1][0] == width else 0.3)
        wood = along(
            palette("#4a3a2e", "#84694c", "#b89a70", "#dcc59a"), 0.5 + 0.5 * lit(puffed(mask > 0.5, 9)) + 0.12 * grain
        )
        rgb = rgb * (1 - mask[..., None]) + wood * mask[..., None]
        alpha = np.maximum(alpha, mask)
    return cut_out(rgb, alpha)


def _standing(camera: np.ndarray, row: float) -> tuple[np.ndarray, float]:
    """The view of an upright plane whose foot is on `row` of the first view, and its distance."""
    distance = EYE * 640 / (row - HORIZON)
    return moved_view(camera, (0, 0, 1), distance, HORIZON), distance


def sprites(frame: float) -> list[Sprite]:
    """The scene at `frame` (0 to 59), back to front."""
    done = frame / 60
    eased = done - 0.35 * np.sin(2 * np.pi * done) / (2 * np.pi)
    camera = np.array([0.95 * eased, -0.03 * eased, 0.75 * eased])

    def upright(distance: float) -> np.ndarray:
        return moved_view(camera, (0, 0, 1), distance, HORIZON)

    walking, _ = _standing(camera, FEET)
    behind, _ = _standing(camera, FEET - 6)
    person = walking @ shift(92 + WALK * frame, FEET)
    animal = behind @ shift(196 + WALK * frame, FEET - 6)
    figures = [(animal, [shadow(45), *dog(frame, WALK)]), (person, [shadow(62), *walker(frame, WALK)])]
    return [
        Sprite(_sky(), drawn_at(-30, -20)),
        Sprite(_cloud(3, 250, 92), upright(300) @ shift(0.22 * frame, 0) @ drawn_at(330, 6)),
        Sprite(_cloud(4, 190, 66), upright(260) @ shift(0.30 * frame, 0) @ drawn_at(20, 62)),
        Sprite(_cloud(5, 150, 50), upright(280) @ shift(0.26 * frame, 0) @ drawn_at(545, 88)),
        Sprite(_mountains(), upright(110) @ drawn_at(-30, 48)),
        Sprite(_far_hills(), upright(48) @ drawn_at(-30, 134)),
        Sprite(_near_hills(), upright(30) @ drawn_at(-30, 140)),
        Sprite(_ground(), moved_view(camera, (0, 1, 0), EYE, HORIZON) @ drawn_at(-60, 214)),
        Sprite(
            _tree(41, 130, 150, ("#24422a", "#3c6a2e", "#6f9436", "#b9bf55")),
            _standing(camera, 240)[0] @ drawn_at(425, 92),
        ),
        Sprite(_fence(), _standing(camera, 268)[0] @ drawn_at(270, 200)),
        Sprite(
            _tree(43, 190, 225, ("#4a2c1c", "#9a5522", "#d58a2c", "#f4cf62")),
            _standing(camera, 282)[0] @ drawn_at(-30, 60),
        ),
        *(Sprite(part.picture, joint @ part.matrix) for joint, parts in figures for part in parts),
        Sprite(_birch(), _standing(camera, 345)[0] @ drawn_at(330, -50)),
        Sprite(
            _tree(47, 260, 330, ("#1f3a26", "#35602b", "#648a33", "#a9b24c")),
            _standing(camera, 352)[0] @ drawn_at(620, 30),
        ),
        Sprite(_foreground(), _standing(camera, 400)[0] @ drawn_at(-60, 285)),
    ]
