"""Interlaced video: what says so, what is made of the fields, and what is left alone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.filter import Graph

from tests.support.clips import gradient, make_clip
from videostyle.errors import BadInput
from videostyle.media.interlacing import Combing, order_seen
from videostyle.media.sources import open_source
from videostyle.option_groups import ReadingOptions

COUNT = 12


def scene(at: float, size: tuple[int, int] = (96, 128)) -> np.ndarray:
    """A bright bar, `at` pixels from the left, before a gradient."""
    image = gradient(*size) // 3
    image[:, round(at) : round(at) + 24] = 220
    return image


def woven(frame: int, top_first: bool = True) -> np.ndarray:
    """A frame of two fields; the later one shows the bar two pixels further."""
    early, late = scene(4 * frame), scene(4 * frame + 2)
    early[1 if top_first else 0 :: 2] = late[1 if top_first else 0 :: 2]
    return early


def interlaced_clip(path: Path, top_first: bool = True, codec: str = "huffyuv", pix_fmt: str = "yuv422p") -> Path:
    """A clip whose frames are not marked, of a codec that marks none."""
    return make_clip(path, [woven(number, top_first) for number in range(COUNT)], codec=codec, pix_fmt=pix_fmt)


def with_private_data(path: Path, target: Path, place: int, bits: int, value: int) -> Path:
    """The clip with some bits of its codec's private data set to a value."""
    with av.open(str(path)) as file:
        private = bytes(file.streams.video[0].codec_context.extradata)
    changed = bytearray(private)
    changed[place] = changed[place] & ~bits | value
    data = path.read_bytes()
    assert data.count(private) == 1
    target.write_bytes(data.replace(private, bytes(changed)))
    return target


def combing(image: np.ndarray) -> float:
    """How much neighboring lines differ, more than lines two apart."""
    lines = image[..., 1].astype(float)
    return float(np.abs(np.diff(lines, axis=0)[:-1]).mean() - np.abs(lines[2:] - lines[:-2]).mean())


def left_edge(image: np.ndarray) -> int:
    return int(np.flatnonzero(image[40, :, 1] > 150)[0])


