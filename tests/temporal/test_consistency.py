"""Consistency, on scenes whose motion is known, and one scene for each of its checks that no other check catches."""

import cv2
import numpy as np
import pytest

from videostyle.temporal.consistency import (
    color_difference,
    disoccluded,
    estimate_motion,
    motion_boundary,
    outside,
    photometric_mismatch,
    softened,
)
from videostyle.temporal.flow import DIS

HEIGHT, WIDTH = 60, 90
DIS_FLOW = DIS()


class Known:
    """A Flow that returns known flows: `back` from the current picture, `forth` from any other."""

    def __init__(self, current, back, forth):
        self.current, self.back, self.forth = current, back, forth

    def __call__(self, a, b):
        return self.back if np.array_equal(a, self.current) else self.forth


def _uniform(x, y=0.0, height=HEIGHT, width=WIDTH):
    return np.full((height, width, 2), (x, y), dtype=np.float32)


def _rainbow(x):
    """Colors (H, W, 3) by horizontal place, uint8: every pixel's color changes by 15 levels or more a pixel."""
    phases = 2 * np.pi * (x[..., None] / 24 + np.array([0, 1 / 3, 2 / 3]))
    return np.rint(128 + 110 * np.sin(phases)).astype(np.uint8)


def _failures(previous, current, back, forth):
    """Where each check fails, by its name."""
    difference = color_difference(previous, current, back)
    return {
        "outside": outside(back),
        "disoccluded": disoccluded(back, forth),
        "boundary": motion_boundary(back),
        "photometric": photometric_mismatch(difference),
    }


def _left_border_enters():
    """A pan over a wall without texture: the border is new, though it looks like the rest."""
    wall = np.full((HEIGHT, WIDTH, 3), 130, np.uint8)
    new = np.zeros((HEIGHT, WIDTH), bool)
    new[:, :5] = True
    return wall, wall, _uniform(-5), _uniform(5), new


def _uncovered_by_a_lookalike():
    """A figure that looks like what it covers moves over a panning background: only the forward-backward check fails."""
    across = np.broadcast_to(np.arange(WIDTH, dtype=np.float32), (HEIGHT, WIDTH))
    back, forth = _uniform(-3), _uniform(3)
    forth[20:40, 30:50] = (9, 0)
    back[20:40, 39:59] = (-9, 0)
    uncovered = np.zeros((HEIGHT, WIDTH), bool)
    # the two pixels beside the figure itself are its motion boundary
    uncovered[20:40, 33:38] = True
    return _rainbow(across), _rainbow(across + back[..., 0]), back, forth, uncovered


def _slow_shear():
    """The right half moves half a pixel further than the left: too little for the forward-backward check."""
    across = np.broadcast_to(np.arange(WIDTH, dtype=np.float32), (HEIGHT, WIDTH))
    back = _uniform(-1.0)
    back[:, 45:] = (-1.5, 0)
    edge = np.zeros((HEIGHT, WIDTH), bool)
    edge[:, 44:46] = True
    return _rainbow(across), _rainbow(across + back[..., 0]), back, -back, edge


def _lamp_goes_on():
    """A lamp goes on in a still picture: the geometry is perfect, but the color changes."""
    previous = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    current = previous.copy()
    current[20:40, 30:50] = (200, 180, 120)
    lit = np.zeros((HEIGHT, WIDTH), bool)
    lit[20:40, 30:50] = True
    return previous, current, _uniform(0), _uniform(0), lit


CASES = {
    "outside": _left_border_enters,
    "disoccluded": _uncovered_by_a_lookalike,
    "boundary": _slow_shear,
    "photometric": _lamp_goes_on,
}


@pytest.mark.parametrize("name", CASES)
def test_each_check_catches_a_case(name):
    """Every scene is caught by the check that it is named after, and by no other."""
    previous, current, back, forth, new = CASES[name]()
    failures = _failures(previous, current, back, forth)
    inner = np.zeros_like(new)
    inner[:, 12:-12] = True
    if name != "outside":
        new = new & inner
    assert failures.pop(name)[new].all()
    for other, failed in failures.items():
        assert not failed[new].any(), other
    consistency = estimate_motion(previous, current, Known(current, back, forth)).consistency
    assert (consistency[new] == 0).all()


