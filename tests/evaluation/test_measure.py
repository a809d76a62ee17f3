"""Measuring a painted clip: what is compared with what, which part, exact flow, what is refused, and what is written."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.clips import make_clip
from tests.support.thin_vgg import thin_weights
from videostyle.cli import main as cli
from videostyle.cli.options import help_of
from videostyle.config import Job, MeasureJob
from videostyle.errors import BadInput, BadOption, Cancelled, MissingModel
from videostyle.evaluation import metrics
from videostyle.evaluation.embedding import PACKAGE
from videostyle.evaluation.measure import measure, measure_run
from videostyle.evaluation.pairs import spread
from videostyle.events import Measuring
from videostyle.media.sources import open_source
from videostyle.models.weights import WEIGHTS
from videostyle.reports.json import KEYS, write_measurement
from videostyle.reports.records import FrameMeasure, Measurement, RunReport
from videostyle.stylizers.colors import with_colors_of

SIZE = (48, 64)
COUNT = 14
STEP = 1  # pixels that the scene moves to the left in each frame


def scene(seed: int = 0) -> np.ndarray:
    """A wide smooth picture to pan over."""
    coarse = np.random.default_rng(seed).integers(80, 176, (6, 10, 3)).astype(np.uint8)
    return cv2.resize(coarse, (SIZE[1] + STEP * COUNT, SIZE[0]), interpolation=cv2.INTER_CUBIC)


def pan(count: int = COUNT, seed: int = 0) -> list[np.ndarray]:
    wide = scene(seed)
    return [wide[:, STEP * index : STEP * index + SIZE[1]] for index in range(count)]


def folder(path: Path, pictures: list[np.ndarray], first: int = 1) -> Path:
    path.mkdir()
    for number, picture in enumerate(pictures, first):
        cv2.imwrite(str(path / f"frame_{number:04d}.png"), np.ascontiguousarray(picture[..., ::-1]))
    return path


def noisy(pictures: list[np.ndarray], sigma: float) -> list[np.ndarray]:
    random = np.random.default_rng(9)
    return [np.clip(each + random.normal(0, sigma, each.shape), 0, 255).round().astype(np.uint8) for each in pictures]


@pytest.fixture(autouse=True)
def thin_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(threads: int) -> Any:
        raise MissingModel("no style embedding")

    monkeypatch.setitem(WEIGHTS, "vgg19", thin_weights)
    monkeypatch.setattr("videostyle.evaluation.perceptual.load_embedding", absent)


@pytest.fixture
def style(tmp_path: Path) -> Path:
    path = tmp_path / "style.png"
    cv2.imwrite(str(path), scene(5))
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return folder(tmp_path / "source", pan())


def measured(source: Path, output: Path, style: Path, **options: Any) -> Measurement:
    return measure(MeasureJob(source=source, output=output, style=(style,), device="cpu", **options))


# --- what is measured ---------------------------------------------------------------------------------------------


def test_the_source_as_its_own_output_has_the_floor(source: Path, style: Path) -> None:
    found = measured(source, source, style)
    assert [each.index for each in found.frames] == list(range(COUNT))
    for frame in found.frames:
        assert frame.warp == frame.floor
        assert (frame.tof, frame.flicker) in ((None, None), (0, frame.flicker_floor))
        assert frame.ssim == pytest.approx(1)
        assert (frame.luminance, frame.contrast) == (frame.source_luminance, frame.source_contrast)
    assert found.summary["content"] == 0
    assert found.summary["warp_1"] is not None
    assert found.summary["warp_1"] < 0.01  # a pan by whole pixels, but for the flow's own error
    for name, own in found.floor.items():
        assert own is None or found.summary[name] == own


def test_frames_without_an_earlier_one_have_no_error(source: Path, style: Path) -> None:
    frames = measured(source, source, style).frames
    assert [frame.warp[1] is None for frame in frames] == [True] + [False] * (COUNT - 1)
    assert [frame.warp[10] is None for frame in frames] == [True] * 10 + [False] * (COUNT - 10)
    assert (frames[0].new_share, frames[0].all_pixel, frames[0].tof) == (1, None, None)


def test_noise_raises_the_error_by_its_own_size_and_leaves_the_mask(source: Path, style: Path, tmp_path: Path) -> None:
    """The mask and the flow are the source's, so the error of a noisy output is the noise of both frames."""
    sigma = 12.0
    output = folder(tmp_path / "output", noisy(pan(), sigma))
    found, floor = measured(source, output, style), measured(source, source, style)
    assert [each.new_share for each in found.frames] == [each.new_share for each in floor.frames]
    assert [each.floor for each in found.frames] == [each.floor for each in floor.frames]
    # bilinear interpolation between noisy pixels takes some of the noise
    assert found.summary["warp_1"] == pytest.approx(np.sqrt(2) * sigma / 255, rel=0.12)
    assert found.summary["warp_10"] == pytest.approx(np.sqrt(2) * sigma / 255, rel=0.2)
    assert found.summary["tof"] > 0.02
    assert found.summary["ssim"] < 0.98
    assert found.summary["sharpness"] > found.floor["sharpness"]


