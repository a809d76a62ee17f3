"""A style: a woodcut in black and three inks on warm paper, its lines carved along the forms they shade."""

from __future__ import annotations

import cv2
import numpy as np

from sample_media.paint import color, noise, smooth_polygon

FINE = 2  # carved at this many pixels per pixel of the picture
SHAPE = (700, 900)
CARVED = (SHAPE[0] * FINE, SHAPE[1] * FINE)
SUN = (600.0, 205.0, 92.0)  # x, y, radius
PAPER, BLACK, RED, BLUE, OCHRE = (color(code) for code in ("#efe2c4", "#231c1e", "#c9482c", "#4d8f97", "#dba53f"))


def _grid() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0 : CARVED[0], 0 : CARVED[1]].astype(np.float32)
    return y / FINE, x / FINE


def _lines(phase: np.ndarray, tone: np.ndarray, wobble: np.ndarray, pitch: float) -> np.ndarray:
    """Ink (0 or 1, soft by one pixel) of carved lines: one per whole number of `phase`, as thick as `tone` is dark.

    Thickness is a share of the way from line to line, so lines swell, taper off to points and run together as the tone
    says. pitch: pixels from line to line, for the soft edge; wobble: the unsteady hand, deviation 1.
    """
    away = np.abs((phase + 0.07 * wobble) % 1 - 0.5) * 2
    thick = np.clip(tone + 0.05 * wobble, 0, 1)
    thick = np.where(thick < 0.1, -1, np.where(thick > 0.9, 2, thick))
    return np.clip((thick - away) * pitch * FINE / 2 + 0.5, 0, 1)


def _peak(x: np.ndarray) -> np.ndarray:
    """Skyline of the great mountain."""
    far = np.abs(x - 300)
    return (
        118 + 0.74 * far + 46 * (1 - np.exp(-far / 60)) + 7 * np.sin(x / 13) * np.exp(-far / 130) + 5 * np.sin(x / 29)
    )


def _hill(x: np.ndarray, number: int) -> np.ndarray:
    base, swing, length, late = ((425, 26, 120, 0.3), (478, 30, 150, 2.2))[number]
    return base - swing * np.sin(x / length + late) - 9 * np.sin(x / 41 + late)


def _shore(x: np.ndarray) -> np.ndarray:
    return 520 + 8 * np.sin(x / 70)


def _sky(x, y, wobble):
    """Rays out of the sun, crossed by long clouds."""
    dx, dy = x - SUN[0], y - SUN[1]
    away = np.hypot(dx, dy)
    rays = np.arctan2(dy, dx) * 96 / (2 * np.pi)
    ink = _lines(rays, 0.12 + 0.5 * np.clip((away - 150) / 480, 0, 1) + 0.16 * np.sin(away / 33), wobble, 10)
    for row, left, right, thick in (
        (92, -60, 250, 21),
        (150, 20, 330, 15),
        (86, 640, 980, 20),
        (262, 660, 1000, 17),
        (58, 300, 520, 12),
    ):
        place = np.clip((x - left) / (right - left), 0, 1)
        half = thick * np.clip(np.sin(np.pi * place), 0, 1) ** 0.6 * (1 + 0.25 * np.sin(x / 19 + row))
        inside = (np.abs(y - row) < half) & (place > 0) & (place < 1)
        shade = _lines((y - row) / 8.5 + 0.4 * np.sin(x / 31), 0.25 + 0.45 * (y - row) / thick, wobble, 8.5)
        rim = np.abs(np.abs(y - row) - half) < 1.6
        ink = np.where(inside, np.maximum(shade, rim), ink)
    return np.where(away < SUN[2], 0, np.where(away < SUN[2] + 4, 1, ink))


def _mountain(x, y, wobble, folds):
    """Snow on the lit right side, deep lines down the left; every line falls with the slope."""
    depth = y - _peak(x)
    side = (x - 300) + 40 * folds + 26 * np.sin(depth / 26)
    tone = np.clip(0.42 - side / 190, 0.04, 0.86) + 0.2 * folds * np.clip(depth / 100, 0, 1)
    cap = depth < 74 + 30 * np.sin(x / 15 + folds) + 16 * folds
    tone = np.where(cap, np.where(side > -26, 0.0, 0.38), tone + 0.14)
    phase = np.where(side < 0, x + 0.55 * y, x - 0.75 * y) / 11 + 0.8 * folds
    return _lines(phase, tone, wobble, 9)


