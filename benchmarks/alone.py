"""Frames of a stylized clip beside the same frames stylized alone: `python -m benchmarks.alone --folder out/bench_quality`.

For some frames of every pair that benchmarks.quality has stylized with one method, figures over those of the same frame
stylized alone, as a shot's first frame: the Gram distance of what is new and of the rest, the content distance of what is new,
the style embedding of the box around it, sharpness, and the plain spatial loss (content, style and tv of the whole frame). A
last line has the median of each, and color constancy at the last of the frames. A frame alone takes as long as a shot's first
one, and is kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks.inputs import Pair, add_pairs, pair_name, pairs_of, settings_of, style_targets
from videostyle.analysis import analyze
from videostyle.errors import MissingModel
from videostyle.evaluation.constancy import ColorConstancy, ColorScores
from videostyle.evaluation.embedding import Embed, load_embedding
from videostyle.evaluation.metrics import followed, luma, sharpness
from videostyle.evaluation.new_region import NewRegion
from videostyle.evaluation.pairs import as_float
from videostyle.evaluation.perceptual import PerceptualMetrics
from videostyle.losses.frame_targets import FrameTargets
from videostyle.losses.objective import Objective
from videostyle.losses.terms import Weights
from videostyle.media.images import read_picture
from videostyle.media.sources import open_source
from videostyle.option_groups import SelectionOptions
from videostyle.style_images import load_style
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.optimize import Optimize
from videostyle.temporal.flow import DIS, gain_match
from videostyle.tensors import to_tensor

AT = (8, 16, 24, 32, 40, 48)
"""The frames that are compared, from 1."""

COVERS = 0.02, 0.5
"""Shares of the frame that what is new may cover where its figures count in the median."""

OF_NEW = ("gram_new", "content_new", "embedding_new")
"""Figures of what is new."""

HEADS = {
    "gram_new": "new: Gram",
    "content_new": "new: content",
    "embedding_new": "new: embedding",
    "gram_rest": "rest: Gram",
    "sharpness": "sharpness",
    "spatial": "spatial loss",
    "loss": "spatial loss itself",
}


@dataclass(frozen=True)
class Compared:
    """A frame that is compared."""

    ordinal: int
    """Its number, from 1."""
    source: np.ndarray
    """The source frame, uint8 (H, W, 3)."""
    output: np.ndarray
    """The stylized frame, likewise."""
    new: np.ndarray
    """What is new in it, bool (H, W)."""
    colors: ColorScores
    """Its color constancy within its shot."""


def frames_at(clip: Path, stylized: Sequence[Path], ordinals: Sequence[int]) -> Iterator[Compared]:
    """The frames of these numbers. stylized: the files of all stylized frames, in order."""
    with closing(open_source(clip)) as source:
        shots = analyze(source, SelectionOptions(frames=str(max(ordinals))), lambda _: None)
        flow, last = DIS(), None
        frames = source.frames(read_picture(stylized[0]).image.shape[:2], shots.first)
        for ordinal, frame, path in zip(range(1, max(ordinals) + 1), frames, stylized, strict=False):
            image, output = frame.image, read_picture(path).image
            if frame.index in shots.starts:
                region, colors = NewRegion(image.shape[:2]), ColorConstancy()
            else:
                previous = gain_match(last, image)
                back = flow(image, previous)
                region.follow(back, followed(back, flow(previous, image)))
            scores = colors.scores(as_float(output), as_float(image), region.mask)
            if ordinal in ordinals:
                yield Compared(ordinal, image, output, region.mask, scores)
            last = image


def stylized_alone(image: np.ndarray, style: Path, kept: Path) -> np.ndarray:
    """A frame stylized as a shot's first, uint8 (H, W, 3); kept in a file, float32."""
    if not kept.exists():
        (result,) = Optimize(style_targets(style), settings_of("standard")).step(FrameInput(image))
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, result.picture)
    return np.rint(np.load(kept) * 255).astype(np.uint8)


class FrameMetrics:
    """Measures stylized frames of one size. embed: the embedding network, if it is installed."""

    def __init__(self, style: Path, size: tuple[int, int], embed: Embed | None = None):
        self.targets = style_targets(style)
        self.perceptual = PerceptualMetrics(self.targets.features, "cpu", [load_style(style)], size, embed=embed)

    def of(self, picture: np.ndarray, source: np.ndarray, new: np.ndarray) -> dict[str, float | None]:
        """The figures that are compared. picture, source: uint8 (H, W, 3). new: bool (H, W)."""
        scores = self.perceptual.scores(picture, source, new)
        targets = FrameTargets(self.targets.features, to_tensor(source, "cpu"), self.targets.at(source.shape[:2]))
        return {
            **{name: getattr(scores, name) for name in (*OF_NEW, "gram_rest")},
            "sharpness": sharpness(luma(as_float(picture)), np.ones(picture.shape[:2], bool)),
            "spatial": Objective(targets, Weights())(to_tensor(picture, "cpu")).spatial,
        }


