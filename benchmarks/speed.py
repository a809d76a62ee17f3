"""How fast, and against what: `make bench-speed ARGS="--only protocol bound"`. Every figure is a ratio of arms of one run.

protocol   Ruder et al. as written (empty history, up to 1,000 iterations, the network by autograd) against the standard
           preset, from the same starts
bound      one evaluation of L with its gradient over the direct convolutions' FLOPs at this process's matrix-product speed,
           and the same by autograd
change     a repeated frame, a tripod clip and a moving one over a frame that is new all over
overhead   everything but the network's passes (the iterations, and a frame's content target) over these; time to the first
memory     the run's peak at each size
size       seconds a frame at 1280 over those at 640
growth     seconds a frame against the clip's length and against pixels
presets    L*, warp error and seconds a frame of each preset, beside exact numbers of iterations
estimate   the time that a run names after its first iterations over what it took

What takes minutes is kept in a file, so that an interrupted benchmark goes on where it stopped.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice, pairwise, product
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.command import painted
from benchmarks.memory import looped
from benchmarks.optimizer import RecordingLBFGS
from benchmarks.quality import measured
from videostyle import Job, run
from videostyle.config import PRESETS
from videostyle.evaluation import metrics
from videostyle.events import Estimate
from videostyle.frames import Motion
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import FrameTargets, Weights
from videostyle.media.resize import fit_size
from videostyle.media.sources import open_source
from videostyle.models.features import load_features
from videostyle.models.vgg import VGG19, Features, begins_block
from videostyle.models.weights import WEIGHTS
from videostyle.style_images import load_style
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.lbfgs import LBFGS
from videostyle.stylizers.optimize import Optimize
from videostyle.stylizers.schedule import SCHEDULES
from videostyle.temporal.consistency import estimate_motion
from videostyle.temporal.flow import DIS
from videostyle.tensors import to_tensor

PROTOCOL_MOST, PROTOCOL_WINDOW, PROTOCOL_CHANGE = 1000, 50, 1e-4


# --- what is measured ---------------------------------------------------------------------------------------------


def frames_of(clip: Path, longer: int, count: int) -> list[np.ndarray]:
    """The clip's first frames, uint8 (H, W, 3), `longer` pixels on their longer side."""
    source = open_source(clip)
    size = fit_size(source.info.size, longer, 2)
    frames = [frame.image for frame in islice(source.frames(size), count)]
    source.close()
    return frames


def new_stylizer(options: argparse.Namespace, preset: str = "standard", optimizer: LBFGS | None = None) -> Optimize:
    pictures = [to_tensor(load_style(options.style), options.device)]
    styles = StyleTargets(load_features("vgg19", options.device), pictures)
    return Optimize(styles, Weights(), SCHEDULES[preset], options.device, optimizer=optimizer)


def published_network(device: str) -> VGG19:
    """The plain network: PyTorch's own convolutions, pooling and autograd, the way the published method runs."""
    return VGG19(WEIGHTS["vgg19"](), device)


def with_network(objective: Objective, network: Features) -> Objective:
    """The same L by another way through the same network."""
    changed = copy.copy(objective)
    changed.features = network
    return changed


def by_protocol(objective: Callable[[Tensor], Any], start: Tensor) -> tuple[Tensor, float, int]:
    """L-BFGS from an empty history until L changes by less than 1e-4 over 50 iterations; picture, L and iterations."""
    values: list[float] = []
    for iterations, (picture, value) in enumerate(LBFGS().minimize(objective, start)):
        values.append(value.total)
        window = values[-1 - PROTOCOL_WINDOW :]
        settled = len(window) > PROTOCOL_WINDOW and abs(window[0] - window[-1]) < PROTOCOL_CHANGE * abs(window[0])
        if settled or iterations == PROTOCOL_MOST:
            break
    return picture, values[-1], iterations


