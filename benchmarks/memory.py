"""Peak memory against length: `python -m benchmarks.memory --clip a.mp4 --frames 120 3000`.

The clip is looped to the greatest length and painted from its start to each of them by the command a user would run.
"""

from __future__ import annotations

import argparse
from itertools import cycle, islice
from pathlib import Path

import av

from benchmarks.command import painted
from videostyle.media.resize import fit_size
from videostyle.media.sources import open_source


def looped(clip: Path, target: Path, count: int, size: int) -> None:
    """`count` frames of the clip, again and again, with `size` pixels on their longer side."""
    source = open_source(clip)
    pictures = [frame.image for frame in source.frames(fit_size(source.info.size, size, 2))]
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=pictures[0].shape[1], height=pictures[0].shape[0])
        for picture in islice(cycle(pictures), count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def peak(clip: Path, options: argparse.Namespace, frames: int) -> int:
    """Bytes that the run held at its highest."""
    limits = "--frames", frames, "--size", options.size, "--preset", "draft", "--threads", options.threads
    return painted(clip, options.style, options.folder / f"painted_{frames}.mp4", *limits)["peak_memory"]


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
    looped(options.clip, clip, max(options.frames), options.size)
    peaks = [peak(clip, options, frames) for frames in options.frames]
    for frames, bytes_ in zip(options.frames, peaks, strict=True):
        print(f"{frames:>6} frames: {bytes_ / 2**20:.0f} MiB, {bytes_ / peaks[0]:.3f} of the first")


if __name__ == "__main__":
    main()
