"""Stylize real clips and compare each result with its source: `python -m benchmarks.clips --clips a.mp4 --styles b.jpg`.

For each pair: seconds a frame, peak memory, the spatial loss of the first, middle and last frame beside that of the same frame
stylized alone (as a shot's first frame), frame count, equality of timestamps and of audio packets. Each step's result is kept,
so an interrupted benchmark continues; some frames of each result are left beside it as PNG.
"""

from __future__ import annotations

import argparse
import json
from fractions import Fraction
from itertools import chain, islice, product
from pathlib import Path

import av
import cv2
import torch

from benchmarks.command import run_command
from benchmarks.inputs import settings_of, style_targets
from videostyle.media.sources import open_source
from videostyle.stylizers.base import FrameInput
from videostyle.stylizers.optimize import Optimize


def stylized(clip: Path, style: Path, output: Path, options: argparse.Namespace) -> dict:
    """The report of the clip's run; the clip is stylized unless that was done before."""
    report = output.with_suffix(".json")
    if report.exists() and output.exists():
        return json.loads(report.read_text())
    limits = {
        "--size": options.size,
        "--frames": options.frames,
        "--preset": options.preset,
        "--threads": options.threads,
    }
    return run_command(clip, style, output, *chain.from_iterable(limits.items()))


def loss_alone(clip: Path, style: Path, ordinal: int, size: tuple[int, int], preset: str, threads: int) -> float:
    """The spatial loss of one frame stylized alone, as a shot's first frame."""
    source = open_source(clip)
    frame = next(source.frames(size, ordinal))
    source.close()
    torch.set_num_threads(threads)
    (result,) = Optimize(style_targets(style), settings_of(preset)).step(FrameInput(frame.image))
    return result.spatial_loss


def packets(path: Path, kind: str, before: Fraction | None = None) -> list[tuple[bytes, Fraction]]:
    """Payload and time in seconds of the packets of the first stream of a kind, up to the time `before`."""
    with av.open(str(path)) as container:
        streams = getattr(container.streams, kind)
        if not streams:
            return []
        sent = [(bytes(p), p.pts * p.time_base) for p in container.demux(streams[0]) if p.pts is not None and p.size]
    return [(data, at) for data, at in sent if before is None or at < before]


def times(path: Path, count: int) -> list[Fraction]:
    """Times of the first `count + 1` frames, in seconds."""
    with av.open(str(path)) as container:
        frames = islice(container.decode(video=0), count + 1)
        return [frame.pts * frame.time_base for frame in frames]


def compared(clip: Path, output: Path, count: int) -> dict:
    """Whether the output kept the source's times and sound. The clock of a shortened run starts at its first frame."""
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
    """Write some frames of a video beside it, as PNG."""
    with av.open(str(output)) as container:
        for ordinal, frame in enumerate(container.decode(video=0)):
            if ordinal in ordinals:
                picture = cv2.cvtColor(frame.to_ndarray(format="rgb24"), cv2.COLOR_RGB2BGR)
                cv2.imwrite(str(output.with_suffix(f".{ordinal + 1}.png")), picture)


def measure(clip: Path, style: Path, options: argparse.Namespace) -> dict:
    """One row of the table."""
    output = options.folder / f"{clip.stem}_{style.stem}{clip.suffix}"
    report = stylized(clip, style, output, options)
    frames = report["frames"]
    row = {"pair": output.stem, "peak_memory": report["peak_memory"], **compared(clip, output, options.frames)}
    row["first_seconds"] = frames[0]["seconds"]
    for name, key in (("later_seconds", "seconds"), ("iterations", "iterations"), ("new_share", "untrusted")):
        row[name] = sum(frame[key] for frame in frames[1:]) / max(1, len(frames) - 1)
    row["wall_per_frame"] = report["seconds"] / len(frames)
    shown = sorted({0, len(frames) // 2 - 1, len(frames) - 1})
    save_frames(output, shown)
    row["spatial"] = {str(n + 1): frames[n]["loss_star"] for n in shown}
    row["alone"] = {}
    for number in options.alone:
        kept = output.with_suffix(f".alone{number}.json")
        if not kept.exists():
            size = report["height"], report["width"]
            kept.write_text(json.dumps(loss_alone(clip, style, number - 1, size, options.preset, options.threads)))
        row["alone"][str(number)] = json.loads(kept.read_text())
    return row


def line(row: dict) -> str:
    """A row as text. A shot's first frame is always stylized alone, so its ratio is 1."""
    losses = "; ".join(
        f"{n}: {spatial:.2f}" + over_alone(spatial, row["alone"].get(n)) for n, spatial in row["spatial"].items()
    )
    return (
        f"{row['pair']:<46} first {row['first_seconds']:.0f} s, later {row['later_seconds']:.1f} s "
        f"({row['iterations']:.1f} it., {row['new_share']:.0%} new), all {row['wall_per_frame']:.1f} s a frame, "
        f"{row['peak_memory'] / 2**20:.0f} MiB | spatial loss {losses} | {row['frames']} frames, "
        f"times equal: {row['times_equal']}, {row['audio_packets']} audio packets, equal: {row['audio_equal']}"
    )


def over_alone(spatial: float, alone: float | None) -> str:
    return "" if alone is None else f" / {alone:.2f} = {spatial / alone:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", nargs="+", type=Path, default=[Path("sample_media/clip.mp4")])
    parser.add_argument("--styles", nargs="+", type=Path, default=[Path("sample_media/styles/swirls.jpg")])
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--alone", type=int, nargs="*", default=[24, 48], help="frames to stylize alone too")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("out/bench_clips"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for clip, style in product(options.clips, options.styles):
        print(line(measure(clip, style, options)), flush=True)


if __name__ == "__main__":
    main()
