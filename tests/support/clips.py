"""Small video files with known pixels, times, tags and tracks, made for the tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.stream import Disposition
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation

Picture = np.ndarray | av.VideoFrame

# matrices by FFmpeg's AVCOL_SPC_*, and swscale's names of them
BT709, BT470BG, SMPTE170M, BT2020_NCL = 1, 5, 6, 9
_SWS = {
    BT709: Colorspace.ITU709,
    BT470BG: Colorspace.ITU601,
    SMPTE170M: Colorspace.ITU601,
    BT2020_NCL: Colorspace.BT2020,
}
LIMITED, FULL = int(ColorRange.MPEG), int(ColorRange.JPEG)

LOSSLESS_H264 = {"qp": "0", "preset": "ultrafast"}


@dataclass(frozen=True)
class Tags:
    """Color tags by the code points of ITU-T H.273; None leaves one unspecified."""

    matrix: int | None = None
    range: int | None = None
    primaries: int | None = None
    transfer: int | None = None


REC709 = Tags(BT709, LIMITED, int(ColorPrimaries.BT709), int(ColorTrc.BT709))
REC601 = Tags(SMPTE170M, LIMITED, int(ColorPrimaries.SMPTE170M), int(ColorTrc.SMPTE170M))
REC2020 = Tags(BT2020_NCL, LIMITED, int(ColorPrimaries.BT2020), int(ColorTrc.BT2020_10))


@dataclass(frozen=True)
class Tone:
    """One audio track: a sine of `hertz` lasting `seconds`, beginning at `start` seconds."""

    codec: str = "aac"
    rate: int = 44100
    seconds: float = 1.0
    start: float = 0.0
    hertz: float = 440.0
    layout: str = "mono"
    bit_rate: int | None = None


def gradient(height: int, width: int, step: int = 0) -> np.ndarray:
    """(H, W, 3) uint8: red increases to the right, green downwards, blue is `step`. It has no symmetry."""
    red = np.linspace(20, 235, width)[None, :].repeat(height, 0)
    green = np.linspace(20, 235, height)[:, None].repeat(width, 1)
    return np.stack([red, green, np.full((height, width), step % 256)], axis=2).round().astype(np.uint8)


def flat_yuv(height: int, width: int, codes: Sequence[int], pix_fmt: str) -> av.VideoFrame:
    """A planar frame of one color, given by the code of each plane (y, u, v), whatever the subsampling."""
    frame = av.VideoFrame(width, height, pix_fmt)
    for plane, code, component in zip(frame.planes, codes, frame.format.components, strict=True):
        kind = np.dtype("<u2" if component.bits > 8 else "u1")
        plane.update(np.full(plane.buffer_size // kind.itemsize, code, kind).tobytes())
    return frame


def display_matrix(quarter_turns: int = 0, mirror: bool = False) -> list[int]:
    """FFmpeg's nine numbers for: mirror left to right first, then turn clockwise by quarters.

    ISO/IEC 14496-12 orders them a, b, u, c, d, v, x, y, w and means x' = a x + c y, y' = b x + d y, x right, y down, in
    16.16 fixed point (u, v, w: 2.30).
    """
    turn = np.linalg.matrix_power(np.array([[0, -1], [1, 0]]), quarter_turns % 4)
    (a, c), (b, d) = (turn @ np.diag([-1 if mirror else 1, 1])).tolist()
    one = 1 << 16
    return [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30]


def make_clip(
    path: Path,
    pictures: Iterable[Picture],
    *,
    rate: Fraction | int = 25,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    matrix: Sequence[int] | None = None,
    tags: Tags | None = None,
    sample_aspect: Fraction | None = None,
    tones: Sequence[Tone] = (),
    cover: np.ndarray | None = None,
    empty_track_first: bool = False,
    metadata: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a clip of at least one picture and return its path.

    pictures: (H, W, 3) uint8 or uint16 RGB arrays, converted with the tagged matrix and range (BT.601, limited, where
    untagged), or frames of `pix_fmt` as they are. pts: the time of each picture in ticks of `time_base`; None: `rate`
    pictures per second. matrix: a display matrix. cover: an image attached as cover art. empty_track_first: a video track
    without packets comes before the real one; MP4 files keep it only where they are fragmented. The default codec is
    lossless H.264.
    """
    pictures = list(pictures)
    time_base = time_base or 1 / Fraction(rate)
    file = av.open(str(path.absolute()), "w", container_options=container_options or {})
    with file:
        file.metadata.update(metadata or {})
        frames = [_frame(picture, pix_fmt, tags) for picture in pictures]
        size = frames[0].height, frames[0].width
        if empty_track_first:
            _video_stream(file, size, rate, "libx264", "yuv420p", {})
        if options is None:
            options = LOSSLESS_H264 if codec == "libx264" else {}
        video = _video_stream(file, size, rate, codec, pix_fmt, options)
        video.codec_context.time_base = time_base
        _describe(video, matrix, tags, sample_aspect)
        sound = [(tone, _audio_stream(file, tone)) for tone in tones]
        art = _cover_stream(file, cover) if cover is not None else None
        for index, frame in enumerate(frames):
            frame.pts, frame.time_base = (pts[index] if pts else index), time_base
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        for tone, stream in sound:
            _write_tone(file, stream, tone)
        if art is not None:
            _write_cover(file, art, cover)
    return path


