"""What is shown, against motion that is known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.thin_vgg import picture as shapes
from videostyle.stylizers.colors import recolored
from videostyle.webcam.compositor import FADE, LOST, MOST_LAYERS, SWITCH, Canvas

SIZE = 96, 128


def world(seed: int = 3) -> np.ndarray:
    """uint8 (160, 192, 3), larger than what the camera sees of it."""
    return (shapes(160, 192, seed)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


def view(of: np.ndarray, right: int = 0, down: int = 0) -> np.ndarray:
    """What a camera sees that has moved by so many pixels."""
    top, left = 32 + down, 32 + right
    return np.ascontiguousarray(of[top : top + SIZE[0], left : left + SIZE[1]])


def painted(image: np.ndarray) -> np.ndarray:
    """A stand-in for a painting that moves with what it is painted on: other colors, float32 in [0, 1]."""
    return (255 - image[..., ::-1]) / np.float32(255)


STYLE = np.full((20, 20, 3), 128, np.uint8)


def canvas_with_painting(of: np.ndarray) -> Canvas:
    """A canvas whose first frame has been painted, long enough ago that the painting has come in whole."""
    canvas = Canvas(SIZE, STYLE)
    canvas.see(view(of), 0.0)
    canvas.take(canvas.begin(), painted(view(of)), 0.0)
    return canvas


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean, in levels of 255, over all but the border."""
    return float(np.abs(one.astype(float) - other)[12:-12, 12:-12].mean())


def test_before_anything_is_painted_the_camera_is_seen_in_the_styles_colors() -> None:
    canvas = Canvas(SIZE, STYLE)
    canvas.see(view(world()), 0.0)
    shown = canvas.picture(0.0)
    assert abs(shown.mean() - 128) < 3
    np.testing.assert_array_equal(canvas.picture(0.0, strength=0.0), view(world()))


def test_a_painting_is_carried_along_a_known_motion() -> None:
    of = world()
    canvas = canvas_with_painting(of)
    for step in range(1, 9):
        canvas.see(view(of, right=step, down=-step // 2), step / 30)
    shown = canvas.picture(10.0)
    here = 255 * painted(view(of, right=8, down=-4))
    there = 255 * painted(view(of))
    assert difference(shown, here) < 0.25 * difference(shown, there)
    assert canvas.layers[0].cover[12:-12, 12:-12].mean() > 0.9


def test_a_painting_that_took_long_is_carried_to_the_newest_frame() -> None:
    of = world()
    canvas = Canvas(SIZE, STYLE)
    canvas.see(view(of), 0.0)
    layer = canvas.begin()
    for step in range(1, 7):
        canvas.see(view(of, right=step), step / 30)
    canvas.take(layer, painted(view(of)), 0.2)
    shown = canvas.picture(10.0)
    assert difference(shown, 255 * painted(view(of, right=6))) < 0.3 * difference(shown, 255 * painted(view(of)))


@pytest.mark.parametrize("black", [False, True])
def test_what_has_come_into_sight_is_the_recolored_camera(black: bool) -> None:
    of = world()
    of[:, 160:] *= not black
    canvas = canvas_with_painting(of)
    for step in range(0, 25, 4):
        canvas.see(view(of, right=step), step / 30)
    shown = canvas.picture(10.0)
    new = recolored(view(of, right=24), canvas.palette)
    np.testing.assert_allclose(shown[8:-8, -12:].astype(int), new[8:-8, -12:], atol=1)


def test_another_scene_leaves_nothing_of_the_painting() -> None:
    canvas = canvas_with_painting(world())
    assert not canvas.lost
    other = 255 - view(world(seed=8))
    canvas.see(other, 1.0)
    assert canvas.lost
    assert canvas.layers[0].cover.mean() < LOST
    differing = np.abs(other.astype(int) - view(world())).mean(axis=2) > 90
    shown, camera = canvas.picture(10.0), recolored(other, canvas.palette)
    assert np.abs(shown.astype(int) - camera)[differing].mean() < 12


def test_noise_does_not_make_a_still_painting_tremble() -> None:
    of, random = world(), np.random.default_rng(0)
    canvas = canvas_with_painting(of)
    shown = []
    for number in range(6):
        noisy = np.clip(view(of) + 6 * random.standard_normal((*SIZE, 3)), 0, 255).astype(np.uint8)
        canvas.see(noisy, number / 30)
        shown.append(canvas.picture(10.0 + number))
    assert difference(shown[-1], shown[-2]) < 0.1
    assert difference(shown[-1], 255 * painted(view(of))) < 1


def test_a_painting_fades_in_and_a_better_one_replaces_it_gently() -> None:
    of = world()
    canvas = Canvas(SIZE, STYLE)
    canvas.see(view(of), 0.0)
    layer = canvas.begin()
    canvas.take(layer, np.zeros((*SIZE, 3), np.float32), 1.0)
    before, half, whole = (canvas.picture(1 + share * FADE).mean() for share in (0, 0.5, 1))
    assert before > half > whole
    assert whole < 1
    canvas.picture(2.0)
    canvas.take(layer, np.ones((*SIZE, 3), np.float32), 2.0)
    assert 20 < canvas.picture(2.1).mean() < 200
    assert canvas.picture(9.0).mean() > 250


def test_another_style_takes_half_a_second_and_late_paintings_of_the_old_one_are_left_out() -> None:
    canvas = canvas_with_painting(world())
    late = canvas.begin()
    canvas.switch(np.full((20, 20, 3), 30, np.uint8), 10.0)
    assert canvas.begin() is not late, "a frame given from now on is the new style's"
    canvas.take(late, np.ones((*SIZE, 3), np.float32), 10.1)
    canvas.picture(10.0 + SWITCH / 2)
    assert any(each.picture is not None for each in canvas.layers)
    shown = canvas.picture(10.0 + SWITCH + 3)
    assert not any(each.picture is not None for each in canvas.layers)
    assert abs(shown.mean() - 30) < 4


def test_a_painter_faster_than_the_fade_is_shown_whole() -> None:
    of = world()
    canvas = canvas_with_painting(of)
    for number in range(1, 9):
        time = 5 + number * FADE / 10
        canvas.see(view(of), time)
        canvas.take(canvas.begin(), painted(view(of)), time)
        assert difference(canvas.picture(time + FADE / 20), 255 * painted(view(of))) < 2


def test_there_are_never_many_layers() -> None:
    of = world()
    canvas = canvas_with_painting(of)
    for number in range(8):
        canvas.see(view(of, right=number), float(number))
        canvas.begin()
        canvas.take(canvas.begin(), painted(view(of, right=number)), float(number))
        canvas.picture(float(number))
        assert len(canvas.layers) <= MOST_LAYERS


@pytest.mark.parametrize("size", [(16, 16), (18, 200), (240, 320)])
def test_any_size_is_taken(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    canvas = Canvas(size, STYLE)
    canvas.see(image, 0.0)
    canvas.take(canvas.begin(), painted(image), 0.0)
    canvas.see(image, 0.1)
    assert canvas.picture(5.0).shape == (*size, 3)
