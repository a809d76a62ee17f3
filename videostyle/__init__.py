"""Paint a clip in the style of a painting: `from videostyle import Job, run, stylize_image`, or TrainJob and train.

The names are looked up on first use, so that `import videostyle` itself loads neither torch nor a codec.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videostyle.config import Job, TrainJob
    from videostyle.errors import VideoStyleError
    from videostyle.rendering.run import run
    from videostyle.stylizers.still import stylize_image
    from videostyle.training.train import train

__all__ = ["Job", "TrainJob", "VideoStyleError", "run", "stylize_image", "train"]

_HOMES = {
    "Job": "videostyle.config",
    "TrainJob": "videostyle.config",
    "VideoStyleError": "videostyle.errors",
    "run": "videostyle.rendering.run",
    "stylize_image": "videostyle.stylizers.still",
    "train": "videostyle.training.train",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("videostyle")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, "__version__"])