def ratios(ours: dict[str, float | None], alone: dict[str, float | None]) -> dict[str, float]:
    """Each figure over that of the frame alone; without those that the frame does not have."""
    return {name: ours[name] / value for name, value in alone.items() if value}


def medians(rows: Sequence[tuple[float, dict[str, float]]]) -> dict[str, float]:
    """The median of each ratio over the frames that have it: those of what is new where it covers as much as COVERS.

    rows: the share of the frame that is new, and the ratios.
    """
    every = [row for _, row in rows]
    covered = [row for share, row in rows if COVERS[0] <= share <= COVERS[1]]
    values = {name: [row[name] for row in (covered if name in OF_NEW else every) if name in row] for name in HEADS}
    return {name: median(column) for name, column in values.items() if column}


def line(pair: str, frame: str, share: str, row: dict[str, float]) -> str:
    """A row of the table."""
    return (
        f"| {pair} | {frame} | {share} | "
        + " | ".join(f"{row[name]:.2f}" if name in row else "" for name in HEADS)
        + " |"
    )


def color_line(scores: ColorScores, ordinal: int) -> str:
    """Color constancy in words, with the source's own value in parentheses."""
    values = [scores.color_drift, scores.source_color_drift, scores.color_new, scores.source_color_new]
    drift, source_drift, new, source_new = ("-" if value is None else f"{value:.1f}" for value in values)
    return f"colors at frame {ordinal} (the source): drift {drift} ({source_drift}), new from the rest {new} ({source_new})"


def print_pair(pair: Pair, ordinals: Sequence[int], folder: Path, method: str, embed: Embed | None) -> None:
    """Print a row for each frame of a pair as it is done, their medians, and color constancy."""
    clip, style = pair
    name = pair_name(pair)
    stylized = sorted((folder / name / method.replace(" ", "_")).glob("*.png"))
    at = [ordinal for ordinal in ordinals if ordinal <= len(stylized)]
    if not at:
        print(f"| {name} | none of {len(stylized)} frames is among those to compare |", flush=True)
        return
    rows, metrics = [], None
    for frame in frames_at(clip, stylized, at):
        metrics = metrics or FrameMetrics(style, frame.source.shape[:2], embed)
        alone = stylized_alone(frame.source, style, folder / name / "alone" / f"{frame.ordinal:06d}.npy")
        ours, theirs = (metrics.of(picture, frame.source, frame.new) for picture in (frame.output, alone))
        row = ratios(ours, theirs) | {"loss": ours["spatial"]}
        rows.append((float(frame.new.mean()), row))
        print(line(name, str(frame.ordinal), f"{rows[-1][0]:.1%}", row), flush=True)
    covered = sum(COVERS[0] <= share <= COVERS[1] for share, _ in rows)
    boxes = sum("embedding_new" in row for _, row in rows)
    print(line(name, "median", f"{covered} of {len(rows)} frames", medians(rows)))
    print(
        f"\n{name}: {boxes} of {len(rows)} frames with a box; {color_line(frame.colors, frame.ordinal)}\n", flush=True
    )


def print_table(pairs: Sequence[Pair], ordinals: Sequence[int], folder: Path, method: str) -> None:
    """Print a table for each pair."""
    embed = None
    with suppress(MissingModel):
        embed = load_embedding(torch.get_num_threads())
    heads = ["pair", "frame", "new", *HEADS.values()]
    for pair in pairs:
        print(
            f"\n**{method}, over the same frame stylized alone**\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}",
            flush=True,
        )
        print_pair(pair, ordinals, folder, method, embed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_pairs(parser)
    parser.add_argument("--folder", type=Path, default=Path("out/bench_quality"))
    parser.add_argument("--method", default="videostyle standard")
    parser.add_argument("--at", nargs="+", type=int, default=AT, help="the frames, from 1")
    options = parser.parse_args()
    torch.set_num_threads(2)
    print_table(pairs_of(options), options.at, options.folder, options.method)


if __name__ == "__main__":
    main()
