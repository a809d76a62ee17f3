"""The torch device that a job runs on."""

from __future__ import annotations

from videostyle.config import Job, MeasureJob, TrainJob, WebcamJob
from videostyle.errors import BadOption


def resolve_device(job: Job | MeasureJob | TrainJob | WebcamJob) -> str:
    """The torch device: what was asked for, or the best there is. Raises BadOption where it is not at hand."""
    import torch

    mps = torch.backends.mps.is_available()
    if job.device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    present = {"cpu", *(["mps"] if mps else []), *(["cuda"] if torch.cuda.is_available() else [])}
    present |= {f"cuda:{number}" for number in range(torch.cuda.device_count())}
    if job.device not in present:
        raise BadOption(f"--device {job.device}", ", ".join(["auto", *sorted(present)]) + " on this machine")
    return job.device
