"""What is refused before torch, FFmpeg and OpenCV are loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from videostyle.checks import check_export, check_measure, check_run, check_train, expected_output
from videostyle.config import ExportJob, Job, MeasureJob, TrainJob
from videostyle.errors import BadInput, BadOption, BadOutput, VideoStyleError

RUN = ["run", "in.mp4", "style.jpg"]
MEASURE = ["measure", "in.mp4", "in_old.mp4", "--style", "style.jpg"]
TRAIN = ["train", "style.jpg", "--on", "in.mp4"]

REFUSED = {
    "input": (["run", "gone.mp4", "style.jpg"], "gone.mp4 does not exist"),
    "style": (["run", "in.mp4", "gone.jpg"], "style gone.jpg does not exist"),
    "style that is a folder": (["run", "in.mp4", "folder"], "style folder is not a file"),
    "option": ([*RUN, "--size", "31"], "--size 31 is out of range"),
    "option without effect": ([*RUN, "--minutes", "3"], "--minutes has no effect without --engine learned"),
    "output that exists": ([*RUN, "-o", "in_old.mp4"], "in_old.mp4 already exists; add --overwrite"),
    "default output that exists": (["run", "in.mp4", "old.jpg"], "in_old.mp4 already exists; add --overwrite"),
    "folder that is not empty": ([*RUN, "-o", "folder"], "folder already exists"),
    "suffix": ([*RUN, "-o", "out.mp3"], ".mp3"),
    "folder of the output": ([*RUN, "-o", "nowhere/out.mp4"], "there is no folder"),
    "audio": ([*RUN, "--audio", "gone.wav"], "--audio gone.wav does not exist"),
    "begin with": ([*RUN, "--begin-with", "gone.vstyle"], "--begin-with gone.vstyle does not exist"),
    "suffix of a report": ([*RUN, "--report", "r.pdf"], "--report r.pdf does not end in .json or .html"),
    "folder of a report": ([*RUN, "--report", "nowhere/r.json"], "there is no folder nowhere"),
    "report that exists": ([*RUN, "--report", "old.json"], "--report old.json already exists"),
    "measured source": (["measure", "gone.mp4", "in.mp4", "--style", "style.jpg"], "gone.mp4 does not exist"),
    "measured output": (["measure", "in.mp4", "gone.mp4", "--style", "style.jpg"], "gone.mp4 does not exist"),
    "measured style": (["measure", "in.mp4", "in.mp4", "--style", "gone.jpg"], "style gone.jpg does not exist"),
    "page": ([*MEASURE, "-o", "p.pdf"], "--page p.pdf does not end in .html"),
    "json that exists": ([*MEASURE, "--json", "old.json"], "--json old.json already exists"),
    "folder of flow": ([*MEASURE, "--flow-dir", "gone"], "--flow-dir gone is not a folder"),
    "training style": (["train", "gone.jpg", "--on", "in.mp4"], "style gone.jpg does not exist"),
    "training clip": (["train", "style.jpg", "--on", "gone.mp4"], "gone.mp4 does not exist"),
    "trained output that exists": ([*TRAIN, "-o", "old.vstyle"], "old.vstyle already exists"),
    "folder of a style model": ([*TRAIN, "-o", "nowhere/a.vstyle"], "there is no folder"),
    "exported model": (["export", "gone.vstyle"], "gone.vstyle does not exist"),
    "exported output that exists": (["export", "old.vstyle"], "old.onnx already exists"),
    "style of the preview": (["webcam", "gone.jpg"], "style gone.jpg does not exist"),
    "webcam style": (["webcam", "a.vstyle", "--tv-weight", "7"], "--tv-weight has no effect with style models"),
}

SCRIPT = """
import contextlib, io, json, sys
from videostyle.cli.main import main

answers = []
for words in json.loads(sys.argv[1]):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            main(words)
        except SystemExit as end:
            code = end.code
    answers.append([code, said.getvalue(), sorted({"torch", "av", "cv2"} & set(sys.modules))])
print(json.dumps(answers))
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder of files whose content nothing here looks at."""
    for name in ("in.mp4", "in_old.mp4", "style.jpg", "old.jpg", "old.json", "old.vstyle", "old.onnx", "folder/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_refused_before_anything_heavy_is_loaded(place: Path) -> None:
    """One process for all: whatever had loaded a library would show in every later answer too."""
    lines = [words for words, _ in REFUSED.values()]
    command = [sys.executable, "-c", SCRIPT, json.dumps(lines)]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=True)
    for (name, (_, named)), (code, said, loaded) in zip(REFUSED.items(), json.loads(done.stdout), strict=True):
        assert (code, said.count("\n"), loaded) == (2, 1, []), (name, said)
        assert said.startswith("error: ")
        assert named in said, name


def test_reports_are_not_replaced(place: Path) -> None:
    job = {"input": place / "in.mp4", "styles": (place / "style.jpg",), "report": (place / "old.json",)}
    with pytest.raises(BadOutput, match="already exists"):
        check_run(Job(**job))  # type: ignore[arg-type]
    check_run(Job(**job, overwrite=True))  # type: ignore[arg-type]


def test_what_is_fine_passes(place: Path) -> None:
    clip, style = place / "in.mp4", place / "style.jpg"
    check_run(Job(input=clip, styles=(style,), audio="none", report=(place / "R.JSON", place / "p.html")))
    check_measure(MeasureJob(source=clip, output=clip, styles=(style,), json=place / "new.json"))
    check_train(TrainJob(styles=(style,), on=(clip,)))
    check_export(ExportJob(model=place / "old.vstyle", overwrite=True))


def test_an_interrupted_training_may_replace_its_output(place: Path) -> None:
    job = TrainJob(styles=(place / "style.jpg",), on=(place / "in.mp4",), output=place / "old.vstyle")
    with pytest.raises(BadOutput):
        check_train(job)
    (place / ".old.vstyle.videostyle").mkdir()
    check_train(job)


@pytest.mark.parametrize(
    ("source", "expected"),
    [("in.mp4", "in_style.mp4"), ("folder", "folder_style"), ("photo.png", None), ("unknown", None)],
)
def test_default_outputs_that_are_certain(source: str, expected: str | None, place: Path) -> None:
    """A .png may be an animation, and a file without a suffix anything: their outputs are checked when they are open."""
    found = expected_output(Job(input=place / source, styles=(Path("style.jpg"),)))
    assert found == (place / expected if expected else None)


@pytest.mark.parametrize(
    ("check", "job", "error"),
    [
        (check_run, Job(input=Path("gone.mp4"), styles=(Path("gone.jpg"),)), BadInput),
        (check_run, Job(input=Path("gone.mp4"), styles=(Path("s.jpg"),), report=(Path("r.txt"),)), BadOption),
    ],
)
def test_kinds_of_errors(check: Any, job: Any, error: type[VideoStyleError]) -> None:
    with pytest.raises(error):
        check(job)
