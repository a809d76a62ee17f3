"""Masks: which of their frames holds when, what they are made from, and which are refused."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support.clips import gradient, make_clip
from videostyle.errors import BadInput, BadOption
from videostyle.frames import Frame, VideoInfo
from videostyle.mask_values import KeyColor, LumaRange, Mask
from videostyle.media.masks import MaskedClip, check_mask, feathered, grown, open_mask
from videostyle.media.sources import open_source

SIZE = (24, 32)
INFO = VideoInfo("video", SIZE, time_base=Fraction(1, 1000))


def clip_of(*times: float, **changes) -> MaskedClip:
    """A film whose frames come at these times, in seconds."""
    stamps = [Fraction(str(time)) for time in times]
    return replace(MaskedClip(Path("in.mp4"), INFO, stamps[0], 0, stamps), **changes)


def gray(level: int) -> np.ndarray:
    return np.full((*SIZE, 3), level, np.uint8)


def film(path: Path, levels: list[int], **options) -> Path:
    return make_clip(
        path, [gray(level) for level in levels], **({"rate": 10, "codec": "ffv1", "pix_fmt": "bgr0"} | options)
    )


def folder(path: Path, levels: dict[str, int]) -> Path:
    path.mkdir()
    for name, level in levels.items():
        cv2.imwrite(str(path / name), gray(level))
    return path


def levels_of(mask: Mask, clip: MaskedClip, frames: list[Frame]) -> list[int]:
    """The mask's level, of 255, in each frame."""
    with closing(open_mask(mask, clip)) as reader:
        return [round(255 * float(reader.at(frame).mean())) for frame in frames]


def frames_at(*times: float, numbers: tuple[int, ...] = ()) -> list[Frame]:
    stamps = [Fraction(str(time)) for time in times]
    given = numbers or (None,) * len(times)
    return [
        Frame(gray(90), i, time, file_number=number) for i, (time, number) in enumerate(zip(stamps, given, strict=True))
    ]


def test_film_is_matched_by_time(tmp_path):
    """By the time since its own first frame, which is the clip's first: the latest of its frames holds."""
    path = film(tmp_path / "m.mkv", [0, 100, 200, 255], pts=[50, 60, 75, 80], time_base=Fraction(1, 100))
    times = 7, 7.05, 7.1, 7.24, 7.25, 7.3, 7.4
    assert levels_of(Mask(path), clip_of(*times), frames_at(*times)) == [0, 0, 99, 99, 202, 255, 255]


def test_times_rounded_to_milliseconds(tmp_path):
    """A mask of the clip's rate in a container with coarser times is not a frame late."""
    path = film(tmp_path / "m.mkv", [0, 0, 255], pts=[0, 42, 84], time_base=Fraction(1, 1000))
    clip = replace(clip_of(0), times=[Fraction(i, 24) for i in range(3)])
    frames = [Frame(gray(0), i, Fraction(i, 24)) for i in range(3)]
    assert levels_of(Mask(path), clip, frames) == [0, 0, 255]


def test_folder_is_matched_by_order(tmp_path):
    """Whatever its numbers and the clip's times are; a part of the clip has the masks that the whole has."""
    path = folder(tmp_path / "m", {"10.png": 0, "11.png": 100, "30.png": 255})
    clip = clip_of(0, 0.5, 4)
    assert levels_of(Mask(path), clip, frames_at(0, 0.5, 4)) == [0, 99, 255]
    assert levels_of(Mask(path), clip, frames_at(0, 0.5, 4)[2:]) == [255]


def test_folder_is_matched_by_number(tmp_path):
    """Where the clip is a folder too."""
    path = folder(tmp_path / "m", {"7.png": 0, "8.png": 100, "12.png": 255})
    clip = clip_of(0, 0.04, 0.08, info=VideoInfo("folder", SIZE))
    frames = frames_at(0, 0.04, 0.08, numbers=(7, 8, 12))
    assert levels_of(Mask(path), clip, frames) == [0, 99, 255]


