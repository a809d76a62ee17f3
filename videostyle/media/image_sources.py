"""Still images, animations and folders of numbered images as sources of frames."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

from videostyle.errors import BadInput
from videostyle.frames import Frame, Size, VideoInfo
from videostyle.media.fit import Fitting, Shape, fitted, fitting
from videostyle.media.frame_names import EXAMPLE, by_number, missing, ticks_per_second
from videostyle.media.frame_rate import thinned
from videostyle.media.images import Picture, is_image_name, read_animation, read_picture, size_by_header
from videostyle.media.pixels import filled, to_bits
from videostyle.option_groups import ReadingOptions
from videostyle.option_values import parse_rate

ANIMATION_TICK = Fraction(1, 90_000)  # a clock that counts milliseconds and all usual frame rates exactly

LONGEST_PAUSE = 3600  # seconds between the frames of a folder; containers have limits too

FOLDER_RATE = Fraction(25)  # frames per second of a folder, which has no clock of its own


class StillSource:
    """An image file as a source of one frame."""

    def __init__(self, path: Path):
        self.path = path
        self.skipped = 0
        picture = read_picture(path)
        self.info = VideoInfo("image", picture.image.shape[:2], picture.image.itemsize * 8)

    def frames(self, size: Size | None = None, first: int = 0) -> Generator[Frame]:
        """The image as frame 0, scaled to `size`; no frame if `first` is above 0."""
        if first == 0:
            yield _frame(read_picture(self.path), size or self.info.size, self.info, Fitting())

    def close(self) -> None:
        """Nothing is open between passes."""


class AnimationSource:
    """An animated WebP or AVIF as a source. Frames have the file's own times.

    reading: its `fps` is the most frames a second that are read. Raises BadInput if its first frame cannot be decoded.
    `skipped` counts a damaged frame, where a pass ends.
    """

    def __init__(self, path: Path, reading: ReadingOptions):
        self.path = path
        self.skipped = 0
        self._rate = parse_rate(reading.fps)
        with closing(read_animation(path)) as animation:
            picture, _ = next(animation)
        self.info = VideoInfo("video", picture.image.shape[:2], time_base=ANIMATION_TICK)

    def frames(self, size: Size | None = None, first: int = 0) -> Generator[Frame]:
        """The frames from ordinal `first` on, scaled to `size`; those before are read only to be counted."""
        self.skipped = 0
        with closing(self._all_frames(size or self.info.size)) as frames:
            for index, frame in enumerate(thinned(frames, self._rate)):
                if index >= first:
                    yield replace(frame, index=index)

    def _all_frames(self, size: Size) -> Generator[Frame]:
        """Every frame, with its time."""
        time = Fraction(0)
        with closing(read_animation(self.path)) as animation:
            try:
                for picture, duration in animation:
                    yield replace(_frame(picture, size, self.info, Fitting()), time=time, duration=duration)
                    time += duration
            except BadInput:
                self.skipped = 1

    def close(self) -> None:
        """A pass closes the file when it ends or is closed."""


class FolderSource:
    """A folder of numbered images as a source, in the order of the numbers.

    A folder has no clock: its frames come at FOLDER_RATE. Where the numbers are Unix times with steps between them, they are
    the frames' times, counted from the first. reading: its `gaps` say what is done where numbers are missing ("hold" lets the
    frame before last on, "skip" lets the frames follow one another, whatever their numbers mean), its `fit` what is done
    with images of another size than the first.
    Raises BadInput if it has no images, an image without a number, two with the same number, or what is to be refused.
    """

    def __init__(self, path: Path, reading: ReadingOptions):
        self.path = path
        self.skipped = 0
        self._fit = reading.fit or "refuse"
        self._names = numbered_names(path)
        self._times, time_base, notices = self._clock(reading.gaps)
        self._first, *others = self._names.values()
        first = read_picture(path / self._first).image
        self.info = VideoInfo("folder", first.shape[:2], first.itemsize * 8, time_base, notices=notices)
        for name in others:
            if size_by_header(path / name) != self.info.size and self._notice_size(name):
                break

    def frames(self, size: Size | None = None, first: int = 0) -> Generator[Frame]:
        """The images from ordinal `first` on, read one by one; `Frame.name` is the file's name."""
        for index, (number, name) in islice(enumerate(self._names.items()), first, None):
            picture = read_picture(self.path / name)
            how = self._fitting(name, picture.size)
            frame = _frame(picture, size or self.info.size, self.info, how)
            time, end = self._times[index], self._times[index + 1]
            yield replace(frame, index=index, time=time, duration=end - time, name=name, file_number=number)

    def close(self) -> None:
        """Nothing is open between passes."""

    def _clock(self, gaps: str) -> tuple[list[Fraction], Fraction | None, tuple[str, ...]]:
        """The times of all frames and the end of the last, in seconds; the clock's tick, where there is one; notices."""
        numbers, absent = list(self._names), missing(self._names)
        ticks = ticks_per_second(numbers) if absent and gaps != "skip" else None
        if ticks or gaps == "hold":
            self._check_pauses(Fraction(ticks) if ticks else FOLDER_RATE)
        if ticks:
            line = f"the numbers of the images in {self.path} are clock times, which the frames keep; --gaps skip ignores them"
            return _times(numbers, numbers[-1] - numbers[-2], Fraction(ticks)), Fraction(1, ticks), (line,)
        if absent and gaps == "refuse":
            problem = f"the images in {self.path} are numbered with gaps: {absent} missing"
            todo = "add or renumber them, let the frame before last on with --gaps hold, or close the gaps with --gaps skip"
            raise BadInput(problem, todo=todo)
        if absent and gaps == "skip":
            numbers = list(range(len(numbers)))
        done = "the frame before a gap lasts longer" if gaps == "hold" else "the frames follow one another"
        line = f"the images in {self.path} are numbered with gaps ({absent} missing): {done}"
        return _times(numbers, 1, FOLDER_RATE), None, (line,) if absent else ()

    def _check_pauses(self, rate: Fraction) -> None:
        """Raises BadInput where numbers lie so far apart that a frame would be shown for an hour. rate: numbers a second."""
        for number, following in pairwise(self._names):
            seconds = (following - number) / rate
            if seconds > LONGEST_PAUSE:
                problem = f"{self.path / self._names[number]} would be shown for {float(seconds):.0f} s, until the next number"
                raise BadInput(problem, todo="close the gaps with --gaps skip")

    def _notice_size(self, name: str) -> bool:
        """Whether an image really has another size than the first, of which a notice is added. Raises BadInput."""
        size = read_picture(self.path / name).size
        self._fitting(name, size)
        if size == self.info.size:
            return False
        done = "shown between black bars" if self._fit == "bars" else "cropped"
        line = f"{self._sizes(name, size)}: images of other proportions are {done}"
        self.info = replace(self.info, notices=(*self.info.notices, line))
        return True

    def _fitting(self, name: str, size: Size) -> Fitting:
        """How an image of this size is brought into the first one's. Raises BadInput if it is to be refused."""
        if size != self.info.size and self._fit == "refuse":
            todo = "add --fit bars to show them whole between black bars, or --fit fill to crop them"
            raise BadInput(self._sizes(name, size), todo=todo)
        return fitting(Shape(size), Shape(self.info.size), self._fit)

    def _sizes(self, name: str, size: Size) -> str:
        (h, w), (height, width) = size, self.info.size
        return f"{self.path / name} has {w}x{h} pixels, but {self._first} has {width}x{height}"


def _times(numbers: list[int], last: int, rate: Fraction) -> list[Fraction]:
    """The times of frames with these numbers, in seconds from the first, and the end of the last one, `last` numbers later."""
    return [(number - numbers[0]) / rate for number in [*numbers, numbers[-1] + last]]


def numbered_names(folder: Path) -> dict[int, str]:
    """The names of a folder's images by their numbers, in order; hidden files and everything else are ignored.

    Raises BadInput if there is no image, one without a number, or two with the same one.
    """
    names = [path.name for path in folder.iterdir() if is_image_name(path)]
    if not names:
        raise BadInput(f"the folder {folder} has no images", EXAMPLE)
    return by_number(folder, names)


def _frame(picture: Picture, size: Size, source: VideoInfo, how: Fitting) -> Frame:
    """size: of the frame's image. Its alpha has the source's size."""
    alpha = None if picture.alpha is None else to_bits(picture.alpha, source.bits)
    image = fitted(filled(to_bits(picture.image, source.bits), alpha), size, how)
    if alpha is not None and alpha.shape != source.size:
        alpha = ~fitted(~alpha, source.size, how)  # inverted, so that bars are opaque
    return Frame(image, alpha=alpha, covered=how.covered)
