"""The work folder beside an output, which one run holds at a time and where everything unfinished is kept; atomic files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import av
from filelock import FileLock, Timeout

from videostyle.errors import BadOutput, RunFailed
from videostyle.media.output_paths import longer_name, work_folder

# Seconds to wait for a lock that another run holds: enough to take it from a run that is just removing the folder.
LOCK_TIMEOUT = 0.1

# How often another run may remove the folder while this one takes it.
ATTEMPTS = 100


class WorkFolder:
    """`.OUTPUTNAME.videostyle/` beside the output, held by one run through an operating system lock.

    Entering creates and locks it; the lock of a killed run ends with its process. What an earlier run left is kept until
    `keep_only` deletes what is not needed. Leaving releases the lock and keeps the folder; `remove()` deletes it. Raises
    BadOutput where the folder cannot be created, or where another run holds it.
    """

    def __init__(self, output: Path):
        self.output = Path(os.path.abspath(output))
        """The output itself, absolute."""
        self.path = work_folder(self.output)
        self.preview = self.path / "newest.png"
        """A PNG of the newest stylized frame."""
        self.parts = self.path / "parts"
        """The folder of everything unfinished."""
        self._lock = FileLock(self.path / "lock", thread_local=False)

    def __enter__(self) -> WorkFolder:
        try:
            self._acquire()
        except Timeout:
            todo = "wait until it is done, or choose another -o"
            raise BadOutput(f"{self.output} is busy: another run is writing it", todo=todo) from None
        except OSError as error:
            problem = f"nothing can be written beside {self.output}: {error.strerror}"
            raise BadOutput(problem, todo="choose another -o, in a folder that you can write to") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _acquire(self) -> None:
        """Create the folder and lock it; both are repeated where another run removed the folder in between."""
        for attempt in range(1, ATTEMPTS + 1):
            with suppress(FileExistsError):
                self.path.mkdir()
            try:
                self._lock.acquire(timeout=LOCK_TIMEOUT, poll_interval=LOCK_TIMEOUT / 5)
            except (FileNotFoundError, FileExistsError):
                if attempt == ATTEMPTS:
                    raise
            else:
                return

    def folder(self, name: str) -> Path:
        """A folder of this name for unfinished files, created if needed."""
        path = self.parts / name
        self.parts.mkdir(exist_ok=True)  # not its parents: a work folder that somebody removed must not come back
        path.mkdir(exist_ok=True)
        return path

    @property
    def begun(self) -> bool:
        """Whether an earlier run left a checkpoint to resume from."""
        return any(self.parts.glob("checkpoint_*.json"))

    def keep_only(self, names: set[str]) -> None:
        """Delete every file in `parts` whose path relative to it is not among these."""
        for path in self.parts.rglob("*"):
            if path.is_file() and path.relative_to(self.parts).as_posix() not in names:
                path.unlink()

    def show_preview(self, png: bytes) -> None:
        """Replace the preview by this PNG; a reader gets the old or the new one, never a part of it."""
        temporary = self.preview.with_suffix(".part")
        temporary.write_bytes(png)
        os.replace(temporary, self.preview)

    def remove(self) -> None:
        """Delete the folder and release the lock."""
        shutil.rmtree(self.path, ignore_errors=True)  # before the release: afterwards it may be another run's
        self._lock.release()
        with suppress(OSError):
            self.path.rmdir()  # on Windows, where the open lock file kept it; a folder that is in use again is not empty


@contextmanager
def synced(path: Path) -> Iterator[BinaryIO]:
    """A file to write to. It appears under its name once it is complete and on the disk, or not at all."""
    temporary = longer_name(path, "", ".part")
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
    """Write a file so that it is complete or absent, even after a power failure."""
    with synced(path) as file:
        file.write(data)


def publish(temporary: Path, output: Path) -> None:
    """Move a finished file to its final name, replacing what was there, once its content is on the disk."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, output)


@contextmanager
def writing(output: Path) -> Iterator[None]:
    """Turn a failure of the disk or of FFmpeg into RunFailed, one line that names the output."""
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        problem = f"{output} could not be written: {error.strerror or error}"
        todo = "make sure that the disk has space and that nothing removes the hidden work folder beside the output"
        raise RunFailed(problem, todo=todo) from error
