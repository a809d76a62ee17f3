"""HDR and wide gamut against the tables and reference points of the standards."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clips import BT709, BT2020_NCL, LIMITED, REC709, REC2020, Tags, flat_yuv, make_clip
from videostyle.errors import BadOption
from videostyle.frames import Frame, HdrTags, VideoInfo
from videostyle.media.color.hdr import SDR_WHITE, hdr_color, pq_decoded, pq_encoded, to_bt709, to_hdr, tone_mapped
from videostyle.media.color.matrices import Primaries, Transfer, primaries_to_bt709
from videostyle.media.encoding import EncodingRequest, choose_encoder
from videostyle.media.sinks import open_sink
from videostyle.media.sources import open_source
from videostyle.media.workdir import WorkFolder

BT2020, DISPLAY_P3 = Primaries.BT2020, Primaries.DISPLAY_P3

PQ, HLG = Transfer.PQ, Transfer.HLG

SDR = 14  # code point of BT.2020's own transfer, 10 bit

# ITU-R BT.2087-0, linear BT.2020 to linear BT.709
BT2087 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])

signals = st.lists(st.integers(0, 65535), min_size=3, max_size=3)


def pixel(values) -> np.ndarray:
    return np.array(values, np.uint16).reshape(1, 1, 3)


def light_of(image: np.ndarray) -> np.ndarray:
    return (image.reshape(3) / 65535) ** 2.4


def test_primaries_matrix():
    """BT.2020 to BT.709 is the matrix of BT.2087; white is kept."""
    assert np.abs(primaries_to_bt709(BT2020) - BT2087).max() < 1e-4
    assert np.abs(primaries_to_bt709(Primaries.BT709) - np.eye(3)).max() < 1e-12
    assert np.abs(primaries_to_bt709(DISPLAY_P3).sum(axis=1) - 1).max() < 1e-12


@given(st.integers(0, 65535), st.sampled_from([BT2020, DISPLAY_P3]))
def test_wide_gamut_gray(level, primaries):
    """SDR gray does not change, whatever the primaries."""
    assert np.abs(to_bt709(pixel([level] * 3), primaries, SDR).astype(int) - level).max() <= 1


@given(signals)
def test_bt709_color_stored_in_bt2020(signal):
    """It comes back as it was."""
    wide = np.linalg.inv(BT2087) @ (np.array(signal) / 65535) ** 2.4
    stored = np.rint(65535 * np.clip(wide, 0, 1) ** (1 / 2.4))
    got = light_of(to_bt709(pixel(stored), BT2020, SDR))
    assert np.abs(got - (np.array(signal) / 65535) ** 2.4).max() < 5e-4


def test_out_of_gamut_color_is_clipped():
    assert to_bt709(pixel([0, 65535, 0]), BT2020, SDR).reshape(3).tolist() == [0, 65535, 0]


@pytest.mark.parametrize(("light", "signal"), [(0, 0), (100, 0.5081), (203, 0.5807), (1000, 0.7518), (10000, 1)])
def test_pq_reference_points(light, signal):
    """ITU-R BT.2408 table 1 and SMPTE ST 2084."""
    assert abs(pq_encoded(light) - signal) < 1e-4
    assert abs(pq_decoded(np.array(signal)) - light) <= 1e-3 * light + 1e-6


def test_tone_curve():
    """Dark and middle tones keep their light, the curve is monotonic, and 1,000 cd/m2 becomes white."""
    light = np.linspace(0, 1000, 500) / SDR_WHITE
    curve = tone_mapped(light)
    dark = light < 85 / SDR_WHITE
    assert np.abs(curve[dark] - light[dark]).max() < 1e-3
    assert (np.diff(curve) >= 0).all()
    assert (curve <= light + 1e-3).all()
    assert curve[-1] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("light", [5, 50, 80])
def test_hdr_gray_below_the_knee(transfer, light):
    """It is shown with exactly the light it stands for."""
    if transfer == PQ:
        signal = pq_encoded(light)
    else:  # BT.2100: display light = 1000 E^1.2 for gray; signal = sqrt(3 E) up to E = 1/12
        scene = (light / 1000) ** (1 / 1.2)
        signal = np.sqrt(3 * scene) if scene <= 1 / 12 else 0.17883277 * np.log(12 * scene - 0.28466892) + 0.55991073
    got = light_of(to_bt709(pixel([round(65535 * signal)] * 3), BT2020, transfer))
    assert np.abs(got * SDR_WHITE - light).max() < 0.01 * light


@given(st.tuples(*[st.floats(0.2, 0.75)] * 3))
def test_tone_mapping_keeps_hue(signal):
    """The ratios of the channels stay the same."""
    stored = [round(65535 * value) for value in signal]
    source = pq_decoded(np.array(stored) / 65535)
    got = light_of(to_bt709(pixel(stored), 1, PQ))
    assert np.abs(got / got.max() - source / source.max()).max() < 0.01


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("light", [1, 20, 80, 203, 500, 1000])
def test_gray_of_an_sdr_picture_in_hdr(transfer, light):
    """An HDR gray comes back as the light it was, to a step of 10 bits."""
    scene = (light / 1000) ** (1 / 1.2)
    hlg = np.sqrt(3 * scene) if scene <= 1 / 12 else 0.17883277 * np.log(12 * scene - 0.28466892) + 0.55991073
    signal = pq_encoded(light) if transfer == PQ else hlg
    sdr = to_bt709(pixel([round(65535 * signal)] * 3), BT2020, transfer)
    again = to_hdr(sdr, hdr_color(BT2020, transfer))
    assert np.abs(again / 65535 - signal).max() < 1 / 1023


@given(signals, st.sampled_from([PQ, HLG]), st.sampled_from([BT2020, DISPLAY_P3]))
def test_round_trip_of_hdr(signal, transfer, primaries):
    """What is written as HDR is tone-mapped to the picture that it was written from, and is written the same again."""
    color = hdr_color(primaries, transfer)
    first = to_hdr(pixel(signal), color)
    sdr = to_bt709(first, primaries, transfer)
    assert np.abs(light_of(sdr) - light_of(pixel(signal))).max() < 0.002
    assert np.abs(to_hdr(sdr, color).astype(int) - first).max() <= 2 * 65535 / 1023  # next to black


def test_sdr_white_in_hdr():
    """White is the peak: 1,000 cd/m2, which is 0.7518 in PQ and 1 in HLG."""
    white = pixel([65535] * 3)
    assert to_hdr(white, hdr_color(BT2020, PQ)) / 65535 == pytest.approx(0.7518, abs=1e-3)
    assert to_hdr(white, hdr_color(BT2020, HLG)) / 65535 == pytest.approx(1, abs=1e-3)


MASTERING = tuple(
    map(Fraction, ("0.708", "0.292", "0.17", "0.797", "0.131", "0.046", "0.3127", "0.329", "0.0001", "1000"))
)


@pytest.mark.parametrize(
    ("suffix", "codec", "kept"),
    [(".mp4", None, True), (".mkv", None, True), (".webm", None, True), (".mov", "prores", False)],
)
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_written_hdr(tmp_path, suffix, codec, kept, transfer):
    """Ten bits, tagged; read again it is the picture that was written, and the light metadata are those of the source."""
    tags = HdrTags(BT2020, transfer, MASTERING, (900, 200))
    image = np.full((64, 96, 3), 30_000, np.uint16)
    image[:, 48:] = (60_000, 20_000, 9_000)
    settings = choose_encoder(EncodingRequest(codec, hdr=tags), suffix, 16)
    output = tmp_path / f"a{suffix}"
    info = VideoInfo("folder", (64, 96), 16)
    with WorkFolder(output) as work:
        sink = open_sink(output, work, tmp_path, info, (64, 96), None, None, settings)
        for index in range(3):
            sink.write(Frame(image, index))
        sink.finish()
        work.remove()
    with av.open(str(output)) as file:
        stream = file.streams.video[0]
        assert (stream.colorspace, stream.color_primaries, stream.color_trc, stream.color_range) == (9, 9, transfer, 1)
        assert stream.format.components[0].bits >= 10
        first = next(file.decode(stream))
        assert (first.colorspace, first.color_primaries, first.color_trc) == (9, 9, transfer)
    source = open_source(output)
    frame = next(source.frames())
    assert np.abs(frame.image[8:-8, 8:40].mean((0, 1)) - 30_000).max() < 300
    assert np.abs(frame.image[8:-8, 56:88].mean((0, 1)) - (60_000, 20_000, 9_000)).max() < 600
    assert source.info.hdr is not None
    assert source.info.hdr.transfer == transfer
    if kept:
        assert np.abs(np.subtract(source.info.hdr.mastering, MASTERING).astype(float)).max() < 0.001
        assert source.info.hdr.light == (900, 200)


@pytest.mark.parametrize("codec", ["h264", "ffv1"])
def test_hdr_in_eight_bits_or_rgb(codec):
    with pytest.raises(BadOption, match=r"--hdr keep needs 10 bits in YUV.*--codec hevc"):
        choose_encoder(EncodingRequest(codec, hdr=HdrTags(BT2020, PQ)), ".mkv", 16)
    choose_encoder(EncodingRequest(codec, pix_fmt="yuv420p10le", hdr=HdrTags(BT2020, PQ)), ".mkv", 16)


def notice_and_frame(path, tags):
    codes = [code * 4 for code in (120, 110, 140)]
    frames = [flat_yuv(32, 48, codes, "yuv420p10le") for _ in range(2)]
    source = open_source(make_clip(path, frames, codec="ffv1", pix_fmt="yuv420p10le", tags=tags))
    return source.info.notices, next(source.frames()).image


def test_tags_of_a_file(tmp_path):
    """They decide what is converted, and a notice says so."""
    plain_notice, plain = notice_and_frame(tmp_path / "a.mkv", Tags(BT2020_NCL, LIMITED))
    wide_notice, wide = notice_and_frame(tmp_path / "b.mkv", REC2020)
    hdr_notice, hdr = notice_and_frame(tmp_path / "c.mkv", Tags(BT2020_NCL, LIMITED, BT2020, PQ))
    assert plain_notice == ()
    assert "BT.709" in wide_notice[0]
    assert "HDR" in hdr_notice[0]
    np.testing.assert_array_equal(wide, to_bt709(plain, BT2020, SDR))
    np.testing.assert_array_equal(hdr, to_bt709(plain, BT2020, PQ))
    assert not np.array_equal(wide, plain)


def test_bt709_clip_is_not_converted(tmp_path):
    notices, image = notice_and_frame(tmp_path / "a.mkv", REC709)
    assert notices == ()
    assert np.array_equal(image, notice_and_frame(tmp_path / "b.mkv", Tags(BT709, LIMITED))[1])
