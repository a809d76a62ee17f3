"""What new regions start from: the colors that similar source colors had, or the frame itself, recolored."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.support.thin_vgg import picture
from videostyle.stylizers.fill import (
    AGREES,
    DIFFERS,
    Carried,
    blurred,
    fill_by_lookup,
    fill_by_recoloring,
    mismatch,
    wrong_content,
)

RED, GREEN = (0.9, 0.1, 0.1), (0.1, 0.8, 0.2)
BLUE, YELLOW = (0.1, 0.2, 0.9), (0.9, 0.85, 0.1)
SIZE = (48, 64)
OBJECT = (slice(16, 32), slice(8, 24))
"""Where the object was."""

DIFFERENT = torch.full((1, 1, *SIZE), 2 * DIFFERS)
"""A mismatch that is clearly wrong content."""


# --- mismatch and blur -----------------------------------------------------------------------------------------------


def test_mismatch_is_the_local_maximum_of_the_mean_difference():
    black = torch.zeros(1, 3, 20, 30)
    other = torch.tensor((0.3, 0.6, 0.0)).view(1, 3, 1, 1).expand(1, 3, 20, 30)
    torch.testing.assert_close(mismatch(black, other), torch.full((1, 1, 20, 30), 0.3))


def test_mismatch_of_a_thin_strip():
    """A strip one pixel wide, which a slow object uncovers, counts in full, and nothing beside it."""
    strip = torch.zeros(1, 3, 21, 31)
    strip[..., 15] = 0.4
    result = mismatch(torch.zeros_like(strip), strip)
    assert float(result[..., 14:17].min()) > DIFFERS
    assert float(result[..., :13].max()) == 0
    assert float(result[..., 18:].max()) == 0


def test_wrong_content():
    """It grows from 0 to 1 with the mismatch, and is the smaller the more consistent the motion is."""
    consistency = torch.tensor([0.0, 0.0, 0.0, 0.5, 1.0]).view(1, 1, 1, 5)
    difference = torch.tensor([AGREES, (AGREES + DIFFERS) / 2, 2 * DIFFERS, DIFFERS, DIFFERS]).view(1, 1, 1, 5)
    expected = torch.tensor([0.0, 0.5, 1.0, 0.5, 0.0]).view(1, 1, 1, 5)
    torch.testing.assert_close(wrong_content(consistency, difference), expected)


def test_blur_keeps_slopes_and_edges():
    slope = torch.arange(40.0).expand(1, 2, 30, 40)
    torch.testing.assert_close(blurred(slope, 2.0)[..., 8:-8], slope[..., 8:-8], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(blurred(torch.ones(1, 1, 9, 9), 3.0), torch.ones(1, 1, 9, 9))


# --- lookup ----------------------------------------------------------------------------------------------------------


def flat(color) -> torch.Tensor:
    return torch.tensor(color).view(1, 3, 1, 1).expand(1, 3, *SIZE).clone()


def with_object(ground, color, place=OBJECT) -> torch.Tensor:
    image = flat(ground)
    image[..., place[0], place[1]] = torch.tensor(color).view(1, 3, 1, 1)
    return image


def object_moved_away() -> Carried:
    """A red object on green ground, stylized blue on yellow; it has moved away, and nothing is consistent."""
    source, stylized = with_object(GREEN, RED), with_object(YELLOW, BLUE)
    now = flat(GREEN)
    return Carried(stylized, torch.zeros(1, 1, *SIZE), mismatch(source, now), stylized, source, now)


def distance(image: torch.Tensor, color) -> float:
    """Largest mean difference from a color, within the inner part of where the object was."""
    inner = image[..., OBJECT[0], OBJECT[1]][..., 4:-4, 4:-4]
    return float((inner - torch.tensor(color).view(1, 3, 1, 1)).abs().mean(dim=1).max())


def test_uncovered_ground_starts_in_its_own_color():
    """The flow brings the object's blue; the uncovered ground starts in the yellow that ground was stylized in."""
    carried = object_moved_away()
    consistency = torch.ones(1, 1, *SIZE)
    consistency[..., OBJECT[0], OBJECT[1]] = 0
    filled = fill_by_lookup(replace(carried, consistency=consistency))
    assert distance(carried.picture, BLUE) < 1e-6
    assert distance(filled, YELLOW) < 0.1
    consistent = consistency.bool().expand(1, 3, *SIZE)
    assert torch.equal(filled[consistent], carried.picture[consistent])


