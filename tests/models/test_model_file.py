"""A learned painting as a file: what goes in comes out, and what is not one is refused with a clear line."""

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
    file = example()
    header = header_of(to_bytes(file)) | changes
    return save(file.weights, {"videostyle": json.dumps(header)})


def test_what_is_written_is_read_again(tmp_path):
    file = example()
    found = read_style_model(written(tmp_path, to_bytes(file)))
    assert replace(found, weights={}) == replace(file, weights={})
    for name, each in file.weights.items():
        np.testing.assert_array_equal(found.weights[name], each)


def test_its_network_paints_as_the_one_it_was_made_of(tmp_path):
    network = load_network(written(tmp_path, to_bytes(example())), "cpu")
    content = picture(30, 40)
    assert torch.equal(network(content), new_network(SMALL, 0, "cpu")(content))


def test_its_style_can_be_looked_at(tmp_path):
    (image,) = style_pictures(written(tmp_path, to_bytes(example())))
    assert image.shape == (16, 24, 3)
    assert np.abs(image.reshape(-1, 3).mean(0) - (127, 40, 200)).max() < 6


def test_everything_in_it_is_told(tmp_path):
    told = "\n".join(f"{name}: {value}" for name, value in described(example()))
    for each in ("waves é.jpg", "in.mp4", "12 steps", "1.500", "1.250", "--size 320", "width 8", "0.1.0", "MIT"):
        assert each in told


class Runs:
    """What would run code if anybody unpickled it."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a painting",
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
def test_a_foreign_or_damaged_file_is_refused_in_one_line(tmp_path, content):
    path = written(tmp_path, content)
    with pytest.raises(BadInput, match=r"model\.vstyle") as refused:
        read_style_model(path)
    assert "videostyle train" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("shape", [{"width": 16}, {"width": 8, "blocks": 10**9, "dilated": 1, "half": 6}])
def test_a_network_of_another_shape_is_refused_with_the_files_name(tmp_path, shape):
    path = written(tmp_path, with_header(shape=shape))
    with pytest.raises(BadInput, match=r"model\.vstyle"):
        load_network(path, "cpu")


def test_a_file_without_a_picture_of_its_style_is_refused_only_where_it_is_needed(tmp_path):
    path = written(tmp_path, with_header(styles={"a.jpg": "AAAA"}))
    load_network(path, "cpu")
    with pytest.raises(BadInput, match="no picture of its style"):
        style_pictures(path)


def test_a_missing_one_is_said_to_be_missing(tmp_path):
    with pytest.raises(BadInput, match="is not a file"):
        read_style_model(tmp_path / "model.vstyle")
