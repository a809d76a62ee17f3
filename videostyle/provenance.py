"""The provenance of a result: library names, options as JSON, and fingerprints of files."""

from __future__ import annotations

import hashlib
import os
from dataclasses import fields
from pathlib import Path

from videostyle.media.image_sources import numbered_names
from videostyle.media.images import is_image_name
from videostyle.option_values import style_name
from videostyle.options import ConfigurableOptions, Options, arguments_of, flag_of, options_of
from videostyle.schedules import Schedule

LIBRARIES = ("videostyle", "torch", "torchvision", "opencv-python", "av", "numpy")


def plain_options(job: Options) -> dict[str, object]:
    """A job's arguments and options as JSON has them, by their flags without dashes."""
    return {key: _plain(getattr(job, name)) for name, key in _keys(job).items()}


def plain_origins(job: ConfigurableOptions) -> dict[str, str]:
    """Where each value came from that is not a default, by the keys of `plain_options`."""
    return {key: job.origins[name] for name, key in _keys(job).items() if name in job.origins}


def _keys(job: Options) -> dict[str, str]:
    """The JSON key of each argument and option, by the name of its field, but for flags that stand for another."""
    flags = {name: flag_of(name, record) for name, record in options_of(job).items()}
    records = options_of(job)
    names = [
        part.name
        for part in fields(job)
        if part.name in arguments_of(job) or (part.name in flags and not records[part.name].stands_for)
    ]
    return {name: flags.get(name, name).lstrip("-").replace("-", "_") for name in names}


def _plain(value: object) -> object:
    """An option as JSON has it."""
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return str(value) if isinstance(value, (Path, Schedule)) else value


SAMPLES, SAMPLE = 64, 1 << 20  # a file up to 64 MiB is hashed whole, of a larger one 64 samples of 1 MiB

Identity = dict[str, str]


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: Path) -> str:
    """A short hash that changes when a file, a folder of images, or a style changes; takes at most some tenths of a second.

    For a file it covers the size and the bytes, of a large file 64 samples from its beginning to its end. For a folder it
    covers the names, sizes and modification times of its numbered images only, because an output and this run's own work
    folder may lie beside them; for a style `FOLDER@all` all its images. Raises BadInput if the folder is not one of numbered
    images.
    """
    style = style_name(path)
    digest = hashlib.sha256(b"" if style.time is None else f"at {float(style.time)} ".encode())
    path = style.path
    if path.is_dir():
        names = (
            sorted(file.name for file in path.iterdir() if is_image_name(file))
            if style.all
            else numbered_names(path).values()
        )
        for name in names:
            facts = (path / name).stat()
            digest.update(f"{name!r} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    else:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            digest.update(str(size).encode())
            step = max(SAMPLE, (size - SAMPLE) / (SAMPLES - 1))
            for number in range(min(SAMPLES, -(-size // SAMPLE))):
                file.seek(round(number * step))
                digest.update(file.read(SAMPLE))
    return digest.hexdigest()[:16]
