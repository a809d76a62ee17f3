"""Where painted frames go: a video, a picture, or a folder of pictures, behind one interface."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from videostyle.errors import BadOutput, PaintingFailed
from videostyle.frames import Frame, Size, Trim, VideoInfo
from videostyle.media.encoding import BT601, BT709, CONTAINERS, RGB, Encoding, Pixels, Wanted, choose_pixels
from videostyle.media.mux import Beside, mux, plan_sound, plan_source
from videostyle.media.segments import SEGMENT_FRAMES, Span, encode_segment, next_span
from videostyle.media.work import WorkFolder, publish, write_atomically, writing

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
DEEP_PICTURES = (".png", ".tif", ".tiff")
ACCEPTED = f"{' '.join(CONTAINERS)} for a video, {' '.join(PICTURES)} for a picture, no suffix for a folder"
# The clock of Matroska and WebM: whole milliseconds.
MILLISECOND = Fraction(1, 1000)
TRANSPARENT = "a video is not transparent: frames that are so are laid over white"
TIMES_FILE = "timestamps.txt"
TIMES_HEADER = "# file, its time on the source's clock in seconds as an exact fraction, the same as a decimal\n"


def default_output(input: Path, kind: str, styles: tuple[Path, ...]) -> Path:
    """Beside the input: its stem, then each style's, with its own suffix where that can be written.

    kind: of the source ("video", "image" or "folder"). Videos become .mkv otherwise, pictures .png; a folder, a folder.
    """
    input = Path(os.path.abspath(input))
    stem = "_".join([input.name if kind == "folder" else input.stem, *(style.stem for style in styles)])
    if kind == "folder":
        return input.parent / stem
    writable, otherwise = (CONTAINERS, ".mkv") if kind == "video" else (PICTURES, ".png")
    return input.parent / (stem + (input.suffix if input.suffix.lower() in writable else otherwise))


def output_kind(output: Path) -> str:
    """ "video", "image" or "folder", by the suffix; an existing folder is one whatever its name.

    Raises BadOutput for a suffix that holds none of them.
    """
    suffix = output.suffix.lower()
    if output.is_dir() or not suffix:
        return "folder"
    if suffix in CONTAINERS:
        return "video"
    if suffix in PICTURES:
        return "image"
    raise BadOutput(f"{output}: a {suffix} file holds neither a video nor a picture", ACCEPTED)


def check_output(output: Path, overwrite: bool) -> None:
    """Raises BadOutput where the output cannot be written, or is there already and may not be replaced.

    An empty folder may always be filled.
    """
    kind = output_kind(output)
    check_folder(output)
    if kind == "folder" and output.exists() and not output.is_dir():
        raise BadOutput(f"{output} is a file without a suffix", ACCEPTED, "give another -o")
    taken = any(output.iterdir()) if output.is_dir() else os.path.lexists(output)
    if taken and not overwrite:
        raise BadOutput(f"{output} exists", todo="add --overwrite to replace it, or give another -o")


def check_folder(output: Path, option: str = "-o") -> None:
    """Raises BadOutput where nothing can be made beside the output, or in it where it is a folder. option: that names it."""
    parent = Path(os.path.abspath(output)).parent
    if not parent.is_dir():
        raise BadOutput(
            f"{output}: there is no folder {parent}", "an existing folder", f"make it, or give another {option}"
        )
    for folder in {parent, output if output.is_dir() else parent}:
        if not os.access(folder, os.W_OK | os.X_OK):
            raise BadOutput(
                f"{output}: {folder} is not writable", "a folder you can write to", f"give another {option}"
            )


class Sink(Protocol):
    """Takes painted frames in order. Nothing stands under the output's name before `finish()`.

    bits: 8, or 16 where uint16 images are kept whole; both are taken. notices: lines the user should read; complete
    after `finish()`. write, end_segment and finish raise PaintingFailed where the disk or FFmpeg fails.
    """

    bits: int
    notices: list[str]

    def write(self, frame: Frame) -> None:
        """Takes one painted frame, its time on the source's clock."""

    def end_segment(self) -> None:
        """The last frame was a shot's last."""

    def files(self) -> list[Path]:
        """What has been written and is needed to go on, in order; files of the work folder that never change."""

    def resume(self, files: list[Path], times: list[Fraction]) -> None:
        """Goes on after frames that another sink like this one took at these times; `files` are what it named then."""

    def finish(self) -> None:
        """Completes the output: it appears whole under its name."""

    def abort(self) -> None:
        """Gives up; no output appears. What was painted stays in the work folder."""


