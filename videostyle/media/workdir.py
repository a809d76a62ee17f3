"""The work folder beside an output: one run at a time, and everything unfinished lives in it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av

from videostyle.errors import BadOutput, RunFailed


class WorkFolder:
    """`.OUTPUTNAME.videostyle/` beside the output, held by one run through an operating system lock.

    Entering makes and locks it; a killed run's lock dies with its process. What an earlier run left is still there, until
    `keep_only` clears away what is not needed. Leaving gives the lock back and keeps the folder; `remove()` deletes it.
    parts: the folder of everything unfinished. look: the newest painted frame, a PNG. begun: whether an earlier run left
    something to go on from. Raises BadOutput where the folder cannot be made, or where another run holds it.
    """

    def __init__(self, output: Path):
        self.output = Path(os.path.abspath(output))
        self.path = self.output.parent / f".{self.output.name}.videostyle"
        self.look = self.path / "newest.png"
        self.parts = self.path / "parts"
        self._lock: BinaryIO | None = None

    def __enter__(self) -> WorkFolder:
        try:
            self._lock = _locked_file(self.path)
        except OSError as error:
            self._release()
            problem = f"nothing can be written beside {self.output}: {error.strerror}"
            raise BadOutput(problem, "a folder you can write to", "give another -o") from error
        if self._lock is None:
            raise BadOutput(f"busy: another run is writing {self.output}", todo="wait for it, or give another -o")
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    def folder(self, name: str) -> Path:
        """A folder of this name for unfinished things, made if needed."""
        path = self.parts / name
        self.parts.mkdir(exist_ok=True)  # not its parents: a work folder that somebody removed must not come back
        path.mkdir(exist_ok=True)
        return path

    @property
    def begun(self) -> bool:
        return any(self.parts.glob("checkpoint_*.json"))

    def keep_only(self, names: set[str]) -> None:
        """Deletes every file in `parts` that is not named, each name being relative to it."""
        for path in self.parts.rglob("*"):
            if path.is_file() and path.relative_to(self.parts).as_posix() not in names:
                path.unlink()

    def show(self, png: bytes) -> None:
        """Makes these bytes of a PNG the newest painted frame; a reader sees the old or the new one, never a half."""
        temporary = self.look.with_suffix(".part")
        temporary.write_bytes(png)
        os.replace(temporary, self.look)

    def remove(self) -> None:
        """Deletes the folder and gives the lock back."""
        if sys.platform == "win32":
            self._release()  # Windows deletes no open file
        shutil.rmtree(self.path, ignore_errors=True)
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _locked_file(folder: Path) -> BinaryIO | None:
    """The folder's lock file, open and locked; None where another process holds it."""
    while True:
        folder.mkdir(exist_ok=True)
        path = folder / "lock"
        try:
            file = path.open("ab")
        except FileNotFoundError:
            continue  # a finishing run removed the folder just now
        if not _take_lock(file):
            file.close()
            return None
        # The run that held the lock may have deleted the file between our open and our lock: then it guards nothing.
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
        file.close()


def _take_lock(file: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


@contextmanager
def synced(path: Path) -> Iterator[BinaryIO]:
    """A file to be written that appears under its name when it is whole and on the disk, or not at all."""
    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file so that it is either there whole, whatever happens to the machine, or not at all."""
    with synced(path) as file:
        file.write(data)


def publish(temporary: Path, output: Path) -> None:
    """Brings a finished file to the disk and under its name, in this order, replacing what was there."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, output)


@contextmanager
def writing(output: Path) -> Iterator[None]:
    """Turns a failure of the disk or of FFmpeg into RunFailed, one line that names the output."""
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        problem = f"{output} could not be written: {error.strerror or error}"
        todo = "see that the disk has room and that nobody removes the hidden work folder beside the output"
        raise RunFailed(problem, todo=todo) from error
