"""What new regions start from: texture from further in, and the colors that such things were painted with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.support.thin_vgg import picture
from videostyle.stylizers.fill import AGREES, DIFFERS, blurred, fill_new, inside, mismatch
from videostyle.temporal.warp import warp

RED, GREEN = (0.9, 0.1, 0.1), (0.1, 0.8, 0.2)
BLUE, YELLOW = (0.1, 0.2, 0.9), (0.9, 0.85, 0.1)
SIZE = (48, 64)
OBJECT = (slice(16, 32), slice(8, 24))  # where the object stood


# --- inside ----------------------------------------------------------------------------------------------------------


def flow_to(targets: list[tuple[float, float]], height: int, width: int) -> np.ndarray:
    """A flow whose first pixels, in reading order, point at these (x, y)."""
    flow = np.zeros((height, width, 2), np.float32)
    for index, (x, y) in enumerate(targets):
        flow[index // width, index % width] = x - index % width, y - index // width
    return flow


def test_targets_beyond_an_edge_come_from_whole_bands_further_in():
    """In a picture 40 wide and 20 high a band is an eighth of 40: 5 pixels; the last pixels are 39 and 19."""
    targets = [(-1, 0), (-5, 1), (-5.5, 1), (40, 0), (44.5, 2), (7, -3), (2, 20), (-12, 26)]
    expected = [(4, 0), (0, 1), (4.5, 1), (35, 0), (34.5, 2), (7, 2), (2, 15), (3, 16)]
    np.testing.assert_allclose(inside(flow_to(targets, 20, 40)), flow_to(expected, 20, 40), atol=1e-5)


@given(arrays.arrays(np.float32, (6, 9, 2), elements=st.floats(-40, 40, width=32)))
def test_every_target_lies_inside_and_those_that_did_are_kept_to_the_bit(flow):
    found = inside(flow)
    grid = np.stack(np.meshgrid(np.arange(9), np.arange(6)), axis=-1).astype(np.float32)
    last = np.array([8, 5])
    before, after = grid + flow, grid + found
    assert (after >= -1e-5).all()
    assert (after <= last + 1e-5).all()
    kept = (before >= 0) & (before <= last)
    assert np.array_equal(found[kept], flow[kept])
    assert found.dtype == np.float32


# --- mismatch and blur -----------------------------------------------------------------------------------------------


def test_mismatch_is_the_largest_mean_difference_of_colors_within_a_pixel():
    one = torch.zeros(1, 3, 20, 30)
    other = torch.tensor((0.3, 0.6, 0.0)).view(1, 3, 1, 1).expand(1, 3, 20, 30)
    torch.testing.assert_close(mismatch(one, other), torch.full((1, 1, 20, 30), 0.3))
    strip = torch.zeros(1, 3, 21, 31)
    strip[..., 15] = 0.4
    found = mismatch(torch.zeros_like(strip), strip)
    assert float(found[..., 14:17].min()) > DIFFERS, "as narrow as what a slow thing uncovers in a frame"
    assert float(found[..., :13].max()) == 0
    assert float(found[..., 18:].max()) == 0


def test_a_blur_keeps_a_slope_and_a_flat_edge():
    slope = torch.arange(40.0).expand(1, 2, 30, 40)
    torch.testing.assert_close(blurred(slope, 2.0)[..., 8:-8], slope[..., 8:-8], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(blurred(torch.ones(1, 1, 9, 9), 3.0), torch.ones(1, 1, 9, 9))


# --- fill_new --------------------------------------------------------------------------------------------------------


def flat(color) -> torch.Tensor:
    return torch.tensor(color).view(1, 3, 1, 1).expand(1, 3, *SIZE).clone()


def with_object(ground, color, place=OBJECT) -> torch.Tensor:
    image = flat(ground)
    image[..., place[0], place[1]] = torch.tensor(color).view(1, 3, 1, 1)
    return image


def distance(image: torch.Tensor, color) -> float:
    """Largest mean difference from a color within the inner part of where the object stood."""
    inner = image[..., OBJECT[0], OBJECT[1]][..., 4:-4, 4:-4]
    return float((inner - torch.tensor(color).view(1, 3, 1, 1)).abs().mean(dim=1).max())


def test_uncovered_ground_starts_in_the_grounds_painted_color_and_not_in_the_objects():
    """A red object is painted blue, its green ground yellow; it moves away, and the flow brings the object's paint."""
    before, painted = with_object(GREEN, RED), with_object(YELLOW, BLUE)
    now, consistency = flat(GREEN), torch.ones(1, 1, *SIZE)
    consistency[..., OBJECT[0], OBJECT[1]] = 0
    filled = fill_new(painted, consistency, mismatch(before, now), painted, before, now)
    assert distance(painted, BLUE) < 1e-6
    assert distance(filled, YELLOW) < 0.1
    trusted = consistency.bool().expand(1, 3, *SIZE)
    assert torch.equal(filled[trusted], painted[trusted])


