"""`measure(job)`: which frames are compared, at which size, and what is refused."""

from __future__ import annotations

import json
import threading
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.clips import make_clip
from tests.support.panning import COUNT, SIZE, flow_folder, image_folder, measured, pan, scene
from videostyle.config import MeasureJob
from videostyle.errors import BadInput, BadOption, Cancelled
from videostyle.evaluation.measure import measure
from videostyle.evaluation.summary import METRICS
from videostyle.events import Measuring
from videostyle.media.sources import open_source
from videostyle.reports.json import KEYS, write_measurement
from videostyle.reports.records import FrameMeasure, Measurement

pytestmark = pytest.mark.usefixtures("small_networks")


# --- which frames -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"frames": "4:9"}, {"start": 3 / 25, "duration": 6 / 25}])
def test_part(options: dict[str, Any], source: Path, style: Path, tmp_path: Path) -> None:
    """The output of a trimmed run starts with the first frame of the part."""
    result = measured(source, image_folder(tmp_path / "output", pan()[3:9]), style, **options)
    assert [frame.index for frame in result.frames] == list(range(3, 9))
    assert result.frames[0].time == Fraction(3, 25)
    assert [frame.ssim for frame in result.frames] == pytest.approx([1.0] * 6)
    assert not result.notices


@pytest.mark.parametrize(("ours", "theirs"), [(5, 3), (3, 5)])
def test_different_counts(ours: int, theirs: int, style: Path, tmp_path: Path) -> None:
    """The frames that both have are measured, with a notice."""
    source, output = image_folder(tmp_path / "source", pan(ours)), image_folder(tmp_path / "output", pan(theirs))
    result = measured(source, output, style)
    assert len(result.frames) == 3
    assert result.notices == (
        f"this part of {source} has {ours} frames and {output} has {theirs}: the first 3 of both are measured",
    )


def test_doubtful_part(source: Path, style: Path, tmp_path: Path) -> None:
    """A notice says so when a longer output, without the part's file name, is compared from its first frame on."""
    other = tmp_path / "other"
    other.mkdir()
    for path in source.iterdir():
        (other / path.name.replace("frame", "f")).write_bytes(path.read_bytes())
    (notice,) = measured(source, other, style, frames="4:6").notices
    assert notice.endswith("of both are measured, in OUTPUT from its first frame on")


def test_folder_with_earlier_frames(source: Path, style: Path) -> None:
    """A folder with frames of other parts is compared from the file with the part's first name on."""
    result = measured(source, source, style, frames="4:9")
    assert [frame.index for frame in result.frames] == list(range(3, 9))
    assert [frame.ssim for frame in result.frames] == pytest.approx([1.0] * 6)
    assert result.notices == (
        f"this part of {source} has 6 frames and {source} has 11 from frame_0004.png on: "
        "the first 6 of both are measured",
    )
    alone = measured(source, source, style, frames="1:9")
    assert "from" not in alone.notices[0].replace(str(source), "")


def test_video_to_folder(style: Path, tmp_path: Path) -> None:
    """Frames that a run wrote into a folder are matched with the video by their numbers."""
    source, output = make_clip(tmp_path / "source.mkv", pan(8), rate=25), tmp_path / "stylized"
    output.mkdir()
    for number, frame in enumerate(open_source(source).frames(), 1):
        cv2.imwrite(str(output / f"{number:06d}.png"), frame.image[..., ::-1])
    result = measured(source, output, style, start=2 / 25)
    assert [frame.ssim for frame in result.frames] == pytest.approx([1.0] * 6)
    (notice,) = result.notices
    assert notice.endswith("has 6 from 000003.png on: the first 6 of both are measured")


def test_videos(style: Path, tmp_path: Path) -> None:
    """Videos with other times than the source's get a notice."""
    source = make_clip(tmp_path / "source.mkv", pan(4), rate=25)
    same, slow = tmp_path / "same.mkv", tmp_path / "slow.mkv"
    make_clip(same, pan(4), rate=25)
    make_clip(slow, pan(4), rate=10)
    result = measured(source, same, style)
    assert result.summary["ssim"] == pytest.approx(1)
    assert not result.notices
    assert any("differ from the source's" in notice for notice in measured(source, slow, style).notices)


