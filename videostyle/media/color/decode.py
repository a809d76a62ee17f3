"""From the codes of a decoded frame to RGB, by the equations its tags name."""

from __future__ import annotations

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from videostyle.frames import Size
from videostyle.media.color.hdr import needs_conversion, to_bt709
from videostyle.media.pixels import to_bits
from videostyle.media.resize import resize

BT709, BT601 = 1, 6  # as FFmpeg's AVColorSpace numbers them (ITU-T H.273, MatrixCoefficients)

# weights of red and blue in luma, by MatrixCoefficients: ITU-T H.273 table 4
LUMA_WEIGHTS = {
    BT709: (0.2126, 0.0722),
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601, 625 lines
    BT601: (0.299, 0.114),
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020, non-constant luminance
    10: (0.2627, 0.0593),
}

_SWSCALE_MATRIX = {BT709: 1, 4: 4, 5: 5, BT601: 5, 7: 7, 9: 9, 10: 9}

_EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP

_LIMITED, _FULL = int(ColorRange.MPEG), int(ColorRange.JPEG)


def color_matrix(frame: av.VideoFrame) -> int:
    """The frame's matrix as a key of LUMA_WEIGHTS; untagged (or exotic) means BT.709 from 720 lines up, else BT.601."""
    if frame.colorspace in LUMA_WEIGHTS:
        return frame.colorspace
    return BT709 if frame.height >= 720 else BT601


def is_full_range(frame: av.VideoFrame) -> bool:
    """Whether black and white are the lowest and highest codes. Untagged is so for yuvj, gray and RGB formats only:
    that is how FFmpeg writes them."""
    if frame.color_range in (_LIMITED, _FULL):
        return frame.color_range == _FULL
    return frame.format.is_rgb or frame.format.name.startswith(("yuvj", "gray"))


def sample_bits(frame: av.VideoFrame) -> int:
    """8, or 16 where a sample of the frame has more than 8 bits."""
    return 8 if max(component.bits for component in frame.format.components) <= 8 else 16


class ToRGB:
    """Turns decoded frames into (H, W, 3) BT.709 RGB, uint8 or, above 8 bits a sample, uint16 with white at 65535.

    `size` is the picture's size as stored, before any rotation; scaled as `images.resize` does.
    8-bit frames go through swscale, whose error is then at most half a code. For deeper ones swscale puts white at
    65280 and not at 65535, so it only brings chroma to full size and the matrix is applied here.
    """

    def __init__(self) -> None:
        self._scaler = VideoReformatter()  # keeps its tables from frame to frame

    def __call__(self, frame: av.VideoFrame, size: Size) -> np.ndarray:
        bits = max(component.bits for component in frame.format.components)
        # swscale shrinks while it converts, which is many times faster than converting the whole picture first
        smaller = min(size[0], frame.height), min(size[1], frame.width)
        if frame.format.name.startswith("gray") and bits <= 16:
            image = _gray_to_rgb(frame.to_ndarray(), bits, is_full_range(frame))
        elif frame.format.is_rgb or bits <= 8 or bits > 16:
            image = self._by_swscale(frame, smaller, bits)
        else:
            image = self._deep_yuv_to_rgb(frame, smaller, bits)
        image = resize(image, size)
        if needs_conversion(frame.color_primaries, frame.color_trc):
            image = to_bits(to_bt709(to_bits(image, 16), frame.color_primaries, frame.color_trc), image.itemsize * 8)
        return image

    def _by_swscale(self, frame: av.VideoFrame, size: Size, bits: int) -> np.ndarray:
        matrix = _SWSCALE_MATRIX[color_matrix(frame)]
        rgb = self._scaler.reformat(
            frame,
            size[1],
            size[0],
            format="rgb24" if bits <= 8 else "rgb48le",
            src_colorspace=None if frame.format.is_rgb else matrix,
            src_color_range=_FULL if is_full_range(frame) else _LIMITED,
            interpolation=_scaling(frame, size),
        )
        return rgb.to_ndarray()

    def _deep_yuv_to_rgb(self, frame: av.VideoFrame, size: Size, bits: int) -> np.ndarray:
        matrix = color_matrix(frame)
        upsampled = self._scaler.reformat(
            frame,
            size[1],
            size[0],
            format="yuv444p16le",
            src_colorspace=_SWSCALE_MATRIX[matrix],
            dst_colorspace=_SWSCALE_MATRIX[matrix],
            # limited to limited shifts codes to 16 bits and changes nothing else, whatever the range really is
            src_color_range=_LIMITED,
            dst_color_range=_LIMITED,
            interpolation=_scaling(frame, size),
        )
        codes = upsampled.to_ndarray(channel_last=True).astype(np.float32)
        top = ((1 << bits) - 1) << (16 - bits)
        equations = 65535 * yuv_to_rgb_equations(*LUMA_WEIGHTS[matrix], is_full_range(frame), 256, top)
        return _rounded(cv2.transform(codes, equations), 65535).astype(np.uint16)


def yuv_to_rgb_equations(red: float, blue: float, full: bool, unit: float, top: float) -> np.ndarray:
    """(3, 4) float64: RGB in [0, 1] = M @ (y, u, v, 1) of codes, after ITU-R BT.709 items 3 and BT.2100 table 9.

    red, blue: their weights in luma. unit: codes for one step of 8 bits. top: the highest code, white in full range.
    """
    luma, chroma = (top, top) if full else (219 * unit, 224 * unit)
    black, middle = (0 if full else 16 * unit), 128 * unit
    green = 1 - red - blue
    v_to_red, u_to_blue = 2 * (1 - red), 2 * (1 - blue)
    from_signal = np.array(
        [
            [1, 0, v_to_red],
            [1, -u_to_blue * blue / green, -v_to_red * red / green],
            [1, u_to_blue, 0],
        ]
    )
    linear = from_signal / [luma, chroma, chroma]
    return np.column_stack([linear, -linear @ [black, middle, middle]])


def _scaling(frame: av.VideoFrame, size: Size) -> int:
    """How swscale computes new pixels; at the frame's own size that concerns chroma only."""
    return _EXACT | (Interpolation.BICUBIC if size == (frame.height, frame.width) else Interpolation.AREA)


def _gray_to_rgb(codes: np.ndarray, bits: int, full: bool) -> np.ndarray:
    unit, white = 2.0 ** (bits - 8), 255 if bits <= 8 else 65535
    level = codes / ((1 << bits) - 1) if full else (codes - 16 * unit) / (219 * unit)
    gray = _rounded(level * white, white).astype(np.uint8 if bits <= 8 else np.uint16)
    return np.repeat(gray[..., None], 3, axis=2)


def _rounded(values: np.ndarray, top: int) -> np.ndarray:
    return np.rint(np.clip(values, 0, top))