def protocol_frame(
    stylizer: Optimize, recording: RecordingLBFGS, before: np.ndarray, image: np.ndarray, moved: Motion
) -> dict[str, float | None]:
    """One frame by both, from one start: seconds, L of the picture that is seen, iterations, warp error to the last one.

    within: our iterations until L is 1.05 times theirs or less.
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
        metrics.warp_error(metrics.warp_difference(each, last, back), mask) for each in (ours.picture, theirs)
    )
    assert warp is not None
    assert warp_theirs is not None
    return {
        "new": moved.new_share, "seconds": ours.seconds, "loss": ours.loss, "iterations": ours.iterations, "warp": warp,
        "their seconds": seconds, "their loss": loss, "their iterations": iterations, "their warp": warp_theirs,
        "within": within,
    }  # fmt: skip


def protocol(options: argparse.Namespace) -> Iterator[str]:
    """Frames 2 and 3 of each clip at 192 px."""
    yield "clip, frame           new   times faster   L over theirs   iterations  within 5 %      warp error"
    for clip in options.clips:
        kept = options.folder / f"protocol_{clip.stem}_{options.style.stem}.json"
        if not kept.exists():
            frames, recording = frames_of(clip, 192, 3), RecordingLBFGS()
            stylizer = new_stylizer(options, optimizer=recording)
            stylizer.step(FrameInput(frames[0]))
            pairs = pairwise(frames)
            rows = [protocol_frame(stylizer, recording, a, b, estimate_motion(a, b, DIS())) for a, b in pairs]
            kept.write_text(json.dumps(rows))
        for number, row in enumerate(json.loads(kept.read_text()), 2):
            yield (
                f"{clip.stem:<18.18} {number:>2} {row['new']:>6.0%} {row['their seconds'] / row['seconds']:>14.0f} "
                f"{row['loss'] / row['their loss']:>15.3f} {row['iterations']:>6.0f} {row['their iterations']:>5.0f} "
                f"{row['within'] if row['within'] is not None else 'never':>11} {row['warp']:>9.4f} {row['their warp']:.4f}"
            )


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
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    began = time.perf_counter()
    work()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - began


def bound(options: argparse.Namespace) -> Iterator[str]:
    """Three repetitions at each size; each the median of several evaluations over the bound measured beside them."""
    features = load_features("vgg19", options.device)
    plain = published_network(options.device)
    yield "size          evaluation   over the bound, three times   by autograd"
    for width, height in ((320, 180), (640, 360), (1280, 720)):
        random = torch.Generator().manual_seed(0)
        picture, content, style = (
            torch.rand(1, 3, height, width, generator=random)
            .to(options.device)
            .contiguous(memory_format=torch.channels_last)
            for _ in range(3)
        )
        grams = StyleTargets(features, [style]).at((height, width))
        objective = Objective(FrameTargets(features, content, grams, content, content[:, :1]), Weights())
        evaluate, autograd = partial(objective, picture), partial(with_network(objective, plain), picture)
        evaluate()
        autograd()
        ratios, seconds = [], []
        for _ in range(3):
            speed = product_speed(options.device)
            seconds.append(median(timed(evaluate, options.device) for _ in range(5)))
            ratios.append(seconds[-1] * speed / flops(plain, height, width))
        published = min(timed(autograd, options.device) for _ in range(3)) * speed / flops(plain, height, width)
        shown = "  ".join(f"{each:.2f}" for each in ratios)
        yield f"{width:>4}x{height:<6} {median(seconds):>10.3f} s   {shown} {published:>24.2f}"


def change(options: argparse.Namespace) -> Iterator[str]:
    """Seconds of a frame over those of a frame of which nothing can be trusted, at 320 px."""
    yield "frame                           seconds   over a new one   iterations"
    for clip in options.clips:
        frames, stylizer = frames_of(clip, 320, 10), new_stylizer(options)
        stylizer.step(FrameInput(frames[0]))
        pairs = pairwise(frames)
        moving = [stylizer.step(FrameInput(b, estimate_motion(a, b, DIS())))[0] for a, b in pairs]
        shape = frames[0].shape[:2]
        nothing = Motion(np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32))
        still = stylizer.step(FrameInput(frames[-1], nothing))[0]
        full = stylizer.step(FrameInput(frames[0], nothing))[0].seconds
        spent, steps = median(each.seconds for each in moving), median(each.iterations for each in moving)
        yield f"{clip.stem:<30.30} {spent:>8.2f} {spent / full:>16.2f} {steps:>12.0f}"
        yield f"{'  its last frame again':<30} {still.seconds:>8.2f} {still.seconds / full:>16.3f} {still.iterations:>12}"


def run_of(clip: Path, options: argparse.Namespace, name: str, *limits: object) -> dict:
    """The report of a clip's run with these limits, on the device that is measured."""
    return painted(clip, options.style, options.folder / f"{name}.mp4", "--device", options.device, *limits)


