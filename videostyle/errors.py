"""The errors that a user can do something about. Each message is one sentence: what was given, what is wrong, what to do."""

from __future__ import annotations


class VideoStyleError(Exception):
    """The base of every error that this program raises on purpose. `str()` is one line, fit for a terminal."""

    exit_code = 1
    """What the command line exits with."""

    def __init__(self, problem: str, accepted: str = "", todo: str = ""):
        """problem: what was given and why it cannot be used. accepted: the values that can be given. todo: the next step."""
        parts = (problem, accepted and f"accepted: {accepted}", todo)
        super().__init__("; ".join(" ".join(part.split()) for part in parts if part))


class BadOption(VideoStyleError):
    """An option has a value that it does not take, or has no effect."""

    exit_code = 2


class BadInput(VideoStyleError):
    """A file that is read is missing, or is not what it should be."""

    exit_code = 2


class BadOutput(VideoStyleError):
    """An output cannot be written: it exists, is in use, has no folder, or its container cannot hold the video."""

    exit_code = 2


class MissingModel(VideoStyleError):
    """The weights of a network are missing, or are not the file that they should be."""

    exit_code = 2


class RunFailed(VideoStyleError):
    """Something failed after the work had begun."""

    exit_code = 1


class Cancelled(VideoStyleError):
    """The caller asked to stop."""

    exit_code = 130