@pytest.mark.parametrize("name", CASES)
def test_rest_of_a_case_is_consistent(name):
    """What lies apart from a scene's new region is consistent."""
    previous, current, back, forth, new = CASES[name]()
    apart = softened(~new) == 1
    apart[:, :14] = apart[:, -14:] = name == "outside"
    apart[:, :8] = False
    if name == "disoccluded":
        apart[18:42, 30:62] = False
    consistency = estimate_motion(previous, current, Known(current, back, forth)).consistency
    assert apart.sum() > HEIGHT * WIDTH / 3
    assert consistency[apart].mean() > 0.99


def _figure_scene(texture):
    """A textured figure moves 7 px right and 3 down over a still background: both frames, both exact flows, both places."""
    height, width = 100, 140
    ground, figure = texture(height, width, 1), texture(30, 40, 2)
    frames, places = [], []
    for y, x in ((30, 40), (33, 47)):
        frame, place = ground.copy(), np.zeros((height, width), bool)
        frame[y : y + 30, x : x + 40], place[y : y + 30, x : x + 40] = figure, True
        frames.append(frame)
        places.append(place)
    back, forth = _uniform(0, 0, height, width), _uniform(0, 0, height, width)
    back[places[1]], forth[places[0]] = (-7, -3), (7, 3)
    return frames, back, forth, places


def _exact(scene):
    frames, back, forth, _ = scene
    return Known(frames[1], back, forth)


@pytest.mark.parametrize(("flow", "least"), [("exact", 0.95), ("dis", 0.8)])
def test_moving_figure(texture, flow, least):
    """What a moving figure uncovers is new; the rest is consistent."""
    scene = _figure_scene(texture)
    frames, _, _, places = scene
    consistency = estimate_motion(*frames, _exact(scene) if flow == "exact" else DIS_FLOW).consistency
    uncovered = places[0] & ~places[1]
    assert (consistency[uncovered] < 0.5).mean() >= least
    assert (consistency[~uncovered] > 0.5).mean() >= 0.9


def test_flow_of_figure_and_ground(texture):
    """The figure keeps its flow, and the ground behind it has none."""
    scene = _figure_scene(texture)
    frames, back, _, places = scene
    result = estimate_motion(*frames, _exact(scene))
    sure = result.consistency > 0.5
    assert np.array_equal(result.flow[sure], back[sure])
    assert sure[places[1]].mean() > 0.75


def _share_consistent(previous, current):
    return (estimate_motion(previous, current, DIS_FLOW).consistency > 0.5).mean()


@pytest.mark.parametrize("step", [1, 2, 3, 6, 12, 20])
def test_fade_from_black(texture, step):
    """A still picture that fades from black stays consistent."""
    picture = texture(90, 120).astype(np.float32) / 255
    dark, bright = (np.rint(picture * 255 * k / 24).astype(np.uint8) for k in (step, step + 1))
    assert _share_consistent(dark, bright) > 0.95
    assert _share_consistent(bright, dark) > 0.95


def test_still_noisy_picture(texture):
    """It stays consistent."""
    rng = np.random.default_rng(7)
    picture = texture(120, 160)
    noisy = [np.clip(np.rint(picture + rng.normal(0, 6, picture.shape)), 0, 255).astype(np.uint8) for _ in range(2)]
    assert _share_consistent(*noisy) > 0.95


def test_noise_without_texture():
    """It stays consistent."""
    rng = np.random.default_rng(8)
    noisy = [np.rint(150 + rng.normal(0, 6, (90, 120, 3))).astype(np.uint8) for _ in range(2)]
    assert _share_consistent(*noisy) > 0.95


def test_exposure_change(texture):
    """A change of exposure and color stays consistent."""
    picture = texture(90, 120)
    darker = np.rint(picture * np.array([0.5, 0.6, 0.7])).astype(np.uint8)
    assert _share_consistent(picture, darker) > 0.95


