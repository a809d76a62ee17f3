"""Resolving a job to a plan: the defaults of what it leaves open, the notices, and the refusals."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from PIL import Image

from videostyle.config import Job
from videostyle.errors import BadInput, BadOption, BadOutput
from videostyle.frames import HdrTags, VideoInfo
from videostyle.rendering.outputs import resolve_output
from videostyle.rendering.plan import resolve, resolve_size
from videostyle.style_images import check_styles
from videostyle.stylizers.memory import LinearMemory
from videostyle.stylizers.table import STYLIZERS

VIDEO = VideoInfo("video", (720, 1280), 8, Fraction(1, 25))
STILL = VideoInfo("image", (720, 1280))
FOLDER = VideoInfo("folder", (720, 1280))


@pytest.fixture
def place(tmp_path) -> Path:
    for name in ("in.mp4", "in.avi", "photo.jpg", "style.jpg", "other.png"):
        (tmp_path / name).touch()
    for name in ("style.jpg", "other.png"):
        Image.new("RGB", (8, 6), "teal").save(tmp_path / name)
    (tmp_path / "frames").mkdir()
    return tmp_path


def job(place: Path, name: str = "in.mp4", output: str | None = None, **options) -> Job:
    return Job(input=place / name, styles=(place / "style.jpg",), output=output and place / output, **options)


@pytest.mark.parametrize(
    ("option", "info"),
    [({"deinterlace": "on"}, FOLDER), ({"other_video": "copy"}, FOLDER), ({"gaps": "skip"}, VIDEO)],
)
def test_options_of_another_kind_of_source(place, option, info):
    (name,) = option
    with pytest.raises(BadOption, match=f"--{name.replace('_', '-')} .* has no effect, as .* is not a "):
        resolve(job(place, output="out.mp4", size=64, **option), info, lambda line: None)


def test_hdr(place):
    """--hdr keep decides the encoder; where it can do nothing, it is refused."""
    hdr = replace(VIDEO, bits=16, hdr=HdrTags(9, 16))
    plan = resolve(job(place, output="out.mp4", size=64, hdr="keep"), hdr, print)
    assert plan.encoder is not None
    assert (plan.encoder.encoder, plan.encoder.bits, plan.encoder.hdr) == ("libx265", 10, HdrTags(9, 16))
    with pytest.raises(BadOption, match=r"--hdr keep has no effect, as .* is not HDR"):
        resolve(job(place, output="out.mp4", size=64, hdr="keep"), VIDEO, print)
    with pytest.raises(BadOption, match=r"--hdr has no effect, as .* is not a video"):
        resolve(job(place, output="out", size=64, hdr="keep"), hdr, print)


def test_deinterlace_needs_a_video(place):
    with pytest.raises(BadOption, match="--deinterlace on has no effect"):
        resolve(job(place, "frames", output="out.mp4", size=64, deinterlace="on"), FOLDER, print)


# --- the output ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "info", "expected"),
    [
        ("in.mp4", VIDEO, "in_style.mp4"),
        ("in.avi", VIDEO, "in_style.mkv"),
        ("in.gif", VIDEO, "in_style.mkv"),
        ("in.webp", VIDEO, "in_style.mkv"),
        ("photo.jpg", STILL, "photo_style.jpg"),
        ("frames", FOLDER, "frames_style"),
    ],
)
def test_default_output(place, name, info, expected):
    """The default output lies beside the input, with the style's name and a suffix that can be written."""
    assert resolve_output(job(place, name), info) == place / expected


@pytest.mark.parametrize(
    ("name", "info", "output"),
    [
        ("in.mp4", VIDEO, "out.webm"),
        ("in.mp4", VIDEO, "out.gif"),
        ("in.mp4", VIDEO, "out.webp"),
        ("frames", FOLDER, "out.apng"),
        ("photo.jpg", STILL, "out.webp"),
        ("in.mp4", VIDEO, "stylized"),
        ("frames", FOLDER, "out.mov"),
        ("frames", FOLDER, "stylized"),
        ("photo.jpg", STILL, "out.png"),
        ("photo.jpg", STILL, "stylized"),
    ],
)
def test_output(place, name, info, output):
    """Outputs that can hold the source are accepted."""
    assert resolve_output(job(place, name, output), info) == place / output


