"""Sinks: images, folders and videos, and the bytes and times that they write."""

from __future__ import annotations

import errno
import io
import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.clips import gradient, make_clip
from tests.support.outputs import copy_frames, frame_times, standard_codes
from videostyle.errors import BadOutput, RunFailed
from videostyle.frames import Frame, Size, Trim, VideoInfo
from videostyle.media.images import picture_bytes
from videostyle.media.segments import Span, next_span
from videostyle.media.sinks import open_sink
from videostyle.media.workdir import WorkFolder

TICK = Fraction(1, 12800)


def write_images(output: Path, images: list[np.ndarray], size: Size, rate: Fraction | None = None) -> list[str]:
    """Write frames of a folder of images, for which no source file is needed; return the sink's notices."""
    with WorkFolder(output) as work:
        sink = open_sink(output, work, Path("unused"), VideoInfo("folder", size), size, None, rate)
        for index, image in enumerate(images):
            sink.write(Frame(image, index, Fraction(index, 25), Fraction(1, 25), f"{index}.png"))
        sink.finish()
        work.remove()
    return sink.notices


# images


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("with_alpha", [False, True])
def test_lossless_images(suffix, kind, with_alpha):
    """PNG and TIFF give back the very pixels, of 8 and 16 bits, with alpha and without."""
    noise = np.random.default_rng(1).integers(0, np.iinfo(kind).max + 1, (5, 7, 4)).astype(kind)
    data = picture_bytes(noise[..., :3].copy(), noise[..., 3] if with_alpha else None, suffix)
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    expected = np.dstack([noise[..., 2::-1], noise[..., 3]]) if with_alpha else noise[..., 2::-1]
    assert read.dtype == kind
    assert np.array_equal(read, expected)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_images_read_by_pillow(suffix):
    """Another reader gets the same colors and alpha."""
    image, alpha = gradient(6, 8), np.arange(48, dtype=np.uint8).reshape(6, 8) + 1
    with Image.open(io.BytesIO(picture_bytes(image, alpha, suffix))) as picture:
        assert picture.mode == "RGBA"
        assert np.array_equal(np.asarray(picture), np.dstack([image, alpha]))


def test_jpeg():
    """Chroma has full resolution, and transparency is composed over black."""
    image = gradient(32, 32)
    half = np.full((32, 32), 51, np.uint8)  # a fifth
    with Image.open(io.BytesIO(picture_bytes(image, half, ".JPG"))) as picture:
        read = np.asarray(picture).astype(float)
        assert picture.layer[1][1:3] == picture.layer[0][1:3]  # color is sampled as finely as light
    assert np.abs(read - 0.2 * image).max() < 4


@settings(max_examples=40)
@given(st.integers(0, 65535))
def test_rounding_of_16_bits_to_8(value):
    data = picture_bytes(np.full((1, 1, 3), value, np.uint16), None, ".webp")
    read = int(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[0, 0, 0])
    assert abs(read - value / 257) <= 0.5


def test_image_too_large_for_its_format(tmp_path):
    output = tmp_path / "wide.webp"
    size = (2, 20000)
    with WorkFolder(output) as work:
        sink = open_sink(output, work, Path("still.png"), VideoInfo("image", size), size, None, None)
        with pytest.raises(RunFailed, match=r"\.webp holds no picture of 20000x2 pixels"):
            sink.write(Frame(np.zeros((*size, 3), np.uint8)))


def test_second_frame_of_an_image(tmp_path):
    """It is refused, and the message says what to do."""
    with WorkFolder(tmp_path / "out.png") as work:
        sink = open_sink(work.output, work, Path("in.mp4"), VideoInfo("video", (8, 8)), (8, 8), None, None)
        sink.write(Frame(gradient(8, 8)))
        with pytest.raises(RunFailed, match="--frames 1"):
            sink.write(Frame(gradient(8, 8), 1))


# folders


