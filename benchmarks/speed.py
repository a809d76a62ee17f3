"""Time and memory, as ratios within one run: `make bench-speed ARGS="--only protocol bound"`.

protocol   Ruder et al. as published (benchmarks/protocol.py) against the standard preset, from the same starts
bound      one evaluation of L with its gradient over the time that the direct convolutions' FLOPs take at this process's
           matrix-product speed; and the same with the network by autograd
change     a repeated frame, a tripod clip and a moving one over a frame that is new all over
overhead   everything but the network's passes over these (benchmarks/overhead.py), and the time to the first pass
memory     the run's peak at each size
size       seconds a frame at 1280 over those at 640
growth     seconds a frame against the clip's length and against pixels
presets    spatial loss, warp error and seconds a frame of each preset, beside exact numbers of iterations
estimate   the first estimate of a run's time over the time that it took

What takes minutes is kept in a file, so an interrupted benchmark continues.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import torch

from benchmarks.command import run_command
from benchmarks.inputs import first_frames, settings_of, style_targets
from benchmarks.memory import write_looped
from benchmarks.overhead import overhead
from benchmarks.protocol import protocol, published_network, with_network
from benchmarks.quality import measure
from videostyle import Job, run
from videostyle.events import Estimate
from videostyle.frames import Motion
from videostyle.losses.frame_targets import FrameTargets
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.models.features import load_features
from videostyle.models.vgg import VGG19, begins_block
from videostyle.option_groups import PRESETS
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.optimize import Optimize
from videostyle.temporal.consistency import estimate_motion
from videostyle.temporal.flow import DIS

# --- one evaluation of L, and one frame ---------------------------------------------------------------------------------


def flops(network: VGG19, height: int, width: int) -> int:
    """Multiplications and additions of the direct convolutions, forward and for the picture's gradient."""
    total = 0
    for layer, (weight, _) in network.convolutions.items():
        if begins_block(layer):
            height, width = height // 2, width // 2
        total += 2 * 2 * weight.numel() * height * width
    return total


def product_speed(device: str) -> float:
    """FLOPs a second of a matrix product, the best of several."""
    a, b = (torch.randn(2048, 2048, device=device) for _ in range(2))
    return 2 * 2048**3 / min(timed(lambda: a @ b, device) for _ in range(8))


def timed(work: Callable[[], Any], device: str = "cpu") -> float:
    """Seconds that a call takes, until the GPU is done with it."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    began = time.perf_counter()
    work()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - began


BOUND_SIZES = ((320, 180), (640, 360), (1280, 720))  # (width, height)


def bound(options: argparse.Namespace) -> Iterator[str]:
    """Three repetitions at each size: the median of several evaluations over the bound measured beside them."""
    features = load_features("vgg19", options.device)
    plain = published_network(options.device)
    yield "size          evaluation   over the bound, three times   by autograd"
    for width, height in BOUND_SIZES[: options.bound_sizes]:
        random = torch.Generator().manual_seed(0)
        picture, content, style = (
            torch.rand(1, 3, height, width, generator=random)
            .to(options.device)
            .contiguous(memory_format=torch.channels_last)
            for _ in range(3)
        )
        targets = StyleTargets(features, [style]).at((height, width))
        objective = Objective(FrameTargets(features, content, targets, content, content[:, :1]), Weights())
        evaluate, autograd = partial(objective, picture), partial(with_network(objective, plain), picture)
        evaluate()
        autograd()
        ratios, seconds = [], []
        for _ in range(3):
            speed = product_speed(options.device)
            seconds.append(median(timed(evaluate, options.device) for _ in range(5)))
            ratios.append(seconds[-1] * speed / flops(plain, height, width))
        published = min(timed(autograd, options.device) for _ in range(3)) * speed / flops(plain, height, width)
        shown = "  ".join(f"{ratio:.2f}" for ratio in ratios)
        yield f"{width:>4}x{height:<6} {median(seconds):>10.3f} s   {shown} {published:>24.2f}"


def change(options: argparse.Namespace) -> Iterator[str]:
    """Seconds of a frame over those of a frame without a consistent pixel, at 320 px."""
    yield "frame                           seconds   over a new one   iterations"
    for clip in options.clips:
        frames = first_frames(clip, options.change_size, 10)
        stylizer = Optimize(style_targets(options.style, options.device), settings_of("standard", options.device))
        stylizer.step(FrameInput(frames[0]))
        moving = [stylizer.step(FrameInput(b, estimate_motion(a, b, DIS())))[0] for a, b in pairwise(frames)]
        shape = frames[0].shape[:2]
        inconsistent = Motion(np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32))
        still = stylizer.step(FrameInput(frames[-1], inconsistent))[0]
        full = stylizer.step(FrameInput(frames[0], inconsistent))[0].seconds
        spent, steps = median(frame.seconds for frame in moving), median(frame.iterations for frame in moving)
        yield f"{clip.stem:<30.30} {spent:>8.2f} {spent / full:>16.2f} {steps:>12.0f}"
        yield f"{'  its last frame again':<30} {still.seconds:>8.2f} {still.seconds / full:>16.3f} {still.iterations:>12}"


# --- whole runs ------------------------------------------------------------------------------------------------------


def run_of(clip: Path, options: argparse.Namespace, name: str, *limits: object) -> dict:
    """Stylize a clip with these options; return the run's report."""
    return run_command(clip, options.style, options.folder / f"{name}.mp4", "--device", options.device, *limits)


