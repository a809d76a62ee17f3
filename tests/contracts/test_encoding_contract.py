"""Every codec in every container that can hold it: colors, times, joined segments, reproducible bytes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.clips import gradient
from tests.support.outputs import frame_times, standard_codes
from videostyle.errors import BadOption
from videostyle.frames import Frame, VideoInfo
from videostyle.media.color.encode import limited_yuv
from videostyle.media.containers import CONTAINERS
from videostyle.media.encoding import CODECS, WRITABLE, EncodingRequest, can_hold, choose_encoder
from videostyle.media.sinks import open_sink
from videostyle.media.sources import open_source
from videostyle.media.workdir import WorkFolder

TICK = Fraction(1, 90000)
INTO = {
    "h264": [".mp4", ".mov", ".mkv"],
    "hevc": [".mp4", ".mov", ".mkv"],
    "vp9": [".mp4", ".mkv", ".webm"],
    "av1": [".mp4", ".mkv", ".webm"],
    "prores": [".mov", ".mkv"],
    "ffv1": [".mp4", ".mkv"],
}
PAIRS = [(codec, suffix) for codec, suffixes in INTO.items() for suffix in suffixes]
COLORS = [(255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 100, 50)]


def write(output: Path, images: list[np.ndarray], request: EncodingRequest, gaps: bool = False) -> None:
    """Write the images at 25 per second, or with gaps and from 0.5 s on, in segments of three."""
    size, bits = images[0].shape[:2], images[0].dtype.itemsize * 8
    info = VideoInfo("folder", size, bits) if not gaps else VideoInfo("video", size, bits, TICK, rate=Fraction(25))
    source = output.with_name("nothing.mp4")
    if gaps:
        with av.open(str(source), "w") as empty:  # a source without side tracks
            stream = empty.add_stream("libx264", rate=25, width=16, height=16)
            empty.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
            empty.mux(stream.encode(None))
    with WorkFolder(output) as work:
        pixels = choose_encoder(request, output.suffix, bits)
        sink = open_sink(output, work, source, info, size, None, None, pixels)
        for index, image in enumerate(images):
            start = Fraction(1, 2) + Fraction(index * index, 50) if gaps else Fraction(index, 25)
            length = Fraction(2 * index + 1, 50) if gaps else Fraction(1, 25)
            sink.write(Frame(image, index, start, length))
            if index % 3 == 2:
                sink.end_segment()
        sink.finish()
        work.remove()


def stored_middle(frame: av.VideoFrame) -> np.ndarray:
    """Y, Cb, Cr of the middle pixel as codes of 8 bits, read from the planes without any conversion."""
    values = []
    for plane, component in zip(frame.planes, frame.format.components, strict=True):
        kind = np.uint8 if component.bits == 8 else np.uint16
        rows = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // np.dtype(kind).itemsize)
        values.append(float(rows[plane.height // 2, plane.width // 2]) / 2 ** (component.bits - 8))
    return np.array(values)


@pytest.mark.parametrize(("codec", "suffix"), PAIRS)
def test_frames_times_and_bytes(tmp_path, codec, suffix):
    """Every frame comes back at its time, across segments, and two runs write the same bytes."""
    images = [gradient(66, 96, step=20 * index) for index in range(7)]
    one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    for output in (one, two):
        write(output, images, EncodingRequest(codec), gaps=True)
    assert one.read_bytes() == two.read_bytes()
    tick = Fraction(1, 1000) if suffix in (".mkv", ".webm") else TICK
    expected = [round((Fraction(1, 2) + Fraction(index * index, 50)) / tick) * tick for index in range(7)]
    assert [time for time, _ in frame_times(one)] == expected
    for image, frame in zip(images, open_source(one).frames(), strict=True):
        assert np.abs(frame.image.astype(float) / 257 ** (frame.image.dtype == np.uint16) - image).mean() < 3
    with av.open(str(one)) as container:
        packets = [packet.pts for packet in container.demux(video=0) if packet.size]
    assert packets == sorted(packets)  # nothing is reordered


@pytest.mark.parametrize("suffix", CONTAINERS)
@pytest.mark.parametrize("codec", CODECS)
def test_codec_in_container(codec, suffix):
    """A codec that the container cannot hold is refused; the message lists the containers that can."""
    if CONTAINERS[suffix].suffixes[0] in INTO[codec]:
        assert choose_encoder(EncodingRequest(codec), suffix, 8).encoder in CODECS[codec].encoders
        return
    with pytest.raises(BadOption) as error:
        choose_encoder(EncodingRequest(codec), suffix, 8)
    assert all(container in str(error.value).split("accepted:")[1] for container in INTO[codec])


FORMATS = [
    (name, pixels.name)
    for name, codec in CODECS.items()
    for encoder in codec.encoders[:1]
    for pixels in (av.Codec(encoder, "w").video_formats if encoder in av.codecs_available else ())
    if WRITABLE.fullmatch(pixels.name)
]


@pytest.mark.parametrize(("codec", "pix_fmt"), FORMATS)
def test_colors_of_every_pixel_format(tmp_path, codec, pix_fmt):
    """The stored codes are those of the standard."""
    output = tmp_path / "out.mkv"
    deep = av.VideoFormat(pix_fmt).components[0].bits > 8
    scale, kind = (257, np.uint16) if deep else (1, np.uint8)
    images = [np.full((64, 80, 3), color, kind) * kind(scale) for color in COLORS]
    write(output, images, EncodingRequest(codec, pix_fmt=pix_fmt, crf=1 if CODECS[codec].crf else None))
    is_rgb = av.VideoFormat(pix_fmt).is_rgb
    with av.open(str(output)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == pix_fmt
        frames = list(container.decode(video=0))
    for color, frame in zip(COLORS, frames, strict=True):
        if is_rgb:
            stored = frame.to_ndarray(format="rgb48le")[32, 40] / 257
            assert np.abs(stored - color).max() <= 1.0
        else:
            assert np.abs(stored_middle(frame) - standard_codes(*color, 64)).max() <= 1.5


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("size", [(32, 48), (31, 47)])
def test_ffv1_is_lossless(tmp_path, bits, size):
    random = np.random.default_rng(bits)
    images = [random.integers(0, 2**bits, (*size, 3)).astype(f"uint{bits}") for _ in range(4)]
    write(tmp_path / "out.mkv", images, EncodingRequest("ffv1"))
    for image, frame in zip(images, open_source(tmp_path / "out.mkv").frames(), strict=True):
        np.testing.assert_array_equal(frame.image, image)


@pytest.mark.parametrize(("codec", "suffix"), [("hevc", ".mp4"), ("av1", ".webm"), ("prores", ".mov")])
def test_deep_source(tmp_path, codec, suffix):
    """A slope of 1 code of 8 bits over the whole width: in 8 bits it has two levels, in 10 bits at least four."""
    slope = np.tile(np.linspace(30000, 30000 + 257, 64).astype(np.uint16)[None, :, None], (64, 1, 3))
    write(tmp_path / f"out{suffix}", [slope], EncodingRequest(codec, crf=1 if CODECS[codec].crf else None))
    (frame,) = open_source(tmp_path / f"out{suffix}").frames()
    assert len(np.unique(frame.image[32, :, 1])) >= 4


def test_limited_yuv():
    """The conversion is within half a code of 10 bits of the equations."""
    random = np.random.default_rng(0)
    rgb = random.integers(0, 65536, (4, 5, 3)).astype(np.uint16)
    for matrix, lines in ((1, 720), (6, 480)):
        stored = limited_yuv(rgb, matrix) / 256
        for row, column in np.ndindex(4, 5):
            expected = standard_codes(*(rgb[row, column] / 257), lines)
            assert np.abs(stored[row, column] - expected).max() < 0.01


@pytest.mark.parametrize(
    ("wanted", "accepted"),
    [
        (EncodingRequest("vp9", pix_fmt="yuv420p10le"), "yuv420p"),
        (EncodingRequest("h264", pix_fmt="rgb24"), "yuv444p"),
        (EncodingRequest("h264", crf=52), "0 to 51"),
        (EncodingRequest("prores", crf=10), "leave it out"),
    ],
)
def test_option_that_the_encoder_does_not_accept(wanted, accepted):
    """The message says what it accepts."""
    suffix = ".mov" if wanted.codec == "prores" else ".mkv"
    with pytest.raises(BadOption) as error:
        choose_encoder(wanted, suffix, 8)
    assert accepted in str(error.value)


def test_missing_encoder(monkeypatch):
    """The message lists the codecs that can be encoded."""
    monkeypatch.setitem(CODECS, "hevc", replace(CODECS["hevc"], encoders=("libnothing",)))
    with pytest.raises(BadOption, match="has no encoder libnothing; accepted: h264, vp9"):
        choose_encoder(EncodingRequest("hevc"), ".mp4", 8)


def test_can_hold():
    assert not can_hold(CONTAINERS[".webm"], choose_encoder(EncodingRequest(), ".mp4", 8))
