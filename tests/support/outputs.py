"""Writing frames through a sink, and reading back what it wrote."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from videostyle.frames import Frame, Trim, VideoInfo
from videostyle.media.sinks import Sink, open_sink
from videostyle.media.sources import open_source
from videostyle.media.workdir import WorkFolder
from videostyle.option_groups import TrackOptions

SINK_SIZE = (36, 64)
"""(height, width) of the frames that `opened_sink` takes."""

SINK_RATE = 25


class Sent(NamedTuple):
    """A packet as a demuxer gives it."""

    pts: Fraction
    """In seconds, as are the next two."""
    dts: Fraction
    duration: Fraction
    payload: bytes


def opened_sink(output: Path, work: WorkFolder, clip: Path) -> Sink:
    """A sink for frames of a video: this clip, said to be of SINK_SIZE and SINK_RATE."""
    info = VideoInfo("video", SINK_SIZE, time_base=Fraction(1, 12800), rate=Fraction(SINK_RATE))
    return open_sink(output, work, clip, info, SINK_SIZE, None, None)


def copy_frames(
    source_path: Path, output: Path, trim: Trim | None = None, audio: str = "copy", other_video: str = "drop"
) -> tuple[list[Frame], list[str]]:
    """Write the source's frames (those in `trim`) unchanged; return them and the sink's notices."""
    source = open_source(source_path)
    with WorkFolder(output) as work:
        sink = open_sink(
            output,
            work,
            source_path,
            source.info,
            source.info.size,
            trim,
            None,
            None,
            TrackOptions(audio=audio, other_video=other_video),
        )
        frames = [frame for frame in source.frames() if trim is None or trim.start <= frame.time < trim.end]
        sink.rehearse([frame.time for frame in frames], lambda: None)
        for frame in frames:
            sink.write(frame)
        sink.finish()
        work.remove()
    source.close()
    return frames, sink.notices


def sent_packets(path: Path, kind: str) -> list[list[Sent]]:
    """The packets of each stream of this kind ("video", "audio", ...), in the file's order."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        sent: dict[int, list[Sent]] = {stream.index: [] for stream in streams}
        for packet in container.demux(streams) if streams else ():
            if packet.size:
                times = (Fraction(ticks) * packet.time_base for ticks in (packet.pts, packet.dts, packet.duration))
                sent[packet.stream.index].append(Sent(*times, bytes(packet)))
    return list(sent.values())


def frame_times(path: Path) -> list[tuple[Fraction, Fraction]]:
    """Time and duration of every frame in seconds, on the file's own clock."""
    return [(frame.time, frame.duration) for frame in open_source(path).frames()]


def decoded_audio(path: Path, rate: int) -> tuple[np.ndarray, float]:
    """The first audio track as mono float32 at `rate`, and the time of its first sample in seconds."""
    resampler = av.AudioResampler("flt", "mono", rate)
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        start = float(frames[0].pts * frames[0].time_base)
        parts = [part.to_ndarray()[0] for frame in frames for part in resampler.resample(frame)]
    return np.concatenate(parts), start


def standard_codes(red: float, green: float, blue: float, lines: int) -> list[float]:
    """Y, Cb, Cr of limited range with 8 bits, by ITU-R BT.709-6 and BT.601-7, sections 3 and 2.5; RGB is of 0 to 255."""
    kr, kb = (0.2126, 0.0722) if lines >= 720 else (0.299, 0.114)
    r, g, b = red / 255, green / 255, blue / 255
    luma = kr * r + (1 - kr - kb) * g + kb * b
    return [16 + 219 * luma, 128 + 224 * (b - luma) / (2 * (1 - kb)), 128 + 224 * (r - luma) / (2 * (1 - kr))]