def overhead(options: argparse.Namespace) -> Iterator[str]:
    """Three runs of 12 frames at 320 px, each in a process of its own that adds up the network's passes."""
    yield "run   all but the passes, over them   to the first one"
    for number in range(1, 4):
        arguments = [options.clips[0], options.style, options.folder / "overhead.mp4", options.device]
        code = "from benchmarks.speed import one_run; one_run()"
        environment = os.environ | {"VIDEOSTYLE_BEGAN": str(time.time())}
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        )
        figures = json.loads(done.stdout.splitlines()[-1])
        rest = figures["all"] - figures["iterations"] - figures["start"]
        yield f"{number:>3} {rest / figures['iterations']:>28.1%} {figures['start']:>24.1f} s"


def one_run() -> None:
    """Paints 12 frames and prints the seconds from the process's start: of all, of the network's passes, to the first one."""
    clip, style, output, device = sys.argv[1:5]
    spent, first = 0.0, 0.0

    def timing(part: Callable[..., Any]) -> Callable[..., Any]:
        def work(*arguments: Any) -> Any:
            nonlocal spent, first
            first = first or time.time()
            began = time.perf_counter()
            result = part(*arguments)
            spent += time.perf_counter() - began
            return result

        return work

    # the targets of content and style are passes of the network too, as much the painting's own work as its iterations
    for owner, part in ((Objective, "__init__"), (Objective, "__call__"), (StyleTargets, "at")):
        setattr(owner, part, timing(getattr(owner, part)))
    job = Job(
        input=Path(clip),
        styles=(Path(style),),
        output=Path(output),
        size=320,
        frames="12",
        device=device,
        overwrite=True,
    )
    run(job)
    began = float(os.environ["VIDEOSTYLE_BEGAN"])
    print(json.dumps({"all": time.time() - began, "iterations": spent, "start": first - began}))


def memory(options: argparse.Namespace) -> Iterator[str]:
    # while the second frame is painted the fourth one's flow is made; at the end there are all ten pairs
    limits = "--frames", 4, "--iterations", 3, "--first-iterations", 14
    yield "size          peak"
    for longer in options.memory_sizes:
        report = run_of(options.clips[0], options, f"memory_{longer}", *limits, "--size", longer)
        yield f"{report['width']:>4}x{report['height']:<6} {report['peak_memory'] / 2**30:>6.2f} GiB"


def size(options: argparse.Namespace) -> Iterator[str]:
    """Three frames at each size by the standard preset."""
    yield "size   first frame   a later one   L* at the end"
    found = {}
    for longer in (640, 1280):
        frames = run_of(options.clips[0], options, f"size_{longer}", "--size", longer, "--frames", 3)["frames"]
        found[longer] = sum(each["seconds"] for each in frames)
        later = median(each["seconds"] for each in frames[1:])
        yield f"{longer:>4} {frames[0]['seconds']:>12.1f} s {later:>11.1f} s {frames[-1]['spatial_loss']:>13.3f}"
    yield f"1280 over 640: {found[1280] / found[640]:.2f}"


