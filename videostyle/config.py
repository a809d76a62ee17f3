"""The jobs that the commands take: their arguments, their own options, and the groups of options that they are made of.

Each default, range and help text is written once, here or in option_groups.py, in the words of options.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from videostyle.errors import BadOption
from videostyle.mask_values import check_region_styles
from videostyle.measured_options import MeasuredOptions
from videostyle.option_groups import (
    ColorOptions,
    ComparisonOption,
    DeviceOptions,
    EncodingOptions,
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
    TrackOptions,
    TrainingOptions,
    camera_option,
    encoding_option,
    measuring_option,
    output_option,
    selection_option,
    style_option,
    training_option,
)
from videostyle.option_values import SIDES, as_file_or_word, parse_size, parse_time, style_name
from videostyle.options import LEARNED, MODEL, OPTIMIZE, ConfigurableOptions, Option, argument, is_given, restated
from videostyle.schedules import Schedule, check_shares

MODEL_SUFFIX = ".vstyle"  # of a style model


@dataclass(frozen=True, kw_only=True)
class Job(
    DeviceOptions,
    TrainingOptions,
    OptimizerOptions,
    ScheduleOptions,
    MixOptions,
    StyleOptions,
    ObjectiveOptions,
    SelectionOptions,
    ReadingOptions,
    ColorOptions,
    MaskOptions,
    RegionOptions,
    FinishingOptions,
    ComparisonOption,
    EncodingOptions,
    TrackOptions,
    OverwriteOption,
    ConfigurableOptions,
):
    """A run: a video, an image or a folder of frames, to be stylized. It is complete and checked; see `Options`."""

    beside = "input"

    input: Path = argument("INPUT", "A video, an image or a folder of numbered frames.")
    styles: tuple[Path, ...] = argument(
        "STYLE",
        "The style: an image, FILE@TIME of a film, FOLDER@all, or a style model (.vstyle). Several images are mixed.",
    )
    output: Path | None = output_option(
        None,
        "The result: a video, an image or a folder, by its suffix; with --also a folder of results.",
        flags=("--output", "-o"),
        default_text="INPUT_STYLE beside the input",
    )
    also: tuple[Path, ...] = selection_option(
        (),
        "Stylize this clip too, or the videos in this folder, one after another; may be repeated.",
        metavar="CLIP|FOLDER",
    )
    frames_out: bool = output_option(False, "Make a folder of frames of each clip.", requires="also")
    shots: Path | None = selection_option(
        None,
        "A list of shots that `videostyle shots` writes: its cuts, and options of single shots; or cuts from .edl or .otio.",
        excludes="also",
        default_text="cuts are detected",
    )
    restart: bool = output_option(False, "Start over if a run of the same output was interrupted.")
    dry_run: bool = output_option(
        False, "Print what the run would do: its plan, its shots and its work; nothing is stylized or written."
    )
    mixed: bool = output_option(
        False,
        "Resume even if libraries, processor or number of threads have changed; a notice says from which frame on.",
        excludes="restart",
    )
    output_size: str = encoding_option(
        "painted",
        "'painted' keeps the size that frames are stylized at; 'source' scales them back to the source's.",
        choices=("painted", "source"),
    )
    report: tuple[Path, ...] = output_option(
        (), "Write a report of the run: .json, or a page as .html; may be repeated.", excludes="also"
    )
    engine: str = style_option(
        "optimize",
        "'learned' trains a style model on this clip first, and keeps it beside the output (.vstyle).",
        choices=("optimize", "learned"),
        affects_result=False,
    )
    size: int | str | None = style_option(
        None,
        "Longer side of the stylized picture in pixels; 720p sets the shorter one to 720.",
        low=SIDES[0],
        high=SIDES[1],
        convert=parse_size,
        metavar="N|Np",
        default_text="the source's; at most 512 without a GPU",
        affects_result=False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.style_model is not None and len(self.styles) > 1:
            problem = f"{self.style_model} is a style model and cannot be mixed with other styles"
            raise BadOption(problem, todo="give one style model, or only images")
        if self.style_model is not None and self.colors not in ("style", "clip"):
            problem = f"--colors {self.colors} has no effect with {self.style_model}, trained in its own colors"
            raise BadOption(problem, todo="give it to `videostyle train`, or leave it out")
        check_region_styles(self.regions, self.styles[0], is_style_model)
        if self.region and self.objective == "neighbors":
            todo = "leave one of them out: its places are matched in one style only"
            raise BadOption("--region and --objective neighbors do not go together", todo=todo)
        self.check_styles(len(self.styles))
        if self.objective == "neighbors" and is_given(self, "strength"):
            raise BadOption("--strength has no effect with --objective neighbors", todo="leave it out, or use --blend")

    @property
    def style_model(self) -> Path | None:
        """The style model to render with; None where the styles are images."""
        return next((style for style in self.styles if is_style_model(style)), None)

    @property
    def engine_used(self) -> str:
        return self.engine if self.style_model is None else MODEL

    def without_effect(self, engine: str, record: Option) -> str:
        if engine == OPTIMIZE:
            return "without --engine learned"
        if engine == LEARNED:
            return "with --engine learned"
        fixed = "was trained with its own" if LEARNED in record.engines else "stylizes each frame in one pass"
        return f"with a style model: {self.style_model} {fixed}"

    def with_style_model(self, model: Path) -> Job:
        """The same run with a style model in place of the style images, and defaults for what it does not heed."""
        colors = "clip" if self.colors == "clip" else "style"  # the other ones are those of the model
        return replace(self, styles=(model,), colors=colors, **self.defaults_for(MODEL))


@dataclass(frozen=True, kw_only=True)
class MeasureJob(DeviceOptions, MeasuredOptions, SelectionOptions, OverwriteOption, ConfigurableOptions):
    """A measurement of a stylized clip against its source. It is complete and checked; see `Options`."""

    source: Path = argument("SOURCE", "What was stylized: a video, an image or a folder of numbered frames.")
    output: Path = argument("OUTPUT", "The result of it, from the first frame of that part of SOURCE on.")
    styles: tuple[Path, ...] = measuring_option(
        (),
        "The style: an image, or a style model (.vstyle); once for each style.",
        flags=("--style",),
        required="add the style image",
    )
    page: Path | None = output_option(
        None, "A page with the figures (.html).", flags=("--page", "-o"), default_text="none"
    )
    json: Path | None = output_option(None, "The figures as JSON (.json).", default_text="none")
    overwrite: bool = restated(OverwriteOption, "overwrite", "Replace the page and the JSON if they exist.")

    start: float = restated(SelectionOptions, "start", "OUTPUT begins this long after SOURCE's first frame.")
    duration: float | None = restated(SelectionOptions, "duration", "Length of the part to measure.")
    frames: str | None = restated(
        SelectionOptions,
        "frames",
        "The --frames that OUTPUT was made with, or N to compare only the first N frames.",
    )

    flow: str = measuring_option("dis", "Optical flow.", choices=("dis", "raft"))
    flow_dir: Path | None = measuring_option(
        None,
        "A folder of exact flow: frame_0001.flo goes from SOURCE's frame 1 to 2; the error is taken on frame 1.",
        default_text="flow is estimated",
    )
    size: int | None = restated(
        Job,
        "size",
        "Scale both down to this longer side first, in pixels.",
        convert=None,
        metavar="",
        default_text="OUTPUT's",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_styles(len(self.styles))


@dataclass(frozen=True, kw_only=True)
class WebcamJob(DeviceOptions, StyleOptions, ObjectiveOptions, OverwriteOption):
    """A live preview. It is complete and checked; see `Options`."""

    styles: tuple[Path, ...] = argument(
        "STYLE", "The style: an image, or a style model (.vstyle). The keys n and p switch between several."
    )
    camera: str = camera_option(
        "0",
        "A camera's number, a device such as /dev/video0, a URL, or a video FILE that plays as a camera, over and over.",
        convert=as_file_or_word,
    )
    mirror: bool = camera_option(False, "Show the picture mirrored.")
    duration: float | None = camera_option(
        None,
        "Stop after this long: 10 or 10s, 1m30s, or HH:MM:SS.mmm.",
        above=0.0,
        convert=parse_time,
        metavar="TIME",
        default_text="until it is stopped",
    )
    record: Path | None = output_option(
        None, "Record the stylized picture to this video, from the beginning on.", default_text="none"
    )
    overwrite: bool = restated(OverwriteOption, "overwrite", "Replace the recording if it exists.", requires="record")
    fullscreen: bool = output_option(False, "Let the window fill the screen.", excludes="serve")
    side_by_side: bool = output_option(False, "Show the camera's own picture beside the stylized one.")
    serve: int | None = output_option(
        None,
        "Show the picture as a page in a browser at this port, instead of a window.",
        low=0,
        high=65535,
        default_text="a window",
    )
    host: str = output_option(
        "127.0.0.1",
        "The address that the page is served at; 0.0.0.0 lets everybody on the network see it and press its keys.",
        requires="serve",
    )
    virtual_camera: Path | None = output_option(
        None,
        "Offer the picture to video calls by this v4l2loopback device, such as /dev/video10 (Linux).",
        default_text="none",
    )

    size: int = style_option(320, "Longer side of the stylized picture, in pixels.", low=32, high=2048)
    blend: float = style_option(1.0, "Opacity of the stylized picture: 0 shows the camera's own.", low=0.0, high=1.0)
    strength: float | None = style_option(None, "The old name of --blend.", default_text="none", renamed="blend")
    threads: int | None = restated(DeviceOptions, "threads", default_text="one fewer than cores")

    @property
    def engine_used(self) -> str:
        return MODEL if all(map(is_style_model, self.styles)) else OPTIMIZE

    def without_effect(self, engine: str, record: Option) -> str:
        return "with style models: they were trained with their own"

    def constant_only(self, record: Option) -> str:
        return "in the live preview"


@dataclass(frozen=True, kw_only=True)
class TrainJob(
    DeviceOptions,
    TrainingOptions,
    StyleOptions,
    ObjectiveOptions,
    SelectionOptions,
    ReadingOptions,
    ColorOptions,
    OverwriteOption,
    ConfigurableOptions,
):
    """A training of a style model. It is complete and checked; see `Options`."""

    styles: tuple[Path, ...] = argument("STYLE", "The style: an image. The styles of several images are mixed.")
    on: tuple[Path, ...] = training_option(
        (),
        "A clip, a still or a folder of frames to train on; may be repeated.",
        required="add a clip",
        affects_result=False,
    )
    output: Path | None = restated(
        Job, "output", "The style model (.vstyle).", default_text="STYLE.vstyle beside the style"
    )
    restart: bool = restated(Job, "restart", "Start over if a training of the same output was interrupted.")

    minutes: float = restated(TrainingOptions, "minutes", "Minutes to train for.", panel="Training")
    steps: int | None = training_option(
        None,
        "Train for exactly this many steps instead.",
        low=1,
        high=10_000_000,
        default_text="by --minutes",
        affects_result=False,
    )
    size: int = training_option(
        320, "Longer side of the frames, in pixels: strokes come out right at about this size.", low=64, high=2048
    )
    start: float = restated(
        SelectionOptions, "start", "Train on the part that starts this long after the first frame.", affects_result=True
    )
    duration: float | None = restated(
        SelectionOptions, "duration", "Length of the part to train on.", affects_result=True
    )
    frames: str | None = restated(SelectionOptions, "frames", affects_result=True)
    colors: str = restated(
        ColorOptions,
        "colors",
        "Colors of the 'style', of the style moved to 'match' the frames trained on, or moved to match those of a FILE.",
        metavar="style|match|FILE",
    )
    flow: str = restated(TrainingOptions, "flow", "Optical flow; 'none' leaves the temporal term out.")
    seed: int = restated(TrainingOptions, "seed", "Seed of the network's initial weights.", excludes="")
    mix: Schedule | None = restated(MixOptions, "mix", "Shares of several styles, such as 0.7,0.3.", metavar="A,B")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_shares(self.mix, len(self.styles))
        self._complete_output(style_name(self.styles[0]).as_file, MODEL_SUFFIX)
        if self.colors == "clip":
            problem = "--colors clip has no effect on a training"
            raise BadOption(problem, todo="give it to `videostyle run` with the style model")

    def constant_only(self, record: Option) -> str:
        return "in a training"

    @property
    def engine_used(self) -> str:
        return LEARNED


@dataclass(frozen=True, kw_only=True)
class ShotsJob(ReadingOptions, OverwriteOption):
    """A list of a clip's shots, to be edited. It is complete and checked; see `Options`."""

    input: Path = argument("INPUT", "A video or a folder of numbered frames.")
    output: Path | None = restated(
        Job,
        "output",
        "The list of shots (.toml); a picture of them is written beside it (.jpg).",
        default_text="INPUT_shots.toml beside the input",
    )
    overwrite: bool = restated(OverwriteOption, "overwrite", "Replace the list and the picture if they exist.")

    def __post_init__(self) -> None:
        super().__post_init__()
        name = self.input.name and f"{self.input.stem}_shots.toml"
        self._complete_output(self.input.with_name(name) if name else self.input, ".toml")

    @property
    def contact_sheet(self) -> Path:
        """The picture of the shots."""
        assert self.output is not None
        return self.output.with_suffix(".jpg")


@dataclass(frozen=True, kw_only=True)
class ExportJob(OverwriteOption):
    """An export of a style model to another format. It is complete and checked; see `Options`."""

    model: Path = argument("FILE", "A style model (.vstyle).")
    output: Path | None = restated(Job, "output", "The exported network (.onnx).", default_text="FILE.onnx beside it")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._complete_output(self.model, ".onnx")


def is_style_model(style: Path) -> bool:
    """Whether a style is a style model rather than an image, by its suffix."""
    return style.suffix.lower() == MODEL_SUFFIX
