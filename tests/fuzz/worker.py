"""The worker process of the fuzzer: runs the program on damaged files, with a stylizer that changes nothing."""

from __future__ import annotations

import resource
import shutil
import traceback
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from tests.fuzz.mutations import mutated
from tests.support.runs import names_in
from videostyle import Job, run
from videostyle.errors import VideoStyleError
from videostyle.stylizers.base import StylizedFrame
from videostyle.stylizers.table import STYLIZERS

VIDEOS = (".mp4", ".mov", ".mkv", ".webm")
STILLS = (".png", ".jpg", ".webp", ".tif")


class Identity:
    """A stylizer that returns every frame as it is."""

    lookahead = 0

    def step(self, frame):
        picture = frame.image.astype(np.float32) / np.iinfo(frame.image.dtype).max
        return [StylizedFrame(picture, 0.0, 0.0, 0, 0.0 if frame.motion else 1.0, 0.0)]

    def finish(self):
        return []

    def state(self):
        return {}

    def restore(self, state):
        pass

    def continue_from(self, picture, source):
        pass


def use_identity_stylizer() -> None:
    """Replace the optimizer, in the table of stylizers, by one that changes nothing."""
    kind = STYLIZERS["optimize"]
    STYLIZERS["optimize"] = replace(kind, prepare=lambda settings, shared: lambda on_iteration: Identity())


def check_video(output: Path, count: int) -> None:
    """Check that a video plays: `count` frames decode, times increase, and the sound can be read to its end."""
    with av.open(str(output)) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert len(times) == count, f"{len(times)} frames, {count} were stylized"
    assert all(isinstance(time, Fraction) for time in times)
    assert all(earlier < later for earlier, later in pairwise(times)), f"times {times}"
    with av.open(str(output)) as container:
        last: dict[int, int] = {}
        for packet in container.demux():
            if packet.size and packet.stream.type == "audio" and packet.pts is not None:
                assert packet.pts >= last.get(packet.stream.index, packet.pts), "audio timestamps decrease"
                last[packet.stream.index] = packet.pts


def run_case(seeds: dict[str, bytes], case: int, folder: Path) -> str:
    """The outcome of a case: "finished", "refused" (exit code 2) or "failed" (1). Any other exception is raised."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    name, data = mutated(seeds, case)
    source, style = folder / name, folder / "style.png"
    source.write_bytes(data)
    as_style = source.suffix in STILLS and case % 3 == 0
    whole = np.full((20, 30, 3), 120, np.uint8)
    cv2.imwrite(str(style), whole)
    if as_style:
        cv2.imwrite(str(folder / "whole.png"), whole)
        source, style = folder / "whole.png", source
    ending = ".png" if source.suffix in STILLS else source.suffix if source.suffix in VIDEOS else ".mkv"
    output = folder / f"out{ending}"
    before = set(names_in(folder))
    # some cases stylize a part, so that trimming meets damage too
    options: dict[str, Any] = {"frames": "2:4"} if case % 5 == 1 and ending in VIDEOS else {}
    report = error = None
    try:
        report = run(Job(input=source, styles=(style,), output=output, size=48, threads=1, **options))
    except VideoStyleError as caught:
        error = caught
    left = set(names_in(folder)) - before
    if error is not None:
        assert left <= ({f".{output.name}.videostyle"} if error.exit_code == 1 else set()), f"{left} after {error}"
        assert "\n" not in str(error)
        return "refused" if error.exit_code == 2 else "failed"
    assert left == {output.name}
    if ending in VIDEOS:
        check_video(output, len(report.frames))
    else:
        assert cv2.imread(str(output)) is not None
    return "finished"


def work(pipe: Any, seeds: dict[str, bytes], folder: Path) -> None:
    """Receive case numbers; answer with the outcome, or a traceback, and the peak memory so far in bytes."""
    use_identity_stylizer()
    while True:
        case = pipe.recv()
        try:
            outcome = run_case(seeds, case, folder)
        except BaseException:
            outcome = traceback.format_exc()
        pipe.send((outcome, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
