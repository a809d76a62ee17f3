"""What every entry of FLOWS keeps. RAFT runs on random weights here: its shapes are tested, not its quality."""

import numpy as np
import pytest
import torch

from videostyle.temporal.flow import FLOWS


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    from torchvision.models.optical_flow import raft_small

    home = tmp_path_factory.mktemp("torch")
    checkpoints = home / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(raft_small().state_dict(), checkpoints / "raft_small_C_T_V2-01064c6d.pth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(home))
        return {name: make("cpu") for name, make in FLOWS.items()}


def _pair(height, width):
    rng = np.random.default_rng(height * 1000 + width)
    return (rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(2))


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("size", [(33, 50), (1, 131)])
def test_shape_and_type(flows, name, size):
    """float32 (H, W, 2) for pictures of any size, which are not modified."""
    a, b = _pair(*size)
    kept = a.copy(), b.copy()
    flow = flows[name](a, b)
    assert flow.shape == (*size, 2)
    assert flow.dtype == np.float32
    assert flow.flags.c_contiguous
    assert np.isfinite(flow).all()
    assert np.array_equal(a, kept[0])
    assert np.array_equal(b, kept[1])


@pytest.mark.parametrize("name", FLOWS)
def test_deterministic(flows, name):
    """The same pictures give the same flow, and a later call does not change an earlier result."""
    a, b = _pair(40, 56)
    first = flows[name](a, b)
    kept = first.copy()
    flows[name](b, a)
    assert np.array_equal(first, kept)
    assert np.array_equal(flows[name](a, b), kept)
