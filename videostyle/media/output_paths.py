"""Names of outputs: what their suffix says, the default name, and whether they can be written.

Nothing heavy is imported, so that a name is refused before FFmpeg and torch are loaded.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from videostyle.errors import BadOutput
from videostyle.media.containers import ANIMATIONS, CONTAINERS
from videostyle.option_values import style_name

IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
"""Suffixes of the image formats that can be written."""

DEEP_IMAGES = (".png", ".tif", ".tiff")
"""Those of them that keep 16 bits per channel."""

OPAQUE_IMAGES = (".jpg", ".jpeg")
"""Those of them that cannot be transparent."""
FILMS = (
    *CONTAINERS,
    *(".avi", ".wmv", ".asf", ".flv", ".f4v", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".m1v", ".m2v", ".vob", ".ogv"),
    *(".3gp", ".3g2", ".mxf", ".nut", ".mjpeg", ".mjpg", ".dv", ".rm", ".rmvb", ".divx", ".h264", ".hevc", ".y4m"),
)
"""Suffixes that only videos have. Not all that can be read: what a file is, its content decides."""

STILLS = (".bmp", ".heic", ".heif", ".avif", ".jp2", ".tga", ".exr", ".dpx", ".psd", ".svg")
"""Suffixes of other images, for a message about what can be written in their place."""

ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+:)//?(.*)", re.DOTALL)
"""An address such as https://example.org/clip.mp4, which a Path holds with one slash; C:/ is none."""

ACCEPTED = (
    f"{' '.join(CONTAINERS)} for a video, {' '.join(ANIMATIONS)} for an animation, {' '.join(IMAGES)} for an image, "
    "no suffix for a folder"
)


def default_output(input: Path, kind: str, styles: tuple[Path, ...]) -> Path:
    """The output's default name: beside the input, the input's stem and those of the styles, joined by underscores.

    kind: of the source ("video", "image" or "folder"). The suffix is the input's where that can be written, else .mkv for a
    video and .png for an image; a folder of frames gives a folder.
    """
    input = Path(os.path.abspath(input))
    stems = [style_name(style).as_file.stem for style in styles]
    if kind == "folder":  # no dot but the input's own, as "_style.b" would be a suffix
        stem = "_".join([input.name, *(stem.replace(".", "_") for stem in stems)])
    else:
        stem = "_".join([input.stem, *stems])
    writable, otherwise = {"video": (CONTAINERS, ".mkv"), "image": (IMAGES, ".png"), "folder": ((), "")}[kind]
    suffix = input.suffix if input.suffix.lower() in writable else otherwise
    return longer_name(input.parent / stem, "", suffix)


def output_kind(output: Path) -> str:
    """ "video", "animation", "image" or "folder", by the suffix; an existing folder is one whatever its name.

    A .webp is an image here; `is_animation` says what it holds. Raises BadOutput for any other suffix, and for a name that no
    file can have.
    """
    check_length(output)
    suffix = output.suffix.lower()
    if os.path.isdir(output):
        return "folder"
    if output.name.lower() in (*CONTAINERS, *ANIMATIONS, *IMAGES):
        raise BadOutput(f"{output} is a suffix without a name", todo=f"choose a name such as out{output.name}")
    if not suffix[1:].isalnum():  # such as frames.v2_style
        return "folder"
    if suffix in CONTAINERS:
        return "video"
    if suffix in IMAGES:
        return "image"
    if suffix in ANIMATIONS:
        return "animation"
    for suffixes, others in ((FILMS, ".mkv or .mp4"), (STILLS, ".png or .tif")):
        if suffix in suffixes:
            problem = f"{output} cannot be written: {suffix} files are only read"
            raise BadOutput(problem, todo=f"choose a name that ends in {others}")
    raise BadOutput(f"{output} cannot be written: {suffix} is not a format of videos or images known here", ACCEPTED)


def is_animation(output: Path, single: bool) -> bool:
    """Whether an output is written as an animation. single: whether it holds one frame, which makes a .webp an image."""
    kind = output_kind(output)
    return kind == "animation" or (kind == "image" and output.suffix.lower() in ANIMATIONS and not single)


def check_output(output: Path, overwrite: bool, inside: str = "") -> None:
    """Raises BadOutput where the output cannot be written, or exists and may not be replaced.

    An empty folder may always be filled, and so may one that an interrupted run has begun to fill. inside: the name of a
    file that could be written into the output where it is a folder with other files.
    """
    try:
        kind = output_kind(output)
        check_folder(output)
        if kind == "folder" and os.path.lexists(output) and not output.is_dir():
            raise BadOutput(f"{output} is a file without a suffix", ACCEPTED, "choose another -o")
        if overwrite or not os.path.lexists(output):
            return
        if kind != "folder":
            raise BadOutput(f"{output} already exists", todo="add --overwrite to replace it, or choose another -o")
        if has_other_files(output):
            todo = "choose another -o, or add --overwrite to write numbered frames into it"
            if inside:
                todo = f"-o {output / inside} writes a file into it, and --overwrite numbered frames"
            raise BadOutput(f"{output} already exists and is not empty", todo=todo)
    except OSError as error:
        raise BadOutput(f"{output} cannot be written: {error.strerror}", todo="choose another -o") from error


def has_other_files(folder: Path) -> bool:
    """Whether a folder has files other than the frames that an interrupted run has begun to move there."""
    pictures = work_folder(folder) / "parts" / "pictures"
    own = set(os.listdir(pictures)) if pictures.is_dir() else set()
    return any(name not in own and not (name.startswith(".") and name.endswith(".part")) for name in os.listdir(folder))


def check_folder(output: Path, option: str = "-o") -> None:
    """Raises BadOutput where nothing can be created beside the output, or inside it where it is a folder.

    option: the option that named the output, for the message.
    """
    if str(output) == "-":
        problem = f"{option} - is the standard output, to which nothing is written yet"
        raise BadOutput(problem, todo="name a file such as out.mkv")
    if match := ADDRESS.match(str(output)):
        problem = f"{option} {match[1]}//{match[2]} is an address, and only files are written"
        raise BadOutput(problem, todo="name a file such as out.mkv")
    parent = Path(os.path.abspath(output)).parent
    if not os.path.isdir(parent):
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
