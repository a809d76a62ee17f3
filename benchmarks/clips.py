"""Paint real clips and hold each run against its source: `python -m benchmarks.clips --clips a.mp4 --styles b.jpg`.

For each pair: seconds a frame, peak memory, L* of the first, middle and last frame against the same frame painted alone by
the first frame's recipe, frame count, equality of timestamps and of audio packets. Each step's result is kept, so an
interrupted benchmark goes on where it stopped; frames of the painted clip are left beside it as PNG to be looked at.
"""

from __future__ import annotations

import argparse
import json
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import cv2
import torch

from benchmarks.command import painted
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.media.sources import open_source
from videostyle.models.features import load_features
from videostyle.style_images import load_style
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.optimize import Optimize
from videostyle.stylizers.schedule import SCHEDULES
from videostyle.tensors import to_tensor


def paint(clip: Path, style: Path, output: Path, options: argparse.Namespace) -> dict:
    """The report of the clip's run, which is painted where it is not yet."""
    report = output.with_suffix(".json")
    if report.exists() and output.exists():
        return json.loads(report.read_text())
    limits = (
        "--size",
        options.size,
        "--frames",
        options.frames,
        "--preset",
        options.preset,
        "--threads",
        options.threads,
    )
    return painted(clip, style, output, *limits)


def star_alone(clip: Path, style: Path, ordinal: int, size: tuple[int, int], preset: str, threads: int) -> float:
    """L* of one frame painted alone by the first frame's recipe."""
    source = open_source(clip)
    frame = next(source.frames(size, ordinal))
    source.close()
    torch.set_num_threads(threads)
    styles = StyleTargets(load_features("vgg19", "cpu"), [to_tensor(load_style(style), "cpu")])
    (painted,) = Optimize(styles, Weights(), SCHEDULES[preset]).step(FrameInput(frame.image))
    return painted.spatial_loss


def packets(path: Path, kind: str, before: Fraction | None = None) -> list[tuple[bytes, Fraction]]:
    """Payload and time in seconds of each packet of the first stream of a kind, those that begin before a time."""
    with av.open(str(path)) as container:
        streams = getattr(container.streams, kind)
        if not streams:
            return []
        found = [(bytes(p), p.pts * p.time_base) for p in container.demux(streams[0]) if p.pts is not None and p.size]
    return [(data, at) for data, at in found if before is None or at < before]


def times(path: Path, count: int) -> list[Fraction]:
    """Times of the first frames, in seconds."""
    with av.open(str(path)) as container:
        found = []
        for frame in container.decode(video=0):
            found.append(frame.pts * frame.time_base)
            if len(found) > count:
                break
        return found


def compared(clip: Path, output: Path, count: int) -> dict:
    """What of the source's timing and sound the output kept. A shortened run's clock begins with its first frame."""
    theirs, ours = times(clip, count), times(output, count)
    shift = theirs[0] if len(theirs) > count else Fraction(0)
    tick = Fraction(1, 1000) if output.suffix in (".webm", ".mkv") else Fraction(0)
    kept = [abs(a - shift - b) <= tick / 2 for a, b in zip(theirs, ours, strict=False)]
    mine, source = packets(output, "audio"), dict.fromkeys(data for data, _ in packets(clip, "audio"))
    return {
        "frames": len(ours),
        "times_equal": len(ours) == min(count, len(theirs)) and all(kept),
        "audio_packets": len(mine),
        "audio_equal": all(data in source for data, _ in mine),
    }


def save_frames(output: Path, ordinals: list[int]) -> None:
    with av.open(str(output)) as container:
        for ordinal, frame in enumerate(container.decode(video=0)):
            if ordinal in ordinals:
                picture = cv2.cvtColor(frame.to_ndarray(format="rgb24"), cv2.COLOR_RGB2BGR)
                cv2.imwrite(str(output.with_suffix(f".{ordinal + 1}.png")), picture)


def measure(clip: Path, style: Path, options: argparse.Namespace) -> dict:
    """One row of the table."""
    output = options.folder / f"{clip.stem}_{style.stem}{clip.suffix}"
    report = paint(clip, style, output, options)
    frames = report["frames"]
    row = {"pair": output.stem, "peak_memory": report["peak_memory"], **compared(clip, output, options.frames)}
    row["first_seconds"] = frames[0]["seconds"]
    row["later_seconds"] = sum(each["seconds"] for each in frames[1:]) / max(1, len(frames) - 1)
    row["iterations"] = sum(each["iterations"] for each in frames[1:]) / max(1, len(frames) - 1)
    row["wall_per_frame"] = report["seconds"] / len(frames)
    row["untrusted"] = sum(each["untrusted"] for each in frames[1:]) / max(1, len(frames) - 1)
    chosen = sorted({0, len(frames) // 2 - 1, len(frames) - 1})
    save_frames(output, chosen)
    row["spatial"] = {str(n + 1): frames[n]["loss_star"] for n in chosen}
    row["alone"] = {}
    for number in options.alone:
        kept = output.with_suffix(f".alone{number}.json")
        if not kept.exists():
            size = report["height"], report["width"]
            kept.write_text(json.dumps(star_alone(clip, style, number - 1, size, options.preset, options.threads)))
        row["alone"][str(number)] = json.loads(kept.read_text())
    return row


def line(row: dict) -> str:
    """The first frame is always painted alone: its ratio is 1."""
    stars = "; ".join(
        f"{n}: {spatial:.2f}" + compared_star(spatial, row["alone"].get(n)) for n, spatial in row["spatial"].items()
    )
    return (
        f"{row['pair']:<46} first {row['first_seconds']:.0f} s, later {row['later_seconds']:.1f} s "
        f"({row['iterations']:.1f} it., {row['new_share']:.0%} new), all {row['wall_per_frame']:.1f} s a frame, "
        f"{row['peak_memory'] / 2**20:.0f} MiB | L* {stars} | {row['frames']} frames, times equal: {row['times_equal']}, "
        f"{row['audio_packets']} audio packets, equal: {row['audio_equal']}"
    )


def compared_star(spatial: float, alone: float | None) -> str:
    return "" if alone is None else f" / {alone:.2f} = {spatial / alone:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", nargs="+", type=Path, default=[Path("sample_media/clip.mp4")])
    parser.add_argument("--styles", nargs="+", type=Path, default=[Path("sample_media/styles/swirls.jpg")])
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--alone", type=int, nargs="*", default=[24, 48], help="frames to paint alone too")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("out/bench_clips"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for clip, style in product(options.clips, options.styles):
        print(line(measure(clip, style, options)), flush=True)


if __name__ == "__main__":
    main()
