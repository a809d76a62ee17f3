"""Key codes of OpenCV as characters; no screen is needed."""

from __future__ import annotations

import pytest

from videostyle.webcam.window import character


@pytest.mark.parametrize(
    ("code", "typed"),
    [
        (ord("q"), "q"),
        (27, "\x1b"),
        (0x100000 | ord("q"), "q"),  # GTK, with Num Lock on
        (0xFF51, ""),  # left, of Qt and GTK: its last byte is Q
        (0xFF52, ""),  # up: R
        (0xFF50, ""),  # home: P
        (0x250000, ""),  # left, of Windows
        (0xF702, ""),  # left, of macOS
    ],
)
def test_character(code: int, typed: str) -> None:
    assert character(code) == typed
