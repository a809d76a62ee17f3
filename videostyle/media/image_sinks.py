"""Sinks for one image, and for a folder of numbered images."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from videostyle.errors import RunFailed
from videostyle.frames import Frame, VideoInfo
from videostyle.media.images import picture_bytes, read_tags
from videostyle.media.output_paths import DEEP_IMAGES, IMAGES, OPAQUE_IMAGES, longer_name
from videostyle.media.photo_tags import missing_tags, renewed, with_tags
from videostyle.media.workdir import WorkFolder, publish, write_atomically, writing

TIMES_FILE = "timestamps.txt"

TIMES_HEADER = "# file, its time on the source's clock in seconds as an exact fraction, the same as a decimal\n"


class ImageSink:
    """One image.

    photos: the image file, or the folder of images, that frames come from and whose EXIF is kept; None where there is none.
    """

    continues = False

    def __init__(self, output: Path, work: WorkFolder, photos: Path | None):
        self.notices: list[str] = []
        self.bits = 16 if output.suffix.lower() in DEEP_IMAGES else 8
        self.alpha = output.suffix.lower() not in OPAQUE_IMAGES
        self._output = Path(os.path.abspath(output))
        self._work = work
        self._photos = photos
        with writing(self._output):
            self._result = work.folder("pictures") / f"result{output.suffix.lower()}"
        self._written = False

    def rehearse(self, times: Sequence[Fraction], check: Callable[[], None]) -> None:
        """Images have nothing beside them."""

    def write(self, frame: Frame) -> None:
        if self._written:
            todo = "add --frames 1, or choose an -o that holds a video"
            raise RunFailed(f"{self._output} holds one frame, but there is a second one", todo=todo)
        with writing(self._output):
            self.notices += write_picture(self._result, frame, self._photos)
            self._work.show_preview(picture_bytes(frame.image, frame.alpha, ".png"))
        self._written = True

    def end_segment(self) -> None:
        """An image has no segments."""

    def files(self) -> list[Path]:
        return [self._result] if self._written else []

    def resume(self, files: list[Path], times: list[Fraction]) -> None:
        self._written = bool(files)

    def finish(self) -> None:
        if not self._written:
            raise RunFailed(f"{self._output} was not written: no frame was stylized")
        with writing(self._output):
            publish(self._result, self._output)

    def abort(self) -> None:
        """The image stays in the work folder."""


class FolderSink:
    """Numbered images. Those of a folder keep their names; frames of a video are named by their ordinals, from 000001.png.

    For a video, `timestamps.txt` has a line for each image: its name, its time on the source's clock as an exact fraction of
    seconds, and the same as a decimal. In a folder that exists, other images and their lines are kept. photos: see ImageSink.
    """

    bits = 16
    alpha = True
    continues = True

    def __init__(self, output: Path, work: WorkFolder, info: VideoInfo, photos: Path | None):
        self.notices: list[str] = []
        self._output = Path(os.path.abspath(output))
        self._work = work
        self._photos = photos
        self._from_video = info.kind == "video"
        self._times: dict[str, Fraction] = {}
        with writing(self._output):
            self._folder = work.folder("pictures")

    def rehearse(self, times: Sequence[Fraction], check: Callable[[], None]) -> None:
        """Images have nothing beside them."""

    def write(self, frame: Frame) -> None:
        name = output_name(frame)
        with writing(self._output):
            lines = write_picture(self._folder / name, frame, self._photos)
            self._work.show_preview(picture_bytes(frame.image, frame.alpha, ".png"))
        self.notices += [line for line in lines if line not in self.notices]
        self._times[name] = frame.time

    def end_segment(self) -> None:
        """A folder has no segments."""

    def files(self) -> list[Path]:
        return [self._folder / name for name in self._times]

    def resume(self, files: list[Path], times: list[Fraction]) -> None:
        self._times = dict(zip((path.name for path in files), times, strict=True))

    def finish(self) -> None:
        if not self._times:
            raise RunFailed(f"{self._output} was not written: no frame was stylized")
        names = list(self._times)
        with writing(self._output):
            if self._from_video:
                write_atomically(self._folder / TIMES_FILE, self._times_text().encode())
                names.append(TIMES_FILE)
            if self._output.exists():
                for name in names:
                    self._publish_copy(name)
            else:
                os.replace(self._folder, self._output)

    def _publish_copy(self, name: str) -> None:
        """The image itself stays in the work folder, so that a run that is killed meanwhile can publish all of them again."""
        # in the folder itself, which may be a link to another disk
        copy = longer_name(self._output / name, ".", ".part")
        shutil.copyfile(self._folder / name, copy)
        publish(copy, self._output / name)

    def _times_text(self) -> str:
        """One line for each image of the folder, in the order of their names."""
        old = self._output / TIMES_FILE
        lines = old.read_text("utf-8", errors="replace").splitlines(keepends=True) if old.exists() else []
        times = {line.split()[0]: line for line in lines if line.strip() and not line.startswith("#")}
        times.update({name: f"{name} {time} {float(time):.9f}\n" for name, time in self._times.items()})
        return TIMES_HEADER + "".join(times[name] for name in sorted(times))

    def abort(self) -> None:
        """The images stay in the work folder."""


def write_picture(path: Path, frame: Frame, photos: Path | None) -> list[str]:
    """Write a frame to an image file, with EXIF and resolution of the photo that it was made of. photos: see ImageSink.

    The file is read again: the lines returned name what the format cannot hold. Raises OSError.
    """
    data = picture_bytes(frame.image, frame.alpha, path.suffix)
    if photos is None:
        write_atomically(path, data)
        return []
    photo = read_tags(photos / frame.name)
    wanted = renewed(photo, frame.size)
    write_atomically(path, with_tags(data, path.suffix, wanted))
    lost = [*photo.others, *(missing_tags(wanted, read_tags(path)) if wanted else ())]
    if frame.alpha is not None and path.suffix.lower() in OPAQUE_IMAGES:  # a PNG that is called .jpg
        lost.append("the transparency")
    return [f"not kept from {photos}: {', '.join(lost)}"] if lost else []


def output_name(frame: Frame) -> str:
    """The name of a stylized frame in an output folder: the source file's own, or the ordinal of a video's frame."""
    name = Path(frame.name or f"{frame.index + 1:06d}.png")
    return name.name if name.suffix.lower() in IMAGES else name.with_suffix(".png").name
