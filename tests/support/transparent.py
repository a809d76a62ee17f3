"""Films and folders with known alpha, and noise in the colors that nothing shows of."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from tests.support.clips import gradient

SIZE = (48, 64)
RGBA = {"qtrle": "argb", "png": "rgba", "ffv1": "bgra", "prores_ks": "yuva444p10le"}  # others: yuva420p


OPTIONS = {
    "libvpx-vp9": {"crf": "4", "b": "0"},
    "libvpx": {"b": "2000000", "auto-alt-ref": "0"},
    "prores_ks": {"profile": "4444"},
}


def disc(index: int, kind: type = np.uint8) -> np.ndarray:
    """The alpha of a disc that moves, with a half transparent bar and transparent surroundings."""
    alpha = cv2.circle(np.zeros(SIZE, np.uint8), (20 + 3 * index, 24), 14, 255, -1)
    alpha[:6, :] = 128
    return alpha.astype(kind) * (257 if kind is np.uint16 else 1)


def with_noise(rgb: np.ndarray, alpha: np.ndarray, seed: int) -> np.ndarray:
    """The image with noise where it is transparent."""
    noise = np.random.default_rng(seed).integers(0, np.iinfo(rgb.dtype).max + 1, rgb.shape).astype(rgb.dtype)
    return np.where(alpha[..., None] == 0, noise, rgb)


def write_transparent(path: Path, codec: str, count: int = 4, seed: int = 0, matrix: list[int] | None = None) -> Path:
    """A film of `disc` over a gradient, encoded by FFmpeg, with noise where it is transparent."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=10, width=SIZE[1], height=SIZE[0])
        stream.pix_fmt = RGBA.get(codec, "yuva420p")
        if matrix is not None:
            stream.set_display_matrix(matrix)
        stream.codec_context.options = OPTIONS.get(codec, {})
        for index in range(count):
            alpha = disc(index)
            pixels = np.dstack([with_noise(gradient(*SIZE, step=90), alpha, seed + index), alpha])
            frame = av.VideoFrame.from_ndarray(pixels, format="rgba").reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = index, Fraction(1, 10)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def write_transparent_folder(folder: Path, count: int = 3, seed: int = 0) -> Path:
    """The same as PNGs, 1.png and so on."""
    folder.mkdir()
    for index in range(count):
        alpha = disc(index)
        pixels = np.dstack([with_noise(gradient(*SIZE, step=90), alpha, seed + index)[..., ::-1], alpha])
        cv2.imwrite(str(folder / f"{index + 1}.png"), pixels)
    return folder
