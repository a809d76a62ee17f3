"""Pooling in place is PyTorch's max pooling, with its gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from videostyle.models.fast.pooling import halve, unhalve


@pytest.mark.parametrize("strip_bytes", [1, 100, 1 << 20])
@pytest.mark.parametrize("size", [(2, 2), (7, 10), (12, 5)])
def test_halving_is_max_pooling(size, strip_bytes, dirty_memory):
    """Integers from -1 to 2: most 2x2 have equal largest pixels, of which the first wins."""
    height, width = size
    image = torch.randint(-1, 3, (1, 5, *size), generator=torch.Generator().manual_seed(2)).float()
    theirs = image.clone().requires_grad_()
    expected = F.max_pool2d(theirs, 2)
    slope = torch.randn(expected.shape, generator=torch.Generator().manual_seed(3))
    expected.backward(slope)
    pooled, winners = (torch.empty(height // 2, width // 2, 5, dtype=kind) for kind in (torch.float32, torch.uint8))
    halve(image[0].permute(1, 2, 0), pooled, winners, strip_bytes)
    assert torch.equal(pooled.permute(2, 0, 1)[None], expected)
    gradient = torch.empty(height, width, 5)
    unhalve(slope[0].permute(1, 2, 0), winners, gradient, strip_bytes)
    assert torch.equal(gradient.permute(2, 0, 1)[None], theirs.grad)
