"""What a run can be told. Each default, range and help text is written here once; the command line is made from it."""

from __future__ import annotations

import math
from dataclasses import MISSING, dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from videostyle.errors import BadOption

PRESETS = ("draft", "standard", "high")

ENGINES = ("optimize", "learned")

LEARNED = ".vstyle"  # the suffix of a learned painting

# of a run: without effect where a network paints; and what a learned painting has settled already
ITERATED = ("preset", "iterations", "first_iterations", "begin_with")

SETTLED = (
    "style_weight", "content_weight", "temporal_weight", "tv_weight", "style_scale", "flow", "features", "minutes", "seed",
)  # fmt: skip


def option(default: Any, help: str, *, choices=None, low=None, high=None, panel="Painting", default_text=""):
    """A dataclass field that carries its own help, its range (both ends included) and its place in `--help`."""
    return field(
        default=default,
        metadata={
            "help": help,
            "choices": choices,
            "low": low,
            "high": high,
            "panel": panel,
            "default_text": default_text,
        },
    )


@dataclass(frozen=True, kw_only=True)
class Job:
    """One painting run, complete and checked.

    Raises BadOption where a value is outside its range, not a number, or not one of its choices.
    """

    input: Path
    styles: tuple[Path, ...]
    output: Path | None = option(
        None,
        "Where the result goes: a video, an image or a folder, by its suffix.",
        panel="Output",
        default_text="INPUT_STYLE beside the input",
    )
    overwrite: bool = option(False, "Replace the output if it exists.", panel="Output")
    restart: bool = option(False, "Start over, where a run of the same output was interrupted.", panel="Output")
    size: int | None = option(
        None,
        "Longer side of the painted picture, in pixels.",
        low=32,
        high=8192,
        default_text="the source's; at most 512 without a GPU",
    )
    output_size: str = option(
        "painted",
        "'source' scales the painted picture back to the source's size.",
        choices=("painted", "source"),
        panel="Output",
    )
    audio: str = option(
        "copy",
        "'copy' keeps the source's sound, 'none' leaves it out; a FILE's sound replaces it, from the first frame on.",
        panel="Output",
    )
    codec: str | None = option(
        None,
        "How a video is encoded.",
        choices=("h264", "hevc", "vp9", "av1", "prores", "ffv1"),
        panel="Output",
        default_text="h264; vp9 in .webm",
    )
    crf: int | None = option(
        None,
        "The encoder's quality: lower is better and larger.",
        low=0,
        high=63,
        panel="Output",
        default_text="by codec",
    )
    pix_fmt: str | None = option(
        None,
        "The video's pixel format by FFmpeg's name, such as yuv420p10le.",
        panel="Output",
        default_text="by codec and the source's depth",
    )
    fps: str | None = option(
        None,
        "Frames a second, such as 24 or 30000/1001, where a folder becomes a video.",
        panel="Output",
        default_text="25",
    )
    report: tuple[Path, ...] = option(
        (), "Write a report of the run: .json, or .html to be looked at; may be given again.", panel="Output"
    )

    start: float = option(0.0, "Begin this many seconds after the first frame.", low=0.0, panel="Which part")
    duration: float | None = option(
        None, "Paint this many seconds.", low=0.0, panel="Which part", default_text="to the end"
    )
    frames: str | None = option(
        None,
        "N: stop after N frames. A:B: only these, both included (a folder's file numbers; else counted from 1).",
        panel="Which part",
        default_text="all",
    )

    engine: str = option(
        "optimize",
        "'learned' has a network learn the painting on this clip first; it is kept beside the output (.vstyle).",
        choices=ENGINES,
    )
    minutes: float = option(
        15.0,
        "How long a network learns, in minutes.",
        low=0.01,
        high=10_000.0,
        default_text="15; with --engine learned",
    )
    preset: str = option("standard", "How much work goes into each frame.", choices=PRESETS)
    style_weight: float = option(15.0, "Pull towards the painting.", low=0.0)
    content_weight: float = option(1.0, "Pull towards the clip.", low=0.0)
    temporal_weight: float = option(300.0, "Pull towards the last frame: 0 lively, 3000 locked.", low=0.0)
    tv_weight: float = option(2.0, "Smoothness: penalizes differences of neighboring pixels.", low=0.0)
    style_scale: float = option(
        1.0, "Stroke size relative to the picture; 0.5 is finer, 2 coarser.", low=0.1, high=10.0
    )
    keep_colors: bool = option(False, "Keep the clip's colors; take only light and stroke from the painting.")
    iterations: int | None = option(
        None,
        "Exactly this many iterations for every frame after a shot's first.",
        low=1,
        high=100_000,
        default_text="as many as a frame needs",
    )
    first_iterations: int | None = option(
        None, "Iterations for a shot's first frame, over all scales.", low=1, high=100_000, default_text="by preset"
    )
    begin_with: Path | None = option(
        None,
        "A learned painting (.vstyle) that paints a shot's first frame; the iterations go on from there.",
        default_text="coarse to fine",
    )
    flow: str = option(
        "dis", "Optical flow; 'none' paints every frame alone.", choices=("dis", "raft", "none"), panel="How"
    )
    features: str = option("vgg19", "The network that sees style.", choices=("vgg19", "vgg19-torchvision"), panel="How")
    device: str = option("auto", "auto, cpu, cuda, cuda:1, mps.", panel="How")
    threads: int | None = option(
        None, "CPU threads for the painting.", low=1, high=1024, panel="How", default_text="one per core"
    )
    seed: int = option(0, "Seed of the random numbers the first frame starts from.", low=0, high=2**32 - 1, panel="How")

    def __post_init__(self):
        object.__setattr__(self, "input", Path(self.input))
        object.__setattr__(self, "styles", tuple(Path(style) for style in self.styles))
        for name in ("output", "begin_with"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else Path(value))
        object.__setattr__(self, "report", tuple(Path(report) for report in self.report))
        if not self.styles:
            raise BadOption("no style was given", "one or more images", "add the painting after the input")
        check_options(self)
        parse_frames(self.frames)
        parse_rate(self.fps)
        if self.learned is not None or self.engine == "learned":
            self._check_learned()
        else:
            self._check_optimize()

    @property
    def learned(self) -> Path | None:
        """The learned painting to paint with, None where the styles are pictures."""
        return next((style for style in self.styles if style.suffix.lower() == LEARNED), None)

    def _check_learned(self) -> None:
        """Raises BadOption where something is asked of a network that it cannot do."""
        if self.learned is not None and len(self.styles) > 1:
            raise BadOption(f"{self.learned} beside other styles", "one learned painting, or images")
        for name in (*ITERATED, *(SETTLED if self.learned else ())):
            if getattr(self, name) != self.__dataclass_fields__[name].default:
                why = f"{self.learned} has learned its painting already" if self.learned else "a network paints at once"
                raise BadOption(f"--{name.replace('_', '-')}: {why}", "other options", "leave it out")

    def _check_optimize(self) -> None:
        """Raises BadOption for what only a network that learns, or a first frame from noise, would heed."""
        if self.minutes != self.__dataclass_fields__["minutes"].default:
            raise BadOption(
                f"--minutes {self.minutes:g}: no network learns", "--engine learned", "add it, or leave it out"
            )
        if self.begin_with is not None and self.seed:
            raise BadOption("--seed: with --begin-with nothing is random", "other options", "leave it out")


