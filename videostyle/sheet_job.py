"""The job of `videostyle sheet`: frames in several styles and with several values, side by side."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from videostyle.config import Job, is_style_model
from videostyle.errors import BadOption
from videostyle.option_groups import (
    PRESETS,
    ColorOptions,
    DeviceOptions,
    FinishingOptions,
    MaskOptions,
    MixOptions,
    ObjectiveOptions,
    OptimizerOptions,
    OverwriteOption,
    ReadingOptions,
    RegionOptions,
    ScheduleOptions,
    SelectionOptions,
    StyleOptions,
    TrainingOptions,
    sheet_option,
    style_option,
)
from videostyle.option_values import SIDES, parse_size, parse_time
from videostyle.options import ConfigurableOptions, argument, default_of, is_given, options_of, restated, shared_options
from videostyle.schedules import Schedule
from videostyle.variations import Variation, combinations, parse_variation

LARGEST_SHEET = 400
"""Pictures that a sheet has at most."""


@dataclass(frozen=True, kw_only=True)
class SheetJob(
    DeviceOptions,
    OptimizerOptions,
    ScheduleOptions,
    StyleOptions,
    ObjectiveOptions,
    SelectionOptions,
    ReadingOptions,
    ColorOptions,
    MaskOptions,
    RegionOptions,
    FinishingOptions,
    OverwriteOption,
    ConfigurableOptions,
):
    """A sheet of stills in several styles and with several values. It is complete and checked; see `Options`."""

    beside = "input"
    unset_by_default_files = ("size", "preset", "iterations", "first_iterations")

    input: Path = argument("INPUT", "A video, an image or a folder of numbered frames.")
    styles: tuple[Path, ...] = argument(
        "STYLE", "A style: an image, FILE@TIME of a film, FOLDER@all, or a style model (.vstyle). Each has a column."
    )
    output: Path | None = restated(
        Job,
        "output",
        "The sheet: an image such as .jpg or .png.",
        default_text="INPUT_sheet.jpg beside the input",
    )
    overwrite: bool = restated(OverwriteOption, "overwrite", "Replace the sheet if it exists.")
    vary: tuple[str, ...] = sheet_option(
        (),
        "An option and its values, as in style-weight=5,15,45; ';' separates values with commas; may be repeated.",
        metavar="OPTION=VALUES",
    )
    count: int = sheet_option(3, "How many frames, spread over the clip or its selected part.", low=1, high=100)
    at: str | None = sheet_option(
        None,
        "These frames instead, separated by commas: numbers as in --frames, or times such as 2.5s.",
        excludes="count",
        metavar="FRAMES",
        default_text="by --count",
    )
    size: int | str = style_option(
        256,
        "Longer side of each picture in pixels; 720p sets the shorter one to 720.",
        low=SIDES[0],
        high=SIDES[1],
        convert=parse_size,
        metavar="N|Np",
    )
    strength: float | Schedule = restated(MixOptions, "strength")
    preset: str = style_option("draft", "Amount of work per picture.", choices=PRESETS)
    seed: int = restated(TrainingOptions, "seed")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output is None:
            source = Path(os.path.abspath(self.input))
            object.__setattr__(self, "output", source.parent / f"{source.stem}_sheet.jpg")
        if self.at is not None:
            for part in self.at.split(","):
                parse_time("--at", part)
        count = len(self.cells()) * len(self.styles) * (self.count if self.at is None else self.at.count(",") + 1)
        if count > LARGEST_SHEET:
            problem = f"a sheet of {count} pictures is too large"
            raise BadOption(problem, todo=f"{LARGEST_SHEET} at most: leave out frames, styles or values")

    @property
    def variations(self) -> list[Variation]:
        """The options that vary. Raises BadOption."""
        variations = [parse_variation(text, type(self), VARIABLE) for text in self.vary]
        names = [variation.name for variation in variations]
        for name in names:
            if names.count(name) > 1:
                problem = f"--vary {name.replace('_', '-')} is given twice"
                raise BadOption(problem, todo="give all of its values at once")
        return variations

    def cells(self) -> list[dict[str, str]]:
        """The texts of the values of all combinations, by the names of the options."""
        return combinations(self.variations)

    def run_of(self, style: Path, texts: Mapping[str, str], frame: int) -> Job:
        """The run that makes the same picture as a cell: of one frame, by its number, in one style, with these values."""
        values = {each.name: each.values[texts[each.name]] for each in self.variations}
        shared = shared_options(self, Job) | {"start": 0.0, "duration": None, "frames": f"{frame}:{frame}"}
        preset = self.preset if not is_style_model(style) or is_given(self, "preset") else default_of(Job, "preset")
        return Job(**(shared | {"styles": (style,), "preset": preset} | values))


STEADY = ("temporal_weight", "color_weight", "fit", "deinterlace", "gaps", "fps")
"""Options of a sheet that are the same for all of its pictures, or do nothing to a still."""

VARIABLE = tuple(
    name
    for name, record in options_of(SheetJob).items()
    if name in options_of(Job)
    and (record.affects_result or record.panel in ("Stylization", "Masks"))
    and name not in STEADY
)
"""What --vary takes."""
