"""Checkpoints: a run killed at any instant resumes where it was and writes the same bytes.

A checkpoint is a JSON file in the work folder. It names, with its SHA-256, every file that is needed to resume: the finished
segments, the pictures of the open segment, and the stylizer's arrays. Its first line is the SHA-256 of the rest. Two are kept:
where one is damaged, the run resumes from the one before it. Nothing in them is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from videostyle.analysis import ShotList
from videostyle.errors import BadOutput
from videostyle.media.workdir import WorkFolder, write_atomically
from videostyle.provenance import Identity, sha256_of
from videostyle.rendering.identity import MACHINE
from videostyle.reports.json import frame_as_json, frame_from_json
from videostyle.reports.records import FrameRecord, Mixed
from videostyle.stylizers.base import State

FORMAT = 2  # format 1, of 0.1.0, had no number
KEPT = 2
RESUME_OR_RESTART = "repeat the first command to resume it, or add --restart to start over"
MIX_OR_RESTART = "restore them, add --mixed to go on after its {} finished frames, or add --restart to start over"


@dataclass(frozen=True)
class Interval:
    """How often checkpoints are written."""

    seconds: float = 30.0
    """At least, from one to the next."""
    share_of_time: float = 0.01
    """Share of the run's time that may be spent on them, in (0, 1]."""


EVERY_HALF_MINUTE = Interval()


@dataclass(frozen=True)
class Checkpoint:
    """A run after some frames."""

    identity: Identity
    """Everything that the output's bytes depend on."""
    starts: tuple[int, ...]
    """Ordinals, up to the last frame rendered, that begin a shot."""
    records: tuple[FrameRecord, ...]
    """Of the frames rendered."""
    files: dict[str, str]
    """The sink's files, relative to the work folder's parts, with their SHA-256."""
    state: State
    """The stylizer's state after the last frame."""
    mixed: tuple[Mixed, ...] = ()
    """The places where the run was resumed with other libraries, on another processor or with other threads."""


