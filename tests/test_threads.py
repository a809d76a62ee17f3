"""The waiting policy of PyTorch's threads: by load, before PyTorch loads, never against the user."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from videostyle.threads import BUSY, POLICY, choose_waiting_policy


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A process in which PyTorch is not loaded and nothing is said of its threads."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(os, "environ", {})
    return monkeypatch


@pytest.mark.parametrize(("share", "policy"), [(0.0, None), (0.9 * BUSY, None), (1.1 * BUSY, "passive")])
def test_policy_by_load(unloaded: pytest.MonkeyPatch, share: float, policy: str | None) -> None:
    unloaded.setattr(psutil, "cpu_percent", lambda seconds: 100 * share / (psutil.cpu_count() or 1))
    choose_waiting_policy()
    assert os.environ.get(POLICY) == policy


@pytest.mark.parametrize("variable", [POLICY, "GOMP_SPINCOUNT"])
def test_user_decides(unloaded: pytest.MonkeyPatch, variable: str) -> None:
    unloaded.setattr(psutil, "cpu_percent", lambda seconds: pytest.fail("the load does not matter"))
    unloaded.setenv(variable, "1")
    choose_waiting_policy()
    assert [os.environ.get(name) for name in (POLICY, "GOMP_SPINCOUNT")].count("1") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="PyTorch's wheels have libgomp on Linux")
def test_runtime_reads_it() -> None:
    """What is chosen reaches the OpenMP runtime of PyTorch, with whose settings it starts."""
    script = """
import os, psutil
psutil.cpu_percent = lambda seconds: 100.0
from videostyle.threads import choose_waiting_policy
choose_waiting_policy()
os.environ["OMP_DISPLAY_ENV"] = "true"
import torch
"""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=kept)
    assert f"{POLICY} = 'PASSIVE'" in done.stderr
