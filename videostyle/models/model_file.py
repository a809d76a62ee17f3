"""Style models as files (.vstyle): the weights of a feed-forward network, and what it was trained on.

A safetensors file (https://huggingface.co/docs/safetensors): a JSON header, then plain numbers; nothing in it is ever
executed. The header's metadata has one entry, `videostyle`: JSON with `format` and the fields of StyleModel, images in base64.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from videostyle.config import MODEL_SUFFIX
from videostyle.errors import BadInput

FORMAT = 1

KEY = "videostyle"

ACCEPTED = f"a {MODEL_SUFFIX} file made by `videostyle train`"

LICENCE = (
    "These weights were learned from the styles and clips named here. Whoever has rights in those may have a say in how "
    "this file is passed on. videostyle itself, under the MIT licence, claims nothing."
)


@dataclass(frozen=True)
class StyleModel:
    """The content of a .vstyle file."""

    shape: dict[str, int]
    """Size of the network, by the fields of `transformer_net.Shape`."""

    styles: dict[str, bytes]
    """A small JPEG of each style image, by its file name."""

    clips: list[str]
    """Names of the files it was trained on."""

    settings: dict[str, str]
    """Everything the training depended on: values by option, checksums by file."""

    trained: dict[str, float]
    """`steps`, `seconds`, and on the validation frames `loss` (L) and `loss_star` (the spatial loss)."""

    versions: dict[str, str]
    """Versions of the libraries."""

    weights: dict[str, np.ndarray]
    """float32, by name."""

    licence: str = LICENCE
    """A note on rights, for whoever the file is passed on to."""


def to_bytes(model: StyleModel) -> bytes:
    """The content of the .vstyle file."""
    from safetensors.numpy import save

    content = {
        "format": FORMAT,
        "shape": model.shape,
        "styles": {name: base64.b64encode(jpeg).decode() for name, jpeg in model.styles.items()},
        "clips": model.clips,
        "settings": model.settings,
        "trained": model.trained,
        "versions": model.versions,
        "licence": model.licence,
    }
    return save(model.weights, {KEY: json.dumps(content)})


def read_style_model(path: Path) -> StyleModel:
    """Raises BadInput if the file is missing, damaged, or of another kind."""
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise BadInput(f"{path} is not a file", ACCEPTED)
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(KEY)
            if text is None:
                raise BadInput(f"{path} is a safetensors file, but not a style model", ACCEPTED)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return _parsed(json.loads(text), weights)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if path.suffix.lower() != MODEL_SUFFIX:
            raise BadInput(f"{path} is not a style model", ACCEPTED) from error
        raise BadInput(f"{path} is damaged, or not a style model: {error}", ACCEPTED) from error


def _parsed(content: dict[str, Any], weights: dict[str, np.ndarray]) -> StyleModel:
    """Raises ValueError, KeyError, TypeError or AttributeError for a header that was not written by `to_bytes`."""
    if content["format"] != FORMAT:
        raise ValueError(f"its format is {content['format']}, and this version reads format {FORMAT}")
    return StyleModel(
        shape={str(name): number for name, number in content["shape"].items()},
        styles={str(name): _jpeg(text) for name, text in content["styles"].items()},
        clips=[str(name) for name in content["clips"]],
        settings={str(name): str(value) for name, value in content["settings"].items()},
        trained={name: float(content["trained"][name]) for name in ("steps", "seconds", "loss", "loss_star")},
        versions={str(name): str(version) for name, version in content["versions"].items()},
        weights=weights,
        licence=str(content["licence"]),
    )


def _jpeg(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"an image in its header cannot be decoded ({error})") from error


def described(model: StyleModel) -> list[tuple[str, str]]:
    """The lines of `videostyle info`, as names and values."""
    trained, shape = model.trained, ", ".join(f"{name} {number}" for name, number in model.shape.items())
    options = ", ".join(f"{name} {value}" for name, value in model.settings.items() if value != "None")
    weights = sum(array.size for array in model.weights.values())
    return [
        ("style", ", ".join(model.styles)),
        ("trained on", ", ".join(model.clips)),
        ("training", f"{trained['steps']:.0f} steps in {trained['seconds']:.0f} s"),
        ("validation", f"loss {trained['loss']:.3f}, spatial loss {trained['loss_star']:.3f}"),
        ("settings", options),
        ("network", f"{shape}; {weights} weights"),
        ("versions", ", ".join(f"{name} {version}" for name, version in model.versions.items())),
        ("licence", model.licence),
    ]
