"""The quality benchmark: the drift of luminance and contrast, and folders of frames."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.quality import as_pngs, drift
from tests.support.panning import pan
from videostyle.media.images import read_picture


def test_drift():
    """The change is given beside the source's; a change from zero has no ratio."""
    first = {"luminance": 0.5, "source_luminance": 0.0, "contrast": 0.2, "source_contrast": 0.1}
    last = {"luminance": 0.4, "source_luminance": 0.3, "contrast": 0.2, "source_contrast": 0.15}
    assert drift({"frames": [first, last]}) == "luminance -20.0% (from nothing), contrast +0.0% (+50.0%)"


def test_folder_as_pngs(tmp_path):
    """The first frames of a folder of JPEGs, with the pixels that a run would read."""
    (tmp_path / "frames").mkdir()
    for number, image in enumerate(pan(4)):
        cv2.imwrite(str(tmp_path / "frames" / f"{number:05d}.jpg"), image[..., ::-1])
    copies = sorted(as_pngs(tmp_path / "frames", tmp_path / "copy", 3).iterdir())
    assert [path.name for path in copies] == ["000001.png", "000002.png", "000003.png"]
    for number, path in enumerate(copies):
        expected = read_picture(tmp_path / "frames" / f"{number:05d}.jpg").image
        np.testing.assert_array_equal(read_picture(path).image, expected)
