"""What is refused before torch, FFmpeg and OpenCV are loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from videostyle.checks import check_export, check_measure, check_run, check_train, clips_of, expected_output, is_done
from videostyle.config import ExportJob, Job, MeasureJob, TrainJob
from videostyle.errors import BadInput, BadOption, BadOutput, VideoStyleError

RUN = ["run", "in.mp4", "style.jpg"]
MEASURE = ["measure", "in.mp4", "in_old.mp4", "--style", "style.jpg"]
TRAIN = ["train", "style.jpg", "--on", "in.mp4"]

REFUSED = {
    "input": (["run", "gone.mp4", "style.jpg"], "gone.mp4 does not exist"),
    "style": (["run", "in.mp4", "gone.jpg"], "style gone.jpg does not exist"),
    "style that is a folder": (
        ["run", "in.mp4", "style.jpg", "folder"],
        "folder is no style image; name images as styles",
    ),
    "option": ([*RUN, "--size", "31"], "--size 31 is out of range"),
    "option without effect": ([*RUN, "--minutes", "3"], "--minutes has no effect without --engine learned"),
    "output that exists": ([*RUN, "-o", "in_old.mp4"], "in_old.mp4 already exists; add --overwrite"),
    "default output that exists": (["run", "in.mp4", "old.jpg"], "in_old.mp4 already exists; add --overwrite"),
    "folder that is not empty": ([*RUN, "-o", "folder"], "folder already exists"),
    "suffix": ([*RUN, "-o", "out.mp3"], ".mp3"),
    "video that is only read": (
        [*RUN, "-o", "out.avi"],
        ".avi files are only read; choose a name that ends in .mkv or .mp4",
    ),
    "animation suffix alone": ([*RUN, "-o", ".gif"], ".gif is a suffix without a name"),
    "image that is only read": ([*RUN, "-o", "out.heic"], "choose a name that ends in .png or .tif"),
    "suffix alone": ([*RUN, "-o", ".mp4"], ".mp4 is a suffix without a name"),
    "standard output": ([*RUN, "-o", "-"], "-o - is the standard output"),
    "address of an output": ([*RUN, "-o", "rtmp://a.b/c.mp4"], "rtmp://a.b/c.mp4 is an address"),
    "folder with other files": ([*RUN, "-o", "folder"], "-o folder/in_style.mp4 writes a file into it"),
    "long output": ([*RUN, "-o", "x" * 252 + ".mp4"], "has 256 bytes"),
    "standard input": (
        ["run", "-", "style.jpg"],
        "- is a stream, and a file is read more than once; write it to a file",
    ),
    "device of the standard input": (["run", "/dev/stdin", "style.jpg"], "/dev/stdin is a stream"),
    "fifo": (["run", "fifo", "style.jpg"], "fifo is a stream"),
    "device": (["run", "/dev/null", "style.jpg"], "/dev/null is not a regular file"),
    "address": (
        ["run", "https://a.b/c.mp4", "style.jpg"],
        "https://a.b/c.mp4 is an address, and only files are read",
    ),
    "address of a style": (["run", "in.mp4", "https://a.b/c.jpg"], "https://a.b/c.jpg is an address"),
    "long input": (["run", "x" * 300, "style.jpg"], "cannot be read: File name too long"),
    "wrong way round": (["run", "style.jpg", "in.mp4"], "the wrong way round? videostyle run in.mp4 style.jpg"),
    "folder and style the wrong way round": (["run", "style.jpg", "folder"], "videostyle run folder style.jpg"),
    "style model and clip": (["run", "old.vstyle", "in.mp4"], "the wrong way round? videostyle run in.mp4 old.vstyle"),
    "two clips": (["run", "in.mp4", "in_old.mp4", "style.jpg"], "further clips as --also in_old.mp4"),
    "frame of a clip": (["run", "in.mp4", "in_old.mp4"], "a frame of it as in_old.mp4@12.5s"),
    "images of a folder": (["run", "in.mp4", "folder"], "all images in it as folder@all"),
    "trained on a folder": (["train", "folder", "--on", "in.mp4"], "style folder is a folder; name an image"),
    "images of a file": (["run", "in.mp4", "style.jpg@all"], "style style.jpg@all: style.jpg is not a folder"),
    "time of a folder": (["run", "in.mp4", "folder@2s"], "style folder@2s is a folder"),
    "time of a style": (["run", "in.mp4", "in_old.mp4@noon"], "the time of style 'noon' is not a time"),
    "frame of a missing clip": (["run", "in.mp4", "gone.mp4@2s"], "style gone.mp4@2s does not exist"),
    "colors": ([*RUN, "--colors", "gone.jpg"], "--colors gone.jpg does not exist"),
    "colors of a clip": ([*RUN, "--colors", "in_old.mp4"], "--colors in_old.mp4 is a video; name a frame of it"),
    "folder of clips": (
        ["run", "clips", "style.jpg"],
        "videos such as a.mp4, not of numbered frames; name one of them, and add the others by --also clips",
    ),
    "measured folder of clips": (["measure", "in.mp4", "clips", "--style", "style.jpg"], "clips is a folder of videos"),
    "training on a folder of clips": (["train", "style.jpg", "--on", "clips"], "clips is a folder of videos"),
    "training on a style": (["train", "in.mp4", "--on", "in.mp4"], "style in.mp4 is a video"),
    "address of a file": (["run", "file:///a.mp4", "style.jpg"], "name the file itself, without file://"),
    "empty name": (["run", "", "style.jpg"], "INPUT is an empty text"),
    "time": ([*RUN, "--start", "1:30"], "--start '1:30' is not a time; accepted: "),
    "shorter side": ([*RUN, "--size", "31p"], "--size 31p is out of range"),
    "mixed and restart": ([*RUN, "--mixed", "--restart"], "--mixed has no effect with --restart"),
    "several clips into a file": ([*RUN, "--also", "clips", "-o", "out.mp4"], "-o out.mp4 is not the name of a folder"),
    "missing clip of several": ([*RUN, "--also", "gone.mp4"], "gone.mp4 does not exist"),
    "missing style of several": (["run", "in.mp4", "gone.jpg", "--also", "clips"], "style gone.jpg does not exist"),
    "results of one name": ([*RUN, "--also", "clips/in.mp4", "-o", "new"], "would both be written to new/in_style.mp4"),
    "report of several": ([*RUN, "--also", "clips", "--report", "r.json"], "--report has no effect with --also"),
    "frames of one": ([*RUN, "--frames-out"], "--frames-out has no effect without --also"),
    "folder of the output": ([*RUN, "-o", "nowhere/out.mp4"], "there is no folder"),
    "audio": ([*RUN, "--audio", "gone.wav"], "--audio gone.wav does not exist"),
    "begin with": ([*RUN, "--begin-with", "gone.vstyle"], "--begin-with gone.vstyle does not exist"),
    "suffix of a report": ([*RUN, "--report", "r.pdf"], "--report r.pdf does not end in .json or .html"),
    "folder of a report": ([*RUN, "--report", "nowhere/r.json"], "there is no folder"),
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
    files = ["in.mp4", "in_old.mp4", "style.jpg", "old.jpg", "old.json", "old.vstyle", "old.onnx", "folder/1.png"]
    for name in (*files, "clips/a.mp4", "clips/b.avi", "clips/in.mp4", "clips/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "fifo")
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


def test_a_default_output_in_a_folder_that_is_not_writable(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused at once, whatever the kind of the input turns out to be."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # a test run by root may write everywhere
    for name in ("in.mp4", "clips/b.avi", "style.jpg"):
        with pytest.raises(BadOutput, match="is not writable"):
            check_run(Job(input=place / name, styles=(place / "old.jpg",)))


def test_clips_of_a_job(place: Path) -> None:
    """The input, then those of --also; a folder of videos stands for its videos, a folder of frames for itself, each once."""
    also = (place / "clips", place / "folder", place / "clips" / "a.mp4")
    job = Job(input=place / "in.mp4", styles=(place / "style.jpg",), also=also)
    names = ["in.mp4", "clips/a.mp4", "clips/b.avi", "clips/in.mp4", "folder"]
    assert clips_of(job) == [place / name for name in names]


def test_what_is_done(place: Path) -> None:
    """A result that is there is done, unless it may be replaced or an interrupted run of it is waiting."""
    job = Job(input=place / "in.mp4", styles=(place / "style.jpg",), output=place / "in_old.mp4")
    assert is_done(job)
    assert not is_done(replace(job, overwrite=True))
    assert not is_done(replace(job, output=place / "new.mp4"))
    (place / "empty").mkdir()
    assert not is_done(replace(job, output=place / "empty"))
    assert is_done(replace(job, output=place / "folder"))
    (place / ".in_old.mp4.videostyle").mkdir()
    assert not is_done(job)


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
