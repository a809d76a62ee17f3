"""A learned painting as a file, `painting.vstyle`: a network's weights and what they were learned from.

It is a safetensors file (https://huggingface.co/docs/safetensors): a JSON header, then plain numbers. Nothing in it is ever
executed. The header's metadata has one entry, `videostyle`: JSON with `format` and the keys of StyleFile, pictures in base64.
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
class StyleFile:
    """A learned painting. shape: of the network, by the names of `feedforward.Shape`. styles: the styles by file name,
    each a small JPEG. clips: names of the files it was learned on. settings: all that the training depended on, by option or
    file. trained: steps, seconds, and loss and spatial_loss (L and L*) of frames that were held back. versions: of the
    libraries. weights: float32, by name."""

    shape: dict[str, int]
    styles: dict[str, bytes]
    clips: list[str]
    settings: dict[str, str]
    trained: dict[str, float]
    versions: dict[str, str]
    weights: dict[str, np.ndarray]
    licence: str = LICENCE


def to_bytes(file: StyleFile) -> bytes:
    """The content of the .vstyle file."""
    from safetensors.numpy import save

    content = {
        "format": FORMAT,
        "shape": file.shape,
        "styles": {name: base64.b64encode(jpeg).decode() for name, jpeg in file.styles.items()},
        "clips": file.clips,
        "settings": file.settings,
        "trained": file.trained,
        "versions": file.versions,
        "licence": file.licence,
    }
    return save(file.weights, {KEY: json.dumps(content)})


def read_style_file(path: Path) -> StyleFile:
    """Raises BadInput where it is missing, damaged, or another kind of file."""
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise BadInput(f"style {path} is not a file", ACCEPTED)
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(KEY)
            if text is None:
                raise BadInput(f"{path} is a safetensors file, but holds no learned painting", ACCEPTED)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return _read(json.loads(text), weights)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"{path} is damaged, or no learned painting: {error}", ACCEPTED) from error


def _read(content: dict[str, Any], weights: dict[str, np.ndarray]) -> StyleFile:
    """Raises ValueError, KeyError, TypeError or AttributeError where the header is not one of ours."""
    if content["format"] != FORMAT:
        raise ValueError(f"its format is {content['format']}, and this version reads format {FORMAT}")
    return StyleFile(
        shape={str(name): number for name, number in content["shape"].items()},
        styles={str(name): _picture(text) for name, text in content["styles"].items()},
        clips=[str(name) for name in content["clips"]],
        settings={str(name): str(each) for name, each in content["settings"].items()},
        trained={name: float(content["trained"][name]) for name in ("steps", "seconds", "loss", "loss_star")},
        versions={str(name): str(each) for name, each in content["versions"].items()},
        weights=weights,
        licence=str(content["licence"]),
    )


def _picture(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"a picture in its header cannot be read ({error})") from error


def described(file: StyleFile) -> list[tuple[str, str]]:
    """What `videostyle info` tells of it, as names and values."""
    trained, shape = file.trained, ", ".join(f"{name} {number}" for name, number in file.shape.items())
    options = ", ".join(f"{name} {value}" for name, value in file.settings.items() if value != "None")
    numbers = sum(each.size for each in file.weights.values())
    return [
        ("style", ", ".join(file.styles)),
        ("learned on", ", ".join(file.clips)),
        ("training", f"{trained['steps']:.0f} steps in {trained['seconds']:.0f} s"),
        ("loss", f"L {trained['loss']:.3f}, L* {trained['loss_star']:.3f} on frames held back"),
        ("settings", options),
        ("network", f"{shape}; {numbers} weights"),
        ("versions", ", ".join(f"{name} {each}" for name, each in file.versions.items())),
        ("licence", file.licence),
    ]
