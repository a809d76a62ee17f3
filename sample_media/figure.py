"""A walker and a dog: rigid limbs, drawn one by one and moved by joints. Standing feet do not slide.

Lengths are frame pixels at the figure's own distance; x points the way it walks, y down, (0, 0) is the ground below it.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from sample_media.layers import DETAIL, Sprite, scale, shift, turn
from sample_media.paint import color, cut_out, lit, noise, puffed, smooth_polygon

STANCE = 0.6  # the share of a step during which the foot is on the ground
WALKER_STEP = 23.0  # frames from one footfall to the next of the same foot
DOG_STEP = 11.0
MARGIN = 70  # frame pixels left and above the joint of a part in its picture


def _part(points, paint: str, radius: float, seed: int, round_corners: float = 2.0, weave: float = 7.0) -> np.ndarray:
    """A shaded piece of cloth or fur cut along `points` (frame pixels, y down), its (0, 0) at (MARGIN, MARGIN)."""
    points = (np.asarray(points, float) + MARGIN) * DETAIL
    size = tuple((points.max(axis=0)[::-1] + 10 * DETAIL).astype(int))
    alpha = smooth_polygon(size, points, round_corners)
    rng = np.random.default_rng(seed)
    light = lit(puffed(alpha > 0.5, radius * DETAIL))[..., None]
    texture = noise(rng, size, 8, 3)[..., None] * weave
    rgb = color(paint) * (0.86 + 0.42 * light) + texture + np.maximum(light, 0) * np.array([34, 26, 8])
    return cut_out(rgb, alpha)


def _limb(length: float, top: float, bottom: float, paint: str, seed: int) -> np.ndarray:
    """A tapering limb hanging down from its joint at (0, 0); top and bottom are its widths."""
    around = np.linspace(0, np.pi, 9)
    upper = np.stack([-np.cos(around) * top / 2, -np.sin(around) * top / 2], axis=1)
    lower = np.stack([np.cos(around) * bottom / 2, length + np.sin(around) * bottom / 2], axis=1)
    return _part(np.concatenate([upper, lower]), paint, max(top, bottom) / 2, seed, 1.0)


def _oval(center: tuple[float, float], radii: tuple[float, float], angle: float = 0) -> np.ndarray:
    around = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    ring = np.stack([np.cos(around) * radii[0], np.sin(around) * radii[1]], axis=1)
    return ring @ turn(angle)[:2, :2].T + center


def _over(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    """One picture out of two with the same corner."""
    size = np.maximum(below.shape[:2], above.shape[:2])
    pad = [
        np.pad(part, ((0, size[0] - part.shape[0]), (0, size[1] - part.shape[1]), (0, 0))) for part in (below, above)
    ]
    low, high = (part.astype(np.float32) for part in pad)
    return np.rint(low * (1 - high[..., 3:] / 255) + high).astype(np.uint8)


@cache
def _walker_parts() -> dict[str, np.ndarray]:
    coat = [
        (-13, -50),
        (-5, -55),
        (8, -54),
        (14, -44),
        (15, -18),
        (19, 12),
        (20, 25),
        (-2, 28),
        (-20, 25),
        (-17, 5),
        (-15, -20),
    ]
    face = _part(_oval((3, -12), (10, 12)), "#e8b48c", 10, 5, weave=3)
    face = _over(face, _part([(11, -13), (17, -8), (11, -6)], "#e2a67c", 3, 6, 1.0, weave=2))
    hair = _part([(-9, -20), (2, -23), (3, -13), (-2, -10), (-3, -2), (-9, -3), (-11, -11)], "#5a3420", 6, 7, weave=10)
    brim = _part(_oval((2, -21), (19, 4), -0.1), "#3b5570", 4, 8)
    crown = _part([(-9, -21), (-8, -33), (0, -37), (9, -35), (11, -23), (0, -20)], "#466784", 9, 9)
    belt = _part([(-16, -13), (15, -16), (16, -10), (-16, -7)], "#5b3523", 3, 10, 1.0)
    return {
        "coat": _over(_part(coat, "#c8382b", 14, 1), belt),
        "pack": _over(
            _part([(-31, -44), (-16, -52), (-8, -46), (-9, -12), (-28, -10), (-34, -24)], "#c9933f", 10, 2),
            _part(_oval((-21, -53), (13, 6), -0.2), "#6f8f5a", 6, 3),
        ),
        "head": _over(_over(_over(face, hair), crown), brim),
        "scarf": _part([(-10, -5), (2, -7), (12, -4), (11, 4), (0, 6), (-10, 4)], "#2f8f86", 5, 11),
        "tail": _part([(0, -4), (-16, -6), (-27, -3), (-26, 6), (-14, 5), (0, 4)], "#2f8f86", 5, 12),
        "thigh": _limb(39, 20, 15, "#3f4a63", 13),
        "shin": _limb(36, 15, 10, "#3f4a63", 14),
        "far thigh": _limb(39, 19, 14, "#2b3347", 15),
        "far shin": _limb(36, 14, 10, "#2b3347", 16),
        "boot": _part([(-8, -12), (6, -12), (9, -4), (19, -1), (20, 5), (-8, 5)], "#6b4228", 6, 17),
        "far boot": _part([(-8, -12), (6, -12), (9, -4), (19, -1), (20, 5), (-8, 5)], "#47301f", 6, 18),
        "arm": _limb(29, 15, 12, "#d6473a", 19),
        "forearm": _over(_part(_oval((0, 30), (6, 7)), "#e2a67c", 5, 20, weave=3), _limb(25, 12, 10, "#d6473a", 21)),
        "far arm": _limb(29, 14, 11, "#8f2620", 22),
        "far forearm": _over(_part(_oval((0, 30), (6, 7)), "#b98560", 5, 23, weave=3), _limb(25, 11, 9, "#8f2620", 24)),
    }


@cache
def _dog_parts() -> dict[str, np.ndarray]:
    body = [(-25, -8), (-10, -11), (10, -12), (24, -14), (28, -2), (22, 9), (8, 9), (-8, 5), (-22, 7), (-28, 0)]
    head = _part([(-8, -10), (4, -12), (10, -6), (21, -3), (21, 3), (8, 8), (-6, 8)], "#d9a25c", 8, 32, weave=9)
    head = _over(head, _part(_oval((20, -2), (3, 2.5)), "#2a1c16", 2, 33, 1.0))
    head = _over(head, _part(_oval((6, -5), (1.8, 1.8)), "#1c1512", 2, 34, 1.0, weave=0))
    patch = _part(_oval((-6, -6), (12, 6), 0.1), "#8a552c", 6, 36, weave=10)
    return {
        "body": _over(_part(body, "#e0ac66", 11, 31, weave=11), patch),
        "head": _over(head, _part([(-6, -10), (2, -9), (0, 4), (-6, 6), (-10, -2)], "#7d4a26", 4, 35, weave=9)),
        "tail": _part([(2, -3), (-10, -7), (-20, -15), (-22, -12), (-12, 0), (2, 4)], "#e8c08a", 3, 37, weave=10),
        "thigh": _limb(12, 11, 7, "#d79f58", 38),
        "shin": _limb(13, 7, 5, "#e3b878", 39),
        "far thigh": _limb(12, 10, 7, "#a2723c", 40),
        "far shin": _limb(13, 6, 5, "#a87d48", 41),
    }


@cache
def _shadow(length: float) -> np.ndarray:
    """A soft dark oval lying on the ground."""
    size = (int(length * 0.5) * DETAIL, int(length * 1.6) * DETAIL)
    spot = np.zeros(size, np.uint8)
    middle = (size[1] // 2, size[0] // 2)
    cv2.ellipse(spot, middle, (int(length * 0.6 * DETAIL), int(length * 0.09 * DETAIL)), 0, 0, 360, 255, -1)
    alpha = cv2.GaussianBlur(spot.astype(np.float32) / 255, (0, 0), 4) * 0.5
    return cut_out(np.broadcast_to(color("#22301c"), (*size, 3)), alpha)


def _hang(picture: np.ndarray, joint: np.ndarray) -> Sprite:
    """A part whose own (0, 0) is put where `joint` takes (0, 0)."""
    return Sprite(picture, joint @ scale(1 / DETAIL, 1 / DETAIL) @ shift(-MARGIN * DETAIL, -MARGIN * DETAIL))


def foot(phase: float, reach: float, lift: float) -> tuple[float, float, float]:
    """x and height of a foot under the hip, and the tilt of its sole (radians, toes down), in a step's `phase`.

    On the ground (the first STANCE of a step) x falls evenly from reach to -reach, as the ground does under the body.
    """
    phase %= 1.0
    if phase < STANCE:
        done = phase / STANCE
        return reach * (1 - 2 * done), 0.0, float(np.interp(done, [0, 0.15, 0.75, 1], [-0.25, 0, 0, 0.4]))
    done = (phase - STANCE) / (1 - STANCE)
    smooth = done * done * (3 - 2 * done)
    return reach * (2 * smooth - 1), lift * np.sin(np.pi * done) ** 1.3, 0.4 * (1 - smooth) - 0.25 * smooth


def bent(hip: np.ndarray, ankle: np.ndarray, bones: tuple[float, float], forward: float) -> tuple[float, float]:
    """Angles (radians, 0 hanging down, positive swung forward) of two bones that reach from hip to ankle.

    forward: 1 where the joint between them points ahead (a knee), -1 where it points back (a hock). The law of cosines.
    """
    upper, lower = bones
    reach = np.clip(np.hypot(*(ankle - hip)), abs(upper - lower) + 1e-6, upper + lower - 1e-6)
    straight = np.arctan2(ankle[0] - hip[0], ankle[1] - hip[1])
    at_hip = np.arccos((upper**2 + reach**2 - lower**2) / (2 * upper * reach))
    at_ankle = np.arccos((lower**2 + reach**2 - upper**2) / (2 * lower * reach))
    return straight + forward * at_hip, straight - forward * at_ankle


def _leg(
    parts, far: str, hip: np.ndarray, bones, step, phase: float, forward: float
) -> tuple[list[Sprite], np.ndarray]:
    """Thigh and shin as sprites, and the joint of the foot. step: reach, lift, height of the ankle above the sole."""
    x, height, tilt = foot(phase, step[0], step[1])
    ankle = np.array([hip[0] + x, -step[2] - height - 3 * max(tilt, 0)])
    first, second = bent(hip, ankle, bones, forward)
    at_hip = shift(*hip) @ turn(-first)
    at_knee = at_hip @ shift(0, bones[0]) @ turn(first - second)
    sprites = [_hang(parts[far + "shin"], at_knee), _hang(parts[far + "thigh"], at_hip)]
    return sprites, at_knee @ shift(0, bones[1]) @ turn(second + tilt)


def _arm(parts, far: str, shoulder: np.ndarray, swing: float) -> list[Sprite]:
    at_shoulder = shoulder @ turn(-0.5 * swing - 0.05)
    at_elbow = at_shoulder @ shift(0, 28) @ turn(-0.35 - 0.25 * swing)
    return [_hang(parts[far + "forearm"], at_elbow), _hang(parts[far + "arm"], at_shoulder)]


def walker(frame: float, speed: float) -> list[Sprite]:
    """The walker's parts, back to front; `speed` is that of the ground below, in pixels a frame."""
    parts = _walker_parts()
    phase = frame / WALKER_STEP
    bob = 2.5 * np.cos(4 * np.pi * (phase - STANCE / 2))
    hip = np.array([0.0, -76 - bob])
    step = (speed * STANCE * WALKER_STEP / 2, 11.0, 6.0)
    far_leg, far_foot = _leg(parts, "far ", hip, (38, 36), step, phase + 0.5, 1)
    near_leg, near_foot = _leg(parts, "", hip, (38, 36), step, phase, 1)
    swing = np.cos(2 * np.pi * phase)
    body = shift(0, -80 - bob) @ turn(0.06 + 0.02 * np.cos(4 * np.pi * phase))
    shoulder = body @ shift(0, -44)
    neck = body @ shift(2, -54) @ turn(0.03 * np.sin(4 * np.pi * phase))
    flying = neck @ shift(-7, 0) @ turn(-0.35 + 0.25 * np.sin(2 * np.pi * frame / 17))
    loose = flying @ shift(-23, 0) @ turn(-0.1 + 0.35 * np.sin(2 * np.pi * frame / 17 - 1.2))
    return [
        *_arm(parts, "far ", shoulder, swing),
        _hang(parts["far boot"], far_foot), *far_leg,
        _hang(parts["boot"], near_foot), *near_leg,
        _hang(parts["pack"], body), _hang(parts["coat"], body),
        _hang(parts["tail"], loose), _hang(parts["tail"], flying),
        _hang(parts["head"], neck @ shift(0, -2)), _hang(parts["scarf"], neck),
        *_arm(parts, "", shoulder, -swing),
    ]  # fmt: skip