def _land(x, y, wobble, number):
    """Rounded fields: furrows that bend over the hill, darker towards the left and below."""
    depth = y - _hill(x, number)
    bulge = np.cos(x / ((120, 150)[number]) + (0.3, 2.2)[number])
    phase = (depth * (1.0 + 0.25 * bulge) + 10 * np.sin(x / 36) * (depth / 70)) / (9, 12)[number]
    return _lines(phase, 0.24 + 0.28 * bulge + depth / 150, wobble, (9, 12)[number])


def _water(x, y, wobble):
    """Waves, finer towards the shore, with the sun's broken mirror image."""
    near = (y - 515) / 190
    phase = np.log(np.clip(y - 440, 1, None)) * 24 + (0.30 + 0.3 * near) * np.sin(x / (15 + 26 * near) + y / 9)
    mirror = np.exp(-(((x - SUN[0]) / (46 + 60 * near)) ** 2))
    tone = 0.44 + 0.16 * np.sin(x / 83 + y / 17) + 0.12 * near - 0.36 * mirror
    return _lines(phase, tone, wobble, 7 + 6 * near)


def _pine(ink: np.ndarray, rng: np.random.Generator, x: float, foot: float, tall: float) -> None:
    """A black pine with its light cut out by short strokes of the gouge."""

    def cut(points, value):
        cv2.fillPoly(ink, [np.rint(np.array(points) * FINE * 16).astype(np.int32)], value, cv2.LINE_AA, 4)

    cut([(x - tall * 0.022, foot), (x, foot - tall), (x + tall * 0.022, foot)], 1.0)
    for level in np.linspace(0.1, 0.96, 13):
        row, reach = foot - tall * level, tall * 0.27 * (1 - level) ** 0.8 + 3
        for side in (-1, 1):
            tip = (x + side * reach * rng.uniform(0.8, 1.15), row + tall * 0.085)
            teeth = [
                (x + side * reach * at, row + tall * (0.075 + 0.035 * (k % 2)))
                for k, at in enumerate((0.8, 0.65, 0.5, 0.35, 0.15))
            ]
            cut(
                [(x, row - tall * 0.055), ((x + tip[0]) / 2, row + tall * 0.012), tip, *teeth, (x, row + tall * 0.06)],
                1.0,
            )
        for share in np.linspace(-0.45, 0.8, int(4 + reach / 7)):
            at, long = share * reach, tall * rng.uniform(0.03, 0.05)
            fall = tall * 0.07 * abs(share)
            lean = 0.9 * share + 0.25
            broad = 1.2 + tall / 220
            cut([(x + at, row + fall), (x + at + lean * long, row + fall + long), (x + at + broad, row + fall)], 0.0)


def _outlines(ink: np.ndarray) -> None:
    """The bold contour of each form."""
    x = np.arange(-10, SHAPE[1] + 10, 3.0)
    for line, width in ((_peak, 7), (lambda at: _hill(at, 0), 5), (lambda at: _hill(at, 1), 6), (_shore, 7)):
        row = line(x)
        keep = row < _hill(x, 0) + 4 if line is _peak else np.ones(len(x), bool)
        for part in np.split(np.arange(len(x)), np.where(np.diff(keep.astype(int)))[0] + 1):
            if keep[part[0]]:
                points = np.rint(np.stack([x[part], row[part]], axis=1) * FINE * 16).astype(np.int32)
                cv2.polylines(ink, [points], False, 1.0, width, cv2.LINE_AA, 4)


