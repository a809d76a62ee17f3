"""What the user is told about depth, HDR and transparency: options are named only where they work."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from tests.support.runs import SIZE
from videostyle.analysis import ShotList
from videostyle.config import Job
from videostyle.frames import HdrTags, VideoInfo
from videostyle.rendering.notices import lines_on_alpha, lines_on_depth
from videostyle.rendering.plan import RunPlan, resolve

DEEP = VideoInfo("video", (SIZE[0] * 4, SIZE[1] * 4), 16, Fraction(1, 25))
PQ = replace(DEEP, hdr=HdrTags(9, 16))


@pytest.fixture
def place(tmp_path) -> Path:
    (tmp_path / "in.mov").touch()
    Image.new("RGB", (8, 6), "teal").save(tmp_path / "style.jpg")
    return tmp_path


def shots(transparent: bool) -> ShotList:
    return ShotList(0, 2, frozenset([0]), None, transparent=transparent)


def plan_of(place: Path, output: str, info: VideoInfo, transparent: bool = False, **options) -> RunPlan:
    job = Job(input=place / "in.mov", styles=(place / "style.jpg",), output=place / output, size=64, **options)
    return resolve(job, info, lambda line: None).for_shots(shots(transparent))


@pytest.mark.parametrize(
    ("output", "transparent", "options", "named"),
    [
        ("out.mp4", False, {}, ["--codec hevc", "--pix-fmt yuv420p10le"]),
        ("out.mp4", True, {}, ["--codec hevc", "--pix-fmt yuv420p10le"]),  # its transparency is lost either way
        ("out.webm", False, {}, ["--codec av1"]),
        ("out.webm", True, {}, []),  # VP9 with alpha has 8 bits, and nothing else in WebM has alpha
        ("out.mkv", True, {"codec": "vp9"}, ["--codec prores"]),
        ("out.webm", False, {"crf": 63}, ["--codec av1"]),
        ("out.mkv", False, {"codec": "vp9", "crf": 63}, ["--codec av1"]),  # HEVC's scale ends at 51
    ],
)
def test_lost_depth(place, output, transparent, options, named):
    """Where a deep source is written with 8 bits, the notice names what keeps the depth, and every option of it works."""
    (line,) = lines_on_depth(plan_of(place, output, DEEP, transparent, **options), DEEP)
    assert f"in.mov has more than 8 bits a color and {output} is written with 8" in line
    assert re.findall(r"--[a-z-]+ \w+", line) == named
    for flag, value in (each.split() for each in named):
        changed = {flag[2:].replace("-", "_"): value}
        encoder = plan_of(place, output, DEEP, transparent, **options | changed).encoder
        assert encoder.bits > 8


@pytest.mark.parametrize("options", [{"codec": "hevc"}, {"pix_fmt": "yuv420p"}])
def test_depth_that_is_kept_or_not_wanted(place, options):
    assert list(lines_on_depth(plan_of(place, "out.mp4", DEEP, **options), DEEP)) == []


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({}, "out.mp4 is written in BT.709; --hdr keep writes HDR"),
        ({"codec": "h264"}, "out.mp4 is written in BT.709"),  # 8 bits, which --hdr keep refuses
        ({"hdr": "keep"}, "out.mp4 is written as PQ again, with 10 bits a color"),
    ],
)
def test_hdr(place, options, line):
    assert list(lines_on_depth(plan_of(place, "out.mp4", PQ, **options), PQ)) == [line]


WEBM, PRORES, FFV1 = ".webm", "--codec prores in .mov", "--codec ffv1 in .mkv"


@pytest.mark.parametrize(
    ("info", "options", "keeping"),
    [
        (DEEP, {}, f"; a folder, {WEBM}, {PRORES} and {FFV1} keep the transparency"),
        (DEEP, {"codec": "h264"}, f"; {PRORES} and {FFV1} keep the transparency"),  # .webm would refuse H.264
        (DEEP, {"crf": 20}, f"; {WEBM} keeps the transparency"),  # the others refuse --crf
        (DEEP, {"pix_fmt": "yuv420p"}, ""),
        (PQ, {"hdr": "keep"}, f"; without --hdr keep, a folder, {WEBM}, {PRORES} and {FFV1} keep the transparency"),
    ],
)
def test_lost_transparency(place, info, options, keeping):
    """The line names the outputs that keep transparency with the options that were given."""
    plan = plan_of(place, "out.mp4", info, True, **options)
    assert list(lines_on_alpha(plan, info, shots(True), keeps_alpha=False)) == [
        "in.mov is transparent in places and is composed over black, as out.mp4 cannot be transparent; "
        f"--background sets another color{keeping}"
    ]


def test_lost_transparency_of_a_picture(place):
    plan = plan_of(place, "out.jpg", DEEP, True, frames="1")
    (line,) = lines_on_alpha(plan, DEEP, shots(True), keeps_alpha=False)
    assert line.endswith("--background sets another color; .png, .tif and .webp keep the transparency")
