"""The shape of the package, held by reading its source: who may import whom, and how long things may get."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import videostyle

PACKAGE = Path(videostyle.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"torch", "torchvision", "av", "cv2", "videostyle.rendering.run"}


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Every absolute module name that may be loaded by the imports below a node; `from a import b` may mean a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here, so that they can be checked"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reaches(names: Iterator[str] | set[str], forbidden: set[str]) -> set[str]:
    """Those of the names that are, or lie inside, a forbidden module."""
    return {name for name in names if any(f"{name}.".startswith(f"{wall}.") for wall in forbidden)}


def without_functions(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements that run when the module is imported, less those only a type checker sees."""
    for node in tree.body:
        checker_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if not checker_only and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def modules_in(*folders: str) -> list[Path]:
    return [path for path in MODULES if path.relative_to(PACKAGE).parts[0] in folders]


@pytest.mark.parametrize("path", modules_in("media"), ids=lambda path: path.name)
def test_media_never_sees_torch(path: Path) -> None:
    assert not reaches(
        imported_names(parse(path)),
        {"torch", "torchvision", "videostyle.models", "videostyle.stylizers", "videostyle.tensors"},
    )


@pytest.mark.parametrize("path", modules_in("models", "stylizers"), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_models_and_stylizers_never_see_a_codec(path: Path) -> None:
    assert not reaches(imported_names(parse(path)), {"av", "videostyle.media"})


@pytest.mark.parametrize("module", ["app", "recorder", "virtual_camera"])
def test_preview_loads_opencv_before_ffmpeg_and_no_torch(module: str) -> None:
    """The camera is on the screen before torch is loaded, and OpenCV's window hangs if FFmpeg was loaded before it."""
    script = f"""
import sys, videostyle.webcam.{module}
print('torch' in sys.modules, [name for name in sys.modules if name in ('cv2', 'av')])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False ['cv2', 'av']\n"


@pytest.mark.parametrize(
    "path", [p for p in MODULES if p.name != "__main__.py" and p.parent.name != "cli"], ids=lambda path: path.name
)
def test_nothing_imports_the_command_line(path: Path) -> None:
    assert not reaches(imported_names(parse(path)), {"videostyle.cli"})


@pytest.mark.parametrize(
    "name",
    [
        "__init__.py",
        "config.py",
        "errors.py",
        *(f"cli/{each}.py" for each in ("main", "doctor", "options", "signals", "messages", "progress")),
    ],
)
def test_heavy_imports_stand_inside_functions(name: str) -> None:
    for statement in without_functions(parse(PACKAGE / name)):
        assert not reaches(imported_names(statement), HEAVY)


@pytest.mark.parametrize(
    "command",
    [
        "",
        "main(['--help'])",
        "main(['run', '--help'])",
        "main(['measure', '--help'])",
        "main(['webcam', '--help'])",
        "main(['--version'])",
    ],
)
def test_help_and_importing_load_nothing_heavy(command: str) -> None:
    """Help is shown at once because of this: each of these modules takes a good part of half a second to load, or seconds."""
    script = f"""
import sys, videostyle
from videostyle import Job
from videostyle.cli.main import main
try:
    {command or "pass"}
except SystemExit:
    pass
print(sorted({{'torch', 'torchvision', 'av', 'cv2', 'numpy'}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def functions_of(path: Path) -> list[tuple[str, int]]:
    """Each function's name and its lines, decorators and docstring included."""
    return [
        (node.name, (node.end_lineno or 0) - min([node.lineno, *(each.lineno for each in node.decorator_list)]) + 1)
        for node in ast.walk(parse(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_grows_too_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500
    assert [(name, lines) for name, lines in functions_of(path) if lines > 50] == []


def test_there_is_no_drawer_for_everything() -> None:
    assert not [path for path in MODULES if path.stem in ("utils", "util", "helpers", "misc", "common")]


# --- the checks above can fail ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ("import torch.nn as nn", True),
        ("from torch import nn", True),
        ("def f():\n    import torch", True),
        ("import torchaudio, numpy", False),
        ("from videostyle.media import sources", False),
    ],
)
def test_a_wall_sees_every_form_of_import(source: str, caught: bool) -> None:
    assert bool(reaches(imported_names(ast.parse(source)), {"torch"})) is caught


def test_a_wall_sees_a_part_imported_from_its_package() -> None:
    assert reaches(imported_names(ast.parse("from videostyle import cli")), {"videostyle.cli"})


def test_top_level_means_not_in_functions_and_not_for_type_checkers() -> None:
    tree = ast.parse(
        "if TYPE_CHECKING:\n    import torch\ndef f():\n    import av\ntry:\n    import cv2\nexcept E: pass"
    )
    names = {name for statement in without_functions(tree) for name in imported_names(statement)}
    assert names == {"cv2"}
