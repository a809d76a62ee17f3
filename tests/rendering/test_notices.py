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
from videostyle.rendering.notices import lines_on_depth
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
    ],
)
def test_hdr_that_is_not_kept(place, options, line):
    assert list(lines_on_depth(plan_of(place, "out.mp4", PQ, **options), PQ)) == [line]
