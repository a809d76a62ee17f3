"""The stylized colors of a shot by source color: what is remembered, what is looked up, and what is moved there."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from videostyle.losses.frame_targets import LocalColors
from videostyle.losses.terms import local_means
from videostyle.stylizers.color_memory import REACH, ColorMemory, lab, looked_up, moved_to

SIZE = (60, 80)
DARK, LIGHT, GREEN = (0.2, 0.2, 0.2), (0.8, 0.8, 0.8), (0.2, 0.7, 0.2)
ORANGE = (0.9, 0.5, 0.1)
RED, BLUE = (0.9, 0.1, 0.1), (0.1, 0.1, 0.9)
ONES = torch.ones(1, 1, *SIZE)


def halves(left: tuple[float, ...], right: tuple[float, ...]) -> torch.Tensor:
    """A picture of two colors, (1, 3, H, W)."""
    image = torch.empty(1, 3, *SIZE)
    for columns, color in ((slice(0, 40), left), (slice(40, 80), right)):
        image[..., columns] = torch.tensor(color).view(1, 3, 1, 1)
    return image


def memory_of(source: torch.Tensor, picture: torch.Tensor) -> ColorMemory:
    memory = ColorMemory()
    memory.add(source, picture, ONES)
    return memory


def color_of(memory: ColorMemory, color: tuple[float, ...]) -> tuple[np.ndarray, float]:
    """What is looked up for a source color, and how well it is known."""
    found = memory.colors_of(halves(color, color), ONES)
    assert found is not None
    return found.colors[0, :, 0, 0].numpy(), float(found.weights[0, 0, 0, 0])


def test_colors_are_those_that_the_source_colors_got():
    memory = memory_of(halves(DARK, LIGHT), halves(RED, BLUE))
    for source, stylized in ((DARK, RED), (LIGHT, BLUE)):
        color, known = color_of(memory, source)
        np.testing.assert_allclose(color, stylized, atol=0.02)
        assert known > 0.8


def test_channels_are_not_confused():
    """An orange is known, the blue with red and blue exchanged is not."""
    memory = memory_of(halves(ORANGE, LIGHT), halves(GREEN, BLUE))
    np.testing.assert_allclose(color_of(memory, ORANGE)[0], GREEN, atol=0.02)
    assert color_of(memory, ORANGE[::-1])[1] < 0.01


def test_unknown_color():
    """A source color far from all others has no color that it should get."""
    assert color_of(memory_of(halves(DARK, LIGHT), halves(RED, BLUE)), (1.0, 0.0, 1.0))[1] < 1e-3
    assert ColorMemory().colors_of(halves(DARK, LIGHT), ONES) is None


def test_lookup_is_kernel_regression():
    """Against the formula: between two colors, each weighted by exp(-d^2 / 2 r^2) and the root of its count."""
    sources, stylized = np.float32([[50, 0, 0], [50, 12, 0]]), np.float32([RED, BLUE])
    (found,) = looked_up(np.float32([[50, 4, 0]]), sources, stylized, np.float32([9, 1]))
    weights = np.exp(-(np.array([4.0, 8.0]) ** 2) / (2 * REACH**2)) * [3, 1]
    np.testing.assert_allclose(found[:3], weights @ stylized / weights.sum(), rtol=1e-5)
    assert found[3] == pytest.approx(np.exp(-(4.0**2) / (2 * REACH**2)), rel=1e-5)


def test_first_stylized_color_stays():
    """What a color got first is kept; a color that comes later is added; one that has only come into view is not."""
    memory = memory_of(halves(DARK, LIGHT), halves(RED, BLUE))
    settled = ONES.clone()
    memory.add(halves(DARK, GREEN), halves(BLUE, RED), settled)
    np.testing.assert_allclose(color_of(memory, DARK)[0], RED, atol=0.02)
    np.testing.assert_allclose(color_of(memory, GREEN)[0], RED, atol=0.02)
    memory.add(halves(DARK, (0.9, 0.9, 0.1)), halves(BLUE, RED), 0 * settled)
    assert color_of(memory, (0.9, 0.9, 0.1))[1] < 0.1


def test_rare_colors_are_not_remembered():
    source, picture = halves(DARK, DARK), halves(RED, RED)
    source[..., :2, :2], picture[..., :2, :2] = 1.0, 1.0
    assert color_of(memory_of(source, picture), (1.0, 1.0, 1.0))[1] < 0.1


def test_state():
    """A restored memory looks up the same colors, and goes on alike."""
    memory, restored = memory_of(halves(DARK, LIGHT), halves(RED, BLUE)), ColorMemory()
    restored.restore(memory.state())
    for each in (memory, restored):
        each.add(halves(GREEN, LIGHT), halves(BLUE, RED), ONES)
    image = torch.rand(1, 3, *SIZE)
    ours, theirs = (each.colors_of(image, ONES) for each in (memory, restored))
    assert ours is not None
    assert theirs is not None
    assert torch.equal(ours.colors, theirs.colors)
    assert torch.equal(ours.weights, theirs.weights)


def test_reset_forgets():
    memory = memory_of(halves(DARK, LIGHT), halves(RED, BLUE))
    memory.reset()
    assert memory.colors_of(halves(DARK, LIGHT), ONES) is None


def test_moved_to_target():
    """Where it counts, the mean color becomes the target's and the detail stays; elsewhere nothing changes."""
    noise = 0.05 * torch.randn(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    picture, weights = halves(RED, RED) * 0.5 + 0.3 + noise, ONES.clone()
    weights[..., 40:] = 0
    target = LocalColors(halves(BLUE, BLUE) * 0.5 + 0.2, weights)
    moved = moved_to(picture, target)
    assert torch.equal(moved[..., 40:], picture[..., 40:])
    before, after = (local_means(image - target.colors, weights)[..., :7].abs().mean() for image in (picture, moved))
    assert after < 0.1 * before
    change = (moved - picture)[..., :30]
    assert (change.amax((2, 3)) - change.amin((2, 3))).max() < 0.15  # no strokes, only a slow change


def test_lab_of_gray():
    np.testing.assert_allclose(lab(np.float32([[1, 1, 1], [0, 0, 0]])), [[100, 0, 0], [0, 0, 0]], atol=0.01)
