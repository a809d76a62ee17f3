"""Still images that FFmpeg reads and Pillow does not: OpenEXR and DPX, and rarer ones such as Radiance HDR and QOI."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from PIL import Image

from videostyle.errors import BadInput
from videostyle.frames import Size
from videostyle.media.color.decode import ToRGB, sample_bits
from videostyle.media.tracks import film_candidates, open_video


def kind_of(path: Path) -> str:
    """ "video" or "image", as FFmpeg takes the file; empty where it takes it for neither."""
    try:
        with open_video(path) as container:
            if not container.streams.video or container.format.name == "mjpeg":  # a JPEG, which Pillow knows: damaged
                return ""
            return "image" if _is_image(container) else "video"
    except BadInput:
        return ""


def _is_image(container: InputContainer) -> bool:
    """Whether it is one of FFmpeg's formats of still images."""
    return container.format.name.endswith("_pipe") or container.format.name == "image2"


def is_motion_jpeg(path: Path) -> bool:
    """Whether a file that begins with a JPEG goes on with others of the same size, as cameras stream them.

    Some phones put a second picture behind a photo, of its own size too: by content, three pictures are a stream.
    """
    least = 2 if path.suffix.lower() in (".mjpeg", ".mjpg") else 3
    try:
        with open_video(path) as container:
            pictures = [Image.open(io.BytesIO(bytes(packet))) for packet in islice(container.demux(video=0), least)]
    except (BadInput, av.FFmpegError, OSError, SyntaxError):
        return False
    return len(pictures) == least and len({picture.size for picture in pictures}) == 1


def durations(path: Path) -> list[Fraction]:
    """The durations of the frames of an animation in seconds, as its container states them."""
    with open_video(path) as container:
        packets = container.demux(film_candidates(container)[0])
        return [packet.duration * packet.time_base for packet in packets if packet.size and packet.duration]


def size_of(path: Path) -> Size | None:
    """The (height, width) of a still in pixels by its header; None where FFmpeg takes the file for no image."""
    with _still(path) as container:
        context = container.streams.video[0].codec_context if container else None
        return (context.height, context.width) if context else None


def read(path: Path) -> np.ndarray | None:
    """A still as (H, W, 3 or 4) uint8 or uint16 sRGB; None where FFmpeg takes the file for no image. Raises BadInput.

    Floating-point samples are linear light with the primaries of sRGB: 0 is black, 1 is white, and what is brighter is
    clipped. Integers are taken for sRGB whatever the file says of them: most programs that write DPX tag it wrongly.
    """
    with _still(path) as container:
        if container is None:
            return None
        try:
            frame = next(container.decode(video=0))
        except (av.FFmpegError, StopIteration, ValueError) as error:
            problem = f"{path} cannot be read as an image: it is damaged, or of a kind that FFmpeg does not decode"
            raise BadInput(problem) from error
        if re.search(r"f(16|32)[lb]e$", frame.format.name):
            return _from_linear_light(_float_planes(frame))
        image = ToRGB()(frame, (frame.height, frame.width))
        if not any(component.is_alpha for component in frame.format.components):
            return image
        with_alpha = frame.reformat(format="rgba" if sample_bits(frame) == 8 else "rgba64le").to_ndarray()
        return np.dstack([image, with_alpha[..., 3]])


@contextmanager
def _still(path: Path) -> Iterator[InputContainer | None]:
    """The file opened for reading; None where FFmpeg takes it for no image. Raises BadInput where it is too large."""
    if kind_of(path) != "image":
        yield None
        return
    with open_video(path) as container:
        context = container.streams.video[0].codec_context
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        if context is not None and context.width * context.height > limit:
            raise BadInput(f"{path} has more than {limit // 1_000_000} million pixels, too many")
        yield container


def _float_planes(frame: av.VideoFrame) -> np.ndarray:
    """(H, W, 1, 3 or 4) float32 of a frame in one of FFmpeg's planar formats of floats, most of which PyAV cannot convert."""
    kind = np.dtype(np.float16 if "f16" in frame.format.name else np.float32)
    if frame.format.name.endswith("be"):
        kind = kind.newbyteorder(">")
    planes = [
        np.frombuffer(memoryview(plane), kind).reshape(frame.height, -1)[:, : frame.width] for plane in frame.planes
    ]
    order = (0,) if len(planes) == 1 else (2, 0, 1, 3)[: len(planes)]  # planes are green, blue, red, alpha
    return np.stack([planes[place] for place in order], axis=-1).astype(np.float32)


def _from_linear_light(light: np.ndarray) -> np.ndarray:
    """(H, W, 3 or 4) uint16 sRGB of linear light; alpha, with which the light has been multiplied, stays linear."""
    light = np.nan_to_num(light, nan=0.0, posinf=1.0, neginf=0.0)
    colors, alpha = light[..., :3], light[..., 3:]
    if alpha.size:
        colors = np.divide(colors, alpha, out=np.zeros_like(colors), where=alpha > 0)
    colors = np.clip(np.repeat(colors, 3 // colors.shape[2], axis=2), 0, 1)
    # IEC 61966-2-1
    encoded = np.where(colors <= 0.0031308, 12.92 * colors, 1.055 * colors ** (1 / 2.4) - 0.055)
    return np.rint(65535 * np.concatenate([encoded, np.clip(alpha, 0, 1)], axis=2)).astype(np.uint16)
