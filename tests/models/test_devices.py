"""Which device a command runs on."""

from __future__ import annotations

import pytest
import torch

from videostyle.errors import BadOption
from videostyle.models.devices import resolve_device


@pytest.fixture
def machine(monkeypatch):
    """Sets which devices PyTorch reports."""

    def has(gpus: int = 0, mps: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return has


@pytest.mark.parametrize(("gpus", "mps", "best"), [(0, False, "cpu"), (1, False, "cuda"), (0, True, "mps")])
def test_auto_is_the_best_device(machine, gpus, mps, best):
    machine(gpus, mps)
    assert resolve_device("auto") == best
    assert resolve_device("cpu") == "cpu"


def test_absent_device_is_refused_with_those_present(machine):
    machine(gpus=2)
    assert resolve_device("cuda:1") == "cuda:1"
    with pytest.raises(BadOption, match=r"accepted: auto, cpu, cuda, cuda:0, cuda:1$"):
        resolve_device("cuda:2")
    machine()
    for device in ("cuda", "mps", "tpu"):
        with pytest.raises(BadOption, match=rf"--device {device} .*accepted: auto, cpu$"):
            resolve_device(device)
