"""Checkpoints: a run killed at any instant goes on where it was, to the same bytes.

A checkpoint is a JSON file that names, with its SHA-256, every file of the work folder that is needed to go on: the
finished segments, the pictures of the open one, and the stylizer's arrays. Its first line is the SHA-256 of the rest. Two
are kept: where one is damaged, the run goes on from the one before it. Nothing in them is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videostyle.analysis import ShotList
from videostyle.errors import BadOutput
from videostyle.media.workdir import WorkFolder, synced, write_atomically
from videostyle.provenance import Identity, sha256_of
from videostyle.reports.json import frame_as_json, frame_from_json
from videostyle.reports.records import FrameRecord

SECONDS_BETWEEN = 30.0  # at least, from one checkpoint to the next

SHARE_OF_TIME = 0.01  # of the run, at most, spent on them

KEPT = 2
TO_GO_ON = "repeat the first command to go on with it, or add --restart to start over"


@dataclass(frozen=True)
class Checkpoint:
    """A run after some frames. identity: everything the painted bytes depend on. starts: the ordinals up to there that
    begin a shot. files: the sink's, relative to the work folder's parts, with their SHA-256. state: the stylizer's."""

    identity: Identity
    starts: tuple[int, ...]
    records: tuple[FrameRecord, ...]
    files: dict[str, str]
    state: dict[str, np.ndarray]


class Checkpoints:
    """Writes and finds the checkpoints of one run in its work folder. notice: hears of damaged ones."""

    def __init__(self, work: WorkFolder, identity: Identity, clip: ShotList, notice: Callable[[str], None]):
        self.work, self.identity, self.clip, self.notice = work, identity, clip, notice
        self._hashes: dict[str, str] = {}  # of files that will not change any more
        self._needed: dict[str, set[str]] = {}  # by each kept checkpoint
        self._saved, self._cost = time.monotonic(), 0.0

    def newest(self) -> Checkpoint | None:
        """What to go on from: the newest checkpoint of which nothing is damaged.

        Raises BadOutput where it belongs to a run that would have painted something else.
        """
        for path in reversed(_checkpoint_files(self.work.parts)):
            try:
                found = read_checkpoint(path)
            except (OSError, ValueError, KeyError) as error:
                self.notice(f"{path.name} in the work folder cannot be used ({error}): going back to the one before it")
                continue
            refuse_changes(self.work.output, found, self.identity, self.clip)
            self._hashes = dict(found.files)
            self._remember(path, found.files)
            return found
        return None

    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() - self._saved >= max(SECONDS_BETWEEN, self._cost / SHARE_OF_TIME)

    def save(self, records: list[FrameRecord], files: list[Path], state: dict[str, np.ndarray]) -> None:
        """Brings all of it to the disk, then deletes what no kept checkpoint needs. Raises OSError."""
        began = time.monotonic()
        parts = self.work.parts
        arrays = parts / f"checkpoint_{len(records):08d}.npz"
        with synced(arrays) as file:
            np.savez(file, allow_pickle=False, **state)
        hashes = {name_in(parts, path): self._hash(path) for path in files}
        starts = [start for start in sorted(self.clip.starts) if start < self.clip.first + len(records)]
        content = {
            "identity": self.identity,
            "starts": starts,
            "records": [frame_as_json(record) for record in records],
            "files": hashes,
            "state": {arrays.name: sha256_of(arrays)},
        }
        text = json.dumps(content).encode()
        path = arrays.with_suffix(".json")
        write_atomically(path, hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
        self._remember(path, hashes)
        self._saved, self._cost = time.monotonic(), time.monotonic() - began

    def _hash(self, path: Path) -> str:
        name = name_in(self.work.parts, path)
        if name not in self._hashes:
            self._hashes[name] = sha256_of(path)
        return self._hashes[name]

    def _remember(self, path: Path, files: dict[str, str]) -> None:
        """Counts this checkpoint among those kept, drops the oldest, and clears away what none of them needs."""
        self._needed[path.name] = {path.name, path.with_suffix(".npz").name, *files}
        for name in sorted(self._needed)[:-KEPT]:
            del self._needed[name]
        self.work.keep_only(set().union(*self._needed.values()))


def read_checkpoint(path: Path) -> Checkpoint:
    """Raises OSError, ValueError or KeyError where it, or a file it names, is missing or not as it was written."""
    digest, text = path.read_bytes().split(b"\n", 1)
    if hashlib.sha256(text).hexdigest() != digest.decode("ascii", "replace"):
        raise ValueError("its checksum is wrong")
    content = json.loads(text)
    for name, expected in (content["files"] | content["state"]).items():
        if sha256_of(path.parent / name) != expected:
            raise ValueError(f"{name} is damaged")
    (arrays,) = content["state"]
    with np.load(path.parent / arrays, allow_pickle=False) as state:
        return Checkpoint(
            content["identity"],
            tuple(content["starts"]),
            tuple(map(frame_from_json, content["records"])),
            content["files"],
            dict(state),
        )


def _checkpoint_files(folder: Path) -> list[Path]:
    """Oldest first."""
    return sorted(folder.glob("checkpoint_*.json"))


def name_in(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def refuse_changes(output: Path, found: Checkpoint, identity: Identity, clip: ShotList) -> None:
    """Raises BadOutput with the difference where a run like this would not have painted what was found."""
    changes = [
        f"{name} was {found.identity.get(name, 'not given')}, now {identity.get(name, 'not given')}"
        for name in sorted({*found.identity, *identity})
        if found.identity.get(name) != identity.get(name)
    ]
    done = len(found.records)
    if clip.count < done:
        changes.append(f"{done} frames are painted, now {clip.count} are asked for")
    elif not changes and found.starts != tuple(sorted(each for each in clip.starts if each < clip.first + done)):
        changes.append("cuts are found in other places")
    if changes:
        raise BadOutput(f"an unfinished run of {output} was another: {'; '.join(changes)}", todo=TO_GO_ON)