def test_detail_comes_from_the_frame():
    """Half of the frame's own detail is in the fill, and no strokes from a wrong place."""
    carried = object_moved_away()
    stripes = 0.05 * (2 * (torch.arange(SIZE[1]) % 2) - 1).float()  # finer than the limit between detail and color
    own = fill_by_lookup(replace(carried, source=carried.source + stripes))
    brought = fill_by_lookup(replace(carried, picture=carried.picture + stripes))
    steps = [image[0, :, OBJECT[0], OBJECT[1]][:, 6:-6, 6:-6].diff(dim=2).abs() for image in (own, brought)]
    assert float(steps[0].min()) > 0.03  # half of 0.1, less what the blur counts as color
    assert float(steps[0].max()) <= 0.0501
    assert float(steps[1].max()) < 0.01


@pytest.mark.parametrize("fill", [fill_by_lookup, fill_by_recoloring])
def test_right_content_is_kept(fill):
    """What is consistent, and what is not but looks the same, stays to the bit."""
    warped, before, now = picture(*SIZE, 1), picture(*SIZE, 2), picture(*SIZE, 3)
    carried = Carried(warped, torch.ones(1, 1, *SIZE), DIFFERENT, warped, before, now)
    assert torch.equal(fill(carried), warped)
    agreeing = torch.full((1, 1, *SIZE), AGREES)
    assert torch.equal(fill(replace(carried, consistency=torch.zeros(1, 1, *SIZE), mismatch=agreeing)), warped)


def test_replacement_is_proportional():
    carried = replace(object_moved_away(), mismatch=DIFFERENT)
    whole = fill_by_lookup(carried)
    half = fill_by_lookup(replace(carried, mismatch=torch.full((1, 1, *SIZE), (AGREES + DIFFERS) / 2)))
    torch.testing.assert_close(half, (carried.picture + whole) / 2, rtol=0, atol=1e-5)
    doubted = fill_by_lookup(replace(carried, consistency=carried.consistency + 0.5))
    torch.testing.assert_close(doubted, half, rtol=0, atol=1e-5)


def test_unknown_color():
    """No sample is similar: the weights still sum to 1, without underflow."""
    stylized = flat(YELLOW)
    filled = fill_by_lookup(
        Carried(stylized, torch.zeros(1, 1, *SIZE), DIFFERENT, stylized, flat((0.0, 0.0, 0.0)), flat((1.0, 1.0, 1.0)))
    )
    torch.testing.assert_close(filled, stylized, rtol=0, atol=0.05)


@pytest.mark.parametrize("size", [(17, 40), (40, 17), (16, 200)])
@pytest.mark.parametrize("fill", [fill_by_lookup, fill_by_recoloring])
def test_any_shape(fill, size):
    warped, before, now = picture(*size, 1), picture(*size, 2), picture(*size, 3)
    filled = fill(Carried(warped, torch.zeros(1, 1, *size), torch.ones(1, 1, *size), warped, before, now))
    assert filled.shape == warped.shape
    assert float(filled.min()) >= 0
    assert float(filled.max()) <= 1
    assert not torch.equal(filled, warped)


# --- recoloring ------------------------------------------------------------------------------------------------------


def test_recoloring():
    """If the last picture is an affine map of its source's colors, a new region is that map of this frame's colors."""
    size = 192, 256
    source, now = picture(*size, 3), picture(*size, 4)
    warped, consistency = torch.zeros_like(now), torch.zeros(1, 1, *size)
    consistency[..., : size[1] // 2] = 1
    filled = fill_by_recoloring(
        Carried(warped, consistency, torch.ones_like(consistency), 0.5 * source + 0.2, source, now)
    )
    new = (1 - consistency).expand_as(filled).bool()
    torch.testing.assert_close(filled[new], (0.5 * now + 0.2)[new], rtol=0, atol=0.02)
    assert torch.equal(filled[~new], warped[~new])
