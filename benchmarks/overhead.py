"""The share of a run that is not spent in the network: `make bench-speed ARGS="--only overhead"`.

`python -m benchmarks.overhead CLIP STYLE OUTPUT DEVICE` is the run that is measured, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from videostyle import Job, run
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets

BEGAN = "BENCHMARK_BEGAN"  # environment variable with the time that the process was started at
RUNS = 3


def overhead(options: argparse.Namespace) -> Iterator[str]:
    """Three runs of 12 frames at 320 px, each in a process of its own that sums the time of the network's passes."""
    yield "run   all but the passes, over them   to the first one"
    for number in range(1, RUNS + 1):
        arguments = [options.clips[0], options.style, options.folder / "overhead.mp4", options.device]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.overhead", *map(str, arguments)],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | {BEGAN: str(time.time())},
        )
        figures = json.loads(done.stdout.splitlines()[-1])
        rest = figures["all"] - figures["passes"] - figures["start"]
        yield f"{number:>3} {rest / figures['passes']:>28.1%} {figures['start']:>24.1f} s"


class Stopwatch:
    """Sums the time spent in functions that it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.first_call = 0.0  # time.time() of the first call

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            self.first_call = self.first_call or time.time()
            began = time.perf_counter()
            result = function(*arguments)
            self.seconds += time.perf_counter() - began
            return result

        return timed


def main() -> None:
    """Stylize 12 frames; print the seconds of the whole process, in the network, and up to its first pass."""
    clip, style, output, device = sys.argv[1:5]
    watch = Stopwatch()
    # content and style targets are passes of the network too
    for owner, name in ((Objective, "__init__"), (Objective, "__call__"), (StyleTargets, "at")):
        setattr(owner, name, watch.wrap(getattr(owner, name)))
    job = Job(
        input=Path(clip),
        styles=(Path(style),),
        output=Path(output),
        size=320,
        frames="12",
        device=device,
        overwrite=True,
    )
    run(job)
    began = float(os.environ[BEGAN])
    print(json.dumps({"all": time.time() - began, "passes": watch.seconds, "start": watch.first_call - began}))


if __name__ == "__main__":
    main()
