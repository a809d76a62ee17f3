"""Optimizers on the next frame, from one recorded start: `make bench-optimizer ARGS="--clip a.mp4 --style b.jpg"`.

The clip is stylized with carried curvature pairs, as by `videostyle run`. The start and the pairs of each frame are recorded;
then every optimizer minimizes the same L from that start: Adam, L-BFGS with an empty history (as Ruder et al.), and L-BFGS
with the warped pairs of the previous frame. The table has the median of L over the frames, by iteration. Each frame is kept in
a file, so an interrupted benchmark continues.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.inputs import first_frames, settings_of, style_targets
from videostyle.losses.objective import Objective, Value
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.lbfgs import LBFGS, V
from videostyle.stylizers.optimize import Optimize
from videostyle.temporal.consistency import estimate_motion
from videostyle.temporal.flow import DIS

ADAM_RATE = 0.02
SHOWN = (0, 1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 100)
LENGTHS = {"Adam": 30, "fresh L-BFGS": 100, "carried L-BFGS": 10}


def by_adam(objective: Callable[[Tensor], Value], start: Tensor) -> Iterator[float]:
    """L before each step of Adam."""
    picture = start.clone().requires_grad_()
    adam = torch.optim.Adam([picture], lr=ADAM_RATE)
    while True:
        value = objective(picture)
        yield value.total
        picture.grad = value.gradient
        adam.step()
        picture.data.clamp_(0, 1)


def by_lbfgs(optimizer: LBFGS, objective: Callable[[Tensor], Value], start: Tensor) -> Iterator[float]:
    """L before each step of L-BFGS."""
    for _, value in optimizer.minimize(objective, start):
        yield value.total


def curves(objective: Objective, start: Tensor, carried: LBFGS) -> dict[str, list[float]]:
    """L after 0, 1, 2, ... iterations of each optimizer from one start."""
    runs = {
        "Adam": by_adam(objective, start),
        "fresh L-BFGS": by_lbfgs(LBFGS(bounds=(0.0, 1.0)), objective, start),
        "carried L-BFGS": by_lbfgs(copy.deepcopy(carried), objective, start),
    }
    return {name: list(islice(run, LENGTHS[name] + 1)) for name, run in runs.items()}


class RecordingLBFGS(LBFGS):
    """The stylizer's optimizer, which keeps what its last minimization started from."""

    recorded: tuple[Any, Tensor, LBFGS]
    """Objective, start, and an optimizer with the pairs that there were."""

    def __init__(self):
        super().__init__(bounds=(0.0, 1.0))

    def minimize(self, objective: Callable[[Tensor], V], start: Tensor) -> Iterator[tuple[Tensor, V]]:
        before = LBFGS(bounds=self.bounds)
        before.pairs.extend(self.pairs)
        self.recorded = objective, start, before
        return super().minimize(objective, start)


def frames_of(options: argparse.Namespace) -> Iterator[tuple[int, dict[str, list[float]] | None, float]]:
    """For each frame: its number, the curves (None for the first), and the spatial loss of the recorded run."""
    torch.set_num_threads(options.threads)
    recording = RecordingLBFGS()
    stylizer = Optimize(style_targets(options.style), settings_of("standard"), optimizer=recording)
    last = None
    for number, image in enumerate(first_frames(options.clip, options.size, options.frames), 1):
        moved = None if last is None else estimate_motion(last, image, DIS())
        (stylized,) = stylizer.step(FrameInput(image, moved))
        last = image
        yield number, None if moved is None else cached(options, number, recording), stylized.spatial_loss


def cached(options: argparse.Namespace, number: int, recording: RecordingLBFGS) -> dict[str, list[float]]:
    """The curves from a recorded start, kept in a file."""
    objective, start, carried = recording.recorded
    key = hashlib.sha256(start.numpy().tobytes()).hexdigest()[:12]
    path = options.folder / f"{options.clip.stem}_{options.style.stem}_{options.size}_{number}_{key}.json"
    if not path.exists():
        path.write_text(json.dumps(curves(objective, start, carried)))
    return json.loads(path.read_text())


def table(all_curves: list[dict[str, list[float]]]) -> list[str]:
    lines = ["iterations        " + "".join(f"{n:>7}" for n in SHOWN)]
    for name, length in LENGTHS.items():
        of_frames = [frame[name] for frame in all_curves]
        medians = [median(curve[min(n, len(curve) - 1)] for curve in of_frames) for n in SHOWN if n <= length]
        lines.append(f"{name:<18}" + "".join(f"{value:>7.3f}" for value in medians))
    return lines


def iterations_needed(frame: dict[str, list[float]]) -> int | None:
    """Carried iterations until L is within 10 % of what 100 fresh ones reach; None where they do not get there."""
    goal = 1.1 * min(frame["fresh L-BFGS"])
    return next((n for n, value in enumerate(frame["carried L-BFGS"]) if value <= goal), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", type=Path, default=Path("sample_media/clip.mp4"))
    parser.add_argument("--style", type=Path, default=Path("sample_media/styles/swirls.jpg"))
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--folder", type=Path, default=Path("out/bench_optimizer"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    all_curves = []
    for number, frame, spatial in frames_of(options):
        if frame is None:
            print(f"frame {number}: first of the shot, spatial loss {spatial:.3f}", flush=True)
            continue
        all_curves.append(frame)
        fresh, carried = frame["fresh L-BFGS"], frame["carried L-BFGS"]
        print(
            f"frame {number}: start {fresh[0]:.3f}, 100 fresh {min(fresh):.3f}, carried after 3 {carried[3]:.3f} "
            f"({carried[3] / min(fresh) - 1:+.1%}), within 10 % after {iterations_needed(frame)}",
            flush=True,
        )
    print("\n".join(["median of L over the frames after the first", *table(all_curves)]))


if __name__ == "__main__":
    main()
