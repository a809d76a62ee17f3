"""`videostyle shots`: the list of a clip's shots, and the picture of them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import make_clip
from tests.support.command import run_command
from tests.support.runs import moving_disc, stripes
from videostyle import ShotsJob, list_shots
from videostyle.errors import BadInput, BadOption, BadOutput
from videostyle.media.images import read_picture
from videostyle.shots.contact_sheet import LABEL, MARGIN, ContactSheet


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Three frames of one shot, four of another and two of a third, at 10 a second."""
    images = [*moving_disc(3), *stripes(4), *(255 - image[:, ::-1] for image in moving_disc(2))]
    return make_clip(tmp_path / "a clip.mkv", images, rate=10, codec="ffv1", pix_fmt="bgr0")


def test_list(clip):
    """It lies beside the clip, with the first frame of each shot, and its end and times as comments."""
    listing = list_shots(ShotsJob(input=clip))
    assert (listing.output.name, listing.contact_sheet.name) == ("a clip_shots.toml", "a clip_shots.jpg")
    text = listing.output.read_text()
    assert tomllib.loads(text) == {"shot": [{"start": 1}, {"start": 4}, {"start": 8}]}
    assert "[[shot]]  # 2: frames 4 to 7, 0:00:00.300 to 0:00:00.600\nstart = 4\n" in text
    assert "a clip.mkv" in text
    assert "style_weight" in text


def test_picture(clip):
    """It has the first, the middle and the last frame of each shot."""
    listing = list_shots(ShotsJob(input=clip, output=clip.with_name("x.toml")))
    picture = read_picture(listing.contact_sheet).image.astype(float)
    sheet = ContactSheet((36, 48), 3)
    assert picture.shape == (sheet.picture.height, sheet.picture.width, 3)
    frames = [*moving_disc(3), *stripes(4), *(255 - image[:, ::-1] for image in moving_disc(2))]
    for shot, ordinals in enumerate([(0, 1, 2), (3, 4, 6), (7, 7, 8)]):
        left, top = sheet.place(shot)
        label = picture[top : top + LABEL, left : left + sheet.cell[1] - MARGIN]
        assert label.max() > 150
        for place, ordinal in enumerate(ordinals):
            shown = picture[top + LABEL :, left + 48 * place :][:36, :48]
            errors = [np.abs(shown - frame).mean() for frame in frames]
            assert errors[ordinal] == min(errors) < 15


def test_numbers_of_files(tmp_path):
    """In a folder, frames go by the numbers of the files."""
    folder = tmp_path / "take"
    folder.mkdir()
    for number, image in enumerate([*moving_disc(3), *stripes(4)], 101):
        cv2.imwrite(str(folder / f"{number}.png"), image[..., ::-1])
    listing = list_shots(ShotsJob(input=folder))
    assert listing.output == tmp_path / "take_shots.toml"
    assert [(shot.first, shot.last) for shot in listing.shots] == [(101, 103), (104, 107)]


def test_many_shots():
    """The picture of thousands stays within what JPEG can hold."""
    sheet = ContactSheet((540, 960), 20_000)
    assert max(sheet.picture.size) < 20_000
    left, top = sheet.place(19_999)
    assert left + sheet.cell[1] <= sheet.picture.width
    assert top + sheet.cell[0] <= sheet.picture.height


def test_refused(clip):
    """Files are not replaced without --overwrite, and the list is TOML."""
    list_shots(ShotsJob(input=clip))
    with pytest.raises(BadOutput, match=r"_shots\.toml already exists; add --overwrite"):
        list_shots(ShotsJob(input=clip))
    clip.with_name("a clip_shots.toml").unlink()
    with pytest.raises(BadOutput, match=r"_shots\.jpg already exists; add --overwrite"):
        list_shots(ShotsJob(input=clip))
    list_shots(ShotsJob(input=clip, overwrite=True))
    with pytest.raises(BadOption, match=r"--output .*x\.csv does not end in \.toml"):
        ShotsJob(input=clip, output=clip.with_name("x.csv"))
    with pytest.raises(BadInput, match="does not exist"):
        list_shots(ShotsJob(input=Path("nothing.mp4")))


def test_command(clip, capsys):
    assert run_command("shots", str(clip), "-o", str(clip.with_name("x.toml"))) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == f"{clip.with_name('x.toml')}: 3 shots, shown in {clip.with_name('x.jpg')}"
    assert run_command("shots", str(clip), "-o", str(clip.with_name("x.toml"))) == 2
