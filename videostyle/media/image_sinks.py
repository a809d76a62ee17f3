"""Sinks for one image, and for a folder of numbered images."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from videostyle.errors import RunFailed
from videostyle.frames import Frame, VideoInfo
from videostyle.media.images import picture_bytes
from videostyle.media.output_paths import DEEP_IMAGES, IMAGES, OPAQUE_IMAGES
from videostyle.media.workdir import WorkFolder, publish, write_atomically, writing

TIMES_FILE = "timestamps.txt"

TIMES_HEADER = "# file, its time on the source's clock in seconds as an exact fraction, the same as a decimal\n"


class ImageSink:
    """One image."""

    continues = False

    def __init__(self, output: Path, work: WorkFolder):
        self.notices: list[str] = []
        self.bits = 16 if output.suffix.lower() in DEEP_IMAGES else 8
        self.alpha = output.suffix.lower() not in OPAQUE_IMAGES
        self._output = Path(os.path.abspath(output))
        self._work = work
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
            write_atomically(self._result, picture_bytes(frame.image, frame.alpha, self._output.suffix))
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
    seconds, and the same as a decimal. In a folder that exists, other images and their lines are kept.
    """

    bits = 16
    alpha = True
    continues = True

    def __init__(self, output: Path, work: WorkFolder, info: VideoInfo):
        self.notices: list[str] = []
        self._output = Path(os.path.abspath(output))
        self._work = work
        self._from_video = info.kind == "video"
        self._times: dict[str, Fraction] = {}
        with writing(self._output):
            self._folder = work.folder("pictures")

    def rehearse(self, times: Sequence[Fraction], check: Callable[[], None]) -> None:
        """Images have nothing beside them."""

    def write(self, frame: Frame) -> None:
        name = output_name(frame)
        with writing(self._output):
            write_atomically(self._folder / name, picture_bytes(frame.image, frame.alpha, Path(name).suffix))
            self._work.show_preview(picture_bytes(frame.image, frame.alpha, ".png"))
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
        copy = self._output / f".{name}.part"  # in the folder itself, which may be a link to another disk
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


def output_name(frame: Frame) -> str:
    """The name of a stylized frame in an output folder: the source file's own, or the ordinal of a video's frame."""
    name = Path(frame.name or f"{frame.index + 1:06d}.png")
    return name.name if name.suffix.lower() in IMAGES else name.with_suffix(".png").name
