"""Names of outputs: what their suffix says, the default name, and whether they can be written.

Nothing heavy is imported, so that a name is refused before FFmpeg and torch are loaded.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from videostyle.errors import BadOutput
from videostyle.media.containers import CONTAINERS

IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
"""Suffixes of the image formats that can be written."""

DEEP_IMAGES = (".png", ".tif", ".tiff")
"""Those of them that keep 16 bits per channel."""

OPAQUE_IMAGES = (".jpg", ".jpeg")
"""Those of them that cannot be transparent."""

ACCEPTED = f"{' '.join(CONTAINERS)} for a video, {' '.join(IMAGES)} for an image, no suffix for a folder"


def default_output(input: Path, kind: str, styles: tuple[Path, ...]) -> Path:
    """The output's default name: beside the input, the input's stem and those of the styles, joined by underscores.

    kind: of the source ("video", "image" or "folder"). The suffix is the input's where that can be written, else .mkv for a
    video and .png for an image; a folder of frames gives a folder.
    """
    input = Path(os.path.abspath(input))
    stem = "_".join([input.name if kind == "folder" else input.stem, *(style.stem for style in styles)])
    if kind == "folder":
        return input.parent / stem
    writable, otherwise = (CONTAINERS, ".mkv") if kind == "video" else (IMAGES, ".png")
    return input.parent / (stem + (input.suffix if input.suffix.lower() in writable else otherwise))


def output_kind(output: Path) -> str:
    """ "video", "image" or "folder", by the suffix; an existing folder is a folder whatever its name.

    Raises BadOutput for any other suffix, and for a name that no file can have.
    """
    check_length(output)
    suffix = output.suffix.lower()
    if output.is_dir() or not suffix:
        return "folder"
    if suffix in CONTAINERS:
        return "video"
    if suffix in IMAGES:
        return "image"
    raise BadOutput(f"{output} cannot be written: {suffix} is not a format of videos or images known here", ACCEPTED)


def check_output(output: Path, overwrite: bool) -> None:
    """Raises BadOutput where the output cannot be written, or exists and may not be replaced.

    An empty folder may always be filled.
    """
    kind = output_kind(output)
    check_folder(output)
    if kind == "folder" and output.exists() and not output.is_dir():
        raise BadOutput(f"{output} is a file without a suffix", ACCEPTED, "choose another -o")
    taken = any(output.iterdir()) if output.is_dir() else os.path.lexists(output)
    if taken and not overwrite:
        raise BadOutput(f"{output} already exists", todo="add --overwrite to replace it, or choose another -o")


def check_folder(output: Path, option: str = "-o") -> None:
    """Raises BadOutput where nothing can be created beside the output, or inside it where it is a folder.

    option: the option that named the output, for the message.
    """
    parent = Path(os.path.abspath(output)).parent
    if not parent.is_dir():
        raise BadOutput(f"{output}: there is no folder {parent}", todo=f"create it, or choose another {option}")
    for folder in {parent, output if output.is_dir() else parent}:
        if not os.access(folder, os.W_OK | os.X_OK):
            todo = f"choose another {option}, in a folder that you can write to"
            raise BadOutput(f"{output}: the folder {folder} is not writable", todo=todo)


def check_length(output: Path) -> None:
    """Raises BadOutput where the output's name is longer than its file system allows."""
    length, longest = len(os.fsencode(output.name)), longest_name(Path(os.path.abspath(output)).parent)
    if length > longest:
        problem = f"the name {output.name} has {length} bytes, and this file system takes {longest}"
        raise BadOutput(problem, todo="choose a shorter name with -o")


def longest_name(folder: Path) -> int:
    """How many bytes the name of a file in a folder may have."""
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # Windows, and file systems that do not say
        return 255


def longer_name(path: Path, prefix: str, suffix: str) -> Path:
    """A path beside another, whose name is put between prefix and suffix. Where the file system does not take that many bytes,
    the end of the name gives way to a digest of it."""
    folder, name = path.parent, os.fsencode(path.name)
    excess = len(name) + len(prefix + suffix) - longest_name(folder)
    if excess > 0:
        digest = hashlib.sha256(name).hexdigest()[:16]
        name = name[: -excess - len(digest)].decode(errors="ignore").encode() + digest.encode()
    return folder / f"{prefix}{os.fsdecode(name)}{suffix}"


def work_folder(output: Path) -> Path:
    """The hidden folder beside an output that holds everything unfinished."""
    return longer_name(Path(os.path.abspath(output)), ".", ".videostyle")
