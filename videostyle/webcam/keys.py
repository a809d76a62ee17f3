"""What the keys do to what is shown."""

from __future__ import annotations

from dataclasses import dataclass, field

ESCAPE = "\x1b"

STEP = 0.1  # of the strength

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
    "i": "figures",
    "h": "this help",
    "q": "quit",
}

SAME = {"=": "+", "_": "-", " ": "f", "?": "h", ESCAPE: "q"}


@dataclass
class Controls:
    """What the user has chosen. styles: how many there are. asked: "snapshot" and "record", until the loop has seen to it."""

    styles: int
    style: int = 0
    strength: float = 1.0
    mirror: bool = False
    beside: bool = False
    frozen: bool = False
    figures: bool = False
    help: bool = False
    quit: bool = False
    asked: set[str] = field(default_factory=set)

    def press(self, key: str) -> None:
        """Does what a key stands for; other keys do nothing."""
        key = SAME.get(key, key.lower())
        toggles = {"m": "mirror", "b": "beside", "f": "frozen", "i": "figures", "h": "help"}
        if key in toggles:
            setattr(self, toggles[key], not getattr(self, toggles[key]))
        elif key in ("n", "p"):
            self.style = (self.style + (1 if key == "n" else -1)) % self.styles
        elif key in ("+", "-"):
            change = STEP if key == "+" else -STEP
            self.strength = min(1.0, max(0.0, round(self.strength + change, 3)))
        elif key in ("s", "r"):
            self.asked.add({"s": "snapshot", "r": "record"}[key])
        elif key == "q":
            self.quit = True
