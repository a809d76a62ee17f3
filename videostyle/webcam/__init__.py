"""The live preview: `from videostyle.webcam import webcam`.

OpenCV is imported here, before any module of the preview imports av: its window hangs if FFmpeg's libraries were loaded
before OpenCV's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2  # noqa: F401

if TYPE_CHECKING:
    from videostyle.webcam.app import webcam

__all__ = ["webcam"]


def __getattr__(name: str) -> object:
    if name == "webcam":
        from videostyle.webcam.app import webcam

        return webcam
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
