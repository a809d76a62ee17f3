"""The identity of a run: everything that its output's bytes depend on.

It is kept in every checkpoint. A run with another identity would not write the same bytes, so that it does not resume it.
"""

from __future__ import annotations

import platform
from importlib.metadata import version

import cv2
import torch

from videostyle.analysis import ShotList
from videostyle.frames import VideoInfo
from videostyle.models.features import is_fast
from videostyle.provenance import LIBRARIES, Identity, fingerprint
from videostyle.rendering.plan import RunPlan

MACHINE = ("device", "processor", "network", "--threads", "the thread count of OpenCV", *LIBRARIES)
"""The parts that say where, and with what, a run computes: with --mixed a run resumes although these have changed."""


def identity(plan: RunPlan, info: VideoInfo, shots: ShotList) -> Identity:
    """Each part by the name that a user knows it by."""
    (height, width), (out_height, out_width) = plan.size, plan.out_size
    device = plan.device
    shots_with_tables = range(1, len(plan.tables) + 1)
    return {
        **plan.result_options,
        **{name: fingerprint(path) for name, path in plan.files.items()},
        **{name: value for number in shots_with_tables for name, value in of_shot(plan, number).items()},
        "the source's size": str(info.size),
        "size": f"{width}x{height}, written as {out_width}x{out_height}",
        "first frame": str(shots.first + 1),
        "time 0": str(shots.trim.start if shots.trim else 0),
        "device": f"{device} {torch.cuda.get_device_name(device)}" if device.startswith("cuda") else device,
        "processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "network": "fast" if is_fast() else "plain",
        "--threads": str(torch.get_num_threads()),
        "the thread count of OpenCV": str(cv2.getNumThreads()),
        **{name: version(name) for name in LIBRARIES},
    }


def of_shot(plan: RunPlan, number: int) -> Identity:
    """What a shot has of its own: options and files that are not those of the run."""
    own = plan.of_shot(number)
    options = {name: value for name, value in own.result_options.items() if value != plan.result_options.get(name)}
    files = {name: fingerprint(path) for name, path in own.files.items() if path != plan.files.get(name)}
    fewer = {name: "not given" for name in plan.files if name not in own.files}
    return {f"shot {number}, {name}": value for name, value in (options | files | fewer).items()}
