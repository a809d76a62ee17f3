"""The codecs that can be chosen, and encoders that are set up to write the same bytes each time.

FFmpeg is asked which encoders exist, which pixel formats they accept and which container holds their packets.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple, cast

import av
from av.container import OutputContainer
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from videostyle.errors import BadOption
from videostyle.frames import HdrTags, Size
from videostyle.media.alpha import has_alpha
from videostyle.media.color.matrices import BT601, ColorTags
from videostyle.media.containers import CONTAINERS, Container

# A constant, not the machine's cores: the number of threads changes the bytes that an encoder writes.
ENCODER_THREADS = 4

# The pixel formats that color/encode.py is exact for: planar YUV with chroma for one, two or four pixels, and RGB.
WRITABLE = re.compile(r"yuv4(20|22|44)p(\d+le)?|gbrp(\d+le)?|bgr0")

CHROMA_BLOCKS = {"yuv420p": (2, 2), "yuva420p": (2, 2), "yuv422p": (1, 2), "yuva422p": (1, 2)}
"""(rows, columns) of pixels that share one chroma sample, by the beginning of a pixel format's name."""

os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 prints to the terminal otherwise


@dataclass(frozen=True)
class Codec:
    """A codec that a user can name."""

    encoders: tuple[str, ...]
    """FFmpeg's encoders, best first."""
    crf: int | None = None
    """The default quality (constant rate factor); None where the encoder has no such scale."""
    largest_crf: int = 51
    smallest_side: int = 2
    """In pixels."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Options of the encoder."""
    pix_fmts: tuple[str, str] = ("yuv420p", "yuv420p10le")
    """The default pixel formats for sources of 8 bits and of more, where the encoder accepts them."""
    live_options: Mapping[str, str] = field(default_factory=dict)
    """Options to add for encoding in real time."""
    alpha_pix_fmts: tuple[str, ...] = ()
    """As `pix_fmts`, for transparent sources; the only ones with alpha that are written."""
    alpha_options: Mapping[str, str] = field(default_factory=dict)
    """Options to add where alpha is stored."""
    alpha_beside: bool = False
    """Whether alpha is a second part of each packet, which few containers can hold."""


