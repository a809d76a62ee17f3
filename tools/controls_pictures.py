"""Makes the pictures of docs/controls.md from the sample clip: `python tools/controls_pictures.py`; minutes on two cores."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SAMPLES = Path("sample_media")
STYLES = SAMPLES / "styles"
FOLDER = ROOT / "docs" / "controls"

PICTURES = {
    "strength": ["swirls.jpg", "--vary", "strength=0.3,0.6,1"],
    "colors": ["mosaic.jpg", "--vary", f"colors=style,clip,match,{STYLES / 'swirls.jpg'}"],
    "masks": ["swirls.jpg", "--vary", "mask=luma:0-0.5;luma:0.5-1"],
    "regions": ["swirls.jpg", "--vary", f"region=luma:0.6-1:feather=3={STYLES / 'mosaic.jpg'}"],
}
"""The style images and the options of each sheet, by the picture's name."""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, words in PICTURES.items():
        arguments = [
            str(STYLES / word) if word in ("swirls.jpg", "woodcut.jpg", "mosaic.jpg") else word for word in words
        ]
        command = ["sheet", str(SAMPLES / "clip.mp4"), *arguments, "--at", "30", "-o", str(FOLDER / f"{name}.jpg")]
        subprocess.run([sys.executable, "-m", "videostyle", *command, "--overwrite", "--quiet"], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
