"""How PyTorch's idle threads wait: decided by what else the machine does, before PyTorch loads.

Between two parallel parts of a computation the threads of OpenMP spin for a while before they sleep. Alone on the machine that
is fastest. Where another program keeps a core busy, though, the spinning threads take the time of those that still have work:
on two cores an evaluation then takes 4.0 times as long as alone, and 1.7 times where idle threads sleep at once; sleeping at
once costs a fifth where nothing else runs (docs/benchmarks.md, benchmarks/threads.py). Results do not depend on it.
"""

from __future__ import annotations

import os
import sys

import psutil

POLICY = "OMP_WAIT_POLICY"
LOOKED_AT = 0.25  # seconds over which the load is measured
BUSY = 0.5  # cores that other programs use, from which on idle threads sleep at once


def choose_waiting_policy() -> None:
    """Let idle threads sleep at once if other programs keep a core busy now.

    Without effect if PyTorch is loaded already, or if the environment says how threads wait.
    """
    if "torch" in sys.modules or POLICY in os.environ or "GOMP_SPINCOUNT" in os.environ:
        return
    if cores_taken() >= BUSY:
        os.environ[POLICY] = "passive"


def cores_taken() -> float:
    """CPU cores that are in use, on average over LOOKED_AT seconds, in which this process sleeps."""
    return psutil.cpu_percent(LOOKED_AT) / 100 * (psutil.cpu_count() or 1)
