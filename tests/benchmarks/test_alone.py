"""Frames of a stylized clip beside the same frames stylized alone: which are compared, what is new, and their figures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.alone import FrameMetrics, color_line, frames_at, line, medians, ratios, stylized_alone
from tests.support.panning import SIZE, STEP, image_folder, pan
from tests.support.thin_vgg import real_vgg
from videostyle.evaluation.constancy import ColorScores
from videostyle.evaluation.perceptual import PerceptualMetrics
from videostyle.losses.frame_targets import FrameTargets
from videostyle.losses.objective import Objective
from videostyle.losses.style_targets import StyleTargets
from videostyle.losses.terms import Weights
from videostyle.style_images import load_style
from videostyle.tensors import to_tensor


@pytest.fixture(scope="module")
def style(tmp_path_factory):
    path = tmp_path_factory.mktemp("style") / "style.png"
    cv2.imwrite(str(path), textured(3)[:, :48])
    return path


def textured(seed: int) -> np.ndarray:
    """Soft colored noise, uint8 (H, W, 3)."""
    noise = np.random.default_rng(seed).uniform(0, 255, (*SIZE, 3)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 1.5), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def plain(color: int) -> np.ndarray:
    return np.full((*SIZE, 3), color, np.uint8)


def test_frames(tmp_path):
    """The frames of the given numbers, what the pan has brought in, and their colors beside those of the first frame."""
    source = image_folder(tmp_path / "source", pan(10))
    outputs = [plain(128)] * 9 + [plain(145)]
    image_folder(tmp_path / "stylized", outputs, first=0)
    frames = list(frames_at(source, sorted((tmp_path / "stylized").iterdir()), [1, 4, 10]))
    assert [frame.ordinal for frame in frames] == [1, 4, 10]
    for frame, brought_in in zip(frames, (0, 3, 6), strict=True):
        np.testing.assert_array_equal(frame.source, pan(10)[frame.ordinal - 1])
        np.testing.assert_array_equal(frame.output, outputs[frame.ordinal - 1])
        assert frame.new.mean() == pytest.approx(brought_in * STEP / SIZE[1], rel=0.1)
    assert [frame.colors.color_drift for frame in frames] == [None, 0, pytest.approx(6.58, abs=0.2)]  # gray 128 to 145


def test_frames_after_cut(tmp_path):
    """After a cut there is nothing new, and the new shot's first frame is the reference of its colors."""
    source = image_folder(tmp_path / "source", pan(8) + [255 - image for image in pan(8, seed=3)])
    image_folder(tmp_path / "stylized", [plain(90)] * 8 + [plain(160)] * 8)
    after, later = frames_at(source, sorted((tmp_path / "stylized").iterdir()), [9, 12])
    assert (after.new.any(), after.colors.color_drift) == (False, None)
    assert (later.new.any(), later.colors.color_drift) == (True, pytest.approx(0, abs=1e-3))


def test_figures(style):
    """The spatial loss is that of the objective without its temporal term; the distances are those of `measure`."""
    source, stylized, new = textured(1), textured(2), np.zeros(SIZE, bool)
    new[:, 32:] = True
    figures = FrameMetrics(style, SIZE).of(stylized, source, new)
    image = load_style(style)
    styles = StyleTargets(real_vgg(), [to_tensor(image, "cpu")]).at(SIZE)
    objective = Objective(FrameTargets(real_vgg(), to_tensor(source, "cpu"), styles), Weights())
    assert figures["spatial"] == pytest.approx(objective(to_tensor(stylized, "cpu")).total, rel=1e-5)
    scores = PerceptualMetrics(real_vgg(), "cpu", [image], SIZE).scores(stylized, source, new)
    for name in ("gram_new", "gram_rest", "content_new"):
        assert figures[name] == pytest.approx(getattr(scores, name), rel=1e-5)
    assert figures["embedding_new"] is None
    gray = stylized @ np.array([0.299, 0.587, 0.114]) / 255
    steps = np.square(np.diff(gray, axis=0)).mean() + np.square(np.diff(gray, axis=1)).mean()
    assert figures["sharpness"] == pytest.approx(steps, rel=1e-4)


def test_alone_is_kept(style, tmp_path):
    """A frame that was stylized alone before is read from its file."""
    kept = tmp_path / "000008.npy"
    np.save(kept, np.full((*SIZE, 3), 0.5, np.float32))
    np.testing.assert_array_equal(stylized_alone(textured(1), style, kept), plain(128))


def test_ratios():
    """A figure that a frame lacks has no ratio, nor has one over nothing."""
    ours = {"gram_new": 3.0, "embedding_new": None, "sharpness": 1.0, "spatial": 2.0}
    assert ratios(ours, {"gram_new": 2.0, "embedding_new": None, "sharpness": 0.0, "spatial": 4.0}) == {
        "gram_new": 1.5,
        "spatial": 0.5,
    }


def test_medians():
    """What is new counts where it covers 2 to 50 % of the frame, everything else in every frame."""
    rows = [
        (0.01, {"gram_new": 9.0, "gram_rest": 1.0}),
        (0.02, {"gram_new": 1.0, "gram_rest": 2.0}),
        (0.3, {"gram_new": 2.0, "gram_rest": 3.0, "embedding_new": 1.1}),
        (0.5, {"gram_new": 4.0, "gram_rest": 8.0}),
        (0.51, {"gram_new": 9.0, "gram_rest": 9.0}),
    ]
    assert medians(rows) == {"gram_new": 2.0, "gram_rest": 3.0, "embedding_new": 1.1}


def test_lines():
    """A figure that a frame lacks is an empty cell in the table, and a dash in the line about colors."""
    row = line("bear_night", "8", "12.3%", {"gram_new": 1.234, "spatial": 1.0, "loss": 1.5})
    assert row == "| bear_night | 8 | 12.3% | 1.23 |  |  |  |  | 1.00 | 1.50 |"
    assert color_line(ColorScores(6.54, 1.0, None, None), 48) == (
        "colors at frame 48 (the source): drift 6.5 (1.0), new from the rest - (-)"
    )
