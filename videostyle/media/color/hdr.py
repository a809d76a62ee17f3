"""HDR (PQ, HLG) and wide-gamut pictures to BT.709 as an SDR screen shows them, and back to HDR by the inverse curve."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

import cv2
import numpy as np

from videostyle.media.color.matrices import LUMA_WEIGHTS, ColorTags, Matrix, Primaries, Transfer, primaries_to_bt709

SDR_WHITE = 203.0  # cd/m2 of HDR that an SDR screen shows as its white: reference white of ITU-R BT.2408

_HDR_PEAK = 1000.0  # cd/m2; the nominal peak of HLG, and what most PQ films are graded for

_SDR_GAMMA = 2.4  # ITU-R BT.1886

Light = TypeVar("Light", float, np.ndarray)

_HDR = (Transfer.PQ, Transfer.HLG)

_WIDE_GAMUTS = (Primaries.BT2020, Primaries.DISPLAY_P3)


def is_hdr(transfer: int) -> bool:
    """Whether the transfer characteristics are those of an HDR system."""
    return transfer in _HDR


def needs_conversion(primaries: int, transfer: int) -> bool:
    """Whether pictures with these tags look wrong when taken for BT.709."""
    return transfer in _HDR or primaries in _WIDE_GAMUTS


def hdr_color(primaries: int, transfer: int) -> ColorTags:
    """The tags of what `to_hdr` makes."""
    known = Primaries(primaries) if primaries in _WIDE_GAMUTS else Primaries.BT709
    return ColorTags(Matrix.BT2020, known, Transfer(transfer))


def to_bt709(rgb: np.ndarray, primaries: int, transfer: int) -> np.ndarray:
    """(H, W, 3) uint16 RGB of these primaries and transfer, as uint16 BT.709 for a screen of gamma 2.4.

    HDR brighter than about 90 cd/m2 is compressed so that 1,000 cd/m2 becomes white: the curve of ITU-R BT.2390 (EETF)
    on the brightest channel, the others scaled with it, which keeps hues. Colors outside BT.709 are clipped.
    """
    light = _linear_light(transfer)[rgb]
    if transfer == Transfer.HLG:
        # the system gamma of a 1,000 cd/m2 screen acts on luminance: ITU-R BT.2100 table 5, OOTF with gamma 1.2
        luminance = light @ _bt2020_luminance()
        light *= (_HDR_PEAK / SDR_WHITE) * np.maximum(luminance, 1e-6)[..., None] ** 0.2
    if transfer in _HDR:
        brightest = light.max(axis=2)
        light *= (tone_mapped(brightest) / np.maximum(brightest, 1e-6))[..., None]
    if primaries in _WIDE_GAMUTS:
        light = cv2.transform(light, primaries_to_bt709(Primaries(primaries)))
    return np.rint(65535 * np.clip(light, 0, 1) ** (1 / _SDR_GAMMA)).astype(np.uint16)


def to_hdr(rgb: np.ndarray, color: ColorTags) -> np.ndarray:
    """The inverse of `to_bt709`: (H, W, 3) uint16 BT.709 for a screen of gamma 2.4 as uint16 RGB of HDR tags.

    White becomes 1,000 cd/m2, and what is below about 90 cd/m2 stays as it is. What `to_bt709` clipped, light above
    1,000 cd/m2 and colors outside BT.709, does not come back.
    """
    light = ((rgb / np.float32(65535)) ** _SDR_GAMMA).astype(np.float32)
    if color.primaries in _WIDE_GAMUTS:
        light = np.maximum(cv2.transform(light, np.linalg.inv(primaries_to_bt709(color.primaries))), 0)
    brightest = light.max(axis=2)
    light *= (tone_unmapped(brightest) / np.maximum(brightest, 1e-6))[..., None]
    signal = pq_encoded(light * SDR_WHITE) if color.transfer == Transfer.PQ else _hlg_encoded(light)
    return np.rint(65535 * np.clip(signal, 0, 1)).astype(np.uint16)


def _hlg_encoded(light: np.ndarray) -> np.ndarray:
    """The HLG signal of the light of a 1,000 cd/m2 screen, in units of SDR white: BT.2100's inverse OOTF and OETF."""
    light = light * (SDR_WHITE / _HDR_PEAK)
    luminance = np.maximum(light @ _bt2020_luminance(), 1e-6)[..., None] ** (1 / 1.2)
    scene = light / luminance**0.2
    return np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), _HLG_A * np.log(np.maximum(12 * scene - _HLG_B, 1e-6)) + _HLG_C
    )


def tone_mapped(light: np.ndarray) -> np.ndarray:
    """Light from 0 to 1,000 cd/m2, in units of SDR white, compressed into [0, 1] by the EETF of ITU-R BT.2390."""
    return np.interp(light, *_tone_curve()).astype(np.float32)


def tone_unmapped(light: np.ndarray) -> np.ndarray:
    """The inverse of `tone_mapped`."""
    before, after = _tone_curve()
    return np.interp(light, after, before).astype(np.float32)


@cache
def _tone_curve() -> tuple[np.ndarray, np.ndarray]:
    """Light before and after tone mapping, in units of SDR white, at 2,048 places from black to 1,000 cd/m2."""
    curve_at = np.linspace(0, pq_encoded(_HDR_PEAK), 2048)
    value = curve_at / pq_encoded(_HDR_PEAK)
    top = pq_encoded(SDR_WHITE) / pq_encoded(_HDR_PEAK)
    knee = 1.5 * top - 0.5
    t = np.clip((value - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * top
    curve = np.where(value < knee, value, spline) * pq_encoded(_HDR_PEAK)
    return pq_decoded(curve_at) / SDR_WHITE, pq_decoded(curve) / SDR_WHITE


_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073  # ITU-R BT.2100 table 5

_PQ_M1, _PQ_M2 = 2610 / 16384, 2523 / 4096 * 128

_PQ_C1, _PQ_C2, _PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def pq_decoded(signal: np.ndarray) -> np.ndarray:
    """The light in cd/m2 of a PQ signal in [0, 1]: SMPTE ST 2084, ITU-R BT.2100 table 4."""
    power = np.power(signal, 1 / _PQ_M2)
    return 10000 * np.power(np.maximum(power - _PQ_C1, 0) / (_PQ_C2 - _PQ_C3 * power), 1 / _PQ_M1)


def pq_encoded(light: Light) -> Light:
    """The PQ signal in [0, 1] of a light in cd/m2."""
    power = (light / 10000) ** _PQ_M1
    return ((_PQ_C1 + _PQ_C2 * power) / (1 + _PQ_C3 * power)) ** _PQ_M2


@cache
def _linear_light(transfer: int) -> np.ndarray:
    """Linear light per 16-bit code, (65536,) float32: in units of SDR white; for HLG, scene light in [0, 1]."""
    signal = np.arange(65536) / 65535
    if transfer == Transfer.PQ:
        light = pq_decoded(signal) / SDR_WHITE
    elif transfer == Transfer.HLG:
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _HLG_C) / _HLG_A) + _HLG_B) / 12)
    else:
        light = signal**_SDR_GAMMA
    return light.astype(np.float32)


def _bt2020_luminance() -> np.ndarray:
    """Weights of linear BT.2020 red, green and blue in luminance, (3,) float32."""
    red, blue = LUMA_WEIGHTS[Matrix.BT2020]
    return np.array([red, 1 - red - blue, blue], np.float32)