def test_what_is_new_has_half_the_frames_own_detail_and_no_strokes_of_a_wrong_place():
    before, painted = with_object(GREEN, RED), with_object(YELLOW, BLUE)
    stripes = 0.05 * (2 * (torch.arange(SIZE[1]) % 2) - 1).float()  # finer than the limit between detail and color
    consistency, now = torch.zeros(1, 1, *SIZE), flat(GREEN)
    own = fill_new(painted, consistency, mismatch(before, now), painted, before, now + stripes)
    brought = fill_new(painted + stripes, consistency, mismatch(before, now), painted, before, now)
    steps = [each[0, :, OBJECT[0], OBJECT[1]][:, 6:-6, 6:-6].diff(dim=2).abs() for each in (own, brought)]
    assert float(steps[0].min()) > 0.03  # half of a tenth, less what the blur takes for color
    assert float(steps[0].max()) <= 0.0501
    assert float(steps[1].max()) < 0.01


def test_trusted_pixels_and_untrusted_ones_that_agree_are_left_to_the_bit():
    warped, before, now = picture(*SIZE, 1), picture(*SIZE, 2), picture(*SIZE, 3)
    differing = torch.full((1, 1, *SIZE), 2 * DIFFERS)
    assert torch.equal(fill_new(warped, torch.ones(1, 1, *SIZE), differing, warped, before, now), warped)
    agreeing = torch.full((1, 1, *SIZE), AGREES)
    assert torch.equal(fill_new(warped, torch.zeros(1, 1, *SIZE), agreeing, warped, before, now), warped)


def test_what_differs_and_is_not_trusted_is_replaced_in_proportion():
    before, painted, now = with_object(GREEN, RED), with_object(YELLOW, BLUE), flat(GREEN)
    consistency = torch.zeros(1, 1, *SIZE)
    whole = fill_new(painted, consistency, torch.full((1, 1, *SIZE), 2 * DIFFERS), painted, before, now)
    half = fill_new(painted, consistency, torch.full((1, 1, *SIZE), (AGREES + DIFFERS) / 2), painted, before, now)
    torch.testing.assert_close(half, (painted + whole) / 2, rtol=0, atol=1e-5)
    doubted = fill_new(painted, consistency + 0.5, torch.full((1, 1, *SIZE), 2 * DIFFERS), painted, before, now)
    torch.testing.assert_close(doubted, half, rtol=0, atol=1e-5)


def test_a_color_never_seen_before_starts_near_what_is_there():
    """No sample is alike: the weights still sum to one, and nothing is lost to underflow."""
    before, painted, now = flat((0.0, 0.0, 0.0)), flat(YELLOW), flat((1.0, 1.0, 1.0))
    filled = fill_new(painted, torch.zeros(1, 1, *SIZE), torch.ones(1, 1, *SIZE), painted, before, now)
    torch.testing.assert_close(filled, painted, rtol=0, atol=0.05)


@pytest.mark.parametrize("size", [(17, 40), (40, 17), (16, 200)])
def test_any_shape_of_picture_is_filled(size):
    warped, before, now = picture(*size, 1), picture(*size, 2), picture(*size, 3)
    filled = fill_new(warped, torch.zeros(1, 1, *size), torch.ones(1, 1, *size), warped, before, now)
    assert filled.shape == warped.shape
    assert float(filled.min()) >= 0
    assert float(filled.max()) <= 1
    assert not torch.equal(filled, warped)


def test_a_pan_brings_texture_from_further_in_and_no_streaks():
    columns = torch.arange(16.0).expand(1, 1, 6, 16)
    flow = np.zeros((6, 16, 2), np.float32)
    flow[..., 0] = 3
    assert warp(columns, inside(flow))[0, 0, 0].tolist() == [*range(3, 16), 14, 15, 14]  # bands of 2
