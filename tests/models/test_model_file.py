"""Style model files: a round trip, and files that are refused in one clear line."""

from __future__ import annotations

import json
import pickle
import struct
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from tests.support.style_models import SMALL, example, written
from tests.support.thin_vgg import picture
from videostyle.errors import BadInput
from videostyle.models.model_file import described, read_style_model, to_bytes
from videostyle.models.transformer_net import load_network, new_network
from videostyle.style_images import style_pictures


def header_of(content: bytes) -> dict:
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["videostyle"])


def with_header(**changes) -> bytes:
    """The content of a file whose header was changed."""
    model = example()
    header = header_of(to_bytes(model)) | changes
    return save(model.weights, {"videostyle": json.dumps(header)})


def test_round_trip(tmp_path):
    model = example()
    again = read_style_model(written(tmp_path, to_bytes(model)))
    assert replace(again, weights={}) == replace(model, weights={})
    for name, array in model.weights.items():
        np.testing.assert_array_equal(again.weights[name], array)


def test_network_of_a_file_is_the_one_saved(tmp_path):
    network = load_network(written(tmp_path, to_bytes(example())), "cpu")
    content = picture(30, 40)
    assert torch.equal(network(content), new_network(SMALL, 0, "cpu")(content))


def test_thumbnail_of_the_style(tmp_path):
    (image,) = style_pictures(written(tmp_path, to_bytes(example())))
    assert image.shape == (16, 24, 3)
    assert np.abs(image.reshape(-1, 3).mean(0) - (127, 40, 200)).max() < 6


def test_description_has_everything(tmp_path):
    lines = "\n".join(f"{name}: {value}" for name, value in described(example()))
    for part in ("waves é.jpg", "in.mp4", "12 steps", "1.500", "1.250", "--size 320", "width 8", "0.1.0", "MIT"):
        assert part in lines


class Runs:
    """Executes code when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a style model",
        b"\xff" * 400,
        struct.pack("<Q", 2**62) + b"{}",
        pickle.dumps(Runs()),
        to_bytes(example())[:-7],
        to_bytes(example())[:300],
        to_bytes(example()) + b"more",
        save({"a": np.zeros(3, np.float32)}),
        save({"a": np.zeros(3, np.float32)}, {"videostyle": "{"}),
        save({"a": np.zeros(3, np.float32)}, {"videostyle": "[" * 100_000}),
        save({"a": np.zeros(3, np.float32)}, {"videostyle": "[]"}),
        save({"a": np.zeros(3, np.float32)}, {"videostyle": "{}"}),
        with_header(format=2),
        with_header(styles={"a.jpg": "%%%"}),
        with_header(styles=[1]),
        with_header(trained={"steps": "many"}),
        with_header(shape=7),
    ],
    ids=range(18),
)
def test_foreign_or_damaged_file_is_refused_in_one_line(tmp_path, content):
    path = written(tmp_path, content)
    with pytest.raises(BadInput, match=r"model\.vstyle") as refused:
        read_style_model(path)
    assert "videostyle train" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("shape", [{"width": 16}, {"width": 8, "blocks": 10**9, "dilated": 1, "half": 6}])
def test_shape_that_does_not_fit_the_weights_is_refused(tmp_path, shape):
    path = written(tmp_path, with_header(shape=shape))
    with pytest.raises(BadInput, match=r"model\.vstyle"):
        load_network(path, "cpu")


def test_unreadable_thumbnail(tmp_path):
    """The file is refused only where the style image itself is needed."""
    path = written(tmp_path, with_header(styles={"a.jpg": "AAAA"}))
    load_network(path, "cpu")
    with pytest.raises(BadInput, match="thumbnail of its style"):
        style_pictures(path)


def test_missing_file(tmp_path):
    with pytest.raises(BadInput, match="is not a file"):
        read_style_model(tmp_path / "model.vstyle")
