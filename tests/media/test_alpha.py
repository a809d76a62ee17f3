"""Transparency from decoding to encoding: what each format keeps, and that colors where nothing shows have no effect."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.support.clips import display_matrix, gradient, make_clip
from tests.support.transparent import SIZE, disc, write_transparent, write_transparent_folder
from videostyle.errors import BadOption
from videostyle.frames import Frame, VideoInfo
from videostyle.media.alpha import ALPHA_DECODERS
from videostyle.media.encoding import EncodingRequest, choose_encoder
from videostyle.media.sinks import open_sink
from videostyle.media.sources import open_source
from videostyle.media.workdir import WorkFolder


def write_frames(output: Path, frames: list[Frame], codec: str | None = None) -> None:
    """Write transparent frames of a folder, in segments of two; the second segment by a sink that resumes."""
    size, bits = frames[0].size, frames[0].image.itemsize * 8
    info, settings = VideoInfo("folder", size, bits, Fraction(1, 10)), None
    if output.suffix:
        settings = choose_encoder(EncodingRequest(codec), output.suffix, bits, transparent=True)

    def opened(work: WorkFolder):
        return open_sink(output, work, Path("unused"), info, size, None, None, settings)

    with WorkFolder(output) as work:
        sink = opened(work)
        for frame in frames[:3]:
            sink.write(frame)
            if frame.index == 1:
                sink.end_segment()
        files, sink = sink.files(), opened(work)
        sink.resume(files, [frame.time for frame in frames[:3]])
        for frame in frames[3:]:
            sink.write(frame)
        sink.finish()
        work.remove()


def transparent_frames(kind: type = np.uint8) -> list[Frame]:
    factor = 257 if kind is np.uint16 else 1
    images = [gradient(*SIZE, step=90 + index).astype(kind) * factor for index in range(5)]
    alphas = [disc(0, kind), disc(1, kind), None, disc(3, kind), disc(4, kind)]  # the third frame is opaque
    return [
        Frame(image, index, Fraction(index, 10), Fraction(1, 10), f"{index}.png", alpha)
        for index, (image, alpha) in enumerate(zip(images, alphas, strict=True))
    ]


# --- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "suffix", "exact"),
    [
        ("qtrle", ".mov", True),
        ("png", ".mov", True),
        ("ffv1", ".mkv", True),
        ("prores_ks", ".mov", True),
        ("libvpx-vp9", ".webm", False),
        ("libvpx-vp9", ".mkv", False),
        ("libvpx", ".webm", False),
    ],
)
def test_transparent_film(tmp_path, codec, suffix, exact):
    """Alpha is read, to a code of 10 bits or to the codec's error, and the visible colors with it."""
    source = open_source(write_transparent(tmp_path / f"in{suffix}", codec))
    frames = list(source.frames())
    assert len(frames) == 4
    assert source.info.notices == ()
    for index, frame in enumerate(frames):
        top = np.iinfo(frame.image.dtype).max
        assert np.abs(frame.alpha / top * 255 - disc(index)).max() <= (0.5 if exact else 12)
        shown = disc(index) > 200
        assert np.abs(frame.image / top * 255 - gradient(*SIZE, step=90))[shown].mean() < (2 if exact else 6)


@pytest.mark.parametrize(("turns", "mirror"), [(1, False), (2, True)])
def test_turned_film(tmp_path, turns, mirror):
    """Alpha is upright, as the image is."""
    matrix = display_matrix(turns, mirror)
    (frame,) = open_source(write_transparent(tmp_path / "in.mov", "qtrle", 1, matrix=matrix)).frames()
    expected = np.rot90(disc(0)[:, ::-1] if mirror else disc(0), -turns)
    assert frame.size == expected.shape
    assert np.array_equal(frame.alpha, expected)