def open_sink(
    output: Path,
    work: WorkFolder,
    source_path: Path,
    info: VideoInfo,
    size: Size,
    trim: Trim | None,
    rate: Fraction | None,
    pixels: Pixels | None = None,
    audio: str = "copy",
) -> Sink:
    """The sink for this output, chosen by its suffix; frames of `size` go in.

    rate: pictures a second where a folder of them becomes a video, 25 where None; else without effect. pixels: how a
    video is encoded; None: as its suffix and the source's depth have it. audio: "copy" for the source's, "none", or a
    file whose time 0 lies at the first frame.
    Raises BadOutput where the output cannot hold what the source is.
    """
    kind = output_kind(output)
    if kind == "folder":
        return FolderSink(output, work, info)
    if kind == "image":
        return ImageSink(output, work)
    if info.kind == "image":
        raise BadOutput(f"{output}: a still does not become a video", " ".join(PICTURES), "give another -o")
    pixels = pixels or choose_pixels(Wanted(), output.suffix, info.bits)
    return VideoSink(output, work, source_path, info, size, trim, rate, pixels, audio)


class VideoSink:
    """Paints wait as PNGs in the work folder, become segments, and are joined with the source's sound at the end."""

    def __init__(
        self,
        output: Path,
        work: WorkFolder,
        source_path: Path,
        info: VideoInfo,
        size: Size,
        trim: Trim | None,
        rate: Fraction | None,
        pixels: Pixels,
        audio: str,
    ):
        self.notices: list[str] = []
        self.bits = 8 if pixels.bits == 8 else 16
        self._output = Path(os.path.abspath(output))
        self._work = work
        self._is_film = info.kind == "video"
        self._trim = trim
        self._format = CONTAINERS[output.suffix.lower()]
        self._rate = None if self._is_film else rate or Fraction(25)
        if self._rate:
            self.notices.append(f"a folder of frames has no clock: written at {float(self._rate):g} frames a second")
        self._size = size
        self._encoding = self._plan_encoding(info, pixels)
        self._beside: Beside | None = None
        self._sound: Beside | None = None
        self._last: Span | None = None
        self._waiting: list[Path] = []  # pictures of the open segment
        self._newest: list[Path] = []  # the last picture of the segment before it
        self._segments: list[Path] = []
        self._result = work.path / f"result{output.suffix.lower()}"
        with writing(self._output):
            self._pictures, self._encoded = work.folder("pictures"), work.folder("segments")
            if self._is_film:
                self._beside, lines = plan_source(source_path, self._format, trim, audio == "copy")
                self.notices += lines
        if audio not in ("copy", "none"):
            self._sound, lines = plan_sound(Path(audio), self._format)
            self.notices += lines

    def _plan_encoding(self, info: VideoInfo, pixels: Pixels) -> Encoding:
        height, width = self._size
        aspect = info.sample_aspect
        if self._format == "webm" and aspect != 1:
            # VP9 says nothing of its pixels' shape, and PyAV cannot have FFmpeg's WebM writer say it either.
            width, aspect = round(width * aspect), Fraction(1)
            self.notices.append(f"WebM is written with square pixels: the picture becomes {width} pixels wide")
        rows, columns = pixels.sides  # 4:2:0 has one colour for two by two pixels
        height, width = height // rows * rows, width // columns * columns
        if min(height, width) < pixels.smallest:
            problem = f"{self._output}: {pixels.encoder} and {width}x{height} pixels"
            raise BadOutput(problem, f"sides of {pixels.smallest} and more")
        tick = 1 / self._rate if self._rate else info.time_base
        assert tick is not None, "a video source has a clock"
        return Encoding(
            pixels=pixels,
            size=(height, width),
            tick=MILLISECOND if self._format in ("matroska", "webm") else tick,
            rate=self._rate or info.rate or Fraction(25),
            sample_aspect=aspect,
            colour=RGB if pixels.is_rgb else BT709 if height >= 720 else BT601,
        )

    def write(self, frame: Frame) -> None:
        if frame.size != self._size:
            raise ValueError(f"a frame of {frame.size}, not {self._size}")
        start, end = self._shown(frame)
        self._last = next_span(self._last, start, end, self._encoding.tick)
        path = self._last.file(self._pictures, ".png")
        image = frame.image
        if frame.alpha is not None:
            image = over_white(image, frame.alpha)
            self.notices += [] if TRANSPARENT in self.notices else [TRANSPARENT]
        with writing(self._output):
            png = picture_bytes(self._fitted(image), None, ".png")
            write_atomically(path, png)
            self._work.show(png)
        self._waiting.append(path)
        if len(self._waiting) == SEGMENT_FRAMES:
            self.end_segment()

    def _shown(self, frame: Frame) -> tuple[Fraction, Fraction]:
        """From when to when the frame is shown, on the output's clock."""
        if self._rate:
            number = self._last.number + 1 if self._last else 0
            return number / self._rate, (number + 1) / self._rate
        start = frame.time - (self._trim.start if self._trim else 0)
        return start, start + frame.duration

    def _fitted(self, image: np.ndarray) -> np.ndarray:
        height, width = self._encoding.size
        if width not in (image.shape[1], image.shape[1] - 1):
            image = cv2.resize(image, (width, image.shape[0]), interpolation=cv2.INTER_CUBIC)
        return image[:height, :width]

    def end_segment(self) -> None:
        if not self._waiting:
            return
        with writing(self._output):
            self._segments.append(encode_segment(self._waiting, self._encoded, self._encoding))
        self._newest, self._waiting = self._waiting[-1:], []

    def files(self) -> list[Path]:
        """An encoded picture stays among them while it is the newest: its name tells where the next frame goes."""
        return [*self._segments, *(self._waiting or self._newest)]

    def resume(self, files: list[Path], times: list[Fraction]) -> None:
        self._segments = [each for each in files if each.parent == self._encoded]
        pictures = [each for each in files if each.parent == self._pictures]
        encoded = Span.of(self._segments[-1]).end if self._segments else None
        self._waiting = [each for each in pictures if encoded is None or Span.of(each).start >= encoded]
        self._newest, self._last = pictures[-1:], Span.of(pictures[-1])

    def finish(self) -> None:
        self.end_segment()
        if not self._segments:
            raise PaintingFailed(f"{self._output}: no frame was painted")
        with writing(self._output):
            self.notices += mux(
                self._result, self._format, self._segments, self._encoding, self._beside, self._sound_in_time()
            )
            publish(self._result, self._output)

    def _sound_in_time(self) -> Beside | None:
        """The other file's sound, from the first painted frame to the end of the last."""
        if self._sound is None:
            return None
        start, end = (Span.of(self._segments[0]).start, Span.of(self._segments[-1]).end)
        tick = self._encoding.tick
        return replace(self._sound, trim=Trim(Fraction(0), (end - start) * tick), shift=-start * tick)

    def abort(self) -> None:
        self._result.unlink(missing_ok=True)


