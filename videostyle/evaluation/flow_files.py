"""Flow that is known exactly: a folder of .flo files, with maps of what cannot be followed where there are any.

Laid out as MPI Sintel (Butler et al. 2012): `frame_0001.flo` goes from frame 1 to frame 2; `occlusions/frame_0001.png` and
`invalid/frame_0001.png` are white where a pixel of frame 1 is hidden in frame 2, or its flow is not to be used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from videostyle.errors import BadInput
from videostyle.frames import Size
from videostyle.temporal.consistency import outside

UNKNOWN = 1e9  # a larger component marks a pixel without flow (Baker et al. 2011, Middlebury)

MAPS = ("occlusions", "invalid")

ACCEPTED = "a folder of frame_0001.flo ... in Middlebury's format"


@dataclass(frozen=True)
class Known:
    """flow: float32 (H, W, 2), from a frame to the next. mask: bool (H, W), where it can be followed inside the picture.
    size: (height, width) it was stored at. maps: whether any map was there."""

    flow: np.ndarray
    mask: np.ndarray
    size: Size
    maps: bool


class ExactFlow:
    """The flow files of a folder, or of its subfolder `flow`. Raises BadInput where there are none."""

    def __init__(self, folder: Path):
        self.folder = next((each for each in (folder, folder / "flow") if any(each.glob("frame_*.flo"))), folder)
        if not any(self.folder.glob("frame_*.flo")):
            raise BadInput(f"--flow-dir {folder} holds no flow", ACCEPTED)

    def after(self, number: int, size: Size) -> Known | None:
        """The flow from frame `number` to the next one, for pictures of `size`; None where there is no file.

        Where the pictures are smaller, field and vectors are scaled down to them. Raises BadInput where they are
        larger, or the file is damaged.
        """
        path = self.folder / f"frame_{number:04d}.flo"
        if not path.is_file():
            return None
        flow = read_flo(path)
        stored = flow.shape[0], flow.shape[1]
        if size[0] > stored[0] or size[1] > stored[1]:
            raise BadInput(
                f"{path} is {stored[1]}x{stored[0]} and the output {size[1]}x{size[0]} pixels",
                "flow of the output's size or larger",
            )
        unknown = ~(np.abs(flow).max(axis=2) < UNKNOWN)
        maps = [found for name in MAPS if (found := self._map(name, path.stem, stored)) is not None]
        masked = np.any([unknown, *maps], axis=0)
        scaled = scaled_flow(np.where(unknown[..., None], np.float32(0), flow), size)
        return Known(scaled, ~(_any_of(masked, size) | outside(scaled)), stored, bool(maps))

    def _map(self, name: str, stem: str, size: Size) -> np.ndarray | None:
        """A map (H, W), True where it is white. It lies in the folder, beside it, or in a tree like the flow's own."""
        folder = self.folder
        places = folder / name, folder.parent / name, folder.parent.parent / name / folder.name
        path = next((place / f"{stem}.png" for place in places if (place / f"{stem}.png").is_file()), None)
        if path is None:
            return None
        pixels = cv2.imdecode(np.frombuffer(path.read_bytes() or b"\0", np.uint8), cv2.IMREAD_GRAYSCALE)
        if pixels is None or pixels.shape != size:
            raise BadInput(f"{path} is no picture of the flow's {size[1]}x{size[0]} pixels", "a black and white PNG")
        return pixels > 127


def read_flo(path: Path) -> np.ndarray:
    """Flow (H, W, 2) float32 in Middlebury's .flo format. Raises BadInput for anything else."""
    content = path.read_bytes()
    width, height = np.frombuffer(content[4:12].ljust(8, b"\0"), "<i4").tolist()
    if content[:4] != b"PIEH" or min(width, height) < 1 or len(content) != 12 + 8 * width * height:
        raise BadInput(f"{path} is no whole flow file", ACCEPTED)
    return np.frombuffer(content, "<f4", offset=12).reshape(height, width, 2).astype(np.float32)


def scaled_flow(flow: np.ndarray, size: Size) -> np.ndarray:
    """Flow for pictures scaled down to `size`: the field averaged over areas, the vectors shortened as the sides are."""
    height, width = flow.shape[:2]
    if (height, width) == size:
        return flow
    field = cv2.resize(flow, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return field * np.array([size[1] / width, size[0] / height], np.float32)


def _any_of(mask: np.ndarray, size: Size) -> np.ndarray:
    """A mask at a smaller size: True where any pixel was."""
    if mask.shape == size:
        return mask
    return cv2.resize(mask.astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_AREA) > 0
