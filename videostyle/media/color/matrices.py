"""Color code points of ITU-T H.273, and the constants and matrices they stand for.

FFmpeg, and so PyAV, numbers matrices, primaries and transfer characteristics by the same code points.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import NamedTuple

import numpy as np


class Matrix(IntEnum):
    """MatrixCoefficients (H.273 table 4): how RGB becomes luma and chroma."""

    RGB = 0
    BT709 = 1
    FCC = 4
    BT470BG = 5  # BT.601, 625 lines
    BT601 = 6  # 525 lines; SMPTE 170M has the same
    SMPTE240M = 7
    YCGCO = 8
    BT2020 = 9  # non-constant luminance
    BT2020_CONSTANT = 10


class Primaries(IntEnum):
    """ColorPrimaries (H.273 table 2): the chromaticities of red, green and blue. Those below all have D65 as white."""

    BT709 = 1
    BT2020 = 9
    DISPLAY_P3 = 12


class Transfer(IntEnum):
    """TransferCharacteristics (H.273 table 3): from light to signal."""

    BT709 = 1
    SRGB = 13
    PQ = 16
    HLG = 18


class ColorTags(NamedTuple):
    """The three code points that say how stored colors are to be read."""

    matrix: Matrix
    primaries: Primaries
    transfer: Transfer


BT709 = ColorTags(Matrix.BT709, Primaries.BT709, Transfer.BT709)

# only the matrix is BT.601's, because players assume it below 720 lines; pictures and HD clips have BT.709's primaries
BT601 = ColorTags(Matrix.BT601, Primaries.BT709, Transfer.BT709)

SRGB = ColorTags(Matrix.RGB, Primaries.BT709, Transfer.SRGB)


def default_tags(lines: int) -> ColorTags:
    """What untagged YUV video of this height is taken for, by players and by FFmpeg's convention."""
    return BT709 if lines >= 720 else BT601


# weights of red and blue in luma; green has the rest
LUMA_WEIGHTS = {
    Matrix.BT709: (0.2126, 0.0722),
    Matrix.FCC: (0.30, 0.11),
    Matrix.BT470BG: (0.299, 0.114),
    Matrix.BT601: (0.299, 0.114),
    Matrix.SMPTE240M: (0.212, 0.087),
    Matrix.BT2020: (0.2627, 0.0593),
    Matrix.BT2020_CONSTANT: (0.2627, 0.0593),
}

# x, y of red, green and blue
CHROMATICITIES = {
    Primaries.BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    Primaries.BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    Primaries.DISPLAY_P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}

D65 = (0.3127, 0.3290)


def yuv_to_rgb(matrix: Matrix, full: bool, unit: float, top: float) -> np.ndarray:
    """(3, 4) float64 M with RGB in [0, 1] = M @ (y, u, v, 1) of codes, after ITU-R BT.709 item 3 and BT.2100 table 9.

    full: whether the codes are of full range. unit: codes per step of 8 bits. top: the highest code, white in full range.
    """
    luma, chroma = (top, top) if full else (219 * unit, 224 * unit)
    black, middle = (0 if full else 16 * unit), 128 * unit
    linear = _from_signal(matrix) / [luma, chroma, chroma]
    return np.column_stack([linear, -linear @ [black, middle, middle]])


def _from_signal(matrix: Matrix) -> np.ndarray:
    """(3, 3) float64 M with RGB = M @ (luma in [0, 1], two color differences in [-0.5, 0.5])."""
    if matrix == Matrix.YCGCO:  # H.273, equations 57 to 60
        return np.array([[1, -1, 1], [1, 1, 0], [1, -1, -1]])
    red, blue = LUMA_WEIGHTS[matrix]
    green = 1 - red - blue
    v_to_red, u_to_blue = 2 * (1 - red), 2 * (1 - blue)
    return np.array(
        [
            [1, 0, v_to_red],
            [1, -u_to_blue * blue / green, -v_to_red * red / green],
            [1, u_to_blue, 0],
        ]
    )


@cache
def primaries_to_bt709(primaries: Primaries) -> np.ndarray:
    """(3, 3) float64 M with linear BT.709 RGB = M @ linear RGB of these primaries."""
    return np.linalg.inv(_rgb_to_xyz(Primaries.BT709)) @ _rgb_to_xyz(primaries)


def _rgb_to_xyz(primaries: Primaries) -> np.ndarray:
    """(3, 3) float64 M with XYZ = M @ linear RGB, white at Y = 1; SMPTE RP 177."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in CHROMATICITIES[primaries]]).T
    x, y = D65
    return columns * np.linalg.solve(columns, [x / y, 1, (1 - x - y) / y])
