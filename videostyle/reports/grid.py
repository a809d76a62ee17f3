"""Pictures side by side with labels, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from PIL import Image, ImageDraw, ImageFont

MARGIN = 8
"""Pixels between pictures, and around the whole."""

LETTERS = 14
"""Height of the letters, in pixels."""

LINE = 18
"""Pixels from one line of text to the next."""


@dataclass(frozen=True)
class Row:
    """A row of pictures."""

    label: tuple[str, ...]
    """The lines of text at its left."""
    pictures: tuple[np.ndarray, ...]
    """uint8 (H, W, 3) RGB, one for each column, of any sizes."""


def grid(columns: Sequence[tuple[str, ...]], rows: Sequence[Row]) -> np.ndarray:
    """The pictures with their labels, uint8 (H, W, 3) RGB on white: each in the middle of its place. columns: the lines above
    each column, which are shortened to its width."""
    font = ImageFont.load_default(LETTERS)
    left = ceil(max((font.getlength(line) for row in rows for line in row.label), default=0)) + 2 * MARGIN
    top = LINE * max(map(len, columns)) + 2 * MARGIN
    widths = [max(row.pictures[column].shape[1] for row in rows) for column in range(len(columns))]
    heights = [max(LINE * len(row.label), *(picture.shape[0] for picture in row.pictures)) for row in rows]
    size = left + sum(widths) + MARGIN * len(widths), top + sum(heights) + MARGIN * len(heights)
    sheet = Image.new("RGB", size, "white")
    draw, x = ImageDraw.Draw(sheet), left
    for lines, width in zip(columns, widths, strict=True):
        _write(draw, font, (x, MARGIN), [shortened(font, line, width) for line in lines])
        x += width + MARGIN
    y = top
    for row, height in zip(rows, heights, strict=True):
        _write(draw, font, (MARGIN, y), row.label)
        x = left
        for picture, width in zip(row.pictures, widths, strict=True):
            place = x + (width - picture.shape[1]) // 2, y + (height - picture.shape[0]) // 2
            sheet.paste(Image.fromarray(picture), place)
            x += width + MARGIN
        y += height + MARGIN
    return np.asarray(sheet)


def shortened(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str, width: int) -> str:
    """A text that is at most so many pixels wide: its middle gives way to three dots."""
    kept = len(text)
    short = text
    while font.getlength(short) > width and kept:
        kept -= 1
        short = f"{text[: (kept + 1) // 2]}...{text[len(text) - kept // 2 :]}"
    return short


def _write(
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    place: tuple[int, int],
    lines: Sequence[str],
) -> None:
    for number, line in enumerate(lines):
        draw.text((place[0], place[1] + LINE * number), line, fill="black", font=font)