def memory(options: argparse.Namespace) -> Iterator[str]:
    """The peak of a short run. At its end there are all ten curvature pairs, and flow was computed beside the iterations."""
    limits = "--frames", 4, "--iterations", 3, "--first-iterations", 14
    yield "size          peak"
    for longer in options.memory_sizes:
        report = run_of(options.clips[0], options, f"memory_{longer}", *limits, "--size", longer)
        yield f"{report['width']:>4}x{report['height']:<6} {report['peak_memory'] / 2**30:>6.2f} GiB"


def size(options: argparse.Namespace) -> Iterator[str]:
    """Three frames at each size by the standard preset."""
    yield "size   first frame   a later one   spatial loss at the end"
    seconds = {}
    for longer in (640, 1280):
        frames = run_of(options.clips[0], options, f"size_{longer}", "--size", longer, "--frames", 3)["frames"]
        seconds[longer] = sum(frame["seconds"] for frame in frames)
        later = median(frame["seconds"] for frame in frames[1:])
        yield f"{longer:>4} {frames[0]['seconds']:>12.1f} s {later:>11.1f} s {frames[-1]['loss_star']:>13.3f}"
    yield f"1280 over 640: {seconds[1280] / seconds[640]:.2f}"


def growth(options: argparse.Namespace) -> Iterator[str]:
    """One iteration a frame, so that anything else that grows with the length would show."""
    clip = options.folder / "looped.mp4"
    write_looped(options.clips[0], clip, max(options.lengths), 96)
    curves: dict[str, list[list[float]]] = {"lengths": [], "pixels": []}
    yield "frames at 96 px   seconds a frame, of those beyond the shorter clip"
    spent = [
        (count, run_of(clip, options, f"length_{count}", "--frames", count, "--size", 96, "--iterations", 1)["seconds"])
        for count in options.lengths
    ]
    for (few, less), (many, more) in pairwise(spent):
        curves["lengths"].append([many, (more - less) / (many - few)])
        yield f"{many:>8} {curves['lengths'][-1][1]:>20.4f}"
    limits = "--frames", 4, "--iterations", 2, "--first-iterations", 14
    yield "size              seconds a frame   a megapixel"
    for longer in options.growth_sizes:
        report = run_of(options.clips[0], options, f"pixels_{longer}", *limits, "--size", longer)
        later = median(frame["seconds"] for frame in report["frames"][1:])
        pixels = report["width"] * report["height"] / 1e6
        curves["pixels"].append([pixels, later])
        yield f"{report['width']:>4}x{report['height']:<6} {later:>20.3f} {later / pixels:>13.2f}"
    (options.folder / "growth.json").write_text(json.dumps(curves))


