"""`stylize_image`: style transfer from arrays to an array."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.thin_vgg import picture, thin_weights
from videostyle import stylize_image
from videostyle.errors import BadInput
from videostyle.models.weights import WEIGHTS
from videostyle.tensors import to_array


@pytest.fixture(autouse=True)
def thin_network(monkeypatch):
    monkeypatch.setitem(WEIGHTS, "vgg19", thin_weights)


def image(height: int, width: int, seed: int, top: int = 255) -> np.ndarray:
    return (to_array(picture(height, width, seed)) * top).astype(np.uint8 if top == 255 else np.uint16)


@pytest.mark.parametrize("top", [255, 65535])
def test_result_is_8_bits(top):
    result = stylize_image(image(20, 33, 1, top), image(50, 40, 2, top), iterations=4)
    assert result.shape == (20, 33, 3)
    assert result.dtype == np.uint8
    assert result.std() > 5


def test_options_matter():
    content, style = image(24, 32, 1), image(50, 40, 2)
    plain = stylize_image(content, style, iterations=6)
    assert np.array_equal(stylize_image(content, style, iterations=6), plain)
    for option in ({"style_weight": 3.0}, {"style_scale": 2.0}, {"seed": 1}, {"iterations": 9}):
        assert not np.array_equal(stylize_image(content, style, **({"iterations": 6} | option)), plain)


@pytest.mark.parametrize(
    "broken",
    [
        np.zeros((20, 20), np.uint8),
        np.zeros((20, 20, 4), np.uint8),
        np.zeros((20, 20, 3), np.float32),
        np.zeros((0, 20, 3), np.uint8),
        np.zeros((1, 1, 3), np.uint8),
    ],
    ids=lambda array: f"{array.shape} {array.dtype}",
)
@pytest.mark.parametrize("which", ["content", "style"])
def test_bad_arrays(broken, which):
    """What is not a picture is refused, named."""
    arrays = {"content": image(20, 20, 1), "style": image(20, 20, 2)} | {which: broken}
    with pytest.raises(BadInput, match=which):
        stylize_image(**arrays, iterations=1)
