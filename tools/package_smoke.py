"""Tries a built wheel in a fresh environment: `python tools/package_smoke.py dist/*.whl`, from the root of a checkout.

The wheel is installed alone; its dependencies are those of the Python that runs this script. So nothing large is installed
again, and a module or a file that the wheel lacks is missed all the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
import zipfile
from pathlib import Path

COMMANDS = (["--version"], ["--help"], ["run", "--help"], ["doctor"])
IMPORT = "import sys, videostyle; sys.exit(0 if videostyle.__file__.startswith(sys.prefix) else videostyle.__file__)"


def missing_files(wheel: Path, package: Path) -> list[str]:
    """The files of the package's folder, such as py.typed and the page's template, that the wheel does not hold."""
    files = [each for each in package.rglob("*") if each.is_file() and "__pycache__" not in each.parts]
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    return sorted({each.relative_to(package.parent).as_posix() for each in files} - held)


def installed(wheel: Path, folder: Path) -> Path:
    """The folder of programs of a new environment that holds the wheel, and sees the dependencies of this Python."""
    venv.create(folder, with_pip=False)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / ("python.exe" if os.name == "nt" else "python")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", query], check=True, capture_output=True, text=True).stdout.strip()
    # read after the environment's own packages, and without the .pth file that an editable install leaves there
    Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return scripts


def main(wheel: Path) -> None:
    package = Path("videostyle")
    if missing := missing_files(wheel, package):
        sys.exit(f"error: {wheel.name} lacks {', '.join(missing)}")
    if not (package / "py.typed").exists():
        sys.exit("error: videostyle/py.typed does not exist")
    with tempfile.TemporaryDirectory() as folder:
        scripts = installed(wheel.absolute(), Path(folder) / "venv")
        subprocess.run([scripts / "python", "-c", IMPORT], check=True, cwd=folder)
        for arguments in COMMANDS:
            print("$ videostyle", *arguments, flush=True)
            subprocess.run([scripts / "videostyle", *arguments], check=True, cwd=folder)
    print(f"{wheel.name}: ok")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/package_smoke.py WHEEL")
    main(Path(sys.argv[1]))
