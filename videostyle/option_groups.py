"""The groups of options that jobs are made of: what several commands share, and what a part of the program is given whole.

A new option is a field in the group that its part is given, and a line in that part where it acts; no plan or settings in
between have to know of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from videostyle.errors import BadOption
from videostyle.mask_values import FARTHEST, Mask, Region, as_texts, mask_in, parse_origin, parse_regions, regions_in
from videostyle.option_values import (
    Comparison,
    as_file_or_word,
    parse_color,
    parse_comparison,
    parse_frames,
    parse_rate,
    parse_time,
    word_or_file_in,
)
from videostyle.options import LEARNED, MODEL, OPTIMIZE, TRAINED, Options, option
from videostyle.schedules import Schedule, check_shares, parse_mix, parse_value

PRESETS = ("draft", "standard", "high")

selection_option = partial(option, panel="Selection", affects_result=False)
reading_option = partial(option, panel="Selection")
output_option = partial(option, panel="Output", affects_result=False)
encoding_option = partial(option, panel="Output")
camera_option = partial(option, panel="Camera")
measuring_option = partial(option, panel="Measuring")
training_option = partial(option, panel="Training")
sheet_option = partial(option, panel="Sheet", affects_result=False)
computation_option = partial(option, panel="Computation", engines=TRAINED)
device_option = partial(option, panel="Computation", affects_result=False)
style_option = partial(option, panel="Stylization")
mask_option = partial(option, panel="Masks", affects_result=False)
trained_option = partial(style_option, engines=TRAINED)  # a style model keeps the one that it was trained with
optimizer_option = partial(style_option, engines=(OPTIMIZE,))
timed = {"convert": parse_value, "over_time": (OPTIMIZE,), "metavar": "X|SCHEDULE", "per_shot": True}
"""Of an option whose value may change over time."""


@dataclass(frozen=True, kw_only=True)
class SelectionOptions(Options):
    """The part of a source that is used."""

    start: float = selection_option(
        0.0,
        "Start this long after the first frame: 10 or 10s, 1m30s, or HH:MM:SS.mmm.",
        low=0.0,
        convert=parse_time,
        metavar="TIME",
    )
    duration: float | None = selection_option(
        None,
        "Length of the part to stylize: 10 or 10s, 1m30s, or HH:MM:SS.mmm.",
        above=0.0,
        convert=parse_time,
        metavar="TIME",
        default_text="to the end",
    )
    frames: str | None = selection_option(
        None,
        "N takes N frames; A:B takes frames A through B, counted from 1, or in a folder by file number.",
        parse=parse_frames,
        default_text="all",
    )


@dataclass(frozen=True, kw_only=True)
class ReadingOptions(Options):
    """How the frames of a source are read."""

    fit: str | None = reading_option(
        None,
        "When a frame's shape differs from the first frame's: 'bars' adds black bars, 'fill' crops, 'refuse' stops.",
        choices=("bars", "fill", "refuse"),
        default_text="bars in a video, refuse in a folder",
    )
    deinterlace: str = reading_option(
        "auto",
        "Interlaced video: 'on' deinterlaces every frame, 'off' none; 'fields' makes a frame of each field.",
        choices=("auto", "on", "off", "fields"),
    )
    gaps: str = reading_option(
        "refuse",
        "Missing numbers in a folder: 'hold' shows the previous frame longer, 'skip' closes the gaps, 'refuse' stops.",
        choices=("refuse", "hold", "skip"),
    )
    fps: str | None = reading_option(
        None,
        "Frame rate of a video made from a folder; for a clip, the highest to keep. Such as 24, 29.97 or 30000/1001.",
        parse=parse_rate,
        default_text="25 for a folder; all frames of a clip",
    )


@dataclass(frozen=True, kw_only=True)
class ObjectiveOptions(Options):
    """The weights of the terms of the objective L."""

    style_weight: float | Schedule = trained_option(15.0, "Weight of the style.", low=0.0, **timed)
    content_weight: float | Schedule = trained_option(1.0, "Weight of the source's content.", low=0.0, **timed)
    temporal_weight: float | Schedule = trained_option(
        300.0, "Weight of consistency with the previous frame: 0 is lively, 3000 locked.", low=0.0, **timed
    )
    tv_weight: float = trained_option(
        2.0, "Weight of smoothness: penalizes differences between neighboring pixels.", low=0.0, per_shot=True
    )


@dataclass(frozen=True, kw_only=True)
class StyleOptions(Options):
    """What is compared when a picture is compared with a style image."""

    style_scale: float | Schedule = trained_option(
        1.0, "Stroke size relative to the picture: 0.5 is finer, 2 coarser.", low=0.1, high=10.0, **timed
    )
    features: str = computation_option(
        "vgg19", "The network whose features represent style and content.", choices=("vgg19", "vgg19-torchvision")
    )


@dataclass(frozen=True, kw_only=True)
class MixOptions(Options):
    """Which of several styles a frame has, and how much of style at all."""

    mix: Schedule | None = trained_option(
        None,
        'Shares of several styles, such as 0.7,0.3; over time "0: 1,0; 4s: 0,1".',
        convert=parse_mix,
        over_time=(OPTIMIZE,),
        metavar="A,B|SCHEDULE",
        per_shot=True,
        default_text="equal shares",
    )
    each_shot: bool = optimizer_option(
        False, "Give each shot one of the styles, in turn, in place of a mix.", excludes="mix"
    )
    strength: float | Schedule = optimizer_option(
        1.0, "How much of the style a frame has: 0 leaves it as it is.", low=0.0, high=1.0, **timed
    )

    def check_styles(self, count: int) -> None:
        """Raises BadOption where these options do not fit so many styles."""
        check_shares(self.mix, count)
        if self.each_shot and count == 1:
            raise BadOption("--each-shot has no effect with one style", todo="name several, or leave it out")


@dataclass(frozen=True, kw_only=True)
class ScheduleOptions(Options):
    """The iterations of the optimizer."""

    preset: str = optimizer_option("standard", "Amount of work per frame.", choices=PRESETS, per_shot=True)
    iterations: int | None = optimizer_option(
        None,
        "Exactly this many iterations for each frame after a shot's first.",
        low=1,
        high=100_000,
        default_text="adaptive",
        per_shot=True,
    )
    first_iterations: int | None = optimizer_option(
        None,
        "Iterations for a shot's first frame, over all scales.",
        low=1,
        high=100_000,
        default_text="by preset",
        per_shot=True,
    )


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions(Options):
    """How the optimizer works on a frame, beside the number of its iterations."""

    objective: str = optimizer_option(
        "gram",
        "What is like the style: 'gram', the mixture of its textures; 'neighbors', each place like one place of the style.",
        choices=("gram", "neighbors"),
        per_shot=True,
    )
    color_weight: float = optimizer_option(
        30.0,
        "Weight of color constancy: what comes into view gets the colors that the shot gives to such source colors.",
        low=0.0,
        per_shot=True,
    )
    begin_with: Path | None = optimizer_option(
        None,
        "A style model (.vstyle) that draws each shot's first frame and what comes into view; iterations continue from there.",
        default_text="none: the iterations start from the source's frame",
        affects_result=False,
        per_shot=True,
    )


@dataclass(frozen=True, kw_only=True)
class FinishingOptions(Options):
    """What is done to a stylized picture before it is written."""

    blend: float | Schedule = style_option(
        1.0,
        "Opacity of the stylized picture over the source's.",
        low=0.0,
        high=1.0,
        **{**timed, "over_time": (OPTIMIZE, LEARNED, MODEL)},
    )
    background: str | None = encoding_option(
        None,
        "Compose transparent frames over this color, a name or #rrggbb.",
        parse=parse_color,
        default_text="black where the output cannot be transparent",
    )


@dataclass(frozen=True, kw_only=True)
class ColorOptions(Options):
    """Where the colors of a stylized picture come from."""

    colors: str = style_option(
        "style",
        "Colors of the 'style', of the 'clip', of the style moved to 'match' each shot's, or moved to match those of a FILE.",
        convert=as_file_or_word,
        relative=word_or_file_in("style", "clip", "match"),
        metavar="style|clip|match|FILE",
        per_shot=True,
    )
    keep_colors: bool = style_option(
        False, "Short for --colors clip.", stands_for=("colors", "clip"), affects_result=False, per_shot=True
    )

    @property
    def palette_file(self) -> Path | None:
        """The picture whose colors the style is given."""
        return None if self.colors in ("style", "clip", "match") else Path(self.colors)


@dataclass(frozen=True, kw_only=True)
class MaskOptions(Options):
    """Where the clip is painted. The identity of a run has the mask with its file's fingerprint."""

    mask: str | None = mask_option(
        None,
        "Paint where this is white, keep the clip where it is black; or 'alpha', 'luma:0.2-0.6', 'key:#00ff00'.",
        parse=parse_origin,
        convert=as_file_or_word,
        relative=mask_in,
        metavar="MASK",
        default_text="everything is painted",
    )
    mask_grow: int = mask_option(
        0,
        "Grow the white of the mask by so many painted pixels; -4 shrinks it.",
        low=-FARTHEST,
        high=FARTHEST,
        requires="mask",
    )
    mask_feather: float = mask_option(
        0.0,
        "Let the border of the mask fade over so many painted pixels to either side.",
        low=0.0,
        high=FARTHEST,
        requires="mask",
    )
    mask_invert: bool = mask_option(False, "Paint where the mask is black instead.", requires="mask")

    @property
    def painted(self) -> Mask | None:
        """Where the clip is painted; None for all of it."""
        if self.mask is None:
            return None
        return Mask(parse_origin(self.mask), self.mask_grow, self.mask_feather, self.mask_invert)