# No B-frames (bf=0): with them, decoding times are ahead of presentation times by a delay that each encoder counts from
# its own first frame. In joined segments, decoding times would go backwards.
CODECS = {
    # 8 bits even for deeper sources: few players decode 10-bit H.264.
    # mbtree=0: with it, some encodings of small frames are not reproducible (docs/decisions).
    "h264": Codec(
        encoders=("libx264",),
        crf=16,
        options={"preset": "medium", "bf": "0", "mbtree": "0", "weightp": "none"},
        pix_fmts=("yuv420p", "yuv420p"),
        live_options={"preset": "veryfast", "tune": "zerolatency", "g": "30"},
    ),
    "hevc": Codec(
        encoders=("libx265",),
        crf=18,
        smallest_side=64,
        options={"x265-params": "bframes=0:frame-threads=1:info=0:log-level=error"},
    ),
    "vp9": Codec(
        encoders=("libvpx-vp9",),
        crf=24,
        largest_crf=63,
        options={"b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
        live_options={"deadline": "realtime", "cpu-used": "8", "g": "30"},
        alpha_pix_fmts=("yuva420p", "yuva420p"),
        alpha_beside=True,
    ),
    "av1": Codec(
        encoders=("libsvtav1", "libaom-av1"), crf=24, largest_crf=63, smallest_side=16, options={"preset": "6"}
    ),
    "prores": Codec(
        encoders=("prores_ks",),
        options={"profile": "hq"},
        pix_fmts=("yuv422p10le", "yuv422p10le"),
        alpha_pix_fmts=("yuva444p10le", "yuva444p10le"),
        alpha_options={"profile": "4444"},
    ),
    # lossless: RGB is stored as RGB and comes back bit for bit
    "ffv1": Codec(
        encoders=("ffv1",),
        options={"level": "3", "slices": "4", "slicecrc": "1"},
        pix_fmts=("bgr0", "gbrp16le"),
        alpha_pix_fmts=("bgra", "gbrap16le"),
    ),
}


class LightOptions(NamedTuple):
    """How an encoder is given the mastering display and the content light of HDR."""

    option: str
    """The option of FFmpeg that takes them."""
    mastering: str
    light: str
    chromaticity: int = 1
    """Units of a chromaticity coordinate; 1: they are decimal fractions."""
    luminance: int = 1
    """Units of 1 cd/m2, likewise."""

    @staticmethod
    def number(value: Fraction, units: int) -> str:
        return f"{float(value):.6g}" if units == 1 else str(round(value * units))


_LIGHT_OPTIONS = {
    "libx265": LightOptions("x265-params", "master-display", "max-cll", 50_000, 10_000),
    "libsvtav1": LightOptions("svtav1-params", "mastering-display", "content-light"),
}
"""By FFmpeg's name of the encoder."""


@dataclass(frozen=True)
class EncodingRequest:
    """What the user asks of the video's encoding; None leaves it to the container and the source."""

    codec: str | None = None
    """A key of CODECS."""
    crf: int | None = None
    pix_fmt: str | None = None
    hdr: HdrTags | None = None
    """What an HDR output is tagged with; None: it is BT.709."""


class EncoderSettings(NamedTuple):
    """An encoder and what it is given, as resolved from an EncodingRequest."""

    encoder: str
    """FFmpeg's name of it."""
    options: Mapping[str, str]
    pix_fmt: str
    smallest_side: int
    """In pixels."""
    hdr: HdrTags | None = None
    """What an HDR output is tagged with; None: it is BT.709."""
    alpha_beside: bool = False
    """Whether transparency is stored as a second part of each packet."""

    @property
    def sides(self) -> tuple[int, int]:
        """(rows, columns) that the frame's sides must be multiples of."""
        return next((block for name, block in CHROMA_BLOCKS.items() if self.pix_fmt.startswith(name)), (1, 1))

    @property
    def bits(self) -> int:
        """Bits of each component."""
        return av.VideoFormat(self.pix_fmt).components[0].bits

    @property
    def alpha(self) -> bool:
        """Whether transparency is stored."""
        return has_alpha(av.VideoFormat(self.pix_fmt))

    @property
    def is_rgb(self) -> bool:
        return av.VideoFormat(self.pix_fmt).is_rgb


@dataclass(frozen=True)
class Encoding:
    """How every segment of a run is encoded."""

    settings: EncoderSettings
    size: Size
    """(height, width) in pixels."""
    tick: Fraction
    """The unit of time in seconds."""
    rate: Fraction
    """Frames per second, a hint to the encoder."""
    sample_aspect: Fraction
    """Width over height of one pixel."""
    color: ColorTags


def choose_encoder(request: EncodingRequest, suffix: str, bits: int, transparent: bool = False) -> EncoderSettings:
    """The encoder and pixel format for a file with this suffix and a source of 8 or 16 bits.

    transparent: keep the source's alpha where codec, container and a requested pixel format can; not together with HDR.
    Raises BadOption where this FFmpeg has no such encoder, where the encoder does not accept the pixel format or the
    quality, or where the container cannot hold the result.
    """
    container = CONTAINERS[suffix.lower()]
    name = request.codec or (container.hdr_codec if request.hdr else container.codec)
    codec = CODECS[name]
    encoder = _encoder_of(name, codec)
    keeps_alpha = transparent and not request.hdr and (container.block_additions or not codec.alpha_beside)
    pix_fmt = _pixel_format(request, name, codec, encoder, bits, keeps_alpha)
    crf = _quality(request, name, codec)
    options = dict(codec.options) | ({} if crf is None else {"crf": str(crf)})
    if pix_fmt in codec.alpha_pix_fmts:
        options |= codec.alpha_options
    if request.hdr:
        options = with_light(options, encoder.name, request.hdr)
    beside = codec.alpha_beside and pix_fmt in codec.alpha_pix_fmts
    settings = EncoderSettings(encoder.name, options, pix_fmt, codec.smallest_side, request.hdr, beside)
    if request.hdr and (settings.bits < 10 or settings.is_rgb):
        problem = f"--hdr keep needs 10 bits in YUV, and --codec {name} would be written as {pix_fmt}"
        raise BadOption(problem, "--codec hevc, av1 or prores", "or choose another --pix-fmt, such as yuv420p10le")
    if not can_hold(container, settings):
        others = [other for other in CONTAINERS if can_hold(CONTAINERS[other], settings)]
        problem = f"{suffix} files cannot hold --codec {name} with --pix-fmt {pix_fmt}"
        raise BadOption(problem, " ".join(others), "choose another -o or --codec")
    return settings


def lossless_encoder(transparent: bool) -> EncoderSettings:
    """How frames of 8 bits are kept until an animation is made of them."""
    return choose_encoder(EncodingRequest("ffv1"), ".mkv", 8, transparent)


def with_light(options: dict[str, str], encoder: str, hdr: HdrTags) -> dict[str, str]:
    """The options of an encoder with those that write the mastering display and the content light, where it has them."""
    if encoder not in _LIGHT_OPTIONS:
        return options
    form = _LIGHT_OPTIONS[encoder]
    parts = [options[form.option]] if form.option in options else []
    if hdr.mastering:
        numbers = [form.number(value, form.chromaticity) for value in hdr.mastering[:8]]
        red, green, blue, white = (f"({x},{y})" for x, y in zip(numbers[::2], numbers[1::2], strict=True))
        darkest, brightest = (form.number(value, form.luminance) for value in hdr.mastering[8:])
        parts.append(f"{form.mastering}=G{green}B{blue}R{red}WP{white}L({brightest},{darkest})")
    if hdr.light:
        parts.append(f"{form.light}={hdr.light[0]},{hdr.light[1]}")
    return options | ({form.option: ":".join(parts)} if parts else {})


def _encoder_of(name: str, codec: Codec) -> av.Codec:
    """The best of the codec's encoders that this FFmpeg has."""
    for encoder in codec.encoders:
        if available := _ffmpeg_encoder(encoder):
            return available
    others = [name for name, other in CODECS.items() if any(map(_ffmpeg_encoder, other.encoders))]
    problem = f"--codec {name} cannot be used: this FFmpeg has no encoder {' or '.join(codec.encoders)}"
    raise BadOption(problem, ", ".join(others))


def _ffmpeg_encoder(name: str) -> av.Codec | None:
    try:
        return av.Codec(name, "w")
    except ValueError:
        return None


def _pixel_format(
    request: EncodingRequest, name: str, codec: Codec, encoder: av.Codec, bits: int, keeps_alpha: bool
) -> str:
    accepted = [pixels.name for pixels in encoder.video_formats or ()]
    formats = [pixels for pixels in accepted if WRITABLE.fullmatch(pixels) or pixels in codec.alpha_pix_fmts]
    defaults = (codec.alpha_pix_fmts[bits > 8 :] if keeps_alpha else ()) + codec.pix_fmts[bits > 8 :]
    pix_fmt = request.pix_fmt or next((default for default in defaults if default in formats), codec.pix_fmts[0])
    if pix_fmt not in formats:
        raise BadOption(f"--pix-fmt {pix_fmt} cannot be written with --codec {name}", ", ".join(formats))
    return pix_fmt


def _quality(request: EncodingRequest, name: str, codec: Codec) -> int | None:
    if request.crf is None:
        return codec.crf
    if codec.crf is None:
        raise BadOption(f"--crf has no effect with --codec {name}, whose quality is fixed; leave it out")
    if request.crf > codec.largest_crf:
        raise BadOption(f"--crf {request.crf} is out of the range of --codec {name}", f"0 to {codec.largest_crf}")
    return request.crf


def can_hold(container: Container, settings: EncoderSettings) -> bool:
    """Whether the encoder opens and the container's muxer writes a header for it."""
    encoding = Encoding(settings, (64, 64), Fraction(1, 1000), Fraction(25), Fraction(1), BT601)

    def add(output: OutputContainer) -> None:
        if settings.alpha_beside and not container.block_additions:
            raise ValueError("alpha that the muxer would drop")
        if av.Codec(settings.encoder, "w").canonical_name not in output.supported_codecs:
            raise ValueError("a codec that the muxer does not list")
        add_video_stream(output, encoding)

    return muxer_accepts(container, add)


def muxer_accepts(container: Container, add: Callable[[OutputContainer], object]) -> bool:
    """Whether the container's muxer writes a header for the streams that `add` adds to an output."""
    output = av.open(io.BytesIO(), "w", format=container.format)
    try:
        add(output)
        output.start_encoding()
    except (av.FFmpegError, ValueError, ZeroDivisionError, OverflowError):
        return False
    finally:
        with suppress(av.FFmpegError):
            output.close()
    return True


def add_video_stream(output: OutputContainer, encoding: Encoding) -> VideoStream:
    """Add a stream to the output that encodes frames of `color.encode.video_frame`."""
    settings, (height, width) = encoding.settings, encoding.size
    options = dict(settings.options)
    added = output.add_stream(settings.encoder, rate=encoding.rate, width=width, height=height, options=options)
    stream = cast(VideoStream, added)
    stream.pix_fmt = settings.pix_fmt
    stream.codec_context.time_base = encoding.tick
    stream.codec_context.thread_count = ENCODER_THREADS
    stream.codec_context.thread_type = "FRAME"  # x264 would cut every frame into slices otherwise
    tag_stream(stream, encoding)
    return stream


def tag_stream(stream: VideoStream, encoding: Encoding) -> None:
    """Set the tags of an output stream that say how its colors and the shape of its pixels are to be read."""
    stream.color_range = (ColorRange.JPEG if encoding.settings.is_rgb else ColorRange.MPEG).value
    stream.colorspace, stream.color_primaries, stream.color_trc = encoding.color
    stream.sample_aspect_ratio = encoding.sample_aspect
