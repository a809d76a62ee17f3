"""A style: a mosaic of cut stones, laid in rows along the contours of a leaping fish, the waves and the sun."""

from __future__ import annotations

import cv2
import numpy as np

from sample_media.paint import along, lit, noise, palette, puffed

FINE = 2  # laid at this many pixels per pixel of the picture
SHAPE = (700, 900)
LAID = (SHAPE[0] * FINE, SHAPE[1] * FINE)
GROUT = 2.2  # pixels between stones

# name -> colors from the rim of the region to its middle
STONES = {
    "sky": ("#f3dfae", "#ecc978", "#e2b04c", "#d59a36"),
    "rays": ("#e8802c", "#f0a03c", "#f6c45c"),
    "sun": ("#b3241c", "#d8432a", "#ee7a35", "#f7b24f"),
    "foam": ("#fbf6e6", "#d6ebe6", "#a6d6d4"),
    "wave 0": ("#1c6f86", "#2f94a3", "#55b8ba"),
    "wave 1": ("#123f75", "#1d5c9c", "#3a86c0"),
    "wave 2": ("#0f2a5c", "#17407f", "#2768a8"),
    "outline": ("#3a1420", "#571c28"),
    "body": ("#b8301f", "#da4f27", "#ef7d32", "#f6a748"),
    "belly": ("#f7e3b4", "#f3c976", "#eeb254"),
    "stripe": ("#fdf3d8", "#f8dfa8"),
    "fin": ("#7a1f3a", "#b02f4a", "#dd5f5c", "#f29a76"),
    "cheek": ("#d8542c", "#f0903c", "#f9c56a"),
    "eye": ("#fff9e8", "#fff9e8"),
    "pupil": ("#141426", "#1d2440"),
    "border": ("#6a1b22", "#8e2a2a"),
    "edge": ("#f2e6c8", "#e4cf9c"),
}
NAMES = tuple(STONES)


