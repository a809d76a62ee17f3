"""The options that `videostyle measure` shares with `run`: how the result that is measured was made."""

from __future__ import annotations

from dataclasses import dataclass

from videostyle.option_groups import ColorOptions, MaskOptions, MixOptions, ReadingOptions, RegionOptions, StyleOptions
from videostyle.options import restated
from videostyle.schedules import Schedule


@dataclass(frozen=True, kw_only=True)
class MeasuredOptions(MixOptions, StyleOptions, ReadingOptions, MaskOptions, RegionOptions, ColorOptions):
    """How a result was made: what its distances are taken from."""

    fps: str | None = restated(
        ReadingOptions, "fps", "OUTPUT was made from a clip with this --fps.", default_text="all frames"
    )
    colors: str = restated(
        ColorOptions,
        "colors",
        "The --colors that OUTPUT was made with; for 'clip' distances are those of gray pictures.",
    )
    style_scale: float | Schedule = restated(
        StyleOptions, "style_scale", "The --style-scale that OUTPUT was made with."
    )
    mask: str | None = restated(
        MaskOptions,
        "mask",
        "The --mask that OUTPUT was made with: the figures are of what is painted, by half or more.",
        default_text="everything was painted",
    )
    region: tuple[str, ...] = restated(
        RegionOptions, "region", "A --region that OUTPUT was made with: it is compared with its own style.", engines=()
    )
    mix: Schedule | None = restated(
        MixOptions, "mix", "The --mix that OUTPUT was made with: distances are from the mix of the moment."
    )
    each_shot: bool = restated(MixOptions, "each_shot", "OUTPUT was made with --each-shot.")
    strength: float | Schedule = restated(
        MixOptions, "strength", "The --strength that OUTPUT was made with: distances are from what was aimed at."
    )