def test_still(style: Path, tmp_path: Path) -> None:
    """A still image has the metrics that need no other frame."""
    cv2.imwrite(str(tmp_path / "still.png"), pan(1)[0])
    result = measured(tmp_path / "still.png", tmp_path / "still.png", style)
    assert len(result.frames) == 1
    assert result.summary["warp_1"] is None
    assert result.summary["ssim"] == pytest.approx(1)
    (sample,) = result.pictures
    assert sample.heat is None


# --- the size -----------------------------------------------------------------------------------------------------


def test_source_scaled(source: Path, style: Path, tmp_path: Path) -> None:
    """The source is scaled to the output's size."""
    small = [cv2.resize(image, (SIZE[1] // 2, SIZE[0] // 2), interpolation=cv2.INTER_AREA) for image in pan()]
    result = measured(source, image_folder(tmp_path / "output", small), style)
    assert result.size == (SIZE[0] // 2, SIZE[1] // 2)
    assert [frame.ssim for frame in result.frames] == pytest.approx([1.0] * COUNT)


def test_size(source: Path, style: Path, tmp_path: Path) -> None:
    """--size scales both down, and never up."""
    large = [cv2.resize(image, (SIZE[1] * 2, SIZE[0] * 2), interpolation=cv2.INTER_NEAREST) for image in pan(3)]
    output = image_folder(tmp_path / "output", large)
    result = measured(source, output, style, size=SIZE[1], frames="3")
    assert result.size == SIZE
    assert [frame.ssim for frame in result.frames] == pytest.approx([1.0] * 3)
    assert result.pictures[0].output.shape == (*SIZE, 3)
    assert measured(source, source, style, size=500, frames="1").size == SIZE


# --- refused, cancelled -------------------------------------------------------------------------------------------


def test_refused(source: Path, style: Path, tmp_path: Path) -> None:
    tiny = image_folder(tmp_path / "tiny", [np.zeros((15, 40, 3), np.uint8)] * 2)
    with pytest.raises(BadInput, match="40x15 pixels"):
        measured(source, tiny, style)
    with pytest.raises(BadOption, match=r"no frame of .* is selected"):
        measured(source, source, style, start=100.0)
    with pytest.raises(BadInput, match="style"):
        measured(source, source, tmp_path / "gone.png")
    with pytest.raises(BadInput, match="is 32x24 and the output 64x48"):
        measured(source, source, style, flow_dir=flow_folder(tmp_path / "flow", 3, size=(24, 32)))
    with pytest.raises(BadOption, match="no --style"):
        MeasureJob(source=source, output=source)


def test_cancel(source: Path, style: Path) -> None:
    """Measuring stops at the frame after which it was cancelled; progress is reported frame by frame."""
    cancel, events = threading.Event(), []

    def progress(event: Any) -> None:
        events.append(event)
        if isinstance(event, Measuring) and event.frame == 2:
            cancel.set()

    with pytest.raises(Cancelled):
        measure(MeasureJob(source=source, output=source, styles=(style,), device="cpu"), progress, cancel)
    steps = [event for event in events if isinstance(event, Measuring)]
    assert [event.frame for event in steps] == [1, 2]
    assert steps[1].fraction == 2 / COUNT


# --- the record as JSON -------------------------------------------------------------------------------------------


def test_json(source: Path, style: Path, tmp_path: Path) -> None:
    """Every field has its key, every metric is documented, and nothing is NaN or infinite."""
    measurement = measured(source, source, style, frames="3")
    broken = replace(measurement.frames[1], ssim=float("nan"), warp={1: float("inf"), 10: None})
    measurement = replace(measurement, frames=(measurement.frames[0], broken))
    write_measurement(measurement, tmp_path / "m.json")
    text = (tmp_path / "m.json").read_text(encoding="utf-8")
    content = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    keys = {field.name for field in fields(Measurement)} - {"size", "pictures"}
    assert set(content) == keys | {"schema", "width", "height"}
    assert set(content["frames"][0]) == {KEYS.get(field.name, field.name) for field in fields(FrameMeasure)}
    assert (content["schema"], content["width"], content["height"]) == (1, SIZE[1], SIZE[0])
    assert content["frames"][1]["time"] == "1/25"
    assert (content["frames"][1]["ssim"], content["frames"][1]["warp"]) == (None, {"1": None, "10": None})
    assert content["styles"] == content["options"]["style"] == [str(style)]
    assert set(content["summary"]) == set(content["floor"])
    assert list(content["summary"]) == [*(metric.key for metric in METRICS), "luminance_drift", "contrast_drift"]
    documented = write_measurement.__doc__ or ""
    for key in content["summary"]:
        assert key in documented or key.startswith("gram_relu")
    assert {"torch", "piq", "videostyle"} <= set(content["versions"])


# --- masks --------------------------------------------------------------------------------------------------------


def masked_output(folder: Path, mask: np.ndarray, changed: int = 0) -> Path:
    """The pan with noise where the mask is white, anew in every frame, and one pixel elsewhere changed by so many levels."""
    random, pictures = np.random.default_rng(0), []
    for picture in pan():
        noise = random.integers(0, 256, picture.shape, np.uint8)
        written = np.where(mask[..., None] > 0, noise, picture)
        row, column = np.argwhere(mask == 0)[0]
        written[row, column] = picture[row, column] + changed
        pictures.append(written)
    return image_folder(folder, pictures)


def test_mask(source: Path, style: Path, tmp_path: Path) -> None:
    """The figures are those of what is painted, and whether the rest is the source."""
    mask = np.zeros(SIZE, np.uint8)
    mask[:, : SIZE[1] // 2] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    output, spoilt = masked_output(tmp_path / "out", mask), masked_output(tmp_path / "spoilt", mask, changed=9)
    whole = measured(source, output, style)
    inside = measured(source, output, style, mask=tmp_path / "mask.png")
    outside = measured(source, output, style, mask=tmp_path / "mask.png", mask_invert=True)
    assert whole.summary["unpainted"] is None
    assert inside.summary["unpainted"] == 0
    assert measured(source, spoilt, style, mask=tmp_path / "mask.png").summary["unpainted"] == 9
    assert outside.summary["warp_1"] == pytest.approx(outside.floor["warp_1"], abs=1e-6)
    assert inside.summary["warp_1"] > 1.2 * whole.summary["warp_1"] > 10 * whole.floor["warp_1"]
    assert outside.summary["gram"] == pytest.approx(outside.floor["gram"])
    assert inside.summary["luminance"] == pytest.approx(0.5, abs=0.02)
    assert (inside.summary["ssim"], inside.summary["embedding"]) == (None, None)


def test_regions(source: Path, style: Path, tmp_path: Path) -> None:
    """Each is compared with its own style, by its share; the page's pictures have the masks."""
    mask = np.zeros(SIZE, np.uint8)
    mask[:, : SIZE[1] // 2] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), scene(7)[::-1])
    # what each side measures by itself, in its own style
    inside = measured(source, source, other, mask=tmp_path / "mask.png").summary["gram"]
    outside = measured(source, source, style, mask=tmp_path / "mask.png", mask_invert=True).summary["gram"]
    both = measured(source, source, style, region=(f"{tmp_path / 'mask.png'}={other}",))
    assert inside != pytest.approx(outside, rel=0.05)
    assert both.summary["gram"] == pytest.approx((inside + outside) / 2, rel=1e-3)
    assert all(np.array_equal(picture.masks[0], mask > 0) for picture in both.pictures)


def test_mask_that_does_not_fit(source: Path, style: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "mask.png"), np.zeros((50, 20), np.uint8))
    with pytest.raises(BadInput, match=r"--mask .*mask.png has 20x50 pixels and .*, which is another shape"):
        measured(source, source, style, mask=tmp_path / "mask.png")
