"""The composed picture, against motion that is known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.thin_vgg import picture as shapes
from videostyle.stylizers.colors import recolored
from videostyle.webcam.compositor import FADE, LOST, MAX_LAYERS, SWITCH, Compositor

SIZE = 96, 128


def world(seed: int = 3) -> np.ndarray:
    """uint8 (160, 192, 3), larger than the camera's view of it."""
    return (shapes(160, 192, seed)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


def view(of: np.ndarray, right: int = 0, down: int = 0) -> np.ndarray:
    """The frame of a camera that has moved by so many pixels."""
    top, left = 32 + down, 32 + right
    return np.ascontiguousarray(of[top : top + SIZE[0], left : left + SIZE[1]])


def stylized(image: np.ndarray) -> np.ndarray:
    """A stand-in for a stylized frame, in other colors, float32 in [0, 1]: it moves exactly as the camera frame does."""
    return (255 - image[..., ::-1]) / np.float32(255)


STYLE = np.full((20, 20, 3), 128, np.uint8)


def compositor_with_picture(of: np.ndarray) -> Compositor:
    """A compositor with a stylized first frame, which has faded in long ago."""
    compositor = Compositor(SIZE, STYLE)
    compositor.add_frame(view(of))
    compositor.add_picture(compositor.layer_for_newest(), stylized(view(of)), 0.0)
    return compositor


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean, in levels of 255, over all but the border."""
    return float(np.abs(one.astype(float) - other)[12:-12, 12:-12].mean())


def test_recolored_camera_before_anything_is_stylized() -> None:
    compositor = Compositor(SIZE, STYLE)
    compositor.add_frame(view(world()))
    shown = compositor.render(0.0)
    assert abs(shown.mean() - 128) < 3
    np.testing.assert_array_equal(compositor.render(0.0, blend=0.0), view(world()))


def test_picture_follows_known_motion() -> None:
    of = world()
    compositor = compositor_with_picture(of)
    for step in range(1, 9):
        compositor.add_frame(view(of, right=step, down=-step // 2))
    shown = compositor.render(10.0)
    here = 255 * stylized(view(of, right=8, down=-4))
    there = 255 * stylized(view(of))
    assert difference(shown, here) < 0.25 * difference(shown, there)
    assert compositor.layers[0].opacity[12:-12, 12:-12].mean() > 0.9


def test_late_picture_is_warped_to_newest_frame() -> None:
    of = world()
    compositor = Compositor(SIZE, STYLE)
    compositor.add_frame(view(of))
    layer = compositor.layer_for_newest()
    for step in range(1, 7):
        compositor.add_frame(view(of, right=step))
    compositor.add_picture(layer, stylized(view(of)), 0.2)
    shown = compositor.render(10.0)
    assert difference(shown, 255 * stylized(view(of, right=6))) < 0.3 * difference(shown, 255 * stylized(view(of)))


@pytest.mark.parametrize("black", [False, True])
def test_new_regions_show_recolored_camera(black: bool) -> None:
    of = world()
    of[:, 160:] *= not black
    compositor = compositor_with_picture(of)
    for step in range(0, 25, 4):
        compositor.add_frame(view(of, right=step))
    shown = compositor.render(10.0)
    new = recolored(view(of, right=24), compositor.palette)
    np.testing.assert_allclose(shown[8:-8, -12:].astype(int), new[8:-8, -12:], atol=1)


def test_another_scene_hides_the_picture() -> None:
    compositor = compositor_with_picture(world())
    assert not compositor.scene_lost
    other = 255 - view(world(seed=8))
    compositor.add_frame(other)
    assert compositor.scene_lost
    assert compositor.layers[0].opacity.mean() < LOST
    differing = np.abs(other.astype(int) - view(world())).mean(axis=2) > 90
    shown, camera = compositor.render(10.0), recolored(other, compositor.palette)
    assert np.abs(shown.astype(int) - camera)[differing].mean() < 12


def test_noise_does_not_make_a_still_picture_tremble() -> None:
    of, random = world(), np.random.default_rng(0)
    compositor = compositor_with_picture(of)
    shown = []
    for number in range(6):
        noisy = np.clip(view(of) + 6 * random.standard_normal((*SIZE, 3)), 0, 255).astype(np.uint8)
        compositor.add_frame(noisy)
        shown.append(compositor.render(10.0 + number))
    assert difference(shown[-1], shown[-2]) < 0.1
    assert difference(shown[-1], 255 * stylized(view(of))) < 1


def test_fade_in_and_refinement() -> None:
    of = world()
    compositor = Compositor(SIZE, STYLE)
    compositor.add_frame(view(of))
    layer = compositor.layer_for_newest()
    compositor.add_picture(layer, np.zeros((*SIZE, 3), np.float32), 1.0)
    before, half, whole = (compositor.render(1 + share * FADE).mean() for share in (0, 0.5, 1))
    assert before > half > whole
    assert whole < 1
    compositor.render(2.0)
    compositor.add_picture(layer, np.ones((*SIZE, 3), np.float32), 2.0)
    assert 20 < compositor.render(2.1).mean() < 200
    assert compositor.render(9.0).mean() > 250


def test_switch_of_style_fades_and_ignores_late_pictures() -> None:
    compositor = compositor_with_picture(world())
    late = compositor.layer_for_newest()
    compositor.switch_style(np.full((20, 20, 3), 30, np.uint8), 10.0)
    assert compositor.layer_for_newest() is not late, "a frame from now on belongs to the new style"
    compositor.add_picture(late, np.ones((*SIZE, 3), np.float32), 10.1)
    compositor.render(10.0 + SWITCH / 2)
    assert any(layer.picture is not None for layer in compositor.layers)
    shown = compositor.render(10.0 + SWITCH + 3)
    assert not any(layer.picture is not None for layer in compositor.layers)
    assert abs(shown.mean() - 30) < 4


def test_stylizer_faster_than_the_fade() -> None:
    of = world()
    compositor = compositor_with_picture(of)
    for number in range(1, 9):
        time = 5 + number * FADE / 10
        compositor.add_frame(view(of))
        compositor.add_picture(compositor.layer_for_newest(), stylized(view(of)), time)
        assert difference(compositor.render(time + FADE / 20), 255 * stylized(view(of))) < 2


def test_number_of_layers_is_limited() -> None:
    of = world()
    compositor = compositor_with_picture(of)
    for number in range(8):
        compositor.add_frame(view(of, right=number))
        compositor.layer_for_newest()
        compositor.add_picture(compositor.layer_for_newest(), stylized(view(of, right=number)), float(number))
        compositor.render(float(number))
        assert len(compositor.layers) <= MAX_LAYERS


@pytest.mark.parametrize("size", [(16, 16), (18, 200), (240, 320)])
def test_any_size(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    compositor = Compositor(size, STYLE)
    compositor.add_frame(image)
    compositor.add_picture(compositor.layer_for_newest(), stylized(image), 0.0)
    compositor.add_frame(image)
    assert compositor.render(5.0).shape == (*size, 3)
