"""The text of --mask and --region: what it means, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from videostyle.config import Job
from videostyle.errors import BadOption
from videostyle.mask_values import KeyColor, LumaRange, Mask, mask_in, parse_origin, parse_region, regions_in


@pytest.mark.parametrize(("text", "origin"), [
    ("alpha", "alpha"), ("./alpha", Path("alpha")), ("m.png", Path("m.png")), ("masks/a:b", Path("masks/a:b")),
    ("luma:0.2-0.6", LumaRange(0.2, 0.6)), ("luma:0-.5", LumaRange(0, 0.5)),
    ("key:#00ff00", KeyColor((0, 255, 0), 0.2)), ("key:#0A10fF:0.35", KeyColor((10, 16, 255), 0.35)),
])  # fmt: skip
def test_origins(text, origin):
    assert parse_origin(text) == origin


@pytest.mark.parametrize(("text", "mask", "style"), [
    ("sky.png=wave.jpg", Mask(Path("sky.png")), "wave.jpg"),
    ("a=b.png=wave.jpg", Mask(Path("a=b.png")), "wave.jpg"),
    ("sky.png:grow=4:feather=6.5=wave.jpg", Mask(Path("sky.png"), 4, 6.5), "wave.jpg"),
    ("sky.png:invert:grow=-3=wave.jpg", Mask(Path("sky.png"), -3, 0, True), "wave.jpg"),
    ("luma:0.5-1:feather=2=wave.jpg", Mask(LumaRange(0.5, 1), 0, 2), "wave.jpg"),
    ("key:#ffffff:0.1:invert=wave.jpg", Mask(KeyColor((255, 255, 255), 0.1), 0, 0, True), "wave.jpg"),
])  # fmt: skip
def test_regions(text, mask, style):
    region = parse_region(text)
    assert (region.mask, region.style) == (mask, Path(style))


@pytest.mark.parametrize(("text", "sentence"), [
    ("luma:0.6-0.2", "luma:0.6-0.2 is not a range of brightness; accepted: two numbers from 0 to 1"),
    ("luma:0.2", "luma:0.2 is not a range of brightness"), ("luma:0-2", "luma:0-2 is not a range of brightness"),
    ("key:green", "key:green is not a key color; accepted: key:#rrggbb"),
    ("key:#00ff00:2", "tolerance 2 is out of range; accepted: a number from 0 to 1"),
])  # fmt: skip
def test_refused_masks(text, sentence):
    with pytest.raises(BadOption, match=sentence):
        Job(input=Path("in.mp4"), styles=(Path("a.jpg"),), mask=text)


@pytest.mark.parametrize(("text", "sentence"), [
    ("sky.png", "--region sky.png is not a mask and a style; accepted: MASK=STYLE such as sky.png=wave.jpg"),
    ("sky.png=", "is not a mask and a style"), ("=wave.jpg", "is not a mask and a style"),
    ("sky.png:grow=4", "--region sky.png:grow=4 is not a mask and a style"),
    ("sky.png:grow=1.5=a.jpg", "grow=1.5 is out of range; accepted: a whole number from -1000 to 1000"),
    ("sky.png:feather=-1=a.jpg", "feather=-1 is out of range; accepted: a number from 0 to 1000"),
    ("sky.png:feather=x=a.jpg", "feather=x is out of range"),
    ("sky.png=a.vstyle", "a.vstyle of a --region is a style model, and the plain style a.jpg is an image"),
])  # fmt: skip
def test_refused_regions(text, sentence):
    with pytest.raises(BadOption, match=sentence):
        Job(input=Path("in.mp4"), styles=(Path("a.jpg"),), region=(text,))


@pytest.mark.parametrize(("options", "sentence"), [
    ({"mask_grow": 2}, "--mask-grow has no effect without --mask"),
    ({"mask_invert": True}, "--mask-invert has no effect without --mask"),
    ({"region": "m.png=b.jpg", "objective": "neighbors"}, "--region and --objective neighbors do not go together"),
    ({"region": "m.png=b.jpg", "engine": "learned"}, "--region has no effect with --engine learned"),
    ({"region": "m.png=b.jpg", "styles": ("a.vstyle",)}, "b.jpg of a --region is an image, and the plain style a.vstyle"),
])  # fmt: skip
def test_refused_together(options, sentence):
    with pytest.raises(BadOption, match=sentence):
        Job(**({"input": Path("in.mp4"), "styles": (Path("a.jpg"),)} | options))


def test_files_beside_a_config_file():
    """Names of files are relative to it, words are not."""
    assert mask_in("m.png", Path("films")) == str(Path("films/m.png"))
    assert mask_in("luma:0-0.5", Path("films")) == "luma:0-0.5"
    relative = regions_in(("m.png:grow=4=a.jpg", "alpha=/b.jpg"), Path("films"))
    assert [parse_region(text) for text in relative] == [
        parse_region("films/m.png:grow=4=films/a.jpg"),
        parse_region("alpha=/b.jpg"),
    ]
