"""Peak memory against length: `python -m benchmarks.memory --clip a.mp4 --frames 120 3000`.

The clip is looped to the greatest length; the command stylizes its beginning up to each of the lengths.
"""

from __future__ import annotations

import argparse
from itertools import cycle, islice
from pathlib import Path

import av

from benchmarks.command import run_command
from benchmarks.inputs import first_frames


def write_looped(clip: Path, target: Path, count: int, size: int) -> None:
    """Write a video that repeats the clip up to `count` frames, with `size` pixels on the longer side."""
    pictures = first_frames(clip, size, count)
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=pictures[0].shape[1], height=pictures[0].shape[0])
        for picture in islice(cycle(pictures), count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def peak(clip: Path, options: argparse.Namespace, frames: int) -> int:
    """Peak memory of a run, in bytes."""
    limits = "--frames", frames, "--size", options.size, "--preset", "draft", "--threads", options.threads
    return run_command(clip, options.style, options.folder / f"stylized_{frames}.mp4", *limits)["peak_memory"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", type=Path, default=Path("sample_media/clip.mp4"))
    parser.add_argument("--style", type=Path, default=Path("sample_media/styles/swirls.jpg"))
    parser.add_argument("--frames", type=int, nargs="+", default=[120, 3000])
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("out/bench_memory"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    clip = options.folder / "looped.mp4"
    write_looped(options.clip, clip, max(options.frames), options.size)
    peaks = [peak(clip, options, frames) for frames in options.frames]
    for frames, size in zip(options.frames, peaks, strict=True):
        print(f"{frames:>6} frames: {size / 2**20:.0f} MiB, {size / peaks[0]:.3f} of the first")


if __name__ == "__main__":
    main()