def test_what_is_still_flickers_as_much_as_it_differs(style: Path, tmp_path: Path) -> None:
    picture = pan(1)[0]
    source = folder(tmp_path / "source", [picture] * 3)
    output = folder(tmp_path / "output", [picture, np.minimum(picture, 250) + 5, picture])
    found = measured(source, output, style)
    assert [each.flicker for each in found.frames[1:]] == pytest.approx([5 / 255] * 2, rel=1e-3)
    assert [each.flicker_floor for each in found.frames] == [None, 0, 0]
    assert found.skipped.get("moving", 0) == 0
    assert found.summary["luminance_drift"] == 0


def test_the_flicker_and_drift_of_the_source_are_its_own(style: Path, tmp_path: Path) -> None:
    picture = pan(1)[0]
    source = folder(tmp_path / "source", [picture, picture + 2])
    output = folder(tmp_path / "output", [picture, picture + 7])
    found = measured(source, output, style)
    assert found.summary["flicker"] == pytest.approx(7 / 255, rel=1e-3)
    assert found.floor["flicker"] == pytest.approx(2 / 255, rel=1e-3)
    assert found.summary["luminance_drift"] == pytest.approx(7 / 255, rel=1e-3)
    assert found.floor["luminance_drift"] == pytest.approx(2 / 255, rel=1e-3)
    assert found.summary["contrast_drift"] == pytest.approx(0, abs=1e-6)


def test_a_frame_without_an_earlier_one_is_not_in_the_mean_of_what_is_untrusted(source: Path, style: Path) -> None:
    found = measured(source, source, style, frames="3")
    assert found.summary["untrusted"] == pytest.approx(np.mean([each.new_share for each in found.frames[1:]]))
    assert found.summary["untrusted"] < 0.1


def test_no_pair_spans_a_cut(style: Path, tmp_path: Path) -> None:
    pictures = pan(8) + [255 - each for each in pan(8, seed=3)]
    source = folder(tmp_path / "source", pictures)
    found = measured(source, source, style)
    assert found.frames[8].warp[1] is None
    assert found.frames[8].tof is None
    assert found.frames[9].warp[1] is not None
    assert found.skipped["cut_1"] == 1
    assert found.skipped["cut_10"] == 6


