"""The torch device that a command runs on."""

from __future__ import annotations

from videostyle.errors import BadOption


def resolve_device(name: str) -> str:
    """The torch device for --device: "auto" is the best one of this machine. Raises BadOption if it has no such device."""
    import torch

    mps = torch.backends.mps.is_available()
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    present = {"cpu", *(["mps"] if mps else []), *(["cuda"] if torch.cuda.is_available() else [])}
    present |= {f"cuda:{number}" for number in range(torch.cuda.device_count())}
    if name not in present:
        raise BadOption(f"--device {name} is not on this machine", ", ".join(["auto", *sorted(present)]))
    return name
