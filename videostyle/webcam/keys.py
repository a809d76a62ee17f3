"""The keys of the preview and what they control."""

from __future__ import annotations

from dataclasses import dataclass, field

ESCAPE = "\x1b"

STEP = 0.1
"""Change of the blend by one key press."""

KEYS = {
    "n": "next style",
    "p": "previous style",
    "+": "stronger",
    "-": "weaker",
    "m": "mirror",
    "b": "camera beside it",
    "f": "freeze",
    "s": "snapshot",
    "r": "record",
    "i": "statistics",
    "h": "help",
    "q": "quit",
}
"""What every key does, in the words of the help and of the buttons."""

ALIASES = {"=": "+", "_": "-", " ": "f", "?": "h", ESCAPE: "q"}


@dataclass
class Controls:
    """The user's settings, changed by keys."""

    styles: int
    """How many styles there are."""
    style: int = 0
    """The selected one."""
    blend: float = 1.0
    """Opacity of the stylized picture over the camera's, in [0, 1]."""
    mirror: bool = False
    beside: bool = False
    """The camera's own picture is shown beside the stylized one."""
    frozen: bool = False
    stats: bool = False
    help: bool = False
    quit: bool = False
    pending: set[str] = field(default_factory=set)
    """What was asked for and not yet done: "snapshot", "record"."""

    def press(self, key: str) -> None:
        """Apply a key; one without a meaning does nothing."""
        key = ALIASES.get(key, key.lower())
        toggles = {"m": "mirror", "b": "beside", "f": "frozen", "i": "stats", "h": "help"}
        if key in toggles:
            setattr(self, toggles[key], not getattr(self, toggles[key]))
        elif key in ("n", "p"):
            self.style = (self.style + (1 if key == "n" else -1)) % self.styles
        elif key in ("+", "-"):
            change = STEP if key == "+" else -STEP
            self.blend = min(1.0, max(0.0, round(self.blend + change, 3)))
        elif key in ("s", "r"):
            self.pending.add({"s": "snapshot", "r": "record"}[key])
        elif key == "q":
            self.quit = True

    def take_pending(self) -> set[str]:
        """What has been asked for since the last call."""
        pending, self.pending = self.pending, set()
        return pending
