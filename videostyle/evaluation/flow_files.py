"""Exact optical flow from files: a folder of .flo files, with masks of occluded and invalid pixels where there are any.

The layout is that of MPI Sintel (Butler et al. 2012): `frame_0001.flo` goes from frame 1 to frame 2. The masks
`occlusions/frame_0001.png` and `invalid/frame_0001.png` are white where a pixel of frame 1 is occluded in frame 2, or where
its flow must not be used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from videostyle.errors import BadInput
from videostyle.frames import Size
from videostyle.temporal.consistency import outside

UNKNOWN = 1e9  # a pixel with a larger component has no flow (Baker et al. 2011, Middlebury)

MASKS = ("occlusions", "invalid")


@dataclass(frozen=True)
class KnownFlow:
    """The exact flow from a frame to the next one."""

    flow: np.ndarray
    """float32 (H, W, 2), in pixels."""
    mask: np.ndarray
    """bool (H, W), True where the pixel is visible in the next frame and its flow is known."""
    stored_size: Size
    """(height, width) of the file."""
    has_masks: bool
    """Whether there was any mask file."""


class FlowFolder:
    """The flow files of a folder, or of its subfolder `flow`. Raises BadInput if there are none."""

    def __init__(self, folder: Path):
        candidates = folder, folder / "flow"
        self.folder = next((place for place in candidates if any(place.glob("frame_*.flo"))), folder)
        if not any(self.folder.glob("frame_*.flo")):
            raise BadInput(
                f"--flow-dir {folder} has no flow files",
                todo="give a folder with frame_0001.flo and so on, in Middlebury's format",
            )

    def after(self, number: int, size: Size) -> KnownFlow | None:
        """The flow from frame `number` to the next one, for frames of `size`; None if there is no file.

        For smaller frames, the field is scaled down and the vectors are shortened. Raises BadInput if the frames are larger,
        or if the file is damaged.
        """
        path = self.folder / f"frame_{number:04d}.flo"
        if not path.is_file():
            return None
        flow = read_flo(path)
        stored = flow.shape[0], flow.shape[1]
        if size[0] > stored[0] or size[1] > stored[1]:
            raise BadInput(
                f"{path} is {stored[1]}x{stored[0]} and the output {size[1]}x{size[0]} pixels",
                todo="give flow of the output's size or larger",
            )
        unknown = ~(np.abs(flow).max(axis=2) < UNKNOWN)
        masks = [mask for name in MASKS if (mask := self._mask(name, path.stem, stored)) is not None]
        excluded = np.any([unknown, *masks], axis=0)
        scaled = scaled_flow(np.where(unknown[..., None], np.float32(0), flow), size)
        return KnownFlow(scaled, ~(scaled_mask(excluded, size) | outside(scaled)), stored, bool(masks))

    def _mask(self, name: str, stem: str, size: Size) -> np.ndarray | None:
        """A mask (H, W), True where its file is white; None if there is no file.

        The file is in a subfolder of the folder, in a folder beside it, or in a tree parallel to the flow's own.
        """
        folder = self.folder
        places = folder / name, folder.parent / name, folder.parent.parent / name / folder.name
        path = next((place / f"{stem}.png" for place in places if (place / f"{stem}.png").is_file()), None)
        if path is None:
            return None
        pixels = cv2.imdecode(np.frombuffer(path.read_bytes() or b"\0", np.uint8), cv2.IMREAD_GRAYSCALE)
        if pixels is None or pixels.shape != size:
            raise BadInput(f"{path} is not a black and white PNG of the flow's {size[1]}x{size[0]} pixels")
        return pixels > 127


def read_flo(path: Path) -> np.ndarray:
    """Flow (H, W, 2) float32 from a file in Middlebury's .flo format. Raises BadInput for anything else.

    Not by cv2.readOpticalFlow: a negative width in the header, or a path that is not valid Unicode, crashes the interpreter
    (OpenCV 5.0.0). After the header is checked, the rest is an array.
    """
    content = path.read_bytes()
    width, height = np.frombuffer(content[4:12].ljust(8, b"\0"), "<i4").tolist()
    if content[:4] != b"PIEH" or min(width, height) < 1 or len(content) != 12 + 8 * width * height:
        raise BadInput(f"{path} is not a complete .flo file in Middlebury's format")
    return np.frombuffer(content, "<f4", offset=12).reshape(height, width, 2).astype(np.float32)


def scaled_flow(flow: np.ndarray, size: Size) -> np.ndarray:
    """Flow for frames scaled down to `size`: the field averaged over areas, the vectors shortened like the sides."""
    height, width = flow.shape[:2]
    if (height, width) == size:
        return flow
    field = cv2.resize(flow, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return field * np.array([size[1] / width, size[0] / height], np.float32)


def scaled_mask(mask: np.ndarray, size: Size) -> np.ndarray:
    """A mask scaled down to `size`: True where any of its pixels was."""
    if mask.shape == size:
        return mask
    return cv2.resize(mask.astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_AREA) > 0
