"""Frames measured alone and in pairs: warp errors, flicker, drift, and which frames get perceptual scores."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.panning import COUNT, SIZE, STEP, flow_folder, image_folder, measured, noisy, pan
from videostyle.evaluation import metrics
from videostyle.evaluation.pairs import MOST_SCORED, spread

pytestmark = pytest.mark.usefixtures("small_networks")


def test_floor(source: Path, style: Path) -> None:
    """A source that is measured as its own output has the floor of every metric."""
    result = measured(source, source, style)
    assert [frame.index for frame in result.frames] == list(range(COUNT))
    for frame in result.frames:
        assert frame.warp == frame.floor
        assert (frame.tof, frame.flicker) in ((None, None), (0, frame.flicker_floor))
        assert frame.ssim == pytest.approx(1)
        assert (frame.luminance, frame.contrast) == (frame.source_luminance, frame.source_contrast)
    assert result.summary["content"] == 0
    assert result.summary["warp_1"] is not None
    assert result.summary["warp_1"] < 0.01  # a pan by whole pixels has only the error of the flow
    for key, floor in result.floor.items():
        assert floor is None or result.summary[key] == floor


def test_first_frames(source: Path, style: Path) -> None:
    """A frame without an earlier one has no error."""
    frames = measured(source, source, style).frames
    assert [frame.warp[1] is None for frame in frames] == [True] + [False] * (COUNT - 1)
    assert [frame.warp[10] is None for frame in frames] == [True] * 10 + [False] * (COUNT - 10)
    assert (frames[0].new_share, frames[0].all_pixel, frames[0].tof) == (1, None, None)


def test_noise(source: Path, style: Path, tmp_path: Path) -> None:
    """Mask and flow are the source's, so the warp error of a noisy output is the noise of both frames."""
    sigma = 12.0
    output = image_folder(tmp_path / "output", noisy(pan(), sigma))
    result, floor = measured(source, output, style), measured(source, source, style)
    assert [frame.new_share for frame in result.frames] == [frame.new_share for frame in floor.frames]
    assert [frame.floor for frame in result.frames] == [frame.floor for frame in floor.frames]
    # bilinear interpolation removes a part of the noise
    assert result.summary["warp_1"] == pytest.approx(np.sqrt(2) * sigma / 255, rel=0.12)
    assert result.summary["warp_10"] == pytest.approx(np.sqrt(2) * sigma / 255, rel=0.2)
    assert result.summary["tof"] > 0.02
    assert result.summary["ssim"] < 0.98
    assert result.summary["sharpness"] > result.floor["sharpness"]


def test_flicker(style: Path, tmp_path: Path) -> None:
    """A still scene flickers by as much as its frames differ."""
    image = pan(1)[0]
    source = image_folder(tmp_path / "source", [image] * 3)
    output = image_folder(tmp_path / "output", [image, np.minimum(image, 250) + 5, image])
    result = measured(source, output, style)
    assert [frame.flicker for frame in result.frames[1:]] == pytest.approx([5 / 255] * 2, rel=1e-3)
    assert [frame.flicker_floor for frame in result.frames] == [None, 0, 0]
    assert result.skipped.get("moving", 0) == 0
    assert result.summary["luminance_drift"] == 0


def test_flicker_floor_and_drift(style: Path, tmp_path: Path) -> None:
    """Flicker and drift of the source are reported beside the output's."""
    image = pan(1)[0]
    source = image_folder(tmp_path / "source", [image, image + 2])
    output = image_folder(tmp_path / "output", [image, image + 7])
    result = measured(source, output, style)
    assert result.summary["flicker"] == pytest.approx(7 / 255, rel=1e-3)
    assert result.floor["flicker"] == pytest.approx(2 / 255, rel=1e-3)
    assert result.summary["luminance_drift"] == pytest.approx(7 / 255, rel=1e-3)
    assert result.floor["luminance_drift"] == pytest.approx(2 / 255, rel=1e-3)
    assert result.summary["contrast_drift"] == pytest.approx(0, abs=1e-6)