def test_picture_of_clip(place):
    """A picture can hold one frame of a clip and no more."""
    assert resolve_output(job(place, output="one.png", frames="1"), VIDEO) == place / "one.png"
    assert resolve_output(job(place, output="one.png", frames="5:5"), VIDEO) == place / "one.png"
    for frames in (None, "2", "1:2"):
        with pytest.raises(BadOutput, match="--frames 1"):
            resolve_output(job(place, output="one.png", frames=frames), VIDEO)


@pytest.mark.parametrize(
    "options", [{"codec": "vp9"}, {"crf": 20}, {"pix_fmt": "yuv420p"}, {"audio": "none"}, {"other_video": "copy"}]
)
@pytest.mark.parametrize("output", ["out.gif", "out.webp"])
def test_encoding_of_an_animation(place, output, options):
    """There is nothing to choose."""
    (name,) = options
    with pytest.raises(BadOption, match=f"--{name.replace('_', '-')} has no effect, as .*{output} is not a video"):
        resolve(job(place, output=output, size=64, **options), VIDEO, print)


def test_animation_of_a_still(place):
    with pytest.raises(BadOutput, match=r"out\.gif is an animation and .* is a still"):
        resolve_output(job(place, "photo.jpg", "out.gif"), STILL)


def test_video_of_still(place):
    """A still cannot become a video."""
    with pytest.raises(BadOutput, match=r"\.png"):
        resolve_output(job(place, "photo.jpg", "out.mp4"), STILL)


@pytest.mark.parametrize("output", ["out.mp3", "out.txt"])
def test_unknown_suffix(place, output):
    """An unknown suffix is refused, and the accepted ones are listed."""
    with pytest.raises(BadOutput, match=r"accepted: \.mp4"):
        resolve_output(job(place, output=output), VIDEO)


def test_missing_output_folder(place):
    """The folder of the output has to exist."""
    with pytest.raises(BadOutput, match="no folder"):
        resolve_output(job(place, output="nowhere/out.mp4"), VIDEO)


def test_overwrite(place):
    """An existing output is replaced only with --overwrite."""
    (place / "out.mp4").touch()
    with pytest.raises(BadOutput, match="--overwrite"):
        resolve_output(job(place, output="out.mp4"), VIDEO)
    assert resolve_output(job(place, output="out.mp4", overwrite=True), VIDEO) == place / "out.mp4"


@pytest.mark.parametrize("output", ["in.mp4", "link.mp4"])
def test_output_is_input(place, output):
    """The input is never replaced, not by another name of the same file either."""
    (place / "link.mp4").hardlink_to(place / "in.mp4")
    with pytest.raises(BadOutput, match="is a file that this run reads"):
        resolve_output(job(place, output=output, overwrite=True), VIDEO)


def test_output_is_style_or_folder(place):
    """A style image and the input's folder of frames are never replaced."""
    with pytest.raises(BadOutput, match="is a file that this run reads"):
        resolve_output(job(place, "photo.jpg", "style.jpg", overwrite=True), STILL)
    with pytest.raises(BadOutput, match="is a file that this run reads"):
        resolve_output(job(place, "frames", "frames", overwrite=True), FOLDER)


# --- the size --------------------------------------------------------------------------------------------------------


def resolved_size(place: Path, source, device="cpu", output="out.mp4", **options):
    """The working size for a source of this (height, width), and the notices."""
    notices = []
    info = VideoInfo("video", source, 8, Fraction(1, 25))
    multiple = 2 if output.endswith(".mp4") else 1
    return resolve_size(job(place, **options), info, notices.append, device, multiple), notices


def test_default_size_on_cpu(place):
    """On a CPU the default is 512 pixels, with a notice that names --size."""
    size, (notice,) = resolved_size(place, (720, 1280))
    assert size == (288, 512)
    assert "--size 1280" in notice


def test_source_size(place):
    """A small source, and any source on a GPU, keeps its size."""
    assert resolved_size(place, (240, 320)) == ((240, 320), [])
    assert resolved_size(place, (720, 1280), device="cuda") == ((720, 1280), [])


def test_size_of_portrait(place):
    """--size is the longer side, of portrait sources too."""
    assert resolved_size(place, (1280, 720), size=640) == ((640, 360), [])


def test_enlarge(place):
    """A size larger than the source's gives a notice."""
    size, (notice,) = resolved_size(place, (120, 160), size=320)
    assert size == (240, 320)
    assert "larger than the source" in notice