class Checkpoints:
    """Writes and finds the checkpoints of one run in its work folder. notice: called with a line for each damaged one."""

    def __init__(
        self,
        work: WorkFolder,
        identity: Identity,
        shots: ShotList,
        notice: Callable[[str], None],
        interval: Interval = EVERY_HALF_MINUTE,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.work, self.identity, self.shots, self.notice = work, identity, shots, notice
        self.interval, self.clock = interval, clock
        self._hashes: dict[str, str] = {}  # of files that will not change any more
        self._needed: dict[str, set[str]] = {}  # file names, by the checkpoint that needs them
        self._saved, self._cost = clock(), 0.0
        self.mixed: tuple[Mixed, ...] = ()
        """As in Checkpoint, of the run so far."""

    def newest(self, mixed: bool = False) -> Checkpoint | None:
        """The newest checkpoint that is undamaged; None where there is none.

        mixed: whether it may come from other libraries, another processor or other threads; its `mixed` then says so. Raises
        BadOutput where it belongs to a run that would have written other bytes.
        """
        for path in reversed(checkpoint_files(self.work.parts)):
            try:
                checkpoint = read_checkpoint(path, self.work.output)
            except (OSError, ValueError, KeyError, SafetensorError) as error:
                self.notice(
                    f"{path.name} in the work folder is unusable ({error}): falling back to the checkpoint before it"
                )
                continue
            if changes := accepted_changes(self.work.output, checkpoint, self.identity, self.shots, mixed):
                index = self.shots.first + min(len(checkpoint.records), self.shots.count - 1)
                checkpoint = replace(checkpoint, mixed=(*checkpoint.mixed, Mixed(index, tuple(changes))))
            elif mixed:
                self.notice("--mixed has no effect: nothing has changed since the run was interrupted")
            self.mixed = checkpoint.mixed
            self._hashes = dict(checkpoint.files)
            self._need(path, checkpoint.files)
            return checkpoint
        if mixed:
            self.notice(f"--mixed has no effect: no unfinished run of {self.work.output} is there to resume")
        return None

    def due(self) -> bool:
        """Whether it is time for the next checkpoint."""
        least = max(self.interval.seconds, self._cost / self.interval.share_of_time)
        return self.clock() - self._saved >= least

    def save(self, records: list[FrameRecord], files: list[Path], state: State) -> None:
        """Write a checkpoint to the disk, then delete what no kept checkpoint needs. Raises OSError."""
        began = self.clock()
        parts = self.work.parts
        arrays = parts / f"checkpoint_{len(records):08d}.safetensors"
        write_atomically(arrays, save({name: np.asarray(array, order="C") for name, array in state.items()}))
        hashes = {name_in(parts, path): self._hash(path) for path in files}
        content = {
            "format": FORMAT,
            "identity": self.identity,
            "starts": starts_before(self.shots, len(records)),
            "records": [frame_as_json(record) for record in records],
            "mixed": [asdict(place) for place in self.mixed],
            "files": hashes,
            "state": {arrays.name: sha256_of(arrays)},
        }
        text = json.dumps(content).encode()
        path = arrays.with_suffix(".json")
        write_atomically(path, hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
        self._need(path, hashes)
        self.discard_others()
        self._saved, self._cost = self.clock(), self.clock() - began

    def _hash(self, path: Path) -> str:
        name = name_in(self.work.parts, path)
        if name not in self._hashes:
            self._hashes[name] = sha256_of(path)
        return self._hashes[name]

    def _need(self, path: Path, files: dict[str, str]) -> None:
        """Keep this checkpoint, and drop the oldest."""
        self._needed[path.name] = {path.name, path.with_suffix(".safetensors").name, *files}
        for name in sorted(self._needed)[:-KEPT]:
            del self._needed[name]

    def discard_others(self) -> None:
        """Delete what none of the kept checkpoints needs; everything where there is none."""
        self.work.keep_only(set().union(*self._needed.values()))


def read_checkpoint(path: Path, output: Path) -> Checkpoint:
    """The checkpoint in a file. Raises OSError, ValueError, KeyError or SafetensorError where it, or a file that it names, is
    missing or damaged, and BadOutput where another version of the program wrote it."""
    content = read_listing(path)
    if content.get("format") != FORMAT:
        problem = f"an unfinished run of {output} has checkpoints of another version of videostyle, which this one cannot read"
        raise BadOutput(problem, todo="finish it with that version, or add --restart to start over")
    for name, expected in (content["files"] | content["state"]).items():
        if sha256_of(path.parent / name) != expected:
            raise ValueError(f"{name} is damaged")
    (arrays,) = content["state"]
    return Checkpoint(
        content["identity"],
        tuple(content["starts"]),
        tuple(map(frame_from_json, content["records"])),
        content["files"],
        load_file(path.parent / arrays),
        tuple(Mixed(place["index"], tuple(place["differences"])) for place in content.get("mixed", ())),
    )


def read_listing(path: Path) -> dict[str, Any]:
    """A checkpoint's JSON. Raises OSError, or ValueError where it is damaged."""
    digest, text = path.read_bytes().split(b"\n", 1)
    if hashlib.sha256(text).hexdigest() != digest.decode("ascii", "replace"):
        raise ValueError("its checksum is wrong")
    return json.loads(text)


def checkpoint_files(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first."""
    return sorted(folder.glob("checkpoint_*.json"))


def frames_saved(folder: Path) -> int:
    """The frames that are finished in the newest checkpoint of a folder; 0 where it has none."""
    return max((int(path.stem.removeprefix("checkpoint_")) for path in checkpoint_files(folder)), default=0)


def name_in(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def starts_before(shots: ShotList, done: int) -> list[int]:
    """The ordinals among a run's first `done` frames that begin a shot."""
    return [start for start in sorted(shots.starts) if start < shots.first + done]


def accepted_changes(
    output: Path, checkpoint: Checkpoint, identity: Identity, shots: ShotList, mixed: bool
) -> list[str]:
    """The differences between this run and the checkpoint's, where --mixed allows them; empty where both write the same bytes.

    mixed: whether libraries, processor and threads may differ. Raises BadOutput, with the differences, for every other one.
    """
    before, done = checkpoint.identity, len(checkpoint.records)
    changed = [name for name in sorted({*before, *identity}) if before.get(name) != identity.get(name)]
    changes = [
        f"{name} was {before.get(name, 'not given')} and is now {identity.get(name, 'not given')}" for name in changed
    ]
    resumable = all(is_of_machine(name, before, identity) for name in changed)
    if shots.count < done:
        changes.append(f"{done} frames are done and now {shots.count} are asked for")
        resumable = False
    elif not changes and list(checkpoint.starts) != starts_before(shots, done):
        changes.append("cuts are found in other places")
        resumable = False
    if changes and not (resumable and mixed):
        problem = f"an unfinished run of {output} had other settings: {'; '.join(changes)}"
        raise BadOutput(problem, todo=MIX_OR_RESTART.format(done) if resumable else RESUME_OR_RESTART)
    return changes


def is_of_machine(name: str, before: Identity, now: Identity) -> bool:
    """Whether a part of the identity that has changed is one of MACHINE, or an option that only one of both versions of the
    program has, rather than another option or file."""
    in_one_version = name.startswith("--") and (name in before) != (name in now)
    return name in MACHINE or (in_one_version and before.get("videostyle") != now.get("videostyle"))


def mixed_line(place: Mixed) -> str:
    """The notice about a place where the run was resumed with other libraries, processor or threads."""
    return (
        f"from frame {place.index + 1} on, the bytes may differ from those of an uninterrupted run: "
        f"{'; '.join(place.differences)}"
    )