def test_new_share_mean(source: Path, style: Path) -> None:
    """The mean new share leaves out the first frame, which has no earlier one."""
    result = measured(source, source, style, frames="3")
    assert result.summary["untrusted"] == pytest.approx(np.mean([frame.new_share for frame in result.frames[1:]]))
    assert result.summary["untrusted"] < 0.1


def test_cut(style: Path, tmp_path: Path) -> None:
    """No pair spans a cut."""
    images = pan(8) + [255 - image for image in pan(8, seed=3)]
    source = image_folder(tmp_path / "source", images)
    result = measured(source, source, style)
    assert result.frames[8].warp[1] is None
    assert result.frames[8].tof is None
    assert result.frames[9].warp[1] is not None
    assert result.skipped["cut_1"] == 1
    assert result.skipped["cut_10"] == 6


def test_empty_mask(source: Path, style: Path, tmp_path: Path) -> None:
    """Pairs in which every pixel is masked are counted as skipped."""
    flow = flow_folder(tmp_path / "flow", 2)
    (tmp_path / "occlusions").mkdir()
    for number in (1, 2):
        cv2.imwrite(str(tmp_path / "occlusions" / f"frame_{number:04d}.png"), np.full(SIZE, 255, np.uint8))
    result = measured(source, source, style, frames="3", flow_dir=flow)
    assert result.skipped["empty_1"] == 2
    assert result.summary["warp_1"] is None
    assert result.summary["untrusted"] == 1
    assert result.summary["all_pixel"] == 0


def plain_output(path: Path, colors: list[tuple[int, int, int]]) -> Path:
    return image_folder(path, [np.full((*SIZE, 3), color, np.uint8) for color in colors])


def test_new(source: Path, style: Path, tmp_path: Path) -> None:
    """What the camera's pan brought in during the last six frames is new, also where the errors are taken along exact flow."""
    result = measured(source, source, style)
    assert result.frames[0].new is None
    for count, frame in enumerate(result.frames[1:], 1):
        # the flow is estimated
        assert frame.new == pytest.approx(min(count, 6) * STEP / SIZE[1], rel=0.1)
    assert result.summary["new"] == pytest.approx(np.mean([frame.new for frame in result.frames[1:]]))
    exact = measured(source, source, style, flow_dir=flow_folder(tmp_path / "flow", COUNT - 1))
    assert [frame.new for frame in exact.frames] == [frame.new for frame in result.frames]
    assert [frame.gram_new for frame in exact.frames] == [frame.gram_new for frame in result.frames]


def test_split_floors(source: Path, style: Path) -> None:
    """A source that is its own output has its own figures of what is new and of the rest, and of the colors."""
    result = measured(source, source, style)
    for frame in result.frames:
        assert (frame.gram_new, frame.gram_rest) == (frame.source_gram_new, frame.source_gram_rest)
        assert (frame.color_drift, frame.color_new) == (frame.source_color_drift, frame.source_color_new)
        assert frame.content_new in (None, 0)
        assert frame.content_rest == 0
    assert result.frames[0].gram_rest is not None
    assert 0 < result.summary["color_drift"] < 6, "a bin is 12 units wide"
    for key in ("gram_new", "gram_rest", "color_drift", "color_new"):
        assert result.floor[key] == result.summary[key] is not None


