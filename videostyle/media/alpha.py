"""Transparency of video frames: the decoder that keeps it, and the alpha of decoded frames."""

from __future__ import annotations

from typing import cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.format import VideoFormat
from av.video.stream import VideoStream

from videostyle.media.color.decode import sample_bits

ALPHA_MODE = "alpha_mode"
"""The tag of a track whose packets each have a second picture beside the first, which is its alpha; it is then "1"."""

ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Decoders that keep alpha, by FFmpeg's name of the own one, which drops it."""


def has_alpha(pixels: VideoFormat) -> bool:
    """Whether frames of this pixel format may be transparent."""
    return pixels.name == "pal8" or any(component.is_alpha for component in pixels.components)


def has_alpha_packets(stream: VideoStream) -> bool:
    """Whether a track has alpha beside its packets."""
    tags = {key.lower(): text for key, text in stream.metadata.items()}
    return stream.codec_context.name in ALPHA_DECODERS and tags.get(ALPHA_MODE) == "1"


def decoder_of(stream: VideoStream) -> VideoCodecContext:
    """The decoder of a track: one that keeps its alpha where this FFmpeg has one."""
    own = stream.codec_context
    if not has_alpha_packets(stream):
        return own
    try:
        decoder = av.CodecContext.create(ALPHA_DECODERS[own.name], "r")
    except ValueError:
        return own
    decoder.extradata = own.extradata
    return cast(VideoCodecContext, decoder)


def chroma_reach(pixels: VideoFormat) -> int:
    """How far a pixel's color depends on others, in pixels: bicubic filters enlarge chroma that is stored at half the size."""
    return 2 if pixels.chroma_width(4) < 4 else 0


def alpha_of(picture: av.VideoFrame) -> np.ndarray | None:
    """The alpha (h, w) of a decoded frame: uint8, or uint16 above 8 bits a sample; None where everything is opaque."""
    if not has_alpha(picture.format):
        return None
    bits = sample_bits(picture)
    codes, top = _alpha_codes(picture, bits)
    if codes.min() == top:
        return None
    full, kind = (255, np.uint8) if bits == 8 else (65535, np.uint16)
    return codes if full == top else np.rint(codes * (full / top)).astype(kind)


def _alpha_codes(picture: av.VideoFrame, bits: int) -> tuple[np.ndarray, int]:
    """The codes (h, w) of a frame's alpha, and the code of an opaque pixel."""
    last, name = picture.format.components[-1], picture.format.name
    if not picture.format.is_planar or last.bits > 16 or name.endswith("be"):
        pixels = picture.reformat(format="rgba" if bits == 8 else "rgba64le").to_ndarray()
        return pixels[..., 3].copy(), 255 if bits == 8 else 65535
    # not by swscale, which shifts codes of 10 and 12 bits to 16: opaque pixels would become a little transparent
    plane, kind = picture.planes[last.plane], np.dtype(np.uint8 if last.bits <= 8 else "<u2")
    rows = np.frombuffer(memoryview(plane), kind).reshape(plane.height, plane.line_size // kind.itemsize)
    return rows[:, : plane.width].copy(), (1 << last.bits) - 1