def test_image_holds(tmp_path):
    """A still is the mask of every frame; transparent is black, and other sizes are scaled."""
    pixels = np.full((48, 64, 4), 255, np.uint8)
    pixels[:, :16, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "m.png")
    with closing(open_mask(Mask(tmp_path / "m.png"), clip_of(0, 1))) as reader:
        for frame in frames_at(0, 1):
            mask = reader.at(frame)
            assert mask.shape == SIZE
            assert mask[:, :8].max() == 0
            assert mask[:, 8:].min() == 1


def test_lossy_black_and_white(tmp_path):
    """Levels that a codec has missed by a little are black and white."""
    Image.fromarray(np.repeat(np.array([[0, 3, 4, 128, 251, 253, 255, 255]], np.uint8), 6, 0)).save(tmp_path / "m.png")
    with closing(open_mask(Mask(tmp_path / "m.png"), clip_of(0))) as reader:
        row = reader.at(Frame(np.zeros((6, 8, 3), np.uint8)))[0]
    np.testing.assert_allclose(row, [0, 0, 0, 124 / 247, 1, 1, 1, 1], atol=1e-6)


def test_masks_made_from_the_clip():
    """Brightness inside a range is white, a key color is black, and so is what is transparent."""
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, 2:4], image[:, 4:6], image[:, 6:] = 100, (0, 255, 0), 255
    alpha = np.where(np.arange(8) < 3, 0, 255).astype(np.uint8)[None].repeat(4, 0)
    frame = Frame(image, alpha=alpha)

    def row(origin) -> list[float]:
        return open_mask(Mask(origin), clip_of(0)).at(frame)[0].tolist()

    assert row(LumaRange(0.2, 0.5)) == [0, 0, 1, 1, 0, 0, 0, 0]
    assert row(LumaRange(0, 0.5)) == [1, 1, 1, 1, 0, 0, 0, 0]
    assert row(KeyColor((0, 255, 0), 0.2)) == [1, 1, 1, 1, 0, 0, 1, 1]
    assert row("alpha") == [0, 0, 0, 1, 1, 1, 1, 1]


def test_shaping():
    """Inverted first; then white grows or shrinks by pixels, and its border fades over them: nothing changes further away."""
    half = np.repeat((np.arange(40) < 20).astype(np.float32)[None], 30, 0)
    assert grown(half, 4)[15].sum() == 24
    assert grown(half, -4)[15].sum() == 16
    soft = feathered(half, 6)[15]
    assert bool((np.diff(soft) <= 0).all())
    assert soft[13] == pytest.approx(1)
    assert 0.5 < soft[19] < 0.6
    assert 0.4 < soft[20] < 0.5
    assert soft[26:].max() == 0
    assert soft[24] > 0.02


def test_settings_are_in_painted_pixels(tmp_path):
    """Where a frame is written twice as large as it is stylized, a border moves twice as far."""
    Image.fromarray(np.repeat((255 * (np.arange(40) < 20)).astype(np.uint8)[None], 30, 0)).save(tmp_path / "m.png")
    frame = Frame(np.zeros((30, 40, 3), np.uint8))
    reader = open_mask(Mask(tmp_path / "m.png", grow=-3, invert=True), clip_of(0), scale=2)
    assert reader.at(frame)[15].tolist() == [0] * 26 + [1] * 14


@pytest.mark.parametrize(("levels", "refused"), [([0, 0, 0, 0], False), ([0, 0, 0], False), ([0, 0], True)])
@pytest.mark.parametrize("kind", ["film", "folder"])
def test_length(tmp_path, kind, levels, refused):
    """A mask may end one frame before the clip, and no more."""
    if kind == "film":
        path = film(tmp_path / "m.mkv", levels)
        ends = r"m.mkv ends after 0.20 s and in.mp4 is painted up to its frame at 0.30 s"
    else:
        path = folder(tmp_path / "m", {f"{i}.png": level for i, level in enumerate(levels)})
        ends = "m has 2 images and in.mp4 is painted up to its frame 4"
    clip = clip_of(2, 2.1, 2.2, 2.3)
    if not refused:
        return check_mask(Mask(path), clip, "--mask")
    with pytest.raises(BadInput, match=f"--mask .*{ends}; make it as long as the clip, or select a shorter part"):
        check_mask(Mask(path), clip, "--mask")


