"""The published method beside ours, from the same starts: `make bench-speed ARGS="--only protocol"`.

Ruder et al. 2016 minimize L on every frame by L-BFGS with an empty history, for up to 1,000 iterations, with the network
evaluated by autograd.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from benchmarks.inputs import first_frames, settings_of, style_targets
from benchmarks.optimizer import RecordingLBFGS
from videostyle.evaluation import metrics
from videostyle.frames import Motion
from videostyle.losses.objective import Objective
from videostyle.models.vgg import VGG19, Features
from videostyle.models.weights import WEIGHTS
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.lbfgs import LBFGS
from videostyle.stylizers.optimize import Optimize
from videostyle.temporal.consistency import estimate_motion
from videostyle.temporal.flow import DIS

MOST_ITERATIONS = 1000
WINDOW = 50  # iterations over which the relative change of L is taken
SMALLEST_CHANGE = 1e-4


def published_network(device: str) -> VGG19:
    """The plain network: PyTorch's own convolutions and pooling, differentiated by autograd."""
    return VGG19(WEIGHTS["vgg19"](), device)


def with_network(objective: Objective, network: Features) -> Objective:
    """The same L, evaluated with another implementation of the network."""
    changed = copy.copy(objective)
    changed.features = network
    return changed


def by_protocol(objective: Callable[[Tensor], Any], start: Tensor) -> tuple[Tensor, float, int]:
    """L-BFGS from an empty history until L changes by less than 1e-4 over 50 iterations: picture, L and iterations."""
    values: list[float] = []
    for iterations, (picture, value) in enumerate(LBFGS().minimize(objective, start)):
        values.append(value.total)
        window = values[-1 - WINDOW :]
        settled = len(window) > WINDOW and abs(window[0] - window[-1]) < SMALLEST_CHANGE * abs(window[0])
        if settled or iterations == MOST_ITERATIONS:
            break
    return picture, values[-1], iterations


def compare(
    stylizer: Optimize, recording: RecordingLBFGS, before: np.ndarray, image: np.ndarray, moved: Motion
) -> dict[str, float | None]:
    """One frame by both methods from one start: seconds, L after clipping to [0, 1], iterations, warp error.

    "within" is the number of our iterations until L is at most 1.05 times theirs; None where it never is.
    """
    assert stylizer.last is not None
    last = stylizer.last.picture[0].permute(1, 2, 0).numpy()
    (ours,) = stylizer.step(FrameInput(image, moved))
    objective, start, carried = recording.recorded
    published = with_network(objective, published_network(stylizer.device))
    began = time.perf_counter()
    picture, _, iterations = by_protocol(published, start)
    seconds = time.perf_counter() - began
    picture = picture.clamp(0, 1)
    loss, theirs = objective(picture).total, picture[0].permute(1, 2, 0).numpy()
    path = islice(carried.minimize(objective, start), ours.iterations + 1)
    within = next((count for count, (_, value) in enumerate(path) if value.total <= 1.05 * loss), None)
    flow = DIS()
    back, forth = flow(image, before), flow(before, image)
    mask = metrics.visible(back, forth)
    warp, warp_theirs = (
        metrics.warp_error(metrics.warp_difference(result, last, back), mask) for result in (ours.picture, theirs)
    )
    assert warp is not None
    assert warp_theirs is not None
    return {
        "new": moved.new_share, "seconds": ours.seconds, "loss": ours.loss, "iterations": ours.iterations, "warp": warp,
        "their seconds": seconds, "their loss": loss, "their iterations": iterations, "their warp": warp_theirs,
        "within": within,
    }  # fmt: skip


def rows_of(clip: Path, options: argparse.Namespace) -> list[dict]:
    """The comparison of frames 2 and 3, kept in a file because it takes minutes."""
    kept = options.folder / f"protocol_{clip.stem}_{options.style.stem}.json"
    if not kept.exists():
        frames = first_frames(clip, options.protocol_size, 3)
        targets = style_targets(options.style, options.device)
        recording = RecordingLBFGS()
        stylizer = Optimize(targets, settings_of("standard", options.device), optimizer=recording)
        stylizer.step(FrameInput(frames[0]))
        rows = [compare(stylizer, recording, a, b, estimate_motion(a, b, DIS())) for a, b in pairwise(frames)]
        kept.write_text(json.dumps(rows))
    return json.loads(kept.read_text())


def protocol(options: argparse.Namespace) -> Iterator[str]:
    """Frames 2 and 3 of each clip, at 192 px."""
    yield "clip, frame           new   times faster   L over theirs   iterations  within 5 %      warp error"
    for clip in options.clips:
        for number, row in enumerate(rows_of(clip, options), 2):
            yield (
                f"{clip.stem:<18.18} {number:>2} {row['new']:>6.0%} {row['their seconds'] / row['seconds']:>14.0f} "
                f"{row['loss'] / row['their loss']:>15.3f} {row['iterations']:>6.0f} {row['their iterations']:>5.0f} "
                f"{row['within'] if row['within'] is not None else 'never':>11} {row['warp']:>9.4f} {row['their warp']:.4f}"
            )
