import cv2
import numpy as np
import pytest


@pytest.fixture
def texture():
    """texture(height, width, seed): a smooth colored pattern of full contrast, uint8 RGB (H, W, 3)."""

    def made(height: int, width: int, seed: int = 0) -> np.ndarray:
        noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
        return np.clip(np.rint(128 + 50 * smooth / smooth.std()), 0, 255).astype(np.uint8)

    return made