def _frame(picture: Picture, pix_fmt: str, tags: Tags | None) -> av.VideoFrame:
    tags = tags or Tags()
    if isinstance(picture, np.ndarray):
        rgb = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(picture), "rgb24" if picture.dtype == np.uint8 else "rgb48le"
        )
        frame = rgb.reformat(
            format=pix_fmt,
            dst_colorspace=_SWS[tags.matrix or SMPTE170M],
            dst_color_range=tags.range or (FULL if "yuvj" in pix_fmt else LIMITED),
            interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP,
        )
    else:
        frame = picture
    frame.colorspace = 2 if tags.matrix is None else tags.matrix
    frame.color_range = tags.range or 0
    frame.color_primaries = tags.primaries or 2
    frame.color_trc = tags.transfer or 2
    return frame


def _video_stream(file, size, rate, codec, pix_fmt, options):
    stream = file.add_stream(codec, rate=Fraction(rate), options=dict(options))
    stream.height, stream.width = size
    stream.pix_fmt = pix_fmt
    return stream


def _describe(stream, matrix, tags, sample_aspect) -> None:
    if matrix is not None:
        stream.set_display_matrix(matrix)
    if sample_aspect is not None:
        stream.codec_context.sample_aspect_ratio = sample_aspect
    for name, value in (
        ("colorspace", tags and tags.matrix),
        ("color_range", tags and tags.range),
        ("color_primaries", tags and tags.primaries),
        ("color_trc", tags and tags.transfer),
    ):
        if value is not None:
            setattr(stream.codec_context, name, value)


def _audio_stream(file, tone: Tone):
    options = {"strict": "experimental"} if tone.codec == "vorbis" else {}
    stream = file.add_stream(tone.codec, rate=tone.rate, options=options)
    stream.layout = tone.layout
    if tone.bit_rate is not None:
        stream.bit_rate = tone.bit_rate
    return stream


def _write_tone(file, stream, tone: Tone) -> None:
    count = round(tone.seconds * tone.rate)
    wave = 0.25 * np.sin(2 * np.pi * tone.hertz / tone.rate * np.arange(count))
    channels = stream.layout.nb_channels
    for begin in range(0, count, 1024):
        part = (wave[None, begin : begin + 1024].repeat(channels, 0) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(part, "s16p", tone.layout)
        frame.sample_rate, frame.time_base = tone.rate, Fraction(1, tone.rate)
        frame.pts = round(tone.start * tone.rate) + begin
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def _cover_stream(file, cover: np.ndarray):
    stream = _video_stream(file, cover.shape[:2], 1, "png", "rgb24", {})
    stream.disposition = Disposition.attached_pic
    return stream


def _write_cover(file, stream, cover: np.ndarray) -> None:
    frame = av.VideoFrame.from_ndarray(cover, "rgb24")
    frame.pts, frame.time_base = 0, Fraction(1)
    file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def make_style_image(path: Path) -> Path:
    """Write an image of soft colored noise, 40x30, and return its path."""
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    cv2.imwrite(str(path), cv2.GaussianBlur(noise, (0, 0), 1.5))
    return path
