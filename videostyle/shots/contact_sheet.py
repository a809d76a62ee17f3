"""The contact sheet: the first, the middle and the last frame of each shot in one picture."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from videostyle.frames import Size
from videostyle.media.resize import fit_size

PER_SHOT = 3
"""Frames shown of each shot."""

LONGEST, SHORTEST = 240, 48
"""Longer side of a frame on the sheet, in pixels: for a few shots, and for thousands."""

MARGIN, LABEL = 6, 20
"""Pixels between shots, and of the line above each."""

PAPER, INK = (24, 24, 24), (235, 235, 235)


class ContactSheet:
    """A picture with a cell for each of `count` shots, in rows.

    size: (height, width) of the frames, with square pixels; they are shown smaller.
    """

    def __init__(self, size: Size, count: int):
        longer = min(max(size), max(SHORTEST, min(LONGEST, round(4000 / math.sqrt(count)))))
        self.frame_size = fit_size(size, longer)
        height, width = self.frame_size
        self.cell = height + LABEL + MARGIN, PER_SHOT * width + MARGIN
        self.columns = max(1, min(count, round(math.sqrt(count * self.cell[0] / self.cell[1]))))
        rows = -(-count // self.columns)
        self.picture = Image.new("RGB", (self.columns * self.cell[1] + MARGIN, rows * self.cell[0] + MARGIN), PAPER)
        self.font = ImageFont.load_default(13)

    def place(self, shot: int) -> tuple[int, int]:
        """The left and the upper edge of the cell of a shot, counted from 0."""
        row, column = divmod(shot, self.columns)
        return MARGIN + column * self.cell[1], MARGIN + row * self.cell[0]

    def label(self, shot: int, text: str) -> None:
        """Write a line above a shot, counted from 0, as far as its cell reaches."""
        strip = Image.new("RGB", (self.cell[1] - MARGIN, LABEL), PAPER)
        ImageDraw.Draw(strip).text((1, 2), text, INK, self.font)
        self.picture.paste(strip, self.place(shot))

    def show(self, shot: int, place: int, frame: np.ndarray) -> None:
        """Put a frame, uint8 (H, W, 3) of `frame_size`, at one of the PER_SHOT places of a shot."""
        left, top = self.place(shot)
        self.picture.paste(Image.fromarray(frame), (left + place * self.frame_size[1], top + LABEL))


def shown_frames(first: int, last: int) -> tuple[int, int, int]:
    """The ordinals of the frames that are shown of a shot."""
    return first, (first + last) // 2, last