@dataclass(frozen=True, kw_only=True)
class RegionOptions(Options):
    """Parts of the picture with a style of their own."""

    region: tuple[str, ...] = mask_option(
        (),
        "A part with a style of its own: MASK=STYLE, or MASK:grow=4:feather=6:invert=STYLE; may be repeated.",
        convert=as_texts,
        parse=parse_regions,
        relative=regions_in,
        engines=(OPTIMIZE, MODEL),
        metavar="MASK=STYLE",
    )

    @property
    def regions(self) -> tuple[Region, ...]:
        """The parts of the picture with a style of their own."""
        return parse_regions(self.region)


@dataclass(frozen=True, kw_only=True)
class TrackOptions(Options):
    """What goes into a video beside the film."""

    audio: str = output_option(
        "copy",
        "'copy' keeps the source's sound, 'none' leaves it out; a FILE's sound replaces it, from the first frame on.",
        convert=as_file_or_word,
        relative=word_or_file_in("copy", "none"),
    )
    other_video: str = output_option(
        "drop",
        "Further video tracks, such as a second camera's view: 'copy' keeps them, without stylizing them.",
        choices=("drop", "copy"),
    )


@dataclass(frozen=True, kw_only=True)
class EncodingOptions(Options):
    """The encoding of a video."""

    codec: str | None = encoding_option(
        None,
        "Video codec.",
        choices=("h264", "hevc", "vp9", "av1", "prores", "ffv1"),
        default_text="h264; vp9 in .webm",
    )
    crf: int | None = encoding_option(
        None,
        "Quality of the encoder (CRF): a lower number is better, and makes a larger file.",
        low=0,
        high=63,
        default_text="by codec",
    )
    pix_fmt: str | None = encoding_option(
        None,
        "The video's pixel format by FFmpeg's name, such as yuv420p10le.",
        default_text="by codec and the source's depth",
    )
    hdr: str = encoding_option(
        "tonemap",
        "An HDR source: 'tonemap' writes BT.709, 'keep' writes PQ or HLG again, with 10 bits.",
        choices=("tonemap", "keep"),
    )


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(Options):
    """Options shared by `run --engine learned` and `train`."""

    minutes: float = style_option(
        15.0,
        "Minutes to train the style model for, with --engine learned.",
        low=0.01,
        high=10_000.0,
        engines=(LEARNED,),
        affects_result=False,
    )
    flow: str = computation_option(
        "dis", "Optical flow; with 'none' every frame is stylized alone.", choices=("dis", "raft", "none")
    )
    seed: int = computation_option(
        0,
        "Seed of the random numbers that the first frame starts from.",
        low=0,
        high=2**32 - 1,
        excludes="begin_with",
        per_shot=True,
    )


@dataclass(frozen=True, kw_only=True)
class DeviceOptions(Options):
    """The processor that does the work."""

    device: str = device_option("auto", "Device to compute on: auto, cpu, cuda, cuda:1 or mps.")
    threads: int | None = device_option(None, "Number of CPU threads.", low=1, high=1024, default_text="one per core")


@dataclass(frozen=True, kw_only=True)
class ComparisonOption(Options):
    """What is made of a finished result beside it."""

    compare: Comparison | None = output_option(
        None,
        "Write a video of source and result too: 'side' by side, one 'below' the other, or a line that 'wipe's over them.",
        parts=("side|wipe|below", "FILE"),
        convert=parse_comparison,
        excludes="also",
        default_text="none",
    )


@dataclass(frozen=True, kw_only=True)
class OverwriteOption(Options):
    """Whether files may be replaced."""

    overwrite: bool = output_option(False, "Replace the output if it exists.")
