"""The drift of luminance and contrast in the quality benchmark."""

from __future__ import annotations

from benchmarks.quality import drift


def test_drift():
    """The change is given beside the source's; a change from zero has no ratio."""
    first = {"luminance": 0.5, "source_luminance": 0.0, "contrast": 0.2, "source_contrast": 0.1}
    last = {"luminance": 0.4, "source_luminance": 0.3, "contrast": 0.2, "source_contrast": 0.15}
    assert drift({"frames": [first, last]}) == "luminance -20.0% (from nothing), contrast +0.0% (+50.0%)"
