"""The structure of the package: who imports whom, what loads at once, and how long things may get."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import videostyle

PACKAGE = Path(videostyle.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
CONTRACTS = PACKAGE.parent / ".importlinter"


# --- who imports whom ------------------------------------------------------------------------------------------------


def test_imports_keep_the_contracts() -> None:
    """Imports run down, media never reaches torch, models and stylizers never reach a codec: through any number of modules."""
    assert lint_imports(str(CONTRACTS), no_cache=True) == 0


def test_a_broken_contract_is_noticed(tmp_path: Path) -> None:
    """What the contracts of the test above would say of an import that they forbid: NumPy is two imports away from sinks."""
    contract = "[importlinter:contract:x]\nname = x\ntype = forbidden\nsource_modules = videostyle.media.sinks\n"
    head = "[importlinter]\nroot_package = videostyle\ninclude_external_packages = True\n"
    (tmp_path / "contracts").write_text(f"{head}{contract}forbidden_modules = numpy\n", encoding="utf-8")
    assert lint_imports(str(tmp_path / "contracts"), no_cache=True) == 1


def imported_names(path: Path) -> Iterator[str]:
    """Every absolute name that a module imports, at any depth."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, (
                f"{path}, line {node.lineno}: imports are absolute here, so that they can be searched for"
            )
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def test_a_job_is_resolved_once() -> None:
    """Of the modules that render, only those at the top see a Job; the others see the plan made from it."""
    rendering = (PACKAGE / "rendering").glob("*.py")
    assert {path.name for path in rendering if "videostyle.config.Job" in imported_names(path)} == {
        "plan.py",
        "outputs.py",
        "run.py",
    }


# --- what loads at once ----------------------------------------------------------------------------------------------


def loaded_by(script: str, modules: set[str]) -> list[str]:
    """Those of the modules that a script has loaded at its end, in the order in which they were."""
    ending = f"\nimport sys; print([name for name in sys.modules if name in {modules!r}])"
    done = subprocess.run([sys.executable, "-c", script + ending], capture_output=True, text=True, check=True)
    return ast.literal_eval(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("module", ["app", "recorder", "virtual_camera"])
def test_webcam_loads_opencv_before_ffmpeg_and_no_torch(module: str) -> None:
    """The camera is on the screen before torch is loaded, and OpenCV's window hangs if FFmpeg was loaded before it."""
    assert loaded_by(f"import videostyle.webcam.{module}", {"torch", "cv2", "av"}) == ["cv2", "av"]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["run", "--help"], ["measure", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    """Help is shown at once because of this: each of these modules takes a good part of half a second to load, or seconds."""
    script = f"""
from videostyle import Job
from videostyle.cli.main import main
try:
    main({arguments!r}) if {arguments!r} else None
except SystemExit:
    pass
"""
    assert loaded_by(script, {"torch", "torchvision", "av", "cv2", "numpy"}) == []


# --- how long things get ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_length(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    functions = [node for node in ast.walk(parse(path)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    starts = {node: min([node.lineno, *(each.lineno for each in node.decorator_list)]) for node in functions}
    assert [node.name for node, start in starts.items() if (node.end_lineno or 0) - start >= 45] == []


def test_no_module_for_everything() -> None:
    assert not [path for path in MODULES if path.stem in ("utils", "util", "helpers", "misc", "common")]