def test_pairs_with_no_pixel_that_counts_are_counted(source: Path, style: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(metrics, "visible", lambda back, forth: np.zeros(back.shape[:2], bool))
    found = measured(source, source, style, frames="3")
    assert found.skipped["empty_1"] == 2
    assert found.summary["warp_1"] is None
    assert found.summary["untrusted"] == 1
    assert found.summary["all_pixel"] == 0


def test_the_network_sees_at_most_24_frames_and_the_first_and_last_among_them() -> None:
    assert spread(5, 24) == [0, 1, 2, 3, 4]
    chosen = spread(1000, 24)
    assert len(chosen) == 24
    assert (chosen[0], chosen[-1]) == (0, 999)
    assert set(np.diff(chosen)) <= {43, 44}
    assert spread(1, 3) == [0]


def test_frames_the_network_does_not_see_carry_none(source: Path, style: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("videostyle.evaluation.pairs.MOST_SEEN", 3)
    found = measured(source, source, style, frames="5")
    assert [each.gram is None for each in found.frames] == [False, True, False, True, False]
    seen = [each for each in found.frames if each.gram_layers]
    for each in seen:
        assert each.gram == pytest.approx(np.mean(list(each.gram_layers.values())))
        assert each.gram == each.source_gram
    assert found.summary["gram_relu3_1"] == pytest.approx(np.mean([each.gram_layers["relu3_1"] for each in seen]))


def test_the_style_itself_has_no_distance_from_it(style: Path, tmp_path: Path) -> None:
    picture = pan(1)[0]
    cv2.imwrite(str(tmp_path / "same.png"), picture[..., ::-1])
    source = folder(tmp_path / "source", pan(1, seed=4))
    output = folder(tmp_path / "output", [picture])
    found = measured(source, output, tmp_path / "same.png")
    assert found.summary["gram"] == pytest.approx(0, abs=1e-9)
    assert found.floor["gram"] > 0.01
    assert found.summary["content"] > 0.01


@pytest.fixture
def mean_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of the style embedding: a picture's mean color. Its package is one that is surely installed."""

    def mean_color(picture: np.ndarray) -> np.ndarray:
        assert picture.dtype == np.uint8
        return picture.mean(axis=(0, 1), dtype=np.float32)

    monkeypatch.setattr("videostyle.evaluation.perceptual.load_embedding", lambda threads: mean_color)
    monkeypatch.setattr("videostyle.evaluation.measure.PACKAGE", "pytest")


def plain(*color: int, dtype: Any = np.uint8) -> np.ndarray:
    return np.full((*SIZE, 3), color, dtype)


@pytest.mark.usefixtures("mean_colors")
def test_the_embedding_is_told_beside_the_sources_own(tmp_path: Path) -> None:
    """Styles (100, 0, 0) and (0, 0, 50): from (100, 0, 50) 2500 / 10000 and 10000 / 2500; from black 1 each."""
    source, output = folder(tmp_path / "source", [plain(0, 0, 0)]), folder(tmp_path / "output", [plain(100, 0, 50)])
    for name, color in (("a", (100, 0, 0)), ("b", (0, 0, 50))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), plain(*color, dtype=np.uint16)[..., ::-1] * 257)
    styles = (tmp_path / "a.png", tmp_path / "b.png")
    found = measure(MeasureJob(source=source, output=output, style=styles, device="cpu"))
    assert found.summary["embedding"] == pytest.approx((0.25 + 4) / 2)
    assert found.floor["embedding"] == pytest.approx(1)
    assert "pytest" in found.versions


@pytest.mark.usefixtures("mean_colors")
def test_the_embedding_of_an_output_with_its_own_colors_is_taken_in_gray(tmp_path: Path) -> None:
    source, output = folder(tmp_path / "source", [plain(0, 0, 0)]), folder(tmp_path / "output", [plain(60, 60, 60)])
    cv2.imwrite(str(tmp_path / "red.png"), plain(200, 0, 0)[..., ::-1])  # as light as a gray of 60
    assert measured(source, output, tmp_path / "red.png", keep_colors=True).summary["embedding"] == 0
    assert measured(source, output, tmp_path / "red.png").summary["embedding"] > 0.1


@pytest.mark.usefixtures("mean_colors")
def test_only_frames_the_network_sees_have_an_embedding(source: Path, style: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("videostyle.evaluation.pairs.MOST_SEEN", 2)
    found = measured(source, source, style, frames="3").frames
    assert [each.embedding is None for each in found] == [False, True, False]
    assert [each.embedding for each in found] == [each.source_embedding for each in found]


def test_without_its_package_there_is_no_embedding(source: Path, style: Path) -> None:
    found = measured(source, source, style, frames="1")
    assert (found.summary["embedding"], found.floor["embedding"]) == (None, None)
    assert PACKAGE not in found.versions


def test_three_pictures_show_early_middle_and_last(source: Path, style: Path, tmp_path: Path) -> None:
    output = folder(tmp_path / "output", noisy(pan(), 12))
    found = measured(source, output, style)
    assert [each.index for each in found.pictures] == [1, 7, COUNT - 1]
    for each in found.pictures:
        np.testing.assert_array_equal(each.source, pan()[each.index])
        assert each.output.shape == each.heat.shape == (*SIZE, 3)
        unmeasured = (each.heat == metrics.HEAT_UNKNOWN).all(axis=2).mean()
        assert unmeasured == pytest.approx(found.frames[each.index].new_share, abs=1e-6)


# --- which part ---------------------------------------------------------------------------------------------------


def test_the_source_is_scaled_to_the_output(source: Path, style: Path, tmp_path: Path) -> None:
    small = [cv2.resize(each, (SIZE[1] // 2, SIZE[0] // 2), interpolation=cv2.INTER_AREA) for each in pan()]
    found = measured(source, folder(tmp_path / "output", small), style)
    assert found.size == (SIZE[0] // 2, SIZE[1] // 2)
    assert [each.ssim for each in found.frames] == pytest.approx([1.0] * COUNT)


@pytest.mark.parametrize("options", [{"frames": "4:9"}, {"start": 3 / 25, "duration": 6 / 25}])
def test_the_output_of_a_trimmed_run_begins_with_the_part(
    options: dict[str, Any], source: Path, style: Path, tmp_path: Path
) -> None:
    found = measured(source, folder(tmp_path / "output", pan()[3:9]), style, **options)
    assert [each.index for each in found.frames] == list(range(3, 9))
    assert found.frames[0].time == Fraction(3, 25)
    assert [each.ssim for each in found.frames] == pytest.approx([1.0] * 6)
    assert not found.notices


@pytest.mark.parametrize(("ours", "theirs"), [(5, 3), (3, 5)])
def test_different_counts_are_said_and_the_common_part_is_measured(
    ours: int, theirs: int, style: Path, tmp_path: Path
) -> None:
    source, output = folder(tmp_path / "source", pan(ours)), folder(tmp_path / "output", pan(theirs))
    found = measured(source, output, style)
    assert len(found.frames) == 3
    assert found.notices == (
        f"this part of {source} has {ours} frames and {output} has {theirs}: the first 3 of both are measured",
    )


def test_a_part_that_the_output_seems_not_to_begin_with_is_pointed_out(
    source: Path, style: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for path in source.iterdir():
        (other / path.name.replace("frame", "f")).write_bytes(path.read_bytes())
    (notice,) = measured(source, other, style, frames="4:6").notices
    assert notice.endswith("of both are measured, OUTPUT's from its beginning on")


def test_a_folder_that_holds_earlier_frames_too_is_measured_from_the_parts_own_name_on(
    source: Path, style: Path
) -> None:
    found = measured(source, source, style, frames="4:9")
    assert [each.index for each in found.frames] == list(range(3, 9))
    assert [each.ssim for each in found.frames] == pytest.approx([1.0] * 6)
    assert found.notices == (
        f"this part of {source} has 6 frames and {source} has 11 from frame_0004.png on: "
        "the first 6 of both are measured",
    )
    alone = measured(source, source, style, frames="1:9")
    assert "from" not in alone.notices[0].replace(str(source), "")


def test_a_folder_painted_from_a_video_is_measured_by_the_numbers_of_its_frames(style: Path, tmp_path: Path) -> None:
    source, output = make_clip(tmp_path / "source.mkv", pan(8), rate=25), tmp_path / "painted"
    output.mkdir()
    for number, frame in enumerate(open_source(source).frames(), 1):
        cv2.imwrite(str(output / f"{number:06d}.png"), frame.image[..., ::-1])
    found = measured(source, output, style, start=2 / 25)
    assert [each.ssim for each in found.frames] == pytest.approx([1.0] * 6)
    (notice,) = found.notices
    assert notice.endswith("has 6 from 000003.png on: the first 6 of both are measured")


def test_videos_are_measured_and_other_times_are_noticed(style: Path, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mkv", pan(4), rate=25)
    same, slow = tmp_path / "same.mkv", tmp_path / "slow.mkv"
    make_clip(same, pan(4), rate=25)
    make_clip(slow, pan(4), rate=10)
    found = measured(source, same, style)
    assert found.summary["ssim"] == pytest.approx(1)
    assert not found.notices
    assert any("do not keep the source's times" in each for each in measured(source, slow, style).notices)


def test_a_still_is_measured_alone(style: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "still.png"), pan(1)[0])
    found = measured(tmp_path / "still.png", tmp_path / "still.png", style)
    assert len(found.frames) == 1
    assert found.summary["warp_1"] is None
    assert found.summary["ssim"] == pytest.approx(1)
    (shown,) = found.pictures
    assert shown.heat is None


def test_pictures_of_16_bits_are_measured_as_those_of_8(source: Path, style: Path, tmp_path: Path) -> None:
    deep = folder(tmp_path / "deep", [each.astype(np.uint16) * 257 for each in pan()])
    found, expected = measured(deep, deep, style, frames="3"), measured(source, source, style, frames="3")
    assert found.summary["warp_1"] == pytest.approx(expected.summary["warp_1"], rel=1e-4)
    assert found.summary["luminance"] == pytest.approx(expected.summary["luminance"], rel=1e-4)
    assert found.pictures[0].output.dtype == np.uint8


def test_both_are_scaled_down_where_that_is_asked_for_and_never_up(source: Path, style: Path, tmp_path: Path) -> None:
    large = [cv2.resize(each, (SIZE[1] * 2, SIZE[0] * 2), interpolation=cv2.INTER_NEAREST) for each in pan(3)]
    output = folder(tmp_path / "output", large)
    found = measured(source, output, style, size=SIZE[1], frames="3")
    assert found.size == SIZE
    assert [each.ssim for each in found.frames] == pytest.approx([1.0] * 3)
    assert found.pictures[0].output.shape == (*SIZE, 3)
    assert measured(source, source, style, size=500, frames="1").size == SIZE


def test_an_output_that_keeps_its_colors_is_compared_in_gray(style: Path, tmp_path: Path) -> None:
    """Gray strokes in other colors are as near to the style as the style is; in color they are not."""
    picture, other = pan(1, seed=5)[0].astype(np.float32) / 255, pan(1, seed=6)[0].astype(np.float32) / 255
    recolored = np.rint(with_colors_of(picture, other) * 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "same.png"), pan(1, seed=5)[0][..., ::-1])
    source = folder(tmp_path / "source", pan(1, seed=6))
    output = folder(tmp_path / "output", [recolored])
    gray = measured(source, output, tmp_path / "same.png", keep_colors=True)
    color = measured(source, output, tmp_path / "same.png")
    assert gray.summary["gram"] < 1e-3 < 0.01 < color.summary["gram"]
    assert gray.floor["gram"] > 10 * gray.summary["gram"]
    assert any("gray pictures" in each for each in gray.notices)
    assert not color.notices
    assert gray.frames[0].ssim == color.frames[0].ssim


# --- a run's own output -------------------------------------------------------------------------------------------


def painted(job: Job, output: Path, **sizes: Any) -> RunReport:
    return RunReport(output, sizes.pop("size", SIZE), (), 1, 1.0, 1, "cpu", {}, {}, **sizes)


def test_a_run_is_measured_as_it_was_painted(source: Path, style: Path, tmp_path: Path) -> None:
    same = {"style_scale": 0.5, "features": "vgg19", "device": "cpu", "frames": "4:6", "keep_colors": True}
    job = Job(input=source, styles=(style,), flow="none", threads=1, **same)
    output = folder(tmp_path / "output", pan(6))
    found = measure_run(job, painted(job, output, stylized_size=SIZE))
    assert [each.index for each in found.frames] == [3, 4, 5]
    assert [each.ssim for each in found.frames] == pytest.approx([1.0] * 3)
    expected = same | {"source": str(source), "output": str(output), "style": [str(style)], "flow": "dis", "size": None}
    assert expected.items() <= found.options.items()
    assert found.options["threads"] == 1


def test_an_output_that_was_scaled_up_is_measured_at_the_size_it_was_painted_at(
    source: Path, style: Path, tmp_path: Path
) -> None:
    job = Job(input=source, styles=(style,), device="cpu", frames="2", output_size="source", size=32)
    output = folder(tmp_path / "output", pan(2))
    assert measure_run(job, painted(job, output, stylized_size=(24, 32))).size == (24, 32)
    assert measure_run(job, painted(job, output)).size == SIZE


# --- exact flow ---------------------------------------------------------------------------------------------------


def put_flow(path: Path, count: int, x: float = -STEP, size: tuple[int, int] = SIZE, first: int = 1) -> Path:
    """What is at p in a frame of the pan is at p - (STEP, 0) in the next."""
    path.mkdir()
    for number in range(first, first + count):
        field = np.tile(np.array([x, 0], np.float32), (*size, 1))
        cv2.writeOpticalFlow(str(path / f"frame_{number:04d}.flo"), field)
    return path


def test_exact_flow_leads_to_the_next_frame_and_the_error_is_the_first_ones(
    source: Path, style: Path, tmp_path: Path
) -> None:
    found = measured(source, source, style, frames="4", flow_dir=put_flow(tmp_path / "flow", 3))
    assert [each.warp for each in found.frames] == [{1: 0, 10: None}] * 3 + [{1: None, 10: None}]
    assert [each.new_share for each in found.frames] == pytest.approx([STEP / SIZE[1]] * 3 + [1])
    assert [each.index for each in found.pictures] == [0, 1, 2]
    backwards = measured(source, source, style, frames="4", flow_dir=put_flow(tmp_path / "wrong", 3, STEP))
    assert backwards.summary["warp_1"] > 0.02


def test_the_error_of_a_spoiled_frame_is_seen_from_it_and_the_one_before(
    source: Path, style: Path, tmp_path: Path
) -> None:
    pictures = [each.copy() for each in pan(5)]
    pictures[2] = np.minimum(pictures[2], 235) + 20
    output = folder(tmp_path / "output", pictures)
    found = measured(source, output, style, frames="5", flow_dir=put_flow(tmp_path / "flow", 4))
    assert [each.warp[1] for each in found.frames[:4]] == pytest.approx([0, 20 / 255, 20 / 255, 0], rel=1e-3)
    assert found.frames[1].all_pixel == pytest.approx((20 / 255) ** 2 * (1 - STEP / SIZE[1]), rel=1e-3)
    assert found.frames[1].all_pixel_floor == 0


def test_exact_flow_goes_by_the_numbers_of_the_files(style: Path, tmp_path: Path) -> None:
    source = folder(tmp_path / "source", pan(4), first=100)
    found = measured(source, source, style, flow_dir=put_flow(tmp_path / "flow", 2, first=100))
    assert [each.warp[1] for each in found.frames] == [0, 0, None, None]
    assert found.skipped["no_flow"] == 1


def test_maps_are_masked_and_their_absence_is_said(source: Path, style: Path, tmp_path: Path) -> None:
    flow = put_flow(tmp_path / "flow", 1)
    assert any("no map of occlusions" in each for each in measured(source, source, style, flow_dir=flow).notices)
    (tmp_path / "occlusions").mkdir()
    hidden = np.zeros(SIZE, np.uint8)
    hidden[:, SIZE[1] // 2 :] = 255
    cv2.imwrite(str(tmp_path / "occlusions" / "frame_0001.png"), hidden)
    found = measured(source, source, style, frames="2", flow_dir=flow)
    assert found.frames[0].new_share == pytest.approx(0.5 + STEP / SIZE[1])
    assert not any("no map of occlusions" in each for each in found.notices)


def test_exact_flow_is_scaled_to_a_smaller_output_and_that_is_said(style: Path, tmp_path: Path) -> None:
    fast = pan()[::2][:3]  # two pixels a frame are one at half the size
    small = [cv2.resize(each, (SIZE[1] // 2, SIZE[0] // 2), interpolation=cv2.INTER_AREA) for each in fast]
    source, output = folder(tmp_path / "fast", fast), folder(tmp_path / "output", small)
    found = measured(source, output, style, flow_dir=put_flow(tmp_path / "flow", 2, -2 * STEP))
    assert found.summary["warp_1"] == pytest.approx(0, abs=1e-6)
    assert "the exact flow is scaled from 64x48 to the output's 32x24 pixels" in found.notices


# --- what is refused ----------------------------------------------------------------------------------------------


def test_what_cannot_be_measured_is_refused(source: Path, style: Path, tmp_path: Path) -> None:
    tiny = folder(tmp_path / "tiny", [np.zeros((15, 40, 3), np.uint8)] * 2)
    with pytest.raises(BadInput, match="40x15 pixels"):
        measured(source, tiny, style)
    with pytest.raises(BadOption, match=r"no frame of .* lies in"):
        measured(source, source, style, start=100.0)
    with pytest.raises(BadInput, match="style"):
        measured(source, source, tmp_path / "gone.png")
    with pytest.raises(BadInput, match="is 32x24 and the output 64x48"):
        measured(source, source, style, flow_dir=put_flow(tmp_path / "flow", 3, size=(24, 32)))
    with pytest.raises(BadOption, match="no --style"):
        MeasureJob(source=source, output=source)


def test_it_stops_where_it_is_told_to(source: Path, style: Path) -> None:
    import threading

    cancel, seen = threading.Event(), []

    def progress(event: Any) -> None:
        seen.append(event)
        if isinstance(event, Measuring) and event.frame == 2:
            cancel.set()

    with pytest.raises(Cancelled):
        measure(MeasureJob(source=source, output=source, style=(style,), device="cpu"), progress, cancel)
    steps = [each for each in seen if isinstance(each, Measuring)]
    assert [each.frame for each in steps] == [1, 2]
    assert steps[1].fraction == 2 / COUNT


# --- the record as JSON -------------------------------------------------------------------------------------------


def test_every_field_has_a_key_and_nothing_is_nan(source: Path, style: Path, tmp_path: Path) -> None:
    measurement = measured(source, source, style, frames="3")
    broken = replace(measurement.frames[1], ssim=float("nan"), warp={1: float("inf"), 10: None})
    measurement = replace(measurement, frames=(measurement.frames[0], broken))
    write_measurement(measurement, tmp_path / "m.json")
    text = (tmp_path / "m.json").read_text(encoding="utf-8")
    found = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    keys = {each.name for each in fields(Measurement)} - {"size", "pictures"}
    assert set(found) == keys | {"schema", "width", "height"}
    assert set(found["frames"][0]) == {KEYS.get(each.name, each.name) for each in fields(FrameMeasure)}
    assert (found["schema"], found["width"], found["height"]) == (1, SIZE[1], SIZE[0])
    assert found["frames"][1]["time"] == "1/25"
    assert (found["frames"][1]["ssim"], found["frames"][1]["warp"]) == (None, {"1": None, "10": None})
    assert found["styles"] == found["options"]["style"] == [str(style)]
    assert set(found["summary"]) == set(found["floor"])
    documented = write_measurement.__doc__ or ""
    for name in set(found["summary"]):
        assert name in documented or name.startswith("gram_relu")
    assert {"torch", "piq", "videostyle"} <= set(found["versions"])


# --- the command --------------------------------------------------------------------------------------------------


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main([str(each) for each in arguments])
    return int(left.value.code or 0)


def test_the_command_prints_a_table_and_writes_json_and_page(
    source: Path, style: Path, tmp_path: Path, capsys: Any
) -> None:
    places = ["--json", tmp_path / "m.json", "-o", tmp_path / "m.html"]
    assert run("measure", source, source, "--style", style, "--frames", "3", "--device", "cpu", *places) == 0
    printed = capsys.readouterr()
    lines = [line.split() for line in printed.out.splitlines()]
    assert lines[0] == ["output", "source"]
    found = json.loads((tmp_path / "m.json").read_text())
    assert [line[0] for line in lines[1:]] == list(found["summary"])
    assert {line[0]: line[1] for line in lines[1:]}["warp_1"] == f"{found['summary']['warp_1']:.4g}"
    assert {line[0]: line[2] for line in lines[1:]}["ssim"] == "-"
    page = (tmp_path / "m.html").read_text()
    assert "videostyle measure" in page
    assert f"{found['summary']['sharpness']:.2g}" in page
    assert printed.err.startswith("counting frames and finding cuts: 1\n")


def test_quiet_prints_nothing(source: Path, style: Path, capsys: Any) -> None:
    assert run("measure", source, source, "--style", style, "--frames", "2", "--device", "cpu", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_bad_input_is_one_line_and_code_2(source: Path, style: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "old.json").write_text("precious")
    cases = [
        ([source, source], "no --style"),
        ([source], "OUTPUT"),
        ([source, tmp_path / "gone.mp4", "--style", style], "gone.mp4 does not exist"),
        ([source, source, "--style", tmp_path / "gone.png"], "gone.png does not exist"),
        ([source, source, "--style", style, "--flow-dir", tmp_path / "none"], "holds no flow"),
        ([source, source, "--style", style, "--flow", "none"], "dis, raft"),
        ([source, source, "--style", style, "-o", "page.pdf"], ".html"),
        ([source, source, "--style", style, "--json", tmp_path / "old.json"], "exists"),
        ([source, source, "--style", style, "--json", tmp_path / "no" / "m.json"], "no folder"),
        ([source, source, "--style", style, "--frames", "90:99"], "no frame of"),
    ]
    for arguments, named in cases:
        assert run("measure", *arguments, "--quiet") == 2, arguments
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.count("\n") == 1
        assert printed.err.startswith("error: ")
        assert named in printed.err
    assert (tmp_path / "old.json").read_text() == "precious"


def test_each_option_is_shown_and_those_it_shares_with_run_have_its_default(capsys: Any) -> None:
    assert run("measure", "--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    for each in fields(MeasureJob):
        if each.metadata:
            assert f"--{each.name.replace('_', '-')}" in shown
            assert " ".join(help_of(each).split()) in shown
    shared = {each.name: each.default for each in fields(Job)}
    for name in (
        "start",
        "duration",
        "frames",
        "size",
        "keep_colors",
        "style_scale",
        "features",
        "device",
        "threads",
        "overwrite",
    ):
        assert MeasureJob.__dataclass_fields__[name].default == shared[name]
