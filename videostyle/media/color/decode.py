"""Decoded video frames to BT.709 RGB, read by the matrix, range, primaries and transfer that their tags name."""

from __future__ import annotations

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from videostyle.frames import Size
from videostyle.media.color.hdr import needs_conversion, to_bt709
from videostyle.media.color.matrices import Matrix, default_tags, yuv_to_rgb
from videostyle.media.pixels import to_bits
from videostyle.media.resize import resize

_SWSCALE_MATRIX = {
    Matrix.BT709: Colorspace.ITU709,
    Matrix.FCC: Colorspace.FCC,
    Matrix.BT470BG: Colorspace.ITU601,
    Matrix.BT601: Colorspace.ITU601,
    Matrix.SMPTE240M: Colorspace.SMPTE240M,
    Matrix.BT2020: Colorspace.BT2020,
    Matrix.BT2020_CONSTANT: Colorspace.BT2020,
}

_EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP

_LIMITED, _FULL = ColorRange.MPEG, ColorRange.JPEG


def color_matrix(frame: av.VideoFrame) -> Matrix:
    """The matrix that the frame is tagged with, or the default for its height where it has no tag or an exotic one."""
    known = frame.colorspace in _SWSCALE_MATRIX or frame.colorspace == Matrix.YCGCO
    return Matrix(frame.colorspace) if known else default_tags(frame.height).matrix


def is_full_range(frame: av.VideoFrame) -> bool:
    """Whether black and white are the lowest and highest codes. Without a tag, yuvj, gray and RGB formats are of full
    range, as FFmpeg writes them, and all others of limited range."""
    if frame.color_range in (_LIMITED, _FULL):
        return frame.color_range == _FULL
    return frame.format.is_rgb or frame.format.name.startswith(("yuvj", "gray"))


def sample_bits(frame: av.VideoFrame) -> int:
    """16 where a sample of the frame has more than 8 bits, else 8."""
    return 8 if max(component.bits for component in frame.format.components) <= 8 else 16


class ToRGB:
    """Converts decoded frames to BT.709 RGB (H, W, 3): uint8, or uint16 with white at 65535 above 8 bits per sample.

    8-bit frames are converted by swscale, to within half a code. For deeper ones swscale puts white at 65280 instead of
    65535, and it does not know YCgCo: there it only upsamples chroma and the matrix is applied here. One object serves one
    video: it keeps swscale's tables from frame to frame.
    """

    def __init__(self) -> None:
        self._scaler = VideoReformatter()

    def __call__(self, frame: av.VideoFrame, size: Size) -> np.ndarray:
        """The frame at `size` (height, width) as stored, before any rotation; scaled as `resize` does."""
        bits = max(component.bits for component in frame.format.components)
        # swscale shrinks while it converts, which is many times faster than converting the whole picture first
        smaller = min(size[0], frame.height), min(size[1], frame.width)
        if frame.format.name.startswith("gray") and bits <= 16:
            image = _gray_to_rgb(frame.to_ndarray(), bits, is_full_range(frame))
        elif frame.format.is_rgb or bits > 16 or (bits <= 8 and color_matrix(frame) != Matrix.YCGCO):
            image = self._by_swscale(frame, smaller, bits)
        else:
            image = self._by_matrix(frame, smaller, bits)
        image = resize(image, size)
        if needs_conversion(frame.color_primaries, frame.color_trc):
            image = to_bits(to_bt709(to_bits(image, 16), frame.color_primaries, frame.color_trc), image.itemsize * 8)
        return image

    def _by_swscale(self, frame: av.VideoFrame, size: Size, bits: int) -> np.ndarray:
        rgb = self._scaler.reformat(
            frame,
            size[1],
            size[0],
            format="rgb24" if bits <= 8 else "rgb48le",
            src_colorspace=None if frame.format.is_rgb else _SWSCALE_MATRIX[color_matrix(frame)],
            src_color_range=_FULL if is_full_range(frame) else _LIMITED,
            interpolation=_interpolation(frame, size),
        )
        return rgb.to_ndarray()

    def _by_matrix(self, frame: av.VideoFrame, size: Size, bits: int) -> np.ndarray:
        """Where swscale only upsamples chroma; 8-bit frames stay in 8 bits, others are shifted to 16."""
        depth, unit = (8, 1) if bits <= 8 else (16, 256)
        upsampled = self._scaler.reformat(
            frame,
            size[1],
            size[0],
            format="yuv444p" if depth == 8 else "yuv444p16le",
            src_colorspace=Colorspace.ITU709,  # the same on both sides: no matrix is applied
            dst_colorspace=Colorspace.ITU709,
            # whatever the range really is, limited to limited shifts codes to 16 bits and changes nothing else
            src_color_range=_LIMITED,
            dst_color_range=_LIMITED,
            interpolation=_interpolation(frame, size),
        )
        codes = upsampled.to_ndarray(channel_last=True).astype(np.float32)
        highest = ((1 << bits) - 1) << (depth - bits)
        white = (1 << depth) - 1
        equations = white * yuv_to_rgb(color_matrix(frame), is_full_range(frame), unit=unit, top=highest)
        return _rounded(cv2.transform(codes, equations), np.uint8 if depth == 8 else np.uint16)


def _interpolation(frame: av.VideoFrame, size: Size) -> int:
    """swscale's flags: area averaging to shrink; at the frame's own size only chroma is interpolated, bicubically."""
    return _EXACT | (Interpolation.BICUBIC if size == (frame.height, frame.width) else Interpolation.AREA)


def _gray_to_rgb(codes: np.ndarray, bits: int, full: bool) -> np.ndarray:
    unit, depth = 2.0 ** (bits - 8), np.uint8 if bits <= 8 else np.uint16
    level = codes / ((1 << bits) - 1) if full else (codes - 16 * unit) / (219 * unit)
    gray = _rounded(level * np.iinfo(depth).max, depth)
    return np.repeat(gray[..., None], 3, axis=2)


def _rounded(values: np.ndarray, depth: type[np.unsignedinteger]) -> np.ndarray:
    return np.rint(np.clip(values, 0, np.iinfo(depth).max)).astype(depth)
