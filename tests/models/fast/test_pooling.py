"""Pooling is PyTorch's, with its gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from videostyle.models.fast import winograd as convolution
from videostyle.models.fast.pooling import Halved, pooled_before
from videostyle.models.weights import CONVOLUTIONS


@pytest.mark.parametrize("strip", [1, 100, 1 << 20])
@pytest.mark.parametrize("size", [(2, 2), (7, 10), (12, 5)])
def test_halving_is_max_pooling_with_its_gradient_also_where_pixels_are_equal(size, strip, dirty_memory, monkeypatch):
    """Whole numbers from -1 to 2: most 2x2 have equal largest pixels."""
    monkeypatch.setattr(convolution, "STRIP_BYTES", strip)
    image = torch.randint(-1, 3, (1, 5, *size), generator=torch.Generator().manual_seed(2)).float()
    ours, theirs = (image.clone().requires_grad_() for _ in range(2))
    found, expected = Halved.apply(ours), F.max_pool2d(theirs, 2)
    assert torch.equal(found, expected)
    slope = torch.randn(found.shape, generator=torch.Generator().manual_seed(3))
    found.backward(slope)
    expected.backward(slope)
    assert torch.equal(ours.grad, theirs.grad)


def test_the_network_pools_before_each_block_but_the_first():
    assert [name for name in CONVOLUTIONS if pooled_before(name)] == [f"conv{block}_1" for block in range(2, 6)]
