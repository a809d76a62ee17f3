"""Stylize unusual or broken files, and check the results: `python -m tests.fuzz.awkward FOLDER_OR_FILE...`.

Each file is stylized with `videostyle run`. The table has the size and number of the stylized frames, whether every frame's
time is that of the source, and whether the audio packets are those that overlap the stylized part (payload and shifted time);
or the line that the file was refused with. The first and the last frame of each result are left beside it as PNG.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av

from benchmarks.clips import save_frames, times

MILLISECOND = Fraction(1, 1000)
HALF_A_SAMPLE = Fraction(1, 88200)  # rounding of a shift to the ticks of the audio track


def audio_packets(
    path: Path, start: Fraction | None, end: Fraction, shift: Fraction
) -> list[list[tuple[bytes, Fraction]]]:
    """Payload and shifted time of each track's packets that overlap [start, end); all of them where start is None."""
    tracks: list[list[tuple[bytes, Fraction]]] = []
    with av.open(str(path)) as container:
        count = len(container.streams.audio)
    for number in range(count):
        # opened again for each track: seeking back to 0 would skip packets with negative times
        with av.open(str(path)) as container:
            packets = []
            for packet in container.demux(audio=number):
                if packet.size == 0 or packet.pts is None:
                    continue
                begins, lasts = packet.pts * packet.time_base, (packet.duration or 0) * packet.time_base
                if start is None or (begins < end and begins + lasts > start):
                    packets.append((bytes(packet), begins - shift))
        tracks.append(packets)
    return tracks


def compare_audio(source: Path, output: Path, theirs: list[Fraction], count: int) -> str:
    """For each track: the packets in the output, of those in the source, and whether they are equal."""
    trimmed = len(theirs) > count
    start, end = theirs[0], theirs[min(count, len(theirs) - 1)]
    wanted = audio_packets(source, start if trimmed else None, end, start if trimmed else Fraction(0))
    got = audio_packets(output, None, end, Fraction(0))
    words = []
    for number, track in enumerate(wanted):
        ours = got[number] if number < len(got) else []
        bytes_equal = [data for data, _ in ours] == [data for data, _ in track]
        slack = MILLISECOND / 2 if output.suffix in (".mkv", ".webm") else HALF_A_SAMPLE
        times_equal = all(abs(a - b) <= slack for (_, a), (_, b) in zip(ours, track, strict=False))
        equal = "equal" if bytes_equal and times_equal else "bytes equal" if bytes_equal else "NOT equal"
        words.append(f"{len(ours)} of {len(track)} {equal}")
    return "; ".join(words) or "none"


def row(source: Path, options: argparse.Namespace) -> str:
    """One line of the table."""
    suffix = source.suffix if source.suffix in (".mp4", ".mov", ".mkv", ".webm") else ".mkv"
    output = options.folder / f"{source.stem}_stylized{suffix}"
    command = [sys.executable, "-m", "videostyle", "run", str(source), str(options.style), "-o", str(output)]
    command += ["--preset", "draft", "--size", str(options.size), "--frames", str(options.frames), "--overwrite"]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = done.stderr.strip().splitlines()
    trace = " TRACEBACK" if "Traceback" in done.stderr else ""
    if done.returncode:
        return f"| {source.name} | exit {done.returncode}{trace}: {lines[-1]} | | | |"
    theirs, ours = times(source, options.frames), times(output, options.frames)
    shift = theirs[0] if len(theirs) > options.frames else Fraction(0)
    slack = MILLISECOND / 2 if suffix in (".mkv", ".webm") else 0
    equal = all(abs(a - shift - b) <= slack for a, b in zip(theirs, ours, strict=False))
    with av.open(str(output)) as container:
        picture = container.streams.video[0]
        size = f"{picture.width}x{picture.height}"
    save_frames(output, [0, len(ours) - 1])
    notes = "; ".join(line.removeprefix("note: ") for line in lines if line.startswith("note: "))
    sound = compare_audio(source, output, theirs, options.frames)
    return f"| {source.name} | {len(ours)} at {size}{trace} | {'equal' if equal else 'NOT equal'} | {sound} | {notes} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--style", type=Path, default=Path("sample_media/styles/swirls.jpg"))
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--folder", type=Path, default=Path("out/awkward"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print("| file | frames | times | sound packets | notices |\n|---|---|---|---|---|", flush=True)
    for given in options.sources:
        for source in sorted(given.iterdir()) if given.is_dir() else [given]:
            print(row(source, options), flush=True)


if __name__ == "__main__":
    main()