def test_nothing_new_in_zoom(style: Path, tmp_path: Path) -> None:
    """A zoom in shows nothing new, although its flow changes as fast as at a motion boundary."""
    center, image = np.array([SIZE[1] / 2, SIZE[0] / 2]), pan(1)[0]
    zooms = [np.float32([[z, 0, (1 - z) * center[0]], [0, z, (1 - z) * center[1]]]) for z in (1, 1.06, 1.06**2)]
    images = [
        cv2.warpAffine(image, zoom, SIZE[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT) for zoom in zooms
    ]
    source = image_folder(tmp_path / "source", images)
    for frame in measured(source, source, style).frames[1:]:
        assert frame.new < 0.05 < 0.15 < frame.new_share


def test_color_drift(style: Path, tmp_path: Path) -> None:
    """The stylized color of the whole picture changes by a known distance: L from 53.59 (gray 128) to 60.17 and 46.84."""
    source = image_folder(tmp_path / "source", [pan(1)[0]] * 3)
    output = plain_output(tmp_path / "output", [(128, 128, 128), (145, 145, 145), (111, 111, 111)])
    for keep_colors in (False, True):
        frames = measured(source, output, style, keep_colors=keep_colors).frames
        assert frames[0].color_drift is None
        assert [frame.color_drift for frame in frames[1:]] == pytest.approx([6.58, 6.75], abs=0.2)
        assert [frame.source_color_drift for frame in frames] == [None, 0, 0]
        assert [frame.new for frame in frames] == [None, 0, 0]
        assert [frame.color_new for frame in frames] == [None] * 3


def test_color_with_keep_colors(style: Path, tmp_path: Path) -> None:
    """Colors are compared as they are, also where the distances from the style are those of gray images."""
    source = image_folder(tmp_path / "source", [pan(1)[0]] * 2)
    red_and_green = plain_output(tmp_path / "output", [(200, 0, 0), (0, 102, 0)])  # of one luma
    result = measured(source, red_and_green, style, keep_colors=True)
    assert result.frames[1].color_drift > 80
    assert result.frames[1].gram_rest == pytest.approx(result.frames[0].gram_rest, rel=0.02)


def test_split_at_cut(style: Path, tmp_path: Path) -> None:
    """A shot has its own first colors, and nothing in its first frame is new."""
    images = pan(8) + [255 - image for image in pan(8, seed=3)]
    source = image_folder(tmp_path / "source", images)
    output = plain_output(tmp_path / "output", [(200, 60, 60)] * 8 + [(60, 60, 200)] * 8)
    frames = measured(source, output, style).frames
    assert [frame.index for frame in frames if frame.new is None] == [0, 8]
    assert [frame.color_drift for frame in frames] == [None, *[pytest.approx(0, abs=1e-3)] * 7] * 2
    assert frames[9].new < 3 * STEP / SIZE[1] < frames[7].new


def test_spread() -> None:
    assert spread(5, 24) == [0, 1, 2, 3, 4]
    chosen = spread(1000, 24)
    assert len(chosen) == 24
    assert (chosen[0], chosen[-1]) == (0, 999)
    assert set(np.diff(chosen)) <= {43, 44}
    assert spread(1, 3) == [0]


def test_most_scored(style: Path, tmp_path: Path) -> None:
    """A longer clip has perceptual scores on MOST_SCORED frames, evenly spaced, and None on the others."""
    source = image_folder(tmp_path / "long", pan(MOST_SCORED + 2))
    result = measured(source, source, style)
    scored = [frame for frame in result.frames if frame.gram is not None]
    assert len(scored) == MOST_SCORED
    assert (scored[0].index, scored[-1].index) == (0, MOST_SCORED + 1)
    for frame in result.frames:
        present = frame in scored
        assert all((value is not None) == present for value in (frame.gram_layers, frame.content, frame.source_gram))
    for frame in scored:
        assert frame.gram == pytest.approx(np.mean(list(frame.gram_layers.values())))
        assert frame.gram == frame.source_gram
    assert result.summary["gram_relu3_1"] == pytest.approx(np.mean([frame.gram_layers["relu3_1"] for frame in scored]))


def test_samples(source: Path, style: Path, tmp_path: Path) -> None:
    """An early, a middle and the last frame keep their images, with the warp error as a heat map."""
    output = image_folder(tmp_path / "output", noisy(pan(), 12))
    result = measured(source, output, style)
    assert [sample.index for sample in result.pictures] == [1, 7, COUNT - 1]
    for sample in result.pictures:
        np.testing.assert_array_equal(sample.source, pan()[sample.index])
        assert sample.output.shape == sample.heat.shape == (*SIZE, 3)
        masked = (sample.heat == metrics.HEAT_UNKNOWN).all(axis=2).mean()
        assert masked == pytest.approx(result.frames[sample.index].new_share, abs=1e-6)


def test_16_bits(source: Path, style: Path, tmp_path: Path) -> None:
    """16-bit images have the metrics of the same images in 8 bits."""
    deep = image_folder(tmp_path / "deep", [image.astype(np.uint16) * 257 for image in pan()])
    result, expected = measured(deep, deep, style, frames="3"), measured(source, source, style, frames="3")
    assert result.summary["warp_1"] == pytest.approx(expected.summary["warp_1"], rel=1e-4)
    assert result.summary["luminance"] == pytest.approx(expected.summary["luminance"], rel=1e-4)
    assert result.pictures[0].output.dtype == np.uint8


# --- exact flow ---------------------------------------------------------------------------------------------------


def test_exact_flow(source: Path, style: Path, tmp_path: Path) -> None:
    """Exact flow leads to the next frame, and the error belongs to the first of the two."""
    result = measured(source, source, style, frames="4", flow_dir=flow_folder(tmp_path / "flow", 3))
    assert [frame.warp for frame in result.frames] == [{1: 0, 10: None}] * 3 + [{1: None, 10: None}]
    assert [frame.new_share for frame in result.frames] == pytest.approx([STEP / SIZE[1]] * 3 + [1])
    assert [sample.index for sample in result.pictures] == [0, 1, 2]
    backwards = measured(source, source, style, frames="4", flow_dir=flow_folder(tmp_path / "wrong", 3, STEP))
    assert backwards.summary["warp_1"] > 0.02


def test_exact_flow_one_bad_frame(source: Path, style: Path, tmp_path: Path) -> None:
    """A frame that is too bright shows in its own error and in that of the frame before."""
    images = [image.copy() for image in pan(5)]
    images[2] = np.minimum(images[2], 235) + 20
    output = image_folder(tmp_path / "output", images)
    result = measured(source, output, style, frames="5", flow_dir=flow_folder(tmp_path / "flow", 4))
    assert [frame.warp[1] for frame in result.frames[:4]] == pytest.approx([0, 20 / 255, 20 / 255, 0], rel=1e-3)
    assert result.frames[1].all_pixel == pytest.approx((20 / 255) ** 2 * (1 - STEP / SIZE[1]), rel=1e-3)
    assert result.frames[1].all_pixel_floor == 0


def test_exact_flow_numbers(style: Path, tmp_path: Path) -> None:
    """In a folder, the number in a frame's file name selects its flow file."""
    source = image_folder(tmp_path / "source", pan(4), first=100)
    result = measured(source, source, style, flow_dir=flow_folder(tmp_path / "flow", 2, first=100))
    assert [frame.warp[1] for frame in result.frames] == [0, 0, None, None]
    assert result.skipped["no_flow"] == 1


def test_exact_flow_masks(source: Path, style: Path, tmp_path: Path) -> None:
    """Occluded pixels are masked; a notice says when there is no occlusion mask."""
    flow = flow_folder(tmp_path / "flow", 1)
    notices = measured(source, source, style, flow_dir=flow).notices
    assert any("without an occlusion mask" in notice for notice in notices)
    (tmp_path / "occlusions").mkdir()
    hidden = np.zeros(SIZE, np.uint8)
    hidden[:, SIZE[1] // 2 :] = 255
    cv2.imwrite(str(tmp_path / "occlusions" / "frame_0001.png"), hidden)
    result = measured(source, source, style, frames="2", flow_dir=flow)
    assert result.frames[0].new_share == pytest.approx(0.5 + STEP / SIZE[1])
    assert not any("without an occlusion mask" in notice for notice in result.notices)


def test_exact_flow_scaled(style: Path, tmp_path: Path) -> None:
    """Flow is scaled down to a smaller output, with a notice."""
    fast = pan()[::2][:3]  # two pixels a frame are one at half the size
    small = [cv2.resize(image, (SIZE[1] // 2, SIZE[0] // 2), interpolation=cv2.INTER_AREA) for image in fast]
    source, output = image_folder(tmp_path / "fast", fast), image_folder(tmp_path / "output", small)
    result = measured(source, output, style, flow_dir=flow_folder(tmp_path / "flow", 2, -2 * STEP))
    assert result.summary["warp_1"] == pytest.approx(0, abs=1e-6)
    assert "the exact flow is scaled from 64x48 to the output's 32x24 pixels" in result.notices
