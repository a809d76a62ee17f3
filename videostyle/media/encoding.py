"""How the painted picture is encoded: codec, pixel format and colors, as asked for and as FFmpeg says it can.

Which encoders there are, which pixel formats they take and which container holds their packets is asked of FFmpeg.
"""

from __future__ import annotations

import io
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from videostyle.errors import BadOption
from videostyle.frames import Size
from videostyle.media.color.matrices import BT601, BT709, LUMA_WEIGHTS, ColorTags, Matrix

# A constant, not the machine's cores: the number of threads changes the bytes that an encoder writes.
ENCODER_THREADS = 4

CONTAINERS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}

# What the conversion below is exact for: planar YUV with its chroma shared by one, two or four pixels, and RGB.
WRITABLE = re.compile(r"yuv4(20|22|44)p(\d+le)?|gbrp(\d+le)?|bgr0")

SIDES = {"yuv420p": (2, 2), "yuv422p": (1, 2)}  # (rows, columns) of pixels that share their chroma

os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 prints to the terminal otherwise


@dataclass(frozen=True)
class Codec:
    """A codec a user can name.

    encoders: FFmpeg's, best first. crf: its default quality, None where it has no such scale; highest: the largest crf.
    smallest: the least side in pixels. pixels: formats for 8 bits and for more, where the encoder takes them.
    """

    encoders: tuple[str, ...]
    crf: int | None = None
    highest: int = 51
    smallest: int = 2
    options: dict[str, str] = field(default_factory=dict)
    pixels: tuple[str, str] = ("yuv420p", "yuv420p10le")


