"""Resizing of tensors, and strips."""

from __future__ import annotations

import pytest
import torch

from tests.support.thin_vgg import picture
from videostyle.tensors import resize, strips


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