def dog(frame: float, speed: float) -> list[Sprite]:
    """The dog's parts, back to front, trotting: opposite legs move together."""
    parts = _dog_parts()
    phase = frame / DOG_STEP
    bob = 1.5 * np.cos(4 * np.pi * phase)
    step = (speed * STANCE * DOG_STEP / 2, 6.0, 1.0)
    front, back = np.array([18.0, -27 - bob]), np.array([-19.0, -27 - bob])
    legs = {
        (far, at): _leg(parts, far, hip, (14, 14.5), step, phase + late, bend)[0]
        for far, late in (("far ", 0.5), ("", 0.0))
        for at, hip, bend, late in (("front", front, -1, late), ("back", back, 1, late + 0.5))
    }
    body = shift(0, -32 - bob) @ turn(0.03 * np.sin(4 * np.pi * phase))
    neck = body @ shift(27, -12) @ turn(-0.1 + 0.1 * np.sin(4 * np.pi * phase + 0.7))
    wag = body @ shift(-25, -5) @ turn(0.35 * np.sin(2 * np.pi * frame / 9))
    return [
        *legs["far ", "front"], *legs["far ", "back"], _hang(parts["tail"], wag), _hang(parts["body"], body),
        *legs["", "front"], *legs["", "back"], _hang(parts["head"], neck),
    ]  # fmt: skip


def shadow(length: float) -> Sprite:
    """What a figure of about this length darkens on the ground around (0, 0)."""
    picture = _shadow(length)
    middle = shift(-picture.shape[1] / 2, -picture.shape[0] / 2)
    return Sprite(picture, shift(length * 0.15, 0) @ scale(1 / DETAIL, 1 / DETAIL) @ middle)