@pytest.mark.parametrize("name", ["a.mkv", "a.mov"])
def test_order_of_the_container(tmp_path, name):
    """Matroska's FlagInterlaced and QuickTime's fiel, of a codec whose frames say nothing."""
    path = tmp_path / name
    with av.open(str(path), "w") as file:
        stream = file.add_stream("jpeg2000", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv422p"
        stream.codec_context.field_order = 2  # FFmpeg's AV_FIELD_TT
        for number in range(COUNT):
            frame = av.VideoFrame.from_ndarray(woven(number), "rgb24").reformat(format="yuv422p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    source = open_source(path)
    frames = list(source.frames())
    assert "is interlaced; its frames are deinterlaced" in source.info.notices[0]
    assert [frame.time for frame in frames] == [Fraction(number, 25) for number in range(COUNT)]
    assert all(combing(frame.image) < 1 for frame in frames)
    assert all(abs(left_edge(frame.image) - 4 * number) <= 1 for number, frame in enumerate(frames) if number)


@pytest.mark.parametrize(
    ("codec", "place", "bits", "value"), [("huffyuv", 2, 0x30, 0x10), ("ffvhuff", 2, 0x30, 0x10), ("utvideo", 13, 8, 8)]
)
def test_order_of_the_private_data(tmp_path, codec, place, bits, value):
    """HuffYUV and Ut Video have the interlaced bit in their private data only."""
    still = make_clip(tmp_path / "a.avi", [scene(20)] * 3, codec=codec, pix_fmt="yuv422p")
    assert open_source(still).info.notices == ()
    source = open_source(with_private_data(still, tmp_path / "b.avi", place, bits, value))
    assert "is interlaced" in source.info.notices[0]


@pytest.mark.parametrize("top_first", [True, False])
def test_order_seen_in_the_pixels(tmp_path, top_first):
    """Where nothing says so, the first frames are searched for fields, in the right order."""
    source = open_source(interlaced_clip(tmp_path / "a.avi", top_first))
    assert "looks interlaced, though nothing in it says so" in source.info.notices[0]
    frames = list(source.frames())
    assert all(combing(frame.image) < 1 for frame in frames)
    assert all(abs(left_edge(frame.image) - 4 * number) <= 1 for number, frame in enumerate(frames) if number)


def drawn() -> list[np.ndarray]:
    """FFmpeg's test picture, with digits one line thin. As MJPEG idet takes it for interlaced."""
    graph = Graph()
    graph.link_nodes(graph.add("testsrc2", "size=96x64:rate=10"), graph.add("buffersink")).configure()
    return [graph.vpull().to_ndarray(format="rgb24") for _ in range(COUNT)]


@pytest.mark.parametrize("kind", ["moving", "still", "noise", "stripes", "scrolling", "drawn"])
def test_progressive_video_is_left_alone(tmp_path, kind):
    noise = np.random.default_rng(0)
    pictures = {
        "moving": [scene(4 * number) for number in range(COUNT)],
        "still": [scene(30)] * COUNT,
        "noise": [noise.integers(0, 256, (96, 128, 3)).astype(np.uint8) for _ in range(COUNT)],
        "stripes": [scene(4 * number) // (1 + np.arange(96)[:, None, None] % 2) for number in range(COUNT)],
        "scrolling": [np.roll(scene(30), 2 * number, axis=0) for number in range(COUNT)],
        "drawn": drawn(),
    }[kind]
    pictures = [picture.astype(np.uint8) for picture in pictures]
    source = open_source(make_clip(tmp_path / "a.avi", pictures, codec="huffyuv", pix_fmt="yuv422p"))
    assert source.info.notices == ()


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_combing(order):
    """Frames of two fields are combed as those woven of neighbors in their order; thin lines are combed by themselves."""

    def of_fields(pictures: list[np.ndarray], other: str) -> bool:
        combing = Combing()
        for picture in pictures:
            combing.add(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24"))
        return combing.is_of_fields(other)

    fields = [woven(number, order == "tff") for number in range(COUNT)]
    assert of_fields(fields, order)
    assert not of_fields(fields, "bff" if order == "tff" else "tff")
    assert not of_fields(drawn(), order)
    assert not of_fields([fields[0]], order)


def test_a_few_frames_are_not_enough():
    """Fewer than four frames with fields decide nothing."""
    frames = [av.VideoFrame.from_ndarray(woven(number), "rgb24").reformat(format="yuv422p") for number in range(3)]
    assert order_seen(frames) == ""
    assert order_seen([]) == ""


def test_fields(tmp_path):
    """Each field becomes a frame: twice as many, the second ones half way to the next frame."""
    source = open_source(interlaced_clip(tmp_path / "a.avi"), ReadingOptions(deinterlace="fields"))
    frames = list(source.frames())
    assert [frame.time for frame in frames] == [Fraction(number, 50) for number in range(2 * COUNT)]
    assert {frame.duration for frame in frames} == {Fraction(1, 50)}
    assert source.info.rate == 50
    assert "each of its fields becomes a frame" in source.info.notices[0]
    assert all(abs(left_edge(frame.image) - 2 * number) <= 1 for number, frame in enumerate(frames) if number > 1)


def test_fields_of_marked_frames(tmp_path):
    """With a variable rate too the second field lies half way."""
    pts = [0, 40, 120, 160, 163]
    options = {"qp": "0", "preset": "ultrafast", "x264-params": "tff=1"}
    pictures = [woven(number) for number in range(5)]
    path = make_clip(
        tmp_path / "a.mkv", pictures, pts=pts, time_base=Fraction(1, 1000), options=options, pix_fmt="yuv444p"
    )
    frames = list(open_source(path, ReadingOptions(deinterlace="fields")).frames())
    times = [int(frame.time * 1000) for frame in frames]
    assert times == [0, 20, 40, 80, 120, 140, 160, 161, 163, 164]


def test_fields_of_sizes_that_change(tmp_path):
    """A single frame of its size has two fields too."""
    options = {"g": "1", "qp": "0", "preset": "ultrafast", "x264-params": "tff=1"}
    parts = []
    for number, size in enumerate([(96, 128), (64, 64), (96, 96)]):
        picture = woven(number)[: size[0], : size[1]]
        parts.append(make_clip(tmp_path / f"{number}.ts", [picture], pts=[25 + number], options=options).read_bytes())
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    frames = list(open_source(tmp_path / "a.ts", ReadingOptions(deinterlace="fields")).frames())
    begin = frames[0].time
    assert [frame.time - begin for frame in frames] == [Fraction(number, 50) for number in range(6)]


def test_off(tmp_path):
    """Frames pass as they are stored, and no notice is given."""
    options = {"qp": "0", "preset": "ultrafast", "x264-params": "tff=1"}
    path = make_clip(tmp_path / "a.mkv", [woven(number) for number in range(4)], options=options, pix_fmt="yuv444p")
    source = open_source(path, ReadingOptions(deinterlace="off"))
    for frame, picture in zip(source.frames(), [woven(number) for number in range(4)], strict=True):
        assert np.abs(frame.image.astype(int) - picture).max() <= 3
    assert source.info.notices == ()


def test_on(tmp_path):
    """Frames that are marked as progressive are deinterlaced too."""
    path = make_clip(tmp_path / "a.mkv", [woven(number) for number in range(6)], pix_fmt="yuv444p")
    assert combing(list(open_source(path).frames())[3].image) > 1
    source = open_source(path, ReadingOptions(deinterlace="on"))
    assert all(combing(frame.image) < 1 for frame in source.frames())
    assert "is interlaced" in source.info.notices[0]


def test_frames_too_small_for_fields(tmp_path):
    """They are refused in a sentence."""
    path = make_clip(tmp_path / "a.mkv", [woven(number)[:4, :4] for number in range(3)])
    assert len(list(open_source(path).frames())) == 3
    with pytest.raises(BadInput, match=r"frames of 4x4 pixels in yuv420p cannot be deinterlaced; .*--deinterlace off"):
        list(open_source(path, ReadingOptions(deinterlace="on")).frames())


def test_interlaced_and_turned(tmp_path):
    """The orientation is heeded behind the deinterlacer too."""
    options = {"qp": "0", "preset": "ultrafast", "x264-params": "tff=1"}
    matrix = [0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30]
    pictures = [woven(number) for number in range(4)]
    path = make_clip(tmp_path / "a.mp4", pictures, options=options, pix_fmt="yuv444p", matrix=matrix)
    assert {frame.size for frame in open_source(path).frames()} == {(128, 96)}