def test_upper_case_tag(tmp_path):
    """FFmpeg writes alpha_mode in capitals when it copies a track."""
    write_transparent(tmp_path / "in.webm", "libvpx-vp9")
    with av.open(str(tmp_path / "in.webm")) as source, av.open(str(tmp_path / "copy.webm"), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        stream.metadata["ALPHA_MODE"] = "1"
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                copy.mux(packet)
    assert all(frame.alpha is not None for frame in open_source(tmp_path / "copy.webm").frames())


def test_decoder_without_alpha(tmp_path, monkeypatch):
    """Where FFmpeg comes without libvpx, films are read as opaque, with a notice."""
    write_transparent(tmp_path / "in.webm", "libvpx-vp9")
    monkeypatch.setitem(ALPHA_DECODERS, "vp9", "missing")
    source = open_source(tmp_path / "in.webm")
    assert [frame.alpha for frame in source.frames()] == [None] * 4
    assert any("transparency is ignored" in line for line in source.info.notices)


def test_tag_without_alpha(tmp_path):
    """A film that claims alpha and has none is opaque; nothing is said."""
    make_clip(tmp_path / "in.webm", [gradient(*SIZE)], codec="libvpx-vp9")
    with av.open(str(tmp_path / "in.webm")) as source, av.open(str(tmp_path / "tagged.webm"), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        stream.metadata["alpha_mode"] = "1"
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                copy.mux(packet)
    tagged = open_source(tmp_path / "tagged.webm")
    assert [frame.alpha for frame in tagged.frames()] == [None]
    assert tagged.info.notices == ()


def test_opaque_film_with_alpha(tmp_path):
    """A film whose every pixel is opaque has no alpha, as GIFs mostly are, whatever its pixel format."""
    pictures = [Image.fromarray(gradient(*SIZE, step=30 * index)) for index in range(3)]
    pictures[0].save(tmp_path / "in.gif", save_all=True, append_images=pictures[1:], duration=100)
    frames = list(open_source(tmp_path / "in.gif").frames())
    assert [frame.alpha for frame in frames] == [None] * 3


def test_transparent_gif(tmp_path):
    pictures = [Image.fromarray(np.dstack([gradient(*SIZE, step=90), (disc(index) > 200) * np.uint8(255)]))
                for index in range(3)]  # fmt: skip
    pictures[0].save(tmp_path / "in.gif", save_all=True, append_images=pictures[1:], duration=100, disposal=2)
    for index, frame in enumerate(open_source(tmp_path / "in.gif").frames()):
        assert np.array_equal(frame.alpha > 0, disc(index) > 200)


@pytest.mark.parametrize("size", [SIZE, (30, 40), (96, 128)])
@pytest.mark.parametrize("suffix", [".mov", ".mkv", ""])
def test_hidden_colors_have_no_effect(tmp_path, suffix, size):
    """Frames are the same at any size whatever the transparent pixels hold, and alpha has the source's size."""
    frames = []
    for seed in (1, 100):
        path = tmp_path / f"{seed}{suffix}"
        if suffix:
            write_transparent(path, "qtrle" if suffix == ".mov" else "ffv1", 1, seed)
        else:
            write_transparent_folder(path, 1, seed)
        frames.append(next(open_source(path).frames(size)))
    one, other = frames
    assert one.size == size
    assert one.alpha.shape == SIZE
    assert np.array_equal(one.image, other.image)


# --- writing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize(("name", "codec"), [("out", None), ("out.mkv", "ffv1"), ("out.mp4", "ffv1")])
def test_lossless_round_trip(tmp_path, name, codec, kind):
    """PNG and FFV1 give back alpha and visible colors to the bit, of 8 and 16 bits, across segments."""
    frames = transparent_frames(kind)
    write_frames(tmp_path / name, frames, codec)
    read = list(open_source(tmp_path / name).frames())
    assert len(read) == len(frames)
    for before, after in zip(frames, read, strict=True):
        assert after.image.dtype == kind
        assert (after.alpha is None) == (before.alpha is None)
        if before.alpha is not None:
            assert np.array_equal(after.alpha, before.alpha)
            shown = before.alpha > 0
            assert np.array_equal(after.image[shown], before.image[shown])


@pytest.mark.parametrize(
    ("name", "codec", "alpha_error", "color_error"),
    [
        ("out.mov", "prores", 0.5, 2),
        ("out.mkv", "prores", 0.5, 2),
        ("out.webm", None, 16, 3),
        ("out.webm", "vp9", 16, 3),
        ("out.mkv", "vp9", 16, 3),
    ],
)
def test_lossy_round_trip(tmp_path, name, codec, alpha_error, color_error):
    """ProRes 4444 and VP9 keep alpha and colors to within the codec's error, across segments, with exact times."""
    frames = transparent_frames()
    write_frames(tmp_path / name, frames, codec)
    read = list(open_source(tmp_path / name).frames())
    assert [frame.time for frame in read] == [frame.time for frame in frames]
    for before, after in zip(frames, read, strict=True):
        top = np.iinfo(after.image.dtype).max
        expected = np.full(SIZE, 255) if before.alpha is None else before.alpha
        actual = np.full(SIZE, 255) if after.alpha is None else after.alpha / top * 255
        assert np.abs(actual - expected).max() <= alpha_error
        assert np.abs(after.image / top * 255 - before.image)[expected > 200].mean() < color_error


def test_tags_of_transparent_video(tmp_path):
    """VP9 has the tag that says where its alpha is, ProRes the codec tag of 4444."""
    for name, codec in (("out.webm", "vp9"), ("out.mkv", "vp9"), ("out.mov", "prores")):
        write_frames(tmp_path / name, transparent_frames(), codec)
    for name in ("out.webm", "out.mkv"):
        with av.open(str(tmp_path / name)) as file:
            assert {key.lower(): text for key, text in file.streams.video[0].metadata.items()}["alpha_mode"] == "1"
            packets = [packet for packet in file.demux(video=0) if packet.size]
        assert all(packet.has_sidedata("matroska_block_additional") for packet in packets)
    with av.open(str(tmp_path / "out.mov")) as file:
        assert file.streams.video[0].codec_context.codec_tag == "ap4h"


def test_same_bytes(tmp_path):
    """Two runs write the same transparent video."""
    for name in ("one.webm", "two.webm"):
        write_frames(tmp_path / name, transparent_frames())
    assert (tmp_path / "one.webm").read_bytes() == (tmp_path / "two.webm").read_bytes()


def test_opaque_output_of_transparent_film(tmp_path):
    """The source's tag of alpha is not copied to a video that has none."""
    path = write_transparent(tmp_path / "in.webm", "libvpx-vp9")
    source, output = open_source(path), tmp_path / "out.mkv"
    with WorkFolder(output) as work:
        sink = open_sink(output, work, path, source.info, SIZE, None, None)
        for frame in source.frames():
            sink.write(Frame(frame.image, frame.index, frame.time, frame.duration))
        sink.finish()
    with av.open(str(output)) as file:
        assert "alpha_mode" not in {key.lower() for key in file.streams.video[0].metadata}


def test_transparent_frame_for_opaque_video(tmp_path):
    """It is an error of the program: whoever writes composes first."""
    with WorkFolder(tmp_path / "out.mp4") as work:
        sink = open_sink(work.output, work, Path("unused"), VideoInfo("folder", SIZE), SIZE, None, None)
        assert not sink.alpha
        with pytest.raises(ValueError, match="transparent"):
            sink.write(transparent_frames()[0])


@pytest.mark.parametrize(
    ("codec", "suffix", "bits", "pix_fmt"),
    [
        (None, ".webm", 8, "yuva420p"),
        (None, ".webm", 16, "yuva420p"),
        ("vp9", ".mkv", 8, "yuva420p"),
        ("vp9", ".mp4", 8, "yuv420p"),
        (None, ".mp4", 8, "yuv420p"),
        (None, ".mov", 16, "yuv420p"),
        ("prores", ".mov", 8, "yuva444p10le"),
        ("ffv1", ".mkv", 8, "bgra"),
        ("ffv1", ".mkv", 16, "gbrap16le"),
        ("hevc", ".mkv", 8, "yuv420p"),
        ("av1", ".webm", 8, "yuv420p"),
    ],
)
def test_pixel_format_of_transparent_film(codec, suffix, bits, pix_fmt):
    """Alpha is kept where codec and container can; opaque films are written as ever."""
    settings = choose_encoder(EncodingRequest(codec), suffix, bits, transparent=True)
    assert settings.pix_fmt == pix_fmt
    assert settings.alpha == ("a" in pix_fmt)
    assert not choose_encoder(EncodingRequest(codec), suffix, bits).alpha


def test_requested_pixel_format():
    """It decides; one with alpha is refused where the container would drop the alpha."""
    assert choose_encoder(EncodingRequest("ffv1", pix_fmt="gbrap16le"), ".mkv", 8).alpha
    assert not choose_encoder(EncodingRequest(pix_fmt="yuv420p"), ".webm", 8, transparent=True).alpha
    assert choose_encoder(EncodingRequest("prores", pix_fmt="yuva444p10le"), ".mov", 8).options["profile"] == "4444"
    with pytest.raises(BadOption, match=r"\.mp4 files cannot hold --codec vp9 with --pix-fmt yuva420p"):
        choose_encoder(EncodingRequest("vp9", pix_fmt="yuva420p"), ".mp4", 8)
    with pytest.raises(BadOption, match="cannot be written with --codec hevc"):
        choose_encoder(EncodingRequest("hevc", pix_fmt="yuva420p"), ".mkv", 8)
