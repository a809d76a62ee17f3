"""Arrays to tensors and back, resizing of tensors, and strips."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.support.thin_vgg import picture
from videostyle.tensors import from_array, resize, strips, to_array, to_tensor


def test_resizing_keeps_mean_and_range():
    image = picture(40, 60)
    assert resize(image, (40, 60)) is image
    small = resize(image, (20, 30))
    assert small.shape == (1, 3, 20, 30)
    torch.testing.assert_close(small.mean(), image.mean(), rtol=0, atol=0.01)
    edges = torch.zeros(1, 3, 8, 8)
    edges[..., 4:] = 1
    grown = resize(edges, (20, 20))
    assert grown.min() == 0
    assert grown.max() == 1


@pytest.mark.parametrize(("strip_bytes", "rows"), [(1, 1), (120, 1), (240, 2), (10**6, 7)])
def test_strips_cover_the_image(strip_bytes, rows):
    found = [*strips(torch.zeros(7, 10, 3), strip_bytes)]
    assert [row for rows_ in found for row in range(7)[rows_]] == [*range(7)]
    assert found[0] == slice(0, rows)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_depths_fill_the_range(kind):
    """Pictures of 8 and 16 bits fill the range from 0 to 1."""
    top = np.iinfo(kind).max
    image = np.array([[[0, top, top // 5], [top, 0, 1]]], kind)
    tensor = to_tensor(image, "cpu")
    assert tensor.shape == (1, 3, 1, 2)
    assert tensor.dtype == torch.float32
    np.testing.assert_allclose(tensor[0, :, 0, 0].numpy(), [0, 1, top // 5 / top], rtol=1e-6)
    back = to_array(tensor)
    assert back.flags.c_contiguous
    np.testing.assert_allclose(back * top, image, rtol=1e-6)


def test_both_depths_agree():
    image = (to_array(picture(24, 32)) * 255).astype(np.uint8)
    torch.testing.assert_close(to_tensor(image, "cpu"), to_tensor(image.astype(np.uint16) * 257, "cpu"))


def test_from_array_inverts_to_array():
    tensor = picture(24, 32)
    again = from_array(to_array(tensor), "cpu")
    assert torch.equal(again, tensor)
    assert again.is_contiguous(memory_format=torch.channels_last)
