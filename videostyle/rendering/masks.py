"""The frames of a clip with the masks of a run: what of a frame is stylized and how, and what is written where it is not."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace

import numpy as np

from videostyle.frames import WHOLE, Frame, Size, area
from videostyle.losses.frame_targets import PAINTED, region_name
from videostyle.mask_values import Mask
from videostyle.media.masks import MaskedClip, MaskReader, check_mask, open_mask
from videostyle.media.resize import resize, resize_float
from videostyle.media.sources import Source


@dataclass(frozen=True)
class MaskedFrame:
    """A frame of the clip with its masks."""

    frame: Frame
    """At the size that frames are stylized at."""
    guides: dict[str, np.ndarray] = field(default_factory=dict)
    """The masks that stylizers heed, float32 (H, W) in [0, 1] at that size, by name."""
    original: np.ndarray | None = None
    """The clip's image at the size that is written, (h, w, 3); None without --mask."""
    mask: np.ndarray | None = None
    """Where the stylized picture shows, float32 (h, w) in [0, 1]; None without --mask."""


@dataclass(frozen=True)
class RunMasks:
    """The masks of a run."""

    clip: MaskedClip
    size: Size
    """(height, width) that frames are stylized at."""
    out_size: Size
    """(height, width) that is written."""
    mask: Mask | None = None
    """Where the clip is stylized; None for all of it."""
    regions: tuple[Mask, ...] = ()
    """The parts that have a style of their own."""

    def check(self) -> None:
        """Read all masks through. Raises BadInput and BadOption for those that do not fit the clip."""
        if self.mask is not None:
            check_mask(self.mask, self.clip, "--mask")
        for region in self.regions:
            check_mask(region, self.clip, "--region")

    def frames(self, source: Source, first: int) -> Generator[MaskedFrame]:
        """The frames of the clip from ordinal `first` on."""
        # with --mask as large as they are written, where its black shows the clip itself
        size = self.size if self.mask is None else self.out_size
        scale = max(size) / max(self.size)
        with ExitStack() as stack:
            frames = stack.enter_context(closing(source.frames(size, first)))
            readers = [stack.enter_context(closing(open_mask(mask, self.clip, scale))) for mask in self.regions]
            own = None if self.mask is None else open_mask(self.mask, self.clip, scale)
            if own is not None:
                stack.enter_context(closing(own))
            for frame in frames:
                yield self._masked(frame, own, readers)

    def _masked(self, frame: Frame, own: MaskReader | None, readers: Sequence[MaskReader]) -> MaskedFrame:
        regions = [self._small(reader.at(frame)) for reader in readers]
        if own is None:
            return MaskedFrame(frame, guides_of(frame, None, regions))
        mask = own.at(frame)
        small = replace(frame, image=resize(frame.image, self.size))
        return MaskedFrame(small, guides_of(small, self._small(mask), regions), frame.image, mask)

    def _small(self, mask: np.ndarray) -> np.ndarray:
        """A mask at the size that frames are stylized at."""
        return resize_float(mask, self.size).clip(0, 1)


def guides_of(
    frame: Frame, mask: np.ndarray | None = None, regions: Sequence[np.ndarray] = ()
) -> dict[str, np.ndarray]:
    """The masks of a frame that the terms of L heed, float32 (H, W) in [0, 1] at the size of its image.

    mask: where it is stylized. Transparent places and bars count as masked. regions: of each style of its own; where they
    add up to more than 1, they share a place.
    """
    total = np.maximum(1, sum(regions, np.zeros(frame.size, np.float32)))
    guides = {region_name(number): region / total for number, region in enumerate(regions, 1)}
    if frame.alpha is None and frame.covered == WHOLE and mask is None:
        return guides
    painted = np.ones(frame.size, np.float32) if mask is None else mask
    if frame.alpha is not None:
        painted = painted * resize_float(frame.alpha / np.float32(np.iinfo(frame.alpha.dtype).max), frame.size).clip(
            0, 1
        )
    inside = np.zeros(frame.size, np.float32)
    inside[area(frame.size, frame.covered)] = 1
    return {PAINTED: painted * inside, **guides}


def same_guides(one: MaskedFrame, other: MaskedFrame) -> bool:
    """Whether two frames have the same masks."""
    names = one.guides.keys() | other.guides.keys()
    return all(
        name in one.guides and name in other.guides and np.array_equal(one.guides[name], other.guides[name])
        for name in names
    )


def composed_over(painted: np.ndarray, original: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A painted image where a mask is white and the original where it is black, to the bit; both (H, W, 3) of one type."""
    mixed = original + (painted.astype(np.float32) - original) * mask[..., None]
    return np.rint(mixed).astype(original.dtype)