class ImageSink:
    """One picture. Transparency is kept where the format can, else laid over white."""

    def __init__(self, output: Path, work: WorkFolder):
        self.notices: list[str] = []
        self.bits = 16 if output.suffix.lower() in DEEP_PICTURES else 8
        self._output = Path(os.path.abspath(output))
        self._work = work
        with writing(self._output):
            self._result = work.folder("pictures") / f"result{output.suffix.lower()}"
        self._written = False

    def write(self, frame: Frame) -> None:
        if self._written:
            todo = "give --frames 1, or an output that holds a video"
            raise PaintingFailed(f"{self._output} holds one frame, and here is a second", todo=todo)
        with writing(self._output):
            write_atomically(self._result, picture_bytes(frame.image, frame.alpha, self._output.suffix))
            self._work.show(picture_bytes(frame.image, frame.alpha, ".png"))
        self._written = True

    def end_segment(self) -> None:
        """A picture has no segments."""

    def files(self) -> list[Path]:
        return [self._result] * self._written

    def resume(self, files: list[Path], times: list[Fraction]) -> None:
        self._written = bool(files)

    def finish(self) -> None:
        if not self._written:
            raise PaintingFailed(f"{self._output}: no frame was painted")
        with writing(self._output):
            publish(self._result, self._output)

    def abort(self) -> None:
        """The painted picture stays in the work folder."""


