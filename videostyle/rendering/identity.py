"""The identity of a run: everything its output bytes depend on, so that a resumed run writes the same bytes."""

from __future__ import annotations

import platform
from importlib.metadata import version

import cv2
import torch

from videostyle.analysis import ShotList
from videostyle.config import Job
from videostyle.frames import VideoInfo
from videostyle.provenance import LIBRARIES, Identity, fingerprint, plain_options
from videostyle.rendering.plan import RunPlan

# Options that change nothing in the painted bytes, or are told by something else: the files by their fingerprints, the
# part to paint by the frames themselves, so that a run can be made longer.
NOT_IDENTITY = {"input", "styles", "output", "overwrite", "restart", "report", "size", "device", "threads"} | {
    "frames", "duration", "start", "audio", "engine", "minutes", "begin_with",
}  # fmt: skip


def identity(job: Job, info: VideoInfo, chosen: RunPlan, clip: ShotList) -> Identity:
    """Everything that the painted bytes depend on, each under the name a user knows it by."""
    size, out_size, device = chosen.size, chosen.out_size, chosen.device
    options = {
        f"--{name.replace('_', '-')}": str(value)
        for name, value in plain_options(job).items()
        if name not in NOT_IDENTITY
    }
    files = {"the input": job.input} | {f"style {number}": path for number, path in enumerate(job.styles, 1)}
    files |= {"--begin-with": job.begin_with} if job.begin_with else {}
    return {
        **options,
        **{name: fingerprint(path) for name, path in files.items()},
        "the source's size": str(info.size),
        "painted size": f"{size[1]}x{size[0]}, written as {out_size[1]}x{out_size[0]}",
        "first frame": str(clip.first + 1),
        "time 0": str(clip.trim.start if clip.trim else 0),
        "device": f"{device} {torch.cuda.get_device_name(device)}" if device.startswith("cuda") else device,
        "processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "threads": f"{torch.get_num_threads()} and {cv2.getNumThreads()}",
        **{name: version(name) for name in LIBRARIES},
    }
