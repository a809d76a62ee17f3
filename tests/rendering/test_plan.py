"""What a job leaves open: each default, and each refusal with what would be taken instead."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from PIL import Image

from videostyle.config import Job
from videostyle.errors import BadInput, BadOption, BadOutput
from videostyle.frames import VideoInfo
from videostyle.rendering.plan import resolve, resolve_output, resolve_size
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


def test_depth_that_is_lost_without_being_asked_for_is_told(place):
    deep = replace(VIDEO, bits=16)
    for options, lost in (({}, True), ({"codec": "hevc"}, False), ({"pix_fmt": "yuv420p"}, False)):
        told: list[str] = []
        resolve(job(place, output="out.mp4", size=64, **options), deep, told.append)
        assert any("more than 8 bits" in line for line in told) is lost


# --- the output ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "info", "expected"),
    [
        ("in.mp4", VIDEO, "in_style.mp4"),
        ("in.avi", VIDEO, "in_style.mkv"),
        ("photo.jpg", STILL, "photo_style.jpg"),
        ("frames", FOLDER, "frames_style"),
    ],
)
def test_the_default_output_stands_beside_the_input(place, name, info, expected):
    assert resolve_output(job(place, name), info) == place / expected


@pytest.mark.parametrize(
    ("name", "info", "output"),
    [
        ("in.mp4", VIDEO, "out.webm"),
        ("in.mp4", VIDEO, "painted"),
        ("frames", FOLDER, "out.mov"),
        ("frames", FOLDER, "painted"),
        ("photo.jpg", STILL, "out.png"),
        ("photo.jpg", STILL, "painted"),
    ],
)
def test_what_can_hold_the_source_is_taken(place, name, info, output):
    assert resolve_output(job(place, name, output), info) == place / output


def test_one_frame_of_a_clip_is_a_picture(place):
    assert resolve_output(job(place, output="look.png", frames="1"), VIDEO) == place / "look.png"
    assert resolve_output(job(place, output="look.png", frames="5:5"), VIDEO) == place / "look.png"
    for frames in (None, "2", "1:2"):
        with pytest.raises(BadOutput, match="--frames 1"):
            resolve_output(job(place, output="look.png", frames=frames), VIDEO)


def test_a_still_does_not_become_a_video(place):
    with pytest.raises(BadOutput, match=r"\.png"):
        resolve_output(job(place, "photo.jpg", "out.mp4"), STILL)


@pytest.mark.parametrize("output", ["out.mp3", "out.txt"])
def test_a_suffix_that_holds_no_picture_is_refused(place, output):
    with pytest.raises(BadOutput, match=r"accepted: \.mp4"):
        resolve_output(job(place, output=output), VIDEO)


def test_a_missing_folder_is_refused(place):
    with pytest.raises(BadOutput, match="no folder"):
        resolve_output(job(place, output="nowhere/out.mp4"), VIDEO)


def test_what_is_there_is_replaced_only_when_asked(place):
    (place / "out.mp4").touch()
    with pytest.raises(BadOutput, match="--overwrite"):
        resolve_output(job(place, output="out.mp4"), VIDEO)
    assert resolve_output(job(place, output="out.mp4", overwrite=True), VIDEO) == place / "out.mp4"


@pytest.mark.parametrize("output", ["in.mp4", "link.mp4"])
def test_what_is_read_is_never_replaced(place, output):
    (place / "link.mp4").hardlink_to(place / "in.mp4")
    with pytest.raises(BadOutput, match="is a file that this run reads"):
        resolve_output(job(place, output=output, overwrite=True), VIDEO)


def test_a_style_and_a_folder_of_frames_are_not_replaced_either(place):
    with pytest.raises(BadOutput, match="is a file that this run reads"):
        resolve_output(job(place, "photo.jpg", "style.jpg", overwrite=True), STILL)
    with pytest.raises(BadOutput, match="is a file that this run reads"):
        resolve_output(job(place, "frames", "frames", overwrite=True), FOLDER)


# --- the size --------------------------------------------------------------------------------------------------------


def chosen(place: Path, source, device="cpu", output="out.mp4", **options):
    notices = []
    info = VideoInfo("video", source, 8, Fraction(1, 25))
    multiple = 2 if output.endswith(".mp4") else 1
    return resolve_size(job(place, **options), info, notices.append, device, multiple), notices


def test_without_a_gpu_the_default_is_512_and_says_so(place):
    size, (notice,) = chosen(place, (720, 1280))
    assert size == (288, 512)
    assert "--size 1280" in notice


def test_a_small_source_and_a_gpu_keep_the_sources_size(place):
    assert chosen(place, (240, 320)) == ((240, 320), [])
    assert chosen(place, (720, 1280), device="cuda") == ((720, 1280), [])


def test_upright_sources_go_by_their_longer_side(place):
    assert chosen(place, (1280, 720), size=640) == ((640, 360), [])


def test_enlarging_is_told(place):
    size, (notice,) = chosen(place, (120, 160), size=320)
    assert size == (240, 320)
    assert "larger than the source" in notice


def test_a_video_has_even_sides_and_a_picture_keeps_odd_ones(place):
    assert chosen(place, (121, 161), output="out.mp4")[0] == (122, 162)
    assert chosen(place, (121, 161), output="painted")[0] == (121, 161)


def test_a_strip_is_refused(place):
    with pytest.raises(BadOption, match="raise --size"):
        chosen(place, (60, 1000), size=200)


def test_memory_is_checked_on_a_cpu_only(place, monkeypatch):
    """What does not fit into memory is refused, but on a GPU, whose memory the system does not know of."""
    kind = STYLIZERS["optimize"]
    monkeypatch.setitem(STYLIZERS, "optimize", replace(kind, memory=LinearMemory(2**60, 1)))
    with pytest.raises(BadOption, match="at 512x288 needs about"):
        resolve(job(place, device="cpu"), VIDEO, print)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve(job(place), VIDEO, print).size == (720, 1280)


# --- the encoding ----------------------------------------------------------------------------------------------------


def test_what_is_said_of_a_video_without_one_is_refused(place):
    for options in ({"codec": "hevc"}, {"crf": 20}, {"pix_fmt": "yuv444p"}):
        with pytest.raises(BadOption, match="is not a video"):
            resolve(job(place, output="painted", **options), VIDEO, print)
    with pytest.raises(BadOption, match="where a folder of frames becomes a video"):
        resolve(job(place, output="out.mp4", fps="24"), VIDEO, print)


def test_all_choices_of_a_folder_that_becomes_a_video(place):
    plan = resolve(job(place, "frames", "out.mkv", codec="ffv1", fps="29.97"), FOLDER, print)
    assert (plan.rate, plan.encoder.encoder, plan.out_size) == (Fraction(30000, 1001), "ffv1", plan.size)


# --- styles ----------------------------------------------------------------------------------------------------------


def test_every_style_is_looked_for(place):
    check_styles((place / "style.jpg", place / "other.png"))
    with pytest.raises(BadInput, match=r"gone\.jpg does not exist"):
        check_styles((place / "style.jpg", place / "gone.jpg"))


def test_seconds_of_a_folder_at_another_rate_are_refused(place):
    with pytest.raises(BadOption, match="--frames A:B"):
        resolve(job(place, "frames", "out.mkv", fps="50", start=1.0), FOLDER, print)
    assert resolve(job(place, "frames", "out.mkv", fps="25", start=1.0), FOLDER, print).rate == 25


def test_a_missing_sound_is_told_before_anything_slow_is_done(place):
    with pytest.raises(BadInput, match=r"voice\.wav cannot be opened"):
        resolve(job(place, output="out.mp4", audio=str(place / "voice.wav")), VIDEO, print)


def test_a_missing_painting_to_begin_with_is_told_before_anything_slow_is_done(place):
    with pytest.raises(BadInput, match="is not a file"):
        check_styles((place / "style.jpg",), place / "missing.vstyle")
