"""From RGB to the pixel format of an encoder: YUV of limited range, or RGB."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from videostyle.media.color.hdr import is_hdr, to_hdr
from videostyle.media.color.matrices import LUMA_WEIGHTS, ColorTags, Matrix
from videostyle.media.pixels import to_bits

_SWSCALE_MATRIX = {
    Matrix.BT709: Colorspace.ITU709,
    Matrix.BT601: Colorspace.ITU601,
    Matrix.BT2020: Colorspace.BT2020,
}


def video_frame(image: np.ndarray, pix_fmt: str, tags: ColorTags, alpha: np.ndarray | None = None) -> av.VideoFrame:
    """An image, uint8 or uint16 (H, W, 3) BT.709 RGB, in the pixel format of an encoder.

    tags: of what is written. alpha: (H, W) of the same type, for a pixel format that has it; None where everything is opaque.
    """
    frame = _colors(image, pix_fmt, tags)  # swscale makes it opaque
    if is_hdr(tags.transfer):  # ProRes has tags in each frame
        frame.color_primaries, frame.color_trc = tags.primaries, tags.transfer
    return frame if alpha is None else _with_alpha(frame, alpha)


def _with_alpha(frame: av.VideoFrame, alpha: np.ndarray) -> av.VideoFrame:
    """The frame with this alpha. swscale is not asked for it: from 8-bit RGB it is off by one, from 16 bits by all of it."""
    last = frame.format.components[-1]
    codes = np.rint(alpha * (((1 << last.bits) - 1) / np.iinfo(alpha.dtype).max))
    if not frame.format.is_planar:
        pixels = frame.to_ndarray()  # BGRA
        pixels[..., 3] = codes
        return av.VideoFrame.from_ndarray(pixels, format=frame.format.name)
    plane, kind = frame.planes[last.plane], np.dtype(np.uint8 if last.bits == 8 else "<u2")
    rows = np.zeros((plane.height, plane.line_size // kind.itemsize), kind)
    rows[:, : plane.width] = codes
    plane.update(rows.tobytes())
    return frame


def _colors(image: np.ndarray, pix_fmt: str, tags: ColorTags) -> av.VideoFrame:
    """The image in a pixel format; opaque where that has alpha."""
    if is_hdr(tags.transfer):
        image = to_hdr(to_bits(image, 16), tags)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24" if image.dtype == np.uint8 else "rgb48le")
    pixel_format = av.VideoFormat(pix_fmt)
    if pixel_format.is_rgb:
        return frame.reformat(format=pix_fmt)
    colorspace = _SWSCALE_MATRIX[tags.matrix]
    if pixel_format.components[0].bits > 8:  # swscale rounds its matrices too coarsely here: it only subsamples chroma
        frame = av.VideoFrame.from_ndarray(limited_yuv(image, tags.matrix), format="yuv444p16le")
        frame.colorspace, frame.color_range = colorspace.value, ColorRange.MPEG.value
        return frame.reformat(format=pix_fmt, interpolation=Interpolation.AREA | Interpolation.ACCURATE_RND)
    return frame.reformat(
        format=pix_fmt,
        dst_colorspace=colorspace,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP,
    )


def limited_yuv(rgb: np.ndarray, matrix: Matrix) -> np.ndarray:
    """(H, W, 3) uint16: Y, Cb, Cr of limited range with 16 bits, from (H, W, 3) RGB of 8 or 16 bits.

    ITU-T H.273, equations 38 to 45: Y' = kr R + kg G + kb B, Cb = (B - Y') / (2 (1 - kb)), Cr likewise with R;
    256 times the codes 16 + 219 Y' and 128 + 224 C of 8 bits.
    """
    kr, kb = LUMA_WEIGHTS[matrix]
    red, green, blue = np.moveaxis(rgb / np.float32(np.iinfo(rgb.dtype).max), -1, 0)
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = ((primary - luma) / (2 * (1 - weight)) for primary, weight in ((blue, kb), (red, kr)))
    planes = [16 + 219 * luma, *(128 + 224 * plane for plane in chroma)]
    return np.rint(256 * np.stack(planes, axis=-1)).astype(np.uint16)
