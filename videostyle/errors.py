"""Errors a user can do something about: each says what was given, what is accepted, what to do next."""

from __future__ import annotations


class VideoStyleError(Exception):
    """Base of every error this program raises on purpose; `str()` is one line fit for a terminal.

    problem: what was given and why it cannot be used. accepted: what would be taken. todo: the next step.
    """

    exit_code = 1

    def __init__(self, problem: str, accepted: str = "", todo: str = ""):
        parts = (problem, accepted and f"accepted: {accepted}", todo)
        super().__init__("; ".join(" ".join(part.split()) for part in parts if part))


class BadOption(VideoStyleError):
    """An option's value is outside what it takes."""

    exit_code = 2


class BadInput(VideoStyleError):
    """The input or a style cannot be read as what it should be."""

    exit_code = 2


class BadOutput(VideoStyleError):
    """The output cannot be written: exists, busy, no such folder, or a container that cannot hold the video."""

    exit_code = 2


class MissingModel(VideoStyleError):
    """A network's weights are not at hand, or are not the file they should be."""

    exit_code = 2


class RunFailed(VideoStyleError):
    """Something broke after painting began."""

    exit_code = 1


class Cancelled(VideoStyleError):
    """The caller asked to stop."""

    exit_code = 130
