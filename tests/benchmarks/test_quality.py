"""What the quality benchmark says of the light."""

from __future__ import annotations

from benchmarks.quality import drift


def test_a_change_of_light_is_told_beside_the_sources_and_from_black_has_no_ratio():
    first = {"luminance": 0.5, "source_luminance": 0.0, "contrast": 0.2, "source_contrast": 0.1}
    last = {"luminance": 0.4, "source_luminance": 0.3, "contrast": 0.2, "source_contrast": 0.15}
    assert drift({"frames": [first, last]}) == "luminance -20.0% (from nothing), contrast +0.0% (+50.0%)"