def as_in_run(name: str, help: str = "", **differs: Any) -> Any:
    """An option that means for another command what it means for `run`, with its own help and the like where that differs."""
    each = Job.__dataclass_fields__[name]
    return field(default=each.default, metadata={**each.metadata, **({"help": help} if help else {}), **differs})


@dataclass(frozen=True, kw_only=True)
class MeasureJob:
    """One measurement of a painted clip against its source, complete and checked. Raises BadOption as Job does."""

    source: Path
    output: Path
    style: tuple[Path, ...] = option(
        (), "The painting, an image or a learned one (.vstyle); once for each style.", panel="Measuring"
    )
    page: Path | None = option(
        None, "Where the page with the figures goes (.html).", panel="Output", default_text="no page"
    )
    json: Path | None = option(None, "Where the figures go as JSON (.json).", panel="Output", default_text="none")
    overwrite: bool = as_in_run("overwrite", "Replace the page and the JSON if they exist.")

    start: float = as_in_run("start", "OUTPUT begins this many seconds after SOURCE's first frame.")
    duration: float | None = as_in_run("duration", "Measure this many seconds.")
    frames: str | None = as_in_run(
        "frames",
        "N: stop after N frames. A:B: OUTPUT holds these of SOURCE (a folder's file numbers; else counted from 1).",
    )

    flow: str = option("dis", "Optical flow.", choices=("dis", "raft"), panel="Measuring")
    flow_dir: Path | None = option(
        None,
        "A folder of exact flow: frame_0001.flo goes from SOURCE's frame 1 to 2; the error is taken on frame 1.",
        panel="Measuring",
        default_text="flow is estimated",
    )
    size: int | None = as_in_run(
        "size", "Scale both down to this longer side first, in pixels.", default_text="OUTPUT's"
    )
    keep_colors: bool = as_in_run(
        "keep_colors", "OUTPUT was painted with --keep-colors: the network sees gray pictures."
    )
    style_scale: float = as_in_run("style_scale", "The --style-scale that OUTPUT was painted with.")
    features: str = as_in_run("features")
    device: str = as_in_run("device")
    threads: int | None = as_in_run("threads", "CPU threads for the network.")

    def __post_init__(self):
        for name in ("source", "output"):
            object.__setattr__(self, name, Path(getattr(self, name)))
        for name in ("page", "json", "flow_dir"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else Path(value))
        object.__setattr__(self, "style", tuple(Path(style) for style in self.style))
        if not self.style:
            raise BadOption("no --style was given", "one or more images", "add --style and the painting")
        check_options(self)
        parse_frames(self.frames)


