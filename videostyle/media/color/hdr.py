"""Brings HDR and wide-gamut pictures to BT.709, as an SDR screen shows them."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

PQ, HLG = 16, 18  # TransferCharacteristics of ITU-T H.273

BT2020, DISPLAY_P3 = 9, 12  # ColorPrimaries of ITU-T H.273

# x, y of red, green, blue; the white of all of them is D65 (ITU-T H.273 table 2)
_CHROMATICITIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    DISPLAY_P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}

_D65 = (0.3127, 0.3290)

SDR_WHITE = 203.0  # cd/m2 of HDR that an SDR screen shows as its white: reference white of ITU-R BT.2408

_HDR_PEAK = 1000.0  # cd/m2; the nominal peak of HLG, and what most PQ films are graded for

_SDR_GAMMA = 2.4  # ITU-R BT.1886


def needs_conversion(primaries: int, transfer: int) -> bool:
    """Whether pictures with these tags look wrong when taken for BT.709."""
    return transfer in (PQ, HLG) or primaries in (BT2020, DISPLAY_P3)


def to_bt709(rgb: np.ndarray, primaries: int, transfer: int) -> np.ndarray:
    """(H, W, 3) uint16 RGB with the tagged primaries and transfer, as uint16 BT.709 for a screen of gamma 2.4.

    HDR brighter than about 90 cd/m2 is compressed so that 1,000 cd/m2 becomes white: the curve of ITU-R BT.2390 (EETF)
    on the brightest channel, the others scaled with it, which keeps hues. Colors outside BT.709 are clipped.
    """
    light = _screen_light(transfer)[rgb]
    if transfer == HLG:
        # the brightening of a 1,000 cd/m2 screen depends on luminance: ITU-R BT.2100 table 5, OOTF with gamma 1.2
        luminance = light @ np.array([0.2627, 0.6780, 0.0593], np.float32)
        light *= (_HDR_PEAK / SDR_WHITE) * np.maximum(luminance, 1e-6)[..., None] ** 0.2
    if transfer in (PQ, HLG):
        brightest = light.max(axis=2)
        light *= (compressed(brightest) / np.maximum(brightest, 1e-6))[..., None]
    if primaries in (BT2020, DISPLAY_P3):
        light = cv2.transform(light, primaries_to_bt709(primaries))
    return np.rint(65535 * np.clip(light, 0, 1) ** (1 / _SDR_GAMMA)).astype(np.uint16)


@cache
def primaries_to_bt709(primaries: int) -> np.ndarray:
    """(3, 3): linear BT.709 = M @ linear RGB of `primaries`, a key of H.273 table 2 known here."""
    return np.linalg.inv(_to_xyz(1)) @ _to_xyz(primaries)


def compressed(light: np.ndarray) -> np.ndarray:
    """Light in units of SDR white, below 1,000 cd/m2, brought into [0, 1] by the EETF of ITU-R BT.2390."""
    curve_at = np.linspace(0, pq_encoded(_HDR_PEAK), 2048)
    value = curve_at / pq_encoded(_HDR_PEAK)
    top = pq_encoded(SDR_WHITE) / pq_encoded(_HDR_PEAK)
    knee = 1.5 * top - 0.5
    t = np.clip((value - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * top
    curve = np.where(value < knee, value, spline) * pq_encoded(_HDR_PEAK)
    return np.interp(light * SDR_WHITE, pq_light(curve_at), pq_light(curve) / SDR_WHITE).astype(np.float32)


def pq_light(signal: np.ndarray) -> np.ndarray:
    """cd/m2 of a PQ signal in [0, 1]: SMPTE ST 2084, ITU-R BT.2100 table 4."""
    m1, m2, c1, c2, c3 = _PQ
    power = np.power(signal, 1 / m2)
    return 10000 * np.power(np.maximum(power - c1, 0) / (c2 - c3 * power), 1 / m1)


def pq_encoded(light: float) -> float:
    """The PQ signal in [0, 1] of so many cd/m2."""
    m1, m2, c1, c2, c3 = _PQ
    power = (light / 10000) ** m1
    return ((c1 + c2 * power) / (1 + c3 * power)) ** m2


_PQ = (2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32)


@cache
def _screen_light(transfer: int) -> np.ndarray:
    """(65536,) float32: linear light of each code. In units of SDR white, for HLG scene light in [0, 1]."""
    signal = np.arange(65536) / 65535
    if transfer == PQ:
        light = pq_light(signal) / SDR_WHITE
    elif transfer == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073  # ITU-R BT.2100 table 5
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    else:
        light = signal**_SDR_GAMMA
    return light.astype(np.float32)


def _to_xyz(primaries: int) -> np.ndarray:
    """(3, 3): XYZ = M @ linear RGB, white at Y = 1; SMPTE RP 177."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in _CHROMATICITIES[primaries]]).T
    x, y = _D65
    return columns * np.linalg.solve(columns, [x / y, 1, (1 - x - y) / y])