class FolderSink:
    """Numbered pictures. A folder's names are kept; a video's frames are named by their ordinals, from 000001.png.

    For a video, `timestamps.txt` gives a line for each picture: its name, its time on the source's own clock as an
    exact fraction of seconds, and the same as a decimal. Other files of a folder that is already there stay, and so do
    their lines.
    """

    bits = 16

    def __init__(self, output: Path, work: WorkFolder, info: VideoInfo):
        self.notices: list[str] = []
        self._output = Path(os.path.abspath(output))
        self._work = work
        self._timed = info.kind == "video"
        self._times: dict[str, Fraction] = {}
        with writing(self._output):
            self._folder = work.folder("pictures")

    def write(self, frame: Frame) -> None:
        name = Path(painted_name(frame))
        with writing(self._output):
            data = picture_bytes(frame.image, frame.alpha, name.suffix)
            write_atomically(self._folder / name.name, data)
            self._work.show(picture_bytes(frame.image, frame.alpha, ".png"))
        self._times[name.name] = frame.time

    def end_segment(self) -> None:
        """A folder has no segments."""

    def files(self) -> list[Path]:
        return [self._folder / name for name in self._times]

    def resume(self, files: list[Path], times: list[Fraction]) -> None:
        self._times = dict(zip((each.name for each in files), times, strict=True))

    def finish(self) -> None:
        if not self._times:
            raise PaintingFailed(f"{self._output}: no frame was painted")
        with writing(self._output):
            if self._timed:
                write_atomically(self._folder / TIMES_FILE, self._times_text().encode())
            if self._output.exists():
                for name in [*self._times, *[TIMES_FILE] * self._timed]:
                    self._publish_copy(name)
            else:
                os.replace(self._folder, self._output)

    def _publish_copy(self, name: str) -> None:
        """The picture itself stays: a run killed on the way can publish them all again."""
        copy = self._output / f".{name}.part"  # in the folder itself, which may be a link to another disk
        shutil.copyfile(self._folder / name, copy)
        publish(copy, self._output / name)

    def _times_text(self) -> str:
        """One line for each picture of the folder, in the order of their names."""
        old = self._output / TIMES_FILE
        lines = old.read_text("utf-8", errors="replace").splitlines(keepends=True) if old.exists() else []
        times = {line.split()[0]: line for line in lines if line.strip() and not line.startswith("#")}
        times.update({name: f"{name} {time} {float(time):.9f}\n" for name, time in self._times.items()})
        return TIMES_HEADER + "".join(times[name] for name in sorted(times))

    def abort(self) -> None:
        """The painted pictures stay in the work folder."""


def painted_name(frame: Frame) -> str:
    """The name of a painted frame in an output folder: the source file's own, or the ordinal of a video's frame."""
    name = Path(frame.name or f"{frame.index + 1:06d}.png")
    return name.name if name.suffix.lower() in PICTURES else name.with_suffix(".png").name


def picture_bytes(image: np.ndarray, alpha: np.ndarray | None, suffix: str) -> bytes:
    """A picture file's bytes. image: (H, W, 3) RGB uint8 or uint16, taken as sRGB; alpha: (H, W) of its type, or None.

    PNG and TIFF keep 16 bits; PNG, TIFF and WebP are lossless and keep alpha; JPEG is of quality 95 with full colour
    resolution, over white. Raises OSError where the encoder refuses the picture.
    """
    suffix = suffix.lower()
    if image.dtype == np.uint16 and suffix not in DEEP_PICTURES:
        image, alpha = _in_8_bits(image), None if alpha is None else _in_8_bits(alpha)
    if alpha is not None and suffix in (".jpg", ".jpeg"):
        image, alpha = over_white(image, alpha), None
    options = {
        ".png": [cv2.IMWRITE_PNG_COMPRESSION, 1],
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444],
        ".webp": [cv2.IMWRITE_WEBP_QUALITY, 101],  # above 100 means lossless
    }
    options[".jpeg"] = options[".jpg"]
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    if alpha is not None:
        pixels = np.dstack([pixels, alpha])
    try:
        done, data = cv2.imencode(suffix, pixels, options.get(suffix, []))
    except cv2.error:
        done = False
    if not done:  # WebP ends at 16383 pixels, JPEG at 65500
        raise OSError(0, f"{suffix} holds no picture of {image.shape[1]}x{image.shape[0]} pixels")
    return data.tobytes()


def over_white(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) on a white ground, with alpha (H, W), both uint8 or uint16."""
    white = np.iinfo(alpha.dtype).max
    share = (alpha / white)[..., None]
    return np.rint(image * share + white * (1 - share)).astype(image.dtype)


def _in_8_bits(plane: np.ndarray) -> np.ndarray:
    return ((plane.astype(np.uint32) + 128) // 257).astype(np.uint8)