# No B-frames (bf=0). With them decoding times run ahead of showing times by a delay that each encoder would count from
# its own first frame, before the last frames of the segment in front: joined, decoding time would run backwards.
CODECS = {
    # more than 8 bits only where asked for: few players take such H.264
    # with mbtree, some encodings of small pictures have other bytes than the rest (docs/decisions.md)
    "h264": Codec(
        ("libx264",),
        16,
        51,
        2,
        {"preset": "medium", "bf": "0", "mbtree": "0", "weightp": "none"},
        ("yuv420p", "yuv420p"),
    ),
    "hevc": Codec(("libx265",), 18, 51, 64, {"x265-params": "bframes=0:frame-threads=1:info=0:log-level=error"}),
    "vp9": Codec(("libvpx-vp9",), 24, 63, 2, {"b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}),
    "av1": Codec(("libsvtav1", "libaom-av1"), 24, 63, 16, {"preset": "6"}),
    "prores": Codec(("prores_ks",), None, 0, 2, {"profile": "hq"}, ("yuv422p10le", "yuv422p10le")),
    # the picture is RGB: kept so, it comes back bit for bit
    "ffv1": Codec(("ffv1",), None, 0, 2, {"level": "3", "slices": "4", "slicecrc": "1"}, ("bgr0", "gbrp16le")),
}

DEFAULTS = {"mp4": "h264", "mov": "h264", "matroska": "h264", "webm": "vp9"}


@dataclass(frozen=True)
class EncodingRequest:
    """What the user says of the video's encoding; None leaves it to the container and the source."""

    codec: str | None = None
    crf: int | None = None
    pix_fmt: str | None = None


class EncoderSettings(NamedTuple):
    """encoder: FFmpeg's name. options: its own. pix_fmt: what it is given. smallest: the least side it takes, in pixels."""

    encoder: str
    options: dict[str, str]
    pix_fmt: str
    smallest: int

    @property
    def sides(self) -> tuple[int, int]:
        """(rows, columns) that the picture's sides must be multiples of."""
        return next((sides for name, sides in SIDES.items() if self.pix_fmt.startswith(name)), (1, 1))

    @property
    def bits(self) -> int:
        """Of each component."""
        return av.VideoFormat(self.pix_fmt).components[0].bits

    @property
    def is_rgb(self) -> bool:
        return av.VideoFormat(self.pix_fmt).is_rgb


@dataclass(frozen=True)
class Encoding:
    """How every segment of a run is encoded.

    size: (height, width). tick: seconds. rate: frames a second, a hint to the encoder. sample_aspect: width over height
    of one pixel.
    """

    pixels: EncoderSettings
    size: Size
    tick: Fraction
    rate: Fraction
    sample_aspect: Fraction
    color: ColorTags


def choose_encoder(wanted: EncodingRequest, suffix: str, bits: int) -> EncoderSettings:
    """The encoder and pixel format for a file with this suffix and a source of 8 or 16 bits.

    Raises BadOption where this FFmpeg has no such encoder, where the container cannot hold it, or where the encoder takes
    neither the pixel format nor the quality.
    """
    container = CONTAINERS[suffix.lower()]
    name = wanted.codec or DEFAULTS[container]
    codec = CODECS[name]
    encoder = next((each for each in codec.encoders if _encoder(each)), None)
    if encoder is None:
        there = [name for name, each in CODECS.items() if any(map(_encoder, each.encoders))]
        raise BadOption(f"--codec {name}: this FFmpeg has no encoder {' or '.join(codec.encoders)}", ", ".join(there))
    takes = [each.name for each in _encoder(encoder).video_formats or () if WRITABLE.fullmatch(each.name)]
    pix_fmt = wanted.pix_fmt or next((each for each in codec.pixels[bits > 8 :] if each in takes), codec.pixels[0])
    if pix_fmt not in takes:
        raise BadOption(f"--pix-fmt {pix_fmt} with {name}", ", ".join(takes))
    if wanted.crf is not None and (codec.crf is None or wanted.crf > codec.highest):
        accepted = f"0 to {codec.highest}" if codec.crf is not None else "no --crf: its quality is fixed"
        raise BadOption(f"--crf {wanted.crf} with {name}", accepted)
    crf = codec.crf if wanted.crf is None else wanted.crf
    options = codec.options | ({} if crf is None else {"crf": str(crf)})
    pixels = EncoderSettings(encoder, options, pix_fmt, codec.smallest)
    if not can_hold(container, pixels):
        others = [end for end, other in CONTAINERS.items() if can_hold(other, pixels)]
        raise BadOption(
            f"--codec {name} --pix-fmt {pix_fmt} into {suffix}", " ".join(others), "give another -o or --codec"
        )
    return pixels


def _encoder(name: str) -> Any:
    """FFmpeg's encoder of this name, None where it has none."""
    try:
        return av.Codec(name, "w")
    except ValueError:
        return None


def can_hold(container_format: str, pixels: EncoderSettings) -> bool:
    """Whether the encoder opens and the muxer writes a header for what it makes."""
    container = av.open(io.BytesIO(), "w", format=container_format)
    try:
        if av.Codec(pixels.encoder, "w").canonical_name not in container.supported_codecs:
            return False
        painted_stream(container, Encoding(pixels, (64, 64), Fraction(1, 1000), Fraction(25), Fraction(1), BT601))
        container.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    finally:
        with suppress(av.FFmpegError):
            container.close()
    return True


def painted_stream(container: Any, encoding: Encoding) -> Any:
    """A new stream of the container that encodes frames of `yuv_or_rgb`."""
    pixels, (height, width) = encoding.pixels, encoding.size
    stream = container.add_stream(
        pixels.encoder, rate=encoding.rate, width=width, height=height, options=dict(pixels.options)
    )
    stream.pix_fmt = pixels.pix_fmt
    stream.codec_context.time_base = encoding.tick
    stream.codec_context.thread_count = ENCODER_THREADS
    stream.codec_context.thread_type = "FRAME"  # x264 would cut every frame into slices otherwise
    tag_stream(stream, encoding)
    return stream


def tag_stream(stream: Any, encoding: Encoding) -> None:
    """Says on an output stream how its colors and its pixels' shape are to be read."""
    stream.color_range = (ColorRange.JPEG if encoding.pixels.is_rgb else ColorRange.MPEG).value
    stream.colorspace, stream.color_primaries, stream.color_trc = encoding.color
    stream.sample_aspect_ratio = encoding.sample_aspect


def encoded_frame(rgb: np.ndarray, encoding: Encoding) -> av.VideoFrame:
    """A picture, (H, W, 3) RGB of 8 or 16 bits, in the encoder's pixel format."""
    pixels = encoding.pixels
    if pixels.is_rgb:
        return _as_frame(rgb).reformat(format=pixels.pix_fmt)
    frame, colorspace = _as_frame(rgb), Colorspace.ITU709 if encoding.color == BT709 else Colorspace.ITU601
    if pixels.bits > 8:  # FFmpeg's scaler rounds the matrix too coarsely above 8 bits: here it only shares chroma
        frame = av.VideoFrame.from_ndarray(limited_yuv(rgb, encoding.color.matrix), format="yuv444p16le")
        frame.colorspace, frame.color_range = colorspace.value, ColorRange.MPEG.value
        return frame.reformat(format=pixels.pix_fmt, interpolation=Interpolation.AREA | Interpolation.ACCURATE_RND)
    return frame.reformat(
        format=pixels.pix_fmt,
        dst_colorspace=colorspace,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP,
    )


def _as_frame(rgb: np.ndarray) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(rgb, format="rgb24" if rgb.dtype == np.uint8 else "rgb48le")


def limited_yuv(rgb: np.ndarray, matrix: Matrix) -> np.ndarray:
    """(H, W, 3) uint16: Y, Cb, Cr of limited range with 16 bits, from (H, W, 3) RGB of 8 or 16 bits.

    ITU-T H.273, equations 38 to 45: Y' = kr R + kg G + kb B, Cb = (B - Y') / (2 (1 - kb)), Cr likewise with R;
    256 times the codes 16 + 219 Y' and 128 + 224 C of 8 bits.
    """
    red_share, blue_share = LUMA_WEIGHTS[matrix]
    red, green, blue = np.moveaxis(rgb / np.float32(np.iinfo(rgb.dtype).max), -1, 0)
    luma = red_share * red + (1 - red_share - blue_share) * green + blue_share * blue
    chroma = ((each - luma) / (2 * (1 - share)) for each, share in ((blue, blue_share), (red, red_share)))
    planes = [16 + 219 * luma, *(128 + 224 * each for each in chroma)]
    return np.rint(256 * np.stack(planes, axis=-1)).astype(np.uint16)


def read_png(data: np.ndarray) -> np.ndarray | None:
    """The picture in a PNG's bytes as (H, W, 3) RGB of its own depth; None where it is damaged."""
    stored = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    return None if stored is None else cv2.cvtColor(stored, cv2.COLOR_BGR2RGB)