@dataclass(frozen=True, kw_only=True)
class WebcamJob:
    """A live preview, complete and checked. Raises BadOption as Job does."""

    styles: tuple[Path, ...]
    camera: str = option(
        "0",
        "A camera's number, a device such as /dev/video0, a URL, or a video FILE that plays as a camera, over and over.",
        panel="Camera",
    )
    mirror: bool = option(False, "Show the picture mirrored.", panel="Camera")
    duration: float | None = option(
        None, "Stop after this many seconds.", low=0.0, panel="Camera", default_text="when told to"
    )
    record: Path | None = option(
        None, "Record the painted picture to this video, from the beginning on.", panel="Output", default_text="none"
    )
    overwrite: bool = as_in_run("overwrite", "Replace the recording if it exists.")
    fullscreen: bool = option(False, "Let the window fill the screen.", panel="Output")
    side_by_side: bool = option(False, "Show the camera's own picture beside the painted one.", panel="Output")
    serve: int | None = option(
        None,
        "Show the picture as a page in a browser at this port, instead of a window.",
        low=0,
        high=65535,
        panel="Output",
        default_text="a window",
    )
    host: str = option(
        "127.0.0.1",
        "The address that the page is served at; 0.0.0.0 lets everybody on the network see it and press its keys.",
        panel="Output",
    )
    virtual_camera: Path | None = option(
        None,
        "Offer the picture to video calls by this v4l2loopback device, such as /dev/video10 (Linux).",
        panel="Output",
        default_text="none",
    )

    size: int = option(320, "Longer side of the painted picture, in pixels.", low=32, high=2048)
    strength: float = option(
        1.0, "How much of the painting is shown: 0 is the camera's own picture.", low=0.0, high=1.0
    )
    style_weight: float = as_in_run("style_weight")
    content_weight: float = as_in_run("content_weight", "Pull towards the camera's picture.")
    temporal_weight: float = as_in_run("temporal_weight")
    tv_weight: float = as_in_run("tv_weight")
    style_scale: float = as_in_run("style_scale")
    features: str = as_in_run("features")
    device: str = as_in_run("device")
    threads: int | None = as_in_run("threads", default_text="one fewer than cores")

    def __post_init__(self):
        object.__setattr__(self, "styles", tuple(Path(each) for each in self.styles))
        for name in ("record", "virtual_camera"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else Path(value))
        if not self.styles:
            raise BadOption("no painting was given", "one or more images", "add the painting's file")
        check_options(self)
        for name, why in self._unheeded().items():
            if getattr(self, name) != self.__dataclass_fields__[name].default:
                raise BadOption(f"--{name.replace('_', '-')}: {why}", "other options", "leave it out")

    def _unheeded(self) -> dict[str, str]:
        """Options that would have no effect, and why."""
        found = {"host": "without --serve"} if self.serve is None else {"fullscreen": "with --serve there is no window"}
        found |= {"overwrite": "without --record"} if self.record is None else {}
        if all(each.suffix.lower() == LEARNED for each in self.styles):
            found |= dict.fromkeys({*SETTLED} & self.__dataclass_fields__.keys(), "networks have learned their styles")
        return found


