"""Optical flow of known shifts, gain matching, and RAFT without its weights."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from videostyle.errors import MissingModel
from videostyle.temporal.flow import DIS, RAFT, gain_match


@pytest.mark.parametrize("gain", [(0.5, 0.5, 0.5), (1.3, 0.8, 1.0), (0.2, 0.25, 0.3)])
def test_gain_match_undoes_a_gain(texture, gain):
    picture = (texture(60, 80) * 0.6).astype(np.uint8)
    other = np.rint(picture * np.array(gain)).astype(np.uint8)
    matched = gain_match(other, picture)
    assert matched.dtype == np.uint8
    assert np.abs(matched.astype(int) - picture).max() <= np.ceil(0.5 / min(gain)) + 1
    assert np.abs(matched.mean(axis=(0, 1)) - picture.mean(axis=(0, 1))).max() < 0.5


def test_gain_match_ignores_entering_objects(texture):
    picture = texture(60, 90)
    entered = picture.copy()
    entered[:, 60:] = (255, 250, 240)
    assert np.abs(gain_match(picture, entered).astype(int) - picture).max() <= 2


def test_gain_match_depths(texture):
    eight, reference = texture(32, 48), (texture(32, 48) * 0.7).astype(np.uint8)
    matched = gain_match(eight, reference)
    sixteen = gain_match(eight.astype(np.uint16) * 257, reference.astype(np.uint16) * 257)
    real = gain_match(eight.astype(np.float32) / 255, reference.astype(np.float32) / 255)
    assert sixteen.dtype == np.uint16
    assert real.dtype == np.float32
    assert np.abs(sixteen / 257 - matched).max() < 0.6
    assert np.abs(real * 255 - matched).max() < 0.6


def test_gain_match_black_and_bounds(texture):
    black = np.zeros((20, 30, 3), np.uint8)
    assert np.array_equal(gain_match(black, texture(20, 30)), black)
    assert np.array_equal(gain_match(black, black), black)
    assert gain_match(black + 2, black + 200).max() == 16


@pytest.mark.parametrize("shift", [(2, 0), (0, -3), (-4, 3), (10, 0)])
def test_dis_known_shift(texture, shift):
    x, y = shift
    wide = texture(120, 160)
    a = np.ascontiguousarray(wide[20:100, 20:140])
    b = np.ascontiguousarray(wide[20 - y : 100 - y, 20 - x : 140 - x])
    error = np.linalg.norm(DIS()(a, b) - np.float32(shift), axis=2)[12:-12, 12:-12]
    assert np.median(error) < 0.05
    assert (error < 0.5).mean() > 0.98


def test_dis_full_resolution(texture):
    """A fine texture moved by a quarter pixel: the preset itself, which stops at half resolution, has twice the error."""
    import cv2

    noise = np.random.default_rng(5).normal(size=(4 * 96, 4 * 96)).astype(np.float32)
    fine = cv2.GaussianBlur(noise, (0, 0), 4)
    gray = np.clip(128 + 50 * fine / fine.std(), 0, 255).astype(np.uint8)
    a, b = (np.repeat(gray[2::4, start::4, None][:90, :90], 3, axis=2) for start in (2, 1))
    preset = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    rough = preset.calc(a[..., 0].copy(), b[..., 0].copy(), np.zeros((90, 90, 2), np.float32))
    errors = [np.linalg.norm(flow - np.float32((0.25, 0)), axis=2)[8:-8, 8:-8].mean() for flow in (DIS()(a, b), rough)]
    assert errors[0] < 0.1
    assert errors[0] < errors[1] / 2


def test_dis_without_torch():
    """Neither DIS nor the detection of cuts loads torch."""
    code = "import sys, videostyle.temporal.flow as f, videostyle.temporal.cuts; f.DIS(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_raft_missing_weights(tmp_path, monkeypatch):
    """The error names the file that is needed."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def unreachable(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    with pytest.raises(MissingModel, match=r"raft_small_C_T_V2-01064c6d\.pth.*--flow dis"):
        RAFT("cpu")


@pytest.mark.parametrize("content", [b"", b"no weights", "other network"])
def test_raft_wrong_weights(tmp_path, monkeypatch, content):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "hub" / "checkpoints" / "raft_small_C_T_V2-01064c6d.pth"
    file.parent.mkdir(parents=True)
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save({"weight": torch.zeros(3)}, file)
    with pytest.raises(MissingModel, match="raft_small"):
        RAFT("cpu")
