"""GIF, APNG and animated WebP, written from lossless segments: the times of their frames, their palette, their encoding."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import NamedTuple, cast

import av
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.stream import VideoStream

from videostyle.media.containers import Animation
from videostyle.media.mux import BITEXACT
from videostyle.media.segments import joined_packets
from videostyle.media.tracks import open_container

DITHERING = "sierra2_4a"
"""How FFmpeg's paletteuse mixes the colors of a GIF."""


class Shown(NamedTuple):
    """A frame of an animation."""

    number: int
    """Ordinal among all frames, from 0."""
    start: int
    """In ticks of the animation, from its first frame."""
    end: int
    """In ticks."""


def shown(spans: Sequence[tuple[Fraction, Fraction]], animation: Animation) -> list[Shown]:
    """The frames of an animation that are shown, and when; the others would be shown too briefly.

    spans: start and end of each frame in seconds. Times are rounded, not durations, so that errors do not add up.
    """
    first = spans[0][0]
    starts: list[tuple[int, int]] = []
    for number, (start, _) in enumerate(spans):
        tick = round((start - first) / animation.tick)
        if not starts or tick - starts[-1][1] >= animation.shortest:
            starts.append((number, tick))
    end = max(round((spans[-1][1] - first) / animation.tick), starts[-1][1] + animation.shortest)
    ends = [*(tick for _, tick in starts[1:]), end]
    return [Shown(number, start, end) for (number, start), end in zip(starts, ends, strict=True)]


def write_animation(path: Path, animation: Animation, segments: list[Path], tick: Fraction) -> None:
    """Encode the frames of lossless segments as an animation that loops. tick: the unit of the segments' spans in seconds.

    A few frames are in memory at a time, besides those in the encoder. Raises OSError or av.FFmpegError.
    """
    spans = [(packet.pts or 0, packet.duration or 0) for packet in joined_packets(segments, tick)]
    times = shown([(start * tick, (start + duration) * tick) for start, duration in spans], animation)
    frames = _frames(segments, times, animation)
    if animation.pix_fmt == "pal8":
        frames = _with_palette(frames, _palette(_frames(segments, times, animation)))
    last = (times[-1].end - times[-1].start) * animation.tick
    options = dict(animation.muxer_options)
    if animation.format != "webp":
        options["final_delay"] = str(times[-1].end - times[-1].start) if animation.format == "gif" else str(last)
    with av.open(path, "w", format=animation.format, options=options) as output:
        output.flags |= BITEXACT
        stream: VideoStream | None = None
        for frame in frames:
            if stream is None:
                stream = _add_stream(output, animation, frame)
            output.mux(stream.encode(frame))
        assert stream is not None, "there is a frame"
        output.mux(stream.encode(None))
    if animation.format == "webp":
        set_webp_duration(path, round(times[-1].end * animation.tick * 1000))


def _add_stream(output: av.container.OutputContainer, animation: Animation, frame: av.VideoFrame) -> VideoStream:
    options = dict(animation.encoder_options)
    added = output.add_stream(animation.encoder, width=frame.width, height=frame.height, options=options)
    stream = cast(VideoStream, added)
    stream.pix_fmt = frame.format.name
    stream.codec_context.time_base = stream.time_base = animation.tick
    stream.codec_context.thread_count = 1
    return stream


def _frames(segments: list[Path], times: list[Shown], animation: Animation) -> Iterator[av.VideoFrame]:
    """The frames that are shown, in RGB, with their times in ticks of the animation."""
    wanted = {time.number: time for time in times}
    number = 0
    for path in segments:
        with open_container(path) as file:
            for frame in file.decode(video=0):
                if number in wanted:
                    pixels = frame.reformat(format=_format(frame, animation))
                    pixels.pts, pixels.time_base = wanted[number].start, animation.tick
                    yield pixels
                number += 1


def _format(frame: av.VideoFrame, animation: Animation) -> str:
    """The pixel format of frames: of opaque ones, without alpha where the encoder takes that."""
    if animation.format == "apng" and frame.format.name == "bgr0":
        return "rgb24"
    return "bgra" if animation.pix_fmt == "pal8" else animation.pix_fmt


def _palette(frames: Iterator[av.VideoFrame]) -> av.VideoFrame:
    """The 255 colors, and transparency, that are nearest to those of all frames, as an image of 16x16 pixels."""
    first = next(frames)
    graph = Graph()
    source, maker, made = (
        _input(graph, first),
        graph.add("palettegen", "reserve_transparent=1"),
        graph.add("buffersink"),
    )
    source.link_to(maker)
    maker.link_to(made)
    graph.configure()
    for frame in chain([first], frames):
        source.push(frame)
    source.push(None)
    palette = cast(av.VideoFrame, made.pull())
    palette.pts, palette.time_base = 0, first.time_base
    return palette


def _with_palette(frames: Iterator[av.VideoFrame], palette: av.VideoFrame) -> Iterator[av.VideoFrame]:
    """The frames in the colors of a palette."""
    first = next(frames)
    graph = Graph()
    source, colors = _input(graph, first), _input(graph, palette)
    mapper, sink = graph.add("paletteuse", f"dither={DITHERING}"), graph.add("buffersink")
    source.link_to(mapper, 0, 0)
    colors.link_to(mapper, 0, 1)
    mapper.link_to(sink)
    graph.configure()
    colors.push(palette)
    colors.push(None)
    for frame in chain([first], frames):
        source.push(frame)
        yield from _ready(sink)
    source.push(None)
    yield from _ready(sink)


def _input(graph: Graph, frame: av.VideoFrame) -> FilterContext:
    """An input of a graph for frames like this one."""
    return graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)


def _ready(sink: FilterContext) -> Iterator[av.VideoFrame]:
    """The frames that a graph has finished."""
    while True:
        try:
            frame = cast(av.VideoFrame, sink.pull())
        except (av.BlockingIOError, av.EOFError):
            return
        frame.pict_type = 0
        yield frame


def set_webp_duration(path: Path, milliseconds: int) -> None:
    """Set how long an animated WebP lasts by its last frame, for which libwebp takes the mean of the others.

    WebP container: RIFF chunks, in which ANMF is a frame and bytes 12 to 14 are its duration. A single frame has no ANMF.
    """
    data = bytearray(path.read_bytes())
    place, durations = 12, []
    while place + 8 <= len(data):
        name, size = bytes(data[place : place + 4]), struct.unpack_from("<I", data, place + 4)[0]
        if name == b"ANMF":
            durations.append((place + 8 + 12, int.from_bytes(data[place + 20 : place + 23], "little")))
        place += 8 + size + size % 2
    if durations:
        before = sum(duration for _, duration in durations[:-1])
        last = durations[-1][0]
        data[last : last + 3] = (milliseconds - before).to_bytes(3, "little")
        path.write_bytes(data)