def test_length_of_a_part(tmp_path):
    """Only what the selected frames need is asked for."""
    path = film(tmp_path / "m.mkv", [0, 0, 0])
    check_mask(Mask(path), clip_of(0, 0.1, 0.2), "--mask")
    later = clip_of(0.5, 0.6, origin=Fraction(0), first=5)
    with pytest.raises(BadInput, match=r"ends after 0.30 s"):
        check_mask(Mask(path), later, "--mask")


def test_numbers(tmp_path):
    """A folder of frames needs the mask of each number but the last."""
    clip = clip_of(0, 0.04, 0.08, path=folder(tmp_path / "in", {"7.png": 9, "8.png": 9, "9.png": 9}))
    clip = replace(clip, info=open_source(clip.path).info)
    check_mask(Mask(folder(tmp_path / "whole", {"7.png": 9, "8.png": 9})), clip, "--mask")
    with pytest.raises(BadInput, match=r"gaps has no image with the number 8, which .*in has; add it"):
        check_mask(Mask(folder(tmp_path / "gaps", {"7.png": 9, "9.png": 9})), clip, "--mask")


def test_proportions(tmp_path):
    """Another shape is refused; another size, and square pixels for a clip without, are not."""
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(tmp_path / "m.png")
    with pytest.raises(
        BadInput, match=r"m.png has 32x32 pixels and in.mp4 has 32x24, which is another shape; give a mask"
    ):
        check_mask(Mask(tmp_path / "m.png"), clip_of(0), "--mask")
    wide = VideoInfo("video", (24, 24), sample_aspect=Fraction(4, 3))
    check_mask(Mask(tmp_path / "m.png"), clip_of(0, info=wide), "--mask")
    Image.fromarray(np.zeros((60, 80), np.uint8)).save(tmp_path / "m.png")
    check_mask(Mask(tmp_path / "m.png"), clip_of(0, info=wide), "--mask")


def test_what_cannot_be_decoded(tmp_path):
    (tmp_path / "m.png").write_text("no picture")
    with pytest.raises(BadInput, match=r"--mask .*m.png cannot be used: .*; accepted: an image, a video, a folder"):
        check_mask(Mask(tmp_path / "m.png"), clip_of(0), "--mask")
    whole = film(
        tmp_path / "whole.mp4", [0, 255] * 10, codec="libx264", pix_fmt="yuv420p", options={"g": "1"}
    ).read_bytes()
    middle = len(whole) // 3
    (tmp_path / "damaged.mp4").write_bytes(whole[:middle] + bytes(400) + whole[middle + 400 :])
    with pytest.raises(BadInput, match=r"damaged.mp4 "):
        check_mask(Mask(tmp_path / "damaged.mp4"), clip_of(*(i / 10 for i in range(20))), "--mask")


def test_sizes_that_differ(tmp_path):
    """In a folder of masks they are refused, without advice about options for clips."""
    path = folder(tmp_path / "m", {"1.png": 0})
    cv2.imwrite(str(path / "2.png"), np.zeros((10, 30, 3), np.uint8))
    with pytest.raises(BadInput, match=r"cannot be used: .*2.png has 30x10 pixels") as refused:
        check_mask(Mask(path), clip_of(0, 1), "--mask")
    assert "--fit" not in str(refused.value)


def test_alpha_of_an_opaque_clip():
    with pytest.raises(BadOption, match=r"--mask alpha has no effect, as in.mp4 is opaque; name a file as the mask"):
        check_mask(Mask("alpha"), clip_of(0), "--mask")
    check_mask(Mask("alpha"), clip_of(0, transparent=True), "--mask")


def test_gradient_is_read_as_it_is(tmp_path):
    """Soft masks keep their levels, within the share that lossy black and white take."""
    soft = gradient(*SIZE)[..., :1].repeat(3, 2)
    Image.fromarray(soft).save(tmp_path / "m.png")
    with closing(open_mask(Mask(tmp_path / "m.png"), clip_of(0))) as reader:
        mask = reader.at(Frame(gray(0)))
    assert np.abs(mask - soft[..., 0] / 255).max() < 0.02