def test_pan_border(texture):
    """The border that a pan brings in is new; the rest is consistent."""
    wide = texture(90, 140)
    previous, current = wide[:, :120], wide[:, 6:126]
    consistency = estimate_motion(np.ascontiguousarray(previous), np.ascontiguousarray(current), DIS_FLOW).consistency
    assert (consistency[:, -6:] == 0).mean() > 0.95
    assert (consistency[:, :-9] > 0.5).mean() > 0.95


def test_pan_flow(texture):
    """A pan is not taken for a still picture."""
    wide = texture(90, 140)
    result = estimate_motion(np.ascontiguousarray(wide[:, :120]), np.ascontiguousarray(wide[:, 3:123]), DIS_FLOW)
    sure = result.consistency > 0.5
    assert (np.abs(result.flow[sure] - (3, 0)).max(axis=1) < 0.5).mean() > 0.98


def test_16_bits(texture):
    frames = [texture(64, 64), np.roll(texture(64, 64), 2, axis=1)]
    eight = estimate_motion(*frames, DIS_FLOW)
    sixteen = estimate_motion(*(frame.astype(np.uint16) * 257 for frame in frames), DIS_FLOW)
    assert np.array_equal(eight.flow, sixteen.flow)
    assert np.array_equal(eight.consistency, sixteen.consistency)


def test_still_picture(texture):
    """It is consistent up to its last pixel."""
    result = estimate_motion(texture(40, 50), texture(40, 50), DIS_FLOW)
    assert result.consistency.min() == 1
    assert not result.flow.any()


def test_softened():
    """The softened edge never reaches into what is inconsistent."""
    good = np.random.default_rng(0).random((40, 50)) > 0.02
    consistency = softened(good)
    assert (consistency[~good] == 0).all()
    assert 0 <= consistency.min() <= consistency.max() == 1
    assert ((consistency > 0) & (consistency < 1)).any()


@pytest.mark.parametrize("size", [(1, 40), (40, 1), (7, 9), (2, 2)])
def test_tiny_pictures(texture, size):
    result = estimate_motion(texture(*size), texture(*size), DIS_FLOW)
    assert result.consistency.shape == size


def test_soft_texture_is_not_still():
    """Where the flow of a soft moving texture fails, it is not taken for still: unmoved it differs by less than any limit, but
    with the flow it does not differ at all."""
    previous, _, back, forth, edge = _slow_shear()
    across = np.broadcast_to(np.arange(WIDTH, dtype=np.float32), (HEIGHT, WIDTH))
    soft = [128 + (_rainbow(place).astype(np.float32) - 128) * 0.3 for place in (across, across + back[..., 0])]
    previous, current = (np.rint(picture).astype(np.uint8) for picture in soft)
    assert color_difference(previous, current, _uniform(0)).max() < 12
    assert (estimate_motion(previous, current, Known(current, back, forth)).consistency[edge] == 0).all()


def test_object_appears_during_exposure_change(texture):
    picture = texture(60, 90)
    darker = np.rint(picture * 0.5).astype(np.uint8)
    darker[20:40, 30:50] = 255 - picture[20:40, 30:50]
    result = estimate_motion(picture, darker, Known(darker, _uniform(0), _uniform(0)))
    unlike = np.abs(picture[20:40, 30:50] * 0.5 - darker[20:40, 30:50]).mean(axis=2) > 50
    assert (result.consistency[20:40, 30:50][unlike] < 0.5).mean() > 0.9
    assert result.consistency[:15].mean() > 0.95


def test_flow_is_the_mean_of_both():
    """Where both flows agree it is their mean: of a motion of 3 px the backward flow has 0.2 px too much, and the forward
    flow as
    much too little. Where they do not agree, it is the backward flow."""
    texture = np.random.default_rng(1).uniform(0, 255, (HEIGHT, WIDTH, 3)).astype(np.float32)
    texture = cv2.normalize(cv2.GaussianBlur(texture, (0, 0), 1.5), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    moved = np.roll(texture, 3, axis=1)
    inner = np.s_[:, 6:-6]
    for back, forth, expected in ((-3.2, 2.8, -3.0), (-3.0, 9.0, -3.0)):
        result = estimate_motion(texture, moved, Known(moved, _uniform(back), _uniform(forth)))
        np.testing.assert_allclose(result.flow[inner], _uniform(expected)[inner], atol=1e-5)