PRESET_FRAMES = 24
WAYS = {name: ("--preset", name) for name in PRESETS} | {
    f"{count} iterations": ("--iterations", count) for count in (1, 2, 4, 8, 16)
}


def presets(options: argparse.Namespace) -> Iterator[str]:
    """24 frames at 320 px; the spatial loss without its smoothness, by `videostyle measure`."""
    yield "clip, way                          seconds a frame   loss    warp error at 1, 10"
    for clip, (name, limits) in product(options.clips, WAYS.items()):
        output = options.folder / f"presets_{clip.stem}_{name.replace(' ', '_')}.mp4"
        kept = output.with_suffix(".row.json")
        if not kept.exists():
            where = ("--size", 320, "--frames", PRESET_FRAMES, *limits)
            report = run_of(clip, options, output.stem, *where)
            summary = measure(clip, output, options.style, PRESET_FRAMES)["summary"]
            later = [frame["seconds"] for frame in report["frames"][1:]]
            spatial = Weights()["content"] * summary["content"] + Weights()["style"] * summary["gram"]
            kept.write_text(json.dumps({"seconds": mean(later), "spatial": spatial} | summary))
        row = json.loads(kept.read_text())
        yield (
            f"{clip.stem:<18.18} {name:<14} {row['seconds']:>15.2f} {row['spatial']:>8.3f} "
            f"{row['warp_1']:>9.4f} {row['warp_10']:.4f}"
        )


def estimate(options: argparse.Namespace) -> Iterator[str]:
    """Each clip at two presets and two lengths, at 320 px."""
    yield "clip, preset                     frames   estimate  took   estimate over took"
    for clip, preset, count in product(options.clips, ("draft", "standard"), (8, 24)):
        job = Job(
            input=clip, styles=(options.style,), output=options.folder / "estimate.mp4", size=320, frames=str(count),
            preset=preset, device=options.device, overwrite=True, restart=True,
        )  # fmt: skip
        events: list[object] = []
        took = run(job, progress=events.append).seconds
        first = next((event.seconds for event in events if isinstance(event, Estimate)), None)
        shown = "none" if first is None else f"{first:>7.0f} s {took:>7.0f} s   {first / took:.2f}"
        yield f"{clip.stem:<22.22} {preset:<9} {count:>5} {shown}"


PARTS: dict[str, Callable[[argparse.Namespace], Iterator[str]]] = {
    "bound": bound, "change": change, "overhead": overhead, "memory": memory, "size": size, "growth": growth,
    "presets": presets, "estimate": estimate, "protocol": protocol,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", nargs="+", type=Path, default=[Path("sample_media/clip.mp4")])
    parser.add_argument("--style", type=Path, default=Path("sample_media/styles/swirls.jpg"))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--lengths", nargs="+", type=int, default=[30, 300, 3000])
    parser.add_argument("--memory-sizes", nargs="+", type=int, default=[1280, 1920])
    parser.add_argument("--growth-sizes", nargs="+", type=int, default=[160, 320, 640, 1280])
    parser.add_argument("--protocol-size", type=int, default=192)
    parser.add_argument("--change-size", type=int, default=320)
    parser.add_argument("--bound-sizes", type=int, default=len(BOUND_SIZES), help="how many sizes, from the smallest")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--folder", type=Path, default=Path("out/bench_speed"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.device}", flush=True)
    for name in options.only:
        print(f"\n{name}", flush=True)
        for line in PARTS[name](options):
            print(line, flush=True)


if __name__ == "__main__":
    main()
