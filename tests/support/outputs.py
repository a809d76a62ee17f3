"""An identity painter and ways to read back what it wrote, for the tests of writing."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from videostyle.frames import Frame, Trim
from videostyle.media.sinks import open_sink
from videostyle.media.sources import open_source
from videostyle.media.workdir import WorkFolder


class Sent(NamedTuple):
    """A packet as a demuxer gives it: times and duration in seconds, and its bytes."""

    pts: Fraction
    dts: Fraction
    duration: Fraction
    payload: bytes


def repaint(
    source_path: Path, output: Path, trim: Trim | None = None, audio: str = "copy"
) -> tuple[list[Frame], list[str]]:
    """Writes the source's frames (those in `trim`) unchanged; returns them and the sink's notices."""
    source = open_source(source_path)
    with WorkFolder(output) as work:
        sink = open_sink(output, work, source_path, source.info, source.info.size, trim, None, None, audio)
        frames = [each for each in source.frames() if trim is None or trim.start <= each.time < trim.end]
        for frame in frames:
            sink.write(frame)
        sink.finish()
        work.remove()
    source.close()
    return frames, sink.notices


def sent_packets(path: Path, kind: str) -> list[list[Sent]]:
    """The packets of each stream of this kind, in the file's order."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        sent: dict[int, list[Sent]] = {stream.index: [] for stream in streams}
        for packet in container.demux(streams) if streams else ():
            if packet.size:
                times = (Fraction(ticks) * packet.time_base for ticks in (packet.pts, packet.dts, packet.duration))
                sent[packet.stream.index].append(Sent(*times, bytes(packet)))
    return list(sent.values())


def shown_times(path: Path) -> list[tuple[Fraction, Fraction]]:
    """Time and duration of every frame, by the file's own clock."""
    source = open_source(path)
    return [(frame.time, frame.duration) for frame in source.frames()]


def heard(path: Path, rate: int) -> tuple[np.ndarray, float]:
    """The first audio track decoded to mono float32 at `rate`, and the time of its first sample in seconds."""
    resampler = av.AudioResampler("flt", "mono", rate)
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        start = float(frames[0].pts * frames[0].time_base)
        parts = [part.to_ndarray()[0] for frame in frames for part in resampler.resample(frame)]
    return np.concatenate(parts), start