def test_names_in_a_folder(tmp_path):
    """Names are kept; a suffix that cannot be written becomes .png."""
    output = tmp_path / "out"
    with WorkFolder(output) as work:
        sink = open_sink(output, work, tmp_path, VideoInfo("folder", (8, 8)), (8, 8), None, None)
        for name in ("shot_008.JPG", "shot_009.bmp", "shot_010.tiff"):
            sink.write(Frame(gradient(8, 8), name=name))
        sink.finish()
    assert sorted(path.name for path in output.iterdir()) == ["shot_008.JPG", "shot_009.png", "shot_010.tiff"]
    assert Image.open(output / "shot_008.JPG").format == "JPEG"


def test_frames_of_a_video_in_a_folder(tmp_path):
    """They are numbered and have times, a second range joins the first, other files are kept."""
    output = tmp_path / "out"
    for ordinals, trim in ((range(3), None), (range(2, 5), Trim(Fraction(1), Fraction(2)))):
        with WorkFolder(output) as work:
            sink = open_sink(output, work, tmp_path, VideoInfo("video", (8, 8), time_base=TICK), (8, 8), trim, None)
            for ordinal in ordinals:
                sink.write(Frame(gradient(8, 8, 50 * ordinal), ordinal, Fraction(1001 * ordinal, 30000)))
            sink.finish()
            work.remove()
        (output / "mine.txt").write_text("untouched")
    names = [f"{number:06d}.png" for number in range(1, 6)]
    assert sorted(path.name for path in output.iterdir()) == [*names, "mine.txt", "timestamps.txt"]
    lines = [line.split() for line in (output / "timestamps.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line[0] for line in lines] == names
    assert [Fraction(line[1]) for line in lines] == [Fraction(1001 * ordinal, 30000) for ordinal in range(5)]
    assert [float(line[2]) for line in lines] == pytest.approx([1001 * ordinal / 30000 for ordinal in range(5)])


# videos


@pytest.mark.parametrize(
    ("rate", "expected"), [(Fraction(30000, 1001), Fraction(1001, 30000)), (None, Fraction(1, 25))]
)
def test_rate_of_a_video_from_a_folder(tmp_path, rate, expected):
    output = tmp_path / "out.mp4"
    write_images(output, [gradient(16, 32, step) for step in range(3)], (16, 32), rate)
    assert frame_times(output) == [(index * expected, expected) for index in range(3)]


def test_held_frame_in_a_video(tmp_path):
    """A frame that is held over two missing numbers is shown for three frames, at any rate; resuming changes nothing."""
    output = tmp_path / "out.mp4"
    places = [(7, 1), (8, 3), (11, 1)]
    frames = [Frame(gradient(32, 48, n), i, Fraction(n, 25), Fraction(d, 25)) for i, (n, d) in enumerate(places)]
    for stop in (0, 2):
        with WorkFolder(output) as work:
            info = VideoInfo("folder", (32, 48))
            first, second = (open_sink(output, work, tmp_path, info, (32, 48), None, Fraction(50)) for _ in range(2))
            for frame in frames[:stop]:
                first.write(frame)
            if stop:
                second.resume(first.files(), [frame.time for frame in frames[:stop]])
            for frame in frames[stop:]:
                second.write(frame)
            second.finish()
            work.remove()
        tick = Fraction(1, 50)
        assert frame_times(output) == [(0, tick), (tick, 3 * tick), (4 * tick, tick)]


def test_frames_with_times_of_a_folder(tmp_path):
    """A folder whose numbers are clock times becomes a video with those times."""
    output, info = tmp_path / "out.mp4", VideoInfo("folder", (32, 48), time_base=Fraction(1, 1000))
    times = [Fraction(ms, 1000) for ms in (0, 40, 140)]
    with WorkFolder(output) as work:
        sink = open_sink(output, work, tmp_path, info, (32, 48), None, None)
        for index, time in enumerate(times):
            sink.write(Frame(gradient(32, 48, index), index, time, Fraction(1, 10)))
        sink.finish()
    assert [time for time, _ in frame_times(output)] == times
    assert not sink.notices


def test_longest_names(tmp_path):
    """An output may have any name that its file system takes, and so may the images of a folder."""
    image, video, name = tmp_path / ("x" * 251 + ".png"), tmp_path / ("ä" * 125 + "y.mp4"), "1" * 251 + ".png"
    for output, info, parts in (
        (image, VideoInfo("image", (32, 48)), [""]),
        (video, VideoInfo("folder", (32, 48)), [name]),
        (tmp_path / ("f" * 255), VideoInfo("folder", (32, 48)), [name]),
    ):
        with WorkFolder(output) as work:
            sink = open_sink(output, work, tmp_path, info, (32, 48), None, None)
            for index, part in enumerate(parts):
                sink.write(Frame(gradient(32, 48), index, Fraction(index), Fraction(1, 25), part))
            sink.finish()
            work.remove()
    with WorkFolder(tmp_path / ("f" * 255)) as work:  # into the folder that exists now
        sink = open_sink(work.output, work, tmp_path, VideoInfo("folder", (32, 48)), (32, 48), None, None)
        sink.write(Frame(gradient(32, 48), 0, Fraction(0), Fraction(1, 25), name))
        sink.finish()
        work.remove()
    assert {len(os.fsencode(path.name)) for path in tmp_path.iterdir()} == {255}
    assert [path.name for path in (tmp_path / ("f" * 255)).iterdir()] == [name]


def test_folder_on_another_disk(tmp_path, monkeypatch):
    """The output folder may be a link: files are not moved between disks, but copied."""
    (tmp_path / "disk").mkdir()
    output = tmp_path / "out"
    output.symlink_to(tmp_path / "disk")
    rename = os.replace

    def between_disks(one, other):
        if Path(one).parent.resolve() != Path(other).parent.resolve():
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(one, other)

    with WorkFolder(output) as work:
        sink = open_sink(output, work, tmp_path, VideoInfo("folder", (8, 8)), (8, 8), None, None)
        sink.write(Frame(gradient(8, 8), 0, name="1.png"))
        monkeypatch.setattr(os, "replace", between_disks)
        sink.finish()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["1.png"]


def test_still_image_to_video(tmp_path):
    """It is refused."""
    output = tmp_path / "out.mp4"
    with WorkFolder(output) as work, pytest.raises(BadOutput, match="a still image does not become a video"):
        open_sink(output, work, tmp_path, VideoInfo("image", (8, 8)), (8, 8), None, None)


def test_odd_sizes(tmp_path):
    """With 4:2:0, an odd side loses one pixel; nothing is rescaled."""
    output = tmp_path / "out.mp4"
    image = gradient(37, 65)
    write_images(output, [image], (37, 65))
    with av.open(str(output)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert picture.shape == (36, 64, 3)
    assert np.abs(picture.astype(int) - image[:36, :64]).mean() < 3


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize(("size", "code"), [((720, 16), 1), ((718, 16), 6)])
def test_colors_and_tags(tmp_path, suffix, size, code):
    """The stored codes are those of the standard that the tags name: BT.709 from 720 lines, else BT.601."""
    colors = [(255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 100, 50)]
    output = tmp_path / f"out{suffix}"
    write_images(output, [np.full((*size, 3), color, np.uint8) for color in colors], size)
    with av.open(str(output)) as container:
        stream = container.streams.video[0]
        tags = (stream.color_range, stream.colorspace, stream.color_primaries, stream.color_trc)
        planes = [frame.to_ndarray(format="yuv420p") for frame in container.decode(stream)]
    assert tags == (1, code, 1, 1)  # only the matrix is BT.601's
    for color, plane in zip(colors, planes, strict=True):
        height, width = size
        middle = [plane[height // 2, width // 2], plane[height + 20, 4], plane[height + height // 4 + 20, 4]]
        assert np.abs(np.array(middle, float) - standard_codes(*color, height)).max() <= 1.5


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_segments_and_reproducible_bytes(tmp_path, suffix):
    """Each segment begins with a keyframe, nothing is reordered, and two runs write the same bytes."""
    noise = np.random.default_rng(3).integers(0, 256, (32, 48, 3)).astype(np.uint8)
    outputs = [tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"]
    for output in outputs:
        with WorkFolder(output) as work:
            sink = open_sink(output, work, tmp_path, VideoInfo("folder", (32, 48)), (32, 48), None, None)
            for index in range(60):
                sink.write(Frame(np.roll(noise, index, 1), index))
                assert len(sink.files()) < 50  # segments, and the frames of the open one
                if index == 4:
                    sink.end_segment()  # a cut
                    sink.end_segment()  # an empty segment is none
            sink.finish()
    with av.open(str(outputs[0])) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert [packet.pts for packet in packets] == [packet.dts for packet in packets]
    assert {5, 53} <= {index for index, packet in enumerate(packets) if packet.is_keyframe}
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_segments_are_independent(tmp_path):
    """Resuming relies on it: the packets after a cut are the same whatever was encoded before it."""
    noise = np.random.default_rng(4).integers(0, 256, (32, 48, 3)).astype(np.uint8)
    second = []
    for name, first_segment in (("a.mp4", 3), ("b.mp4", 7)):
        output = tmp_path / name
        with WorkFolder(output) as work:
            sink = open_sink(output, work, tmp_path, VideoInfo("folder", (32, 48)), (32, 48), None, None)
            for index in range(first_segment):
                sink.write(Frame(gradient(32, 48, index), index))
            sink.end_segment()
            for index in range(4):
                sink.write(Frame(np.roll(noise, index, 0), index))
            sink.finish()
        with av.open(str(output)) as container:
            second.append([bytes(packet) for packet in container.demux(video=0) if packet.size][-4:])
    assert second[0] == second[1]


@pytest.mark.parametrize("limit", [400, 9_000])
@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out", "out.png"])
def test_full_disk(tmp_path, name, limit):
    """A limit on file sizes stands for the full disk: the first file above it fails, an image or the whole video."""
    resource = pytest.importorskip("resource")
    output = tmp_path / name
    noise = np.random.default_rng(5).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with WorkFolder(output) as work:
        sink = open_sink(output, work, tmp_path, VideoInfo("folder", (48, 48)), (48, 48), None, None)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            if limit < 1000 or name in ("out.mp4", "out.webm"):
                with pytest.raises(RunFailed, match=f"{name} could not be written: File too large"):
                    write_noise(sink, noise, 1 if name == "out.png" else 40)
            sink.abort()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == [work.path.name]


def write_noise(sink, noise, count: int) -> None:
    for index in range(count):
        sink.write(Frame(np.roll(noise, index * 7, 1), index))
    sink.finish()


@settings(max_examples=60)
@given(st.lists(st.integers(1, 4000), min_size=1, max_size=20), st.integers(-3000, 300_000))
def test_spans(steps, start):
    """Against an independent rule: the nearest millisecond, or the one after the frame before where that is taken."""
    clock, millisecond = Fraction(1, 30000), Fraction(1, 1000)
    times = [(start + sum(steps[:index])) * clock for index in range(len(steps) + 1)]
    span, last = None, None
    for number, (begin, end) in enumerate(pairwise(times)):
        span = next_span(span, begin, end, millisecond)
        last = round(begin * 1000) if last is None else max(round(begin * 1000), last + 1)
        assert span == (number, last, max(round(end * 1000), last + 1))
        assert Span.of(span.file(Path("any"), ".png")) == span


def test_times_of_frames(tmp_path):
    """Frames of varying duration come back at their times, to the tick."""
    ticks = [90, 100, 3100, 3101, 9000]
    source = make_clip(
        tmp_path / "in.mp4", [gradient(16, 32, i) for i in range(5)], pts=ticks, time_base=Fraction(1, 90000)
    )
    frames, _ = copy_frames(source, tmp_path / "out.mp4")
    assert [frame.time for frame in frames] == [Fraction(tick, 90000) for tick in ticks]
    assert frame_times(tmp_path / "out.mp4") == [(frame.time, frame.duration) for frame in frames]