def _fish(t: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Points (n, 2) on the fish: t from nose (0) to the root of the tail (1), across from back (-1) to belly (1)."""
    spine = np.stack([660 - 400 * t, 330 - 175 * np.sin(np.pi * (0.12 + 0.62 * t)) + 200 * t * t], axis=-1)
    ahead = np.gradient(spine, axis=0)
    side = np.stack([ahead[:, 1], -ahead[:, 0]], axis=-1) / (np.linalg.norm(ahead, axis=-1, keepdims=True) + 1e-9)
    half = 104 * np.sin(np.pi * (0.93 * t) ** 0.64) ** 0.85 + 8
    return spine + side * (half * across)[:, None]


def _band(low: float, high: float, back, belly) -> np.ndarray:
    """The outline of the fish from `low` to `high` along it, between two lines across it (numbers, functions of t)."""
    t = np.linspace(0, 1, 201)
    inside = (t >= low) & (t <= high)
    sides = [_fish(t, line(t) if callable(line) else np.full(201, line))[inside] for line in (back, belly)]
    return np.concatenate([sides[0], sides[1][::-1]])


def _spread(roots, tips) -> np.ndarray:
    """A fin with a scalloped rim, from its root (2 points) to its tips (any number)."""
    tips = np.asarray(tips, float)
    middles = (tips[1:] + tips[:-1]) / 2 * 0.9 + 0.1 * np.mean(roots, axis=0)
    rim = np.insert(tips, np.arange(1, len(tips)), middles, axis=0)
    return np.concatenate([np.asarray(roots[:1], float), rim, np.asarray(roots[1:], float)])


def _fill(plan: np.ndarray, name: str, points: np.ndarray) -> None:
    cv2.fillPoly(plan, [np.rint(np.asarray(points) * FINE).astype(np.int32)], NAMES.index(name))


def _plan_of_sea_and_sky() -> np.ndarray:
    """The number of the region at each pixel, before the fish."""
    y, x = np.mgrid[0 : LAID[0], 0 : LAID[1]].astype(np.float32) / FINE
    plan = np.zeros(LAID, np.uint8)
    dx, dy = x - 705, y - 165
    away, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    plan[(away < 205 - 25 * np.cos(angle * 12)) & (np.cos(angle * 12) > -0.1)] = NAMES.index("rays")
    plan[away < 96] = NAMES.index("sun")
    for number, (row, tall, length) in enumerate(((392, 40, 300), (480, 44, 260), (575, 42, 320))):
        bend = x / length * 2 * np.pi + number * 2.1
        crest = row - tall * (1 - np.abs(np.sin(bend / 2))) ** 1.4 * 1.6 + 12 * np.sin(bend)
        plan[y > crest] = NAMES.index("foam")
        plan[y > crest + 19] = NAMES.index(f"wave {number}")
        plan[y > crest + 58] = NAMES.index("foam")
        plan[y > crest + 73] = NAMES.index(f"wave {number}")
    return plan


def _plan() -> np.ndarray:
    """The number (in NAMES) of the region at each pixel, uint8, laid size."""
    plan = _plan_of_sea_and_sky()
    tail = _spread(
        [(300, 372), (254, 398)], [(262, 548), (212, 520), (170, 548), (196, 470), (140, 440), (118, 380), (200, 366)]
    )
    back = _spread(
        _fish(np.linspace(0, 1, 201), np.full(201, -0.85))[[70, 165]],
        [(505, 52), (445, 58), (385, 84), (332, 128), (300, 190)],
    )
    below = _spread(_fish(np.linspace(0, 1, 201), np.full(201, 0.8))[[60, 95]], [(560, 420), (520, 440), (478, 425)])
    whole = _band(0.0, 1.0, -1.0, 1.0)
    rim = np.zeros(LAID, np.uint8)
    for piece in (tail, back, below, whole):
        cv2.fillPoly(rim, [np.rint(piece * FINE).astype(np.int32)], 1)
    plan[cv2.dilate(rim, np.ones((3, 3), np.uint8), iterations=9 * FINE) > 0] = NAMES.index("outline")
    for piece in (tail, back, below):
        _fill(plan, "fin", piece)
    _fill(plan, "body", whole)
    _fill(plan, "belly", _band(0.2, 0.97, lambda t: 0.35 + 0.1 * np.sin(t * 9), 1.0))
    for start in (0.27, 0.47, 0.66, 0.84):
        _fill(plan, "stripe", _band(start, start + 0.055, -1.0, 0.42))
    _fill(plan, "cheek", _band(0.0, 0.2, -1.0, 1.0))
    _fill(plan, "outline", np.array([(650, 276), (626, 279), (600, 264), (606, 257), (628, 270), (650, 266)]))
    for name, radius in (("eye", 24), ("pupil", 11)):
        center = _fish(np.linspace(0, 1, 201), np.full(201, -0.25))[24]
        cv2.circle(plan, np.rint(center * FINE).astype(int).tolist(), radius * FINE, NAMES.index(name), -1)
    y, x = np.indices(LAID) / FINE
    inwards = np.minimum(np.minimum(x, SHAPE[1] - 1 - x), np.minimum(y, SHAPE[0] - 1 - y))
    plan[inwards < 42] = NAMES.index("edge")
    plan[inwards < 28] = NAMES.index("border")
    return plan


def _rows(region: np.ndarray, size: float):
    """Places for stones in rows parallel to the rim of a region: (x, y, angle, number of the row from the rim)."""
    depth = cv2.distanceTransform(np.pad(region, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    for row in range(60):
        level = (row + 0.5) * size
        lines, _ = cv2.findContours((depth > level).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        if not lines:
            return
        for line in lines:
            path = line[:, 0].astype(float)
            if len(path) < size:
                continue
            smooth = np.stack(
                [np.convolve(np.pad(path[:, axis], 9, mode="wrap"), np.ones(19) / 19, "valid") for axis in (0, 1)], 1
            )
            length = np.concatenate([[0], np.linalg.norm(np.diff(smooth, axis=0), axis=1).cumsum()])
            ahead = np.roll(smooth, -6, axis=0) - np.roll(smooth, 6, axis=0)
            for at in np.arange(0, length[-1], size * 1.04):
                k = min(int(np.searchsorted(length, at)), len(path) - 1)
                yield smooth[k, 0], smooth[k, 1], np.arctan2(ahead[k, 1], ahead[k, 0]), row


class _Bed:
    """The wall being covered: the color laid so far, and where stones lie."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        self.rgb = np.zeros((*LAID, 3), np.float32)
        self.stones = np.zeros(LAID, np.uint8)
        self.taken = np.zeros(LAID, np.uint8)  # stones and the grout around them

    def lay(self, region: np.ndarray, x: float, y: float, angle: float, size: float, color: np.ndarray) -> None:
        """Puts a stone there, cut to what is free in its region; leaves it out where too little is free."""
        reach = int(size) + 4
        left, top = max(0, int(x) - reach), max(0, int(y) - reach)
        window = np.s_[top : int(y) + reach + 1, left : int(x) + reach + 1]
        free = region[window] & (1 - self.taken[window])
        c, s = np.cos(angle), np.sin(angle)
        half = (size - GROUT * FINE) / 2
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half * self.rng.uniform(0.86, 1.06, (4, 2))
        corners = corners @ np.array([[c, s], [-s, c]]) + (x - left, y - top)
        stone = np.zeros(free.shape, np.uint8)
        cv2.fillConvexPoly(stone, np.rint(corners * 16).astype(np.int32), 1, cv2.LINE_8, 4)
        whole = stone.sum()
        stone &= free
        if stone.sum() < 0.4 * whole:
            return
        chosen = stone > 0
        self.rgb[window][chosen] = color
        self.stones[window] |= stone
        joint = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * FINE + 1, 2 * FINE + 1))
        self.taken[window] = np.maximum(self.taken[window], cv2.dilate(stone, joint))

    def gaps(self, region: np.ndarray, least: float):
        """Places for small stones in what was left open, the largest first: (x, y, size)."""
        for _ in range(6):
            room = cv2.distanceTransform(np.pad(region & (1 - self.taken), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
            peaks = (room == cv2.dilate(room, np.ones((13, 13)))) & (room > least)
            places = np.argwhere(peaks)
            if not len(places):
                return
            for y, x in places:
                yield x, y, 2.3 * room[y, x] + GROUT * FINE


def _lay_region(bed: _Bed, plan: np.ndarray, name: str, size: float) -> None:
    region = (plan == NAMES.index(name)).astype(np.uint8)
    rng, tones = bed.rng, palette(*STONES[name])
    depth = cv2.distanceTransform(region, cv2.DIST_L2, 5).max() / size
    for x, y, angle, row in _rows(region, size):
        place = (row / max(depth - 1, 1)) + rng.normal(0, 0.16)
        tone = along(tones, np.clip(place, 0, 1)) + rng.normal(0, 12) + rng.normal(0, 5, 3)
        bed.lay(region, x, y, angle + rng.normal(0, 0.05), size, tone)
    for x, y, small in bed.gaps(region, 2.2 * FINE):
        tone = along(tones, rng.random()) + rng.normal(0, 12)
        bed.lay(region, x, y, rng.uniform(0, np.pi), min(small, size), tone)


def paint() -> np.ndarray:
    """uint8 RGB (700, 900, 3)."""
    rng = np.random.default_rng(17)
    plan, bed = _plan(), _Bed(rng)
    for name in NAMES:
        small = {"eye": 9, "pupil": 8, "stripe": 11, "outline": 9, "edge": 13, "border": 14}
        _lay_region(bed, plan, name, small.get(name, 15.5 if name in ("sky", "rays") else 14) * FINE)
    height = puffed(bed.stones, 3.0 * FINE) * 1.1 + 0.5 * noise(rng, LAID, 10, 3) * bed.stones
    _, number = cv2.connectedComponents(bed.stones, connectivity=4)
    glint = rng.normal(0, 1, (number.max() + 1, 3))  # each stone leans its own way and shines a little
    y, x = np.indices(LAID, np.float32)
    lean = glint[number, 0] * np.sin(x / 23) * 4 + glint[number, 1] * np.cos(y / 19) * 4
    shade = 62 * cv2.GaussianBlur(lit(height), (0, 0), 1.2) + lean + 5 * noise(rng, LAID, 7, 3)
    grout = np.array([92, 78, 68]) + 12 * noise(rng, LAID, 6, 3)[..., None] + 40 * lit(height)[..., None]
    rgb = np.where(bed.stones[..., None] > 0, bed.rgb + shade[..., None], grout)
    return cv2.resize(np.rint(np.clip(rgb, 0, 255)).astype(np.uint8), SHAPE[::-1], interpolation=cv2.INTER_AREA)