def growth(options: argparse.Namespace) -> Iterator[str]:
    """One iteration a frame, so that what grows beside them would show."""
    clip = options.folder / "looped.mp4"
    looped(options.clips[0], clip, max(options.lengths), 96)
    found: dict[str, list[list[float]]] = {"lengths": [], "pixels": []}
    yield "frames at 96 px   seconds of each beyond the shorter clip's"
    spent = [
        (count, run_of(clip, options, f"length_{count}", "--frames", count, "--size", 96, "--iterations", 1)["seconds"])
        for count in options.lengths
    ]
    for (few, less), (many, more) in pairwise(spent):
        found["lengths"].append([many, (more - less) / (many - few)])
        yield f"{many:>8} {found['lengths'][-1][1]:>20.4f}"
    limits = "--frames", 4, "--iterations", 2, "--first-iterations", 14
    yield "size              seconds a frame   a megapixel"
    for longer in (160, 320, 640, 1280):
        report = run_of(options.clips[0], options, f"pixels_{longer}", *limits, "--size", longer)
        later = median(each["seconds"] for each in report["frames"][1:])
        pixels = report["width"] * report["height"] / 1e6
        found["pixels"].append([pixels, later])
        yield f"{report['width']:>4}x{report['height']:<6} {later:>20.3f} {later / pixels:>13.2f}"
    (options.folder / "growth.json").write_text(json.dumps(found))


PRESET_FRAMES = 24
WAYS = {name: ("--preset", name) for name in PRESETS} | {
    f"{count} iterations": ("--iterations", count) for count in (1, 2, 4, 8, 16)
}


def presets(options: argparse.Namespace) -> Iterator[str]:
    """24 frames at 320 px. L* but for smoothness, by `videostyle measure`."""
    yield "clip, way                          seconds a frame   L*      warp error at 1, 10"
    for clip, (name, limits) in product(options.clips, WAYS.items()):
        output = options.folder / f"presets_{clip.stem}_{name.replace(' ', '_')}.mp4"
        kept = output.with_suffix(".row.json")
        if not kept.exists():
            where = ("--size", 320, "--frames", PRESET_FRAMES, *limits)
            report = run_of(clip, options, output.stem, *where)
            found = measured(clip, output, options.style, PRESET_FRAMES)["summary"]
            later = [each["seconds"] for each in report["frames"][1:]]
            spatial = Weights()["content"] * found["content"] + Weights()["style"] * found["gram"]
            kept.write_text(json.dumps({"seconds": mean(later), "spatial": spatial} | found))
        row = json.loads(kept.read_text())
        yield (
            f"{clip.stem:<18.18} {name:<14} {row['seconds']:>15.2f} {row['spatial']:>8.3f} "
            f"{row['warp_1']:>9.4f} {row['warp_10']:.4f}"
        )


def estimate(options: argparse.Namespace) -> Iterator[str]:
    """Of each clip at two presets and two lengths, 320 px."""
    yield "clip, preset                     frames   told      took   told over took"
    for clip, preset, count in product(options.clips, ("draft", "standard"), (8, 24)):
        job = Job(
            input=clip, styles=(options.style,), output=options.folder / "estimate.mp4", size=320, frames=str(count),
            preset=preset, device=options.device, overwrite=True, restart=True,
        )  # fmt: skip
        told: list[float] = []
        took = run(job, progress=lambda event, told=told: told.extend(estimates(event))).seconds
        ratio = f"{told[0] / took:.2f}" if told else "nothing told"
        yield f"{clip.stem:<22.22} {preset:<9} {count:>5} {sum(told):>7.0f} s {took:>7.0f} s   {ratio}"


def estimates(event: object) -> list[float]:
    return [event.seconds] if isinstance(event, Estimate) else []


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