def _key_block(rng: np.random.Generator) -> np.ndarray:
    """The black ink, float32 in [0, 1], carved size."""
    y, x = _grid()
    wobble, folds = noise(rng, CARVED, 46, 3), noise(rng, CARVED, 110, 2)
    ink = _sky(x, y, wobble)
    for inside, drawn in (
        (y > _peak(x), lambda: _mountain(x, y, wobble, folds)),
        (y > _hill(x, 0), lambda: _land(x, y, wobble, 0)),
        (y > _hill(x, 1), lambda: _land(x, y, wobble, 1)),
        (y > _shore(x), lambda: _water(x, y, wobble)),
    ):
        ink = np.where(inside, drawn(), ink)
    ink = np.ascontiguousarray(ink, np.float32)
    _outlines(ink)
    byte = np.rint(ink * 255).astype(np.uint8)
    ink8 = byte.astype(np.float32) / 255
    for at, foot, tall in (
        (690, 505, 95),
        (735, 512, 130),
        (640, 500, 70),
        (795, 520, 160),
        (150, 740, 400),
        (62, 760, 560),
        (842, 750, 470),
    ):
        _pine(ink8, rng, at, foot, tall)
    return ink8


def _printed(
    sheet: np.ndarray,
    where: np.ndarray,
    ink: np.ndarray,
    rng: np.random.Generator,
    offset: tuple[int, int],
    thin: float = 0.13,
):
    """One color printed onto the sheet: mottled, with the grain of the wood, a little out of register.

    thin: how unevenly it took, as a share of full strength.
    """
    grain = noise(rng, CARVED, 5, 3, 40) * 0.6 + noise(rng, CARVED, 30, 4) * 0.6
    cover = np.roll(where.astype(np.float32), offset, (0, 1)) * np.clip(1 - thin + thin * grain, 0, 1)
    sheet *= 1 - cover[..., None] * (1 - ink / 255)


def paint() -> np.ndarray:
    """uint8 RGB (700, 900, 3)."""
    rng = np.random.default_rng(8)
    y, x = _grid()
    sheet = PAPER + 5 * noise(rng, CARVED, 3, 2)[..., None] + 4 * noise(rng, CARVED, 160, 3)[..., None]
    sun = np.hypot(x - SUN[0], y - SUN[1]) < SUN[2]
    mountain, land, water = y > _peak(x), y > _hill(x, 0), y > _shore(x)
    ripple = np.sin(y / 4.5 + 2.2 * np.sin(x / 37 + y / 23)) + 0.8 * np.sin(x / 21 - y / 13)
    glow = np.exp(-(((x - SUN[0]) / (52 + 0.25 * (y - 520) + 14 * ripple)) ** 2)) * water
    glow = np.clip((glow - 0.45) * 12, 0, 1)
    fade = np.clip(1 - y / 210, 0, 1)  # the printer wipes the block so that the color runs out
    snow = mountain & ~land & (y - _peak(x) < 105)
    _printed(
        sheet,
        (0.95 * fade * ~mountain * ~sun + 0.9 * water * (1 - 0.9 * glow) + 0.45 * (mountain & ~land & ~snow)),
        BLUE,
        rng,
        (5, -4),
    )
    _printed(
        sheet, 0.95 * (land & ~water) + 0.5 * np.clip((y - 150) / 200, 0, 1) * ~mountain * ~sun, OCHRE, rng, (-4, 5)
    )
    _printed(sheet, np.maximum(sun, 0.9 * glow) + 0.35 * ((y > _hill(x, 1)) & ~water), RED, rng, (3, 4))
    _printed(sheet, _key_block(rng), BLACK, rng, (0, 0), 0.03)
    frame = smooth_polygon(CARVED, FINE * np.array([(22, 24), (878, 20), (880, 678), (20, 680)]), 3)
    edge = smooth_polygon(CARVED, FINE * np.array([(15, 17), (885, 13), (887, 686), (13, 687)]), 3)
    bare = PAPER + 5 * noise(rng, CARVED, 3, 2)[..., None]
    sheet = sheet * frame[..., None] + (1 - frame[..., None]) * (BLACK * edge[..., None] + bare * (1 - edge[..., None]))
    return cv2.resize(np.rint(np.clip(sheet, 0, 255)).astype(np.uint8), SHAPE[::-1], interpolation=cv2.INTER_AREA)