@pytest.mark.parametrize(
    ("source", "asked", "expected"),
    [((1080, 1920), "720p", (720, 1280)), ((1920, 1080), "720p", (1280, 720)), ((480, 854), "720p", (720, 1282))],
)
def test_shorter_side(place, source, asked, expected):
    """With a p, --size is the shorter side, of portrait sources too."""
    assert resolved_size(place, source, size=asked)[0] == expected


def test_shorter_side_that_makes_the_longer_one_too_long(place):
    with pytest.raises(BadOption, match=r"--size 4320p makes frames 10324 pixels long; accepted: .* 32 to 8192"):
        resolved_size(place, (1080, 2581), size="4320p")


def test_even_size(place):
    """A video has even sides; a picture keeps odd ones."""
    assert resolved_size(place, (121, 161), output="out.mp4")[0] == (122, 162)
    assert resolved_size(place, (121, 161), output="stylized")[0] == (121, 161)


def test_narrow_source(place):
    """A source whose shorter side would be too small is refused."""
    with pytest.raises(BadOption, match="raise --size"):
        resolved_size(place, (60, 1000), size=200)


def test_memory(place, monkeypatch):
    """What does not fit into memory is refused on a CPU; the memory of a GPU is not checked."""
    kind = STYLIZERS["optimize"]
    monkeypatch.setitem(STYLIZERS, "optimize", replace(kind, memory=LinearMemory(2**60, 1)))
    with pytest.raises(BadOption, match="at 512x288 needs about"):
        resolve(job(place, device="cpu"), VIDEO, print)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve(job(place), VIDEO, print).size == (720, 1280)


# --- the encoding ----------------------------------------------------------------------------------------------------


def test_encoding_options_without_video(place):
    """Options of the encoding are refused where the output is not a video."""
    for options in ({"codec": "hevc"}, {"crf": 20}, {"pix_fmt": "yuv444p"}):
        with pytest.raises(BadOption, match="is not a video"):
            resolve(job(place, output="stylized", **options), VIDEO, print)
    with pytest.raises(BadOption, match="--fps 24 has no effect"):
        resolve(job(place, "frames", "stylized", fps="24"), FOLDER, print)


def test_fps_of_a_clip(place):
    """A rate of the source's own, or more, leaves no frame out, as a notice says."""
    notices = []
    assert resolve(job(place, output="out.mp4", fps="12.5"), VIDEO, notices.append).rate == Fraction(25, 2)
    assert not any("--fps" in line for line in notices)
    resolve(job(place, output="out.mp4", fps="60"), replace(VIDEO, rate=Fraction(30)), notices.append)
    assert any("--fps 60 leaves no frame out" in line and "30 frames a second" in line for line in notices)


def test_folder_to_video(place):
    """The plan of a folder that becomes a video has its rate, encoder and size."""
    plan = resolve(job(place, "frames", "out.mkv", codec="ffv1", fps="29.97"), FOLDER, print)
    assert (plan.rate, plan.encoder.encoder, plan.out_size) == (Fraction(30000, 1001), "ffv1", plan.size)


# --- styles ----------------------------------------------------------------------------------------------------------


def test_missing_style(place):
    """Every style image has to exist."""
    check_styles((place / "style.jpg", place / "other.png"))
    with pytest.raises(BadInput, match=r"gone\.jpg does not exist"):
        check_styles((place / "style.jpg", place / "gone.jpg"))


def test_seconds_of_folder(place):
    """--start is refused for a folder with a rate other than the default, for which seconds are ambiguous."""
    with pytest.raises(BadOption, match="--frames A:B"):
        resolve(job(place, "frames", "out.mkv", fps="50", start=1.0), FOLDER, print)
    assert resolve(job(place, "frames", "out.mkv", fps="25", start=1.0), FOLDER, print).rate == 25


def test_missing_audio(place):
    """A missing file of --audio is refused before anything slow is done."""
    with pytest.raises(BadInput, match=r"voice\.wav cannot be opened"):
        resolve(job(place, output="out.mp4", audio=str(place / "voice.wav")), VIDEO, print)


def test_missing_begin_with(place):
    """A missing file of --begin-with is refused before anything slow is done."""
    with pytest.raises(BadInput, match="is not a file"):
        check_styles((place / "style.jpg",), place / "missing.vstyle")