@dataclass(frozen=True, kw_only=True)
class TrainJob:
    """A network that is to learn a painting, complete and checked. Raises BadOption as Job does."""

    styles: tuple[Path, ...]
    on: tuple[Path, ...] = option(
        (), "A clip, a still or a folder of frames to learn on; may be given again.", panel="Learning"
    )
    output: Path | None = option(
        None, "Where the learned painting goes (.vstyle).", panel="Output", default_text="STYLE.vstyle beside the style"
    )
    overwrite: bool = as_in_run("overwrite")
    restart: bool = as_in_run("restart", "Start over, where a training of the same output was interrupted.")

    minutes: float = as_in_run("minutes", panel="Learning", default_text="15")
    steps: int | None = option(
        None,
        "Learn for exactly this many steps instead.",
        low=1,
        high=10_000_000,
        panel="Learning",
        default_text="as many as the time allows",
    )
    size: int = option(
        320,
        "Longer side of the frames learned on, in pixels: strokes come out right at about this size.",
        low=64,
        high=2048,
        panel="Learning",
    )
    start: float = as_in_run("start", "Learn from this many seconds after the first frame on.")
    duration: float | None = as_in_run("duration", "Learn on this many seconds.")
    frames: str | None = as_in_run("frames")

    style_weight: float = as_in_run("style_weight")
    content_weight: float = as_in_run("content_weight")
    temporal_weight: float = as_in_run("temporal_weight")
    tv_weight: float = as_in_run("tv_weight")
    style_scale: float = as_in_run("style_scale")
    flow: str = as_in_run("flow", "Optical flow; 'none' leaves the temporal term out.")
    features: str = as_in_run("features")
    device: str = as_in_run("device")
    threads: int | None = as_in_run("threads", "CPU threads for the training.")
    seed: int = as_in_run("seed", "Seed of the random numbers the network starts from.")

    def __post_init__(self):
        for name in ("styles", "on"):
            object.__setattr__(self, name, tuple(Path(each) for each in getattr(self, name)))
        output = Path(self.output) if self.output else None
        if not self.styles:
            raise BadOption("no style was given", "one or more images", "add the painting")
        if not self.on:
            raise BadOption("nothing to learn on was given", "clips, stills, folders", "add --on and the clip")
        output = output or beside(self.styles[0], LEARNED)
        if output.suffix.lower() != LEARNED:
            raise BadOption(f"--output {output}", f"a name ending in {LEARNED}")
        object.__setattr__(self, "output", output)
        check_options(self)
        parse_frames(self.frames)


@dataclass(frozen=True, kw_only=True)
class ExportJob:
    """A learned painting that is to be written in another format. Raises BadOption as Job does."""

    learned: Path
    output: Path | None = option(
        None, "Where the network goes (.onnx).", panel="Output", default_text="FILE.onnx beside it"
    )
    overwrite: bool = as_in_run("overwrite")

    def __post_init__(self):
        object.__setattr__(self, "learned", Path(self.learned))
        output = Path(self.output) if self.output else beside(self.learned, ".onnx")
        if output.suffix.lower() != ".onnx":
            raise BadOption(f"--output {output}", "a name ending in .onnx")
        object.__setattr__(self, "output", output)


def beside(path: Path, suffix: str) -> Path:
    """The same name with another suffix. Raises BadOption where it is no file's name, as `.` is none."""
    if not path.name:
        raise BadOption(f"{path} is a folder", "a file")
    return path.with_suffix(suffix)


AnyJob = Job | MeasureJob | TrainJob | ExportJob | WebcamJob


def check_options(job: AnyJob) -> None:
    """Raises BadOption where an option of a job is outside its range or not one of its choices."""
    for each in fields(job):
        if each.default is not MISSING:
            _check(each.name, getattr(job, each.name), each.metadata)


def _check(name: str, value: Any, rule: Any) -> None:
    flag = "--" + name.replace("_", "-")
    if rule["choices"] and value is not None and value not in rule["choices"]:
        raise BadOption(f"{flag} {value!r}", ", ".join(rule["choices"]))
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return
    low, high = rule["low"], rule["high"]
    finite = math.isfinite(value)
    if not finite or (low is not None and value < low) or (high is not None and value > high):
        accepted = f"from {low}" + (f" to {high}" if high is not None else " up")
        raise BadOption(f"{flag} {value}", accepted)
    if name == "duration" and value == 0:
        raise BadOption("--duration 0", "more than 0 seconds")


def parse_frames(text: str | None) -> tuple[int | None, int | None]:
    """`--frames` as (A, B), both included: "N" is (None, N), a count from wherever the run starts; None is (None, None).

    Raises BadOption for anything else, for A above B, and for a count below 1.
    """
    if text is None:
        return None, None
    parts = str(text).split(":")
    try:
        numbers = [int(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) == 1 and numbers[0] >= 1:
        return None, numbers[0]
    if len(numbers) == 2 and 0 <= numbers[0] <= numbers[1]:
        return numbers[0], numbers[1]
    raise BadOption(f"--frames {text}", "a count such as 48, or a range such as 100:200 with the smaller number first")


def parse_rate(text: str | None) -> Fraction | None:
    """`--fps` as an exact fraction; 23.976, 29.97 and 59.94 mean NTSC's 24000/1001, 30000/1001 and 60000/1001.

    Raises BadOption for what is no number above 0 and up to 1000.
    """
    if text is None:
        return None
    try:
        rate = Fraction(str(text))
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000:
        raise BadOption(f"--fps {text}", "a number such as 24 or 29.97, or a fraction such as 30000/1001")
    ntsc = Fraction(round(rate) * 1000, 1001)
    return ntsc if rate.denominator > 1 and ntsc and abs(rate - ntsc) < Fraction(1, 200) else rate
