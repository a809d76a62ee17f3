"""What the user is told about depth, HDR and transparency of a source: which of them the output keeps, and what keeps more.

An option is named only if it works with this container and with the other options of the encoding that were given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from videostyle.analysis import ShotList
from videostyle.errors import BadOption
from videostyle.frames import VideoInfo
from videostyle.media.containers import CONTAINERS
from videostyle.media.encoding import EncoderSettings, EncodingRequest, choose_encoder
from videostyle.media.output_paths import output_kind
from videostyle.rendering.plan import RunPlan

DEEP_CODECS = ("hevc", "av1", "prores", "ffv1")
"""Codecs that are written with more than 8 bits by default where the source has them; the first that works is named."""

DEEP_PIX_FMT = "yuv420p10le"

TRANSPARENT: tuple[tuple[str, str, dict[str, str]], ...] = (
    (".webm", ".webm", {}),
    ("--codec prores in .mov", ".mov", {"codec": "prores"}),
    ("--codec ffv1 in .mkv", ".mkv", {"codec": "ffv1"}),
)
"""Videos that can be transparent: in words, the suffix, and what is changed of the EncodingRequest."""


def lines_on_depth(plan: RunPlan, info: VideoInfo) -> Iterator[str]:
    """What of the source's depth and range the output keeps, or how it would. plan: for the shots."""
    name, encoder = plan.output.name, plan.encoder
    if encoder is None:
        return
    if info.hdr and encoder.hdr is None:
        works = settings_with(plan, info, plan.output.suffix, hdr=info.hdr)
        yield f"{name} is written in BT.709" + ("; --hdr keep writes HDR" if works else "")
    elif info.hdr:
        yield f"{name} is written as {info.hdr.curve} again, with {encoder.bits} bits a color"
    elif info.bits > 8 == encoder.bits and plan.request.pix_fmt is None:
        line = f"{plan.input.name} has more than 8 bits a color and {name} is written with 8"
        keeping = " or ".join(deeper_options(plan, info, encoder))
        yield f"{line}, which every player can show; {keeping} keeps them" if keeping else line


def deeper_options(plan: RunPlan, info: VideoInfo, encoder: EncoderSettings) -> Iterator[str]:
    """The options with which the output has more than 8 bits, and transparency where `encoder` stores it."""

    def works(**changes: str) -> bool:
        settings = settings_with(plan, info, plan.output.suffix, encoder.alpha, **changes)
        return settings is not None and settings.bits > 8 and settings.alpha == encoder.alpha

    yield from [f"--codec {codec}" for codec in DEEP_CODECS if works(codec=codec)][:1]
    if works(pix_fmt=DEEP_PIX_FMT):
        yield f"--pix-fmt {DEEP_PIX_FMT}"


def lines_on_alpha(plan: RunPlan, info: VideoInfo, shots: ShotList, keeps_alpha: bool) -> Iterator[str]:
    """What the user should know about transparency. keeps_alpha: whether the output can be transparent."""
    name, color = plan.input.name, plan.finishing.background
    if color is not None and not shots.transparent:
        yield f"--background {color} has no effect: {name} is opaque"
    elif color is None and shots.transparent and not keeps_alpha:
        line = (
            f"{name} is transparent in places and is composed over black, as {plan.output.name} cannot be transparent; "
            "--background sets another color"
        )
        keeping = list(transparent_outputs(plan, info))
        condition = "without --hdr keep, " if plan.request.hdr else ""
        yield f"{line}; {condition}{listed(keeping)} the transparency" if keeping else line


def transparent_outputs(plan: RunPlan, info: VideoInfo) -> Iterator[str]:
    """The outputs that keep transparency with the options of the encoding that were given, but for --hdr keep."""
    if output_kind(plan.output) == "image":
        yield from (".png", ".tif", ".webp")
        return
    if replace(plan.request, hdr=None) == EncodingRequest():
        yield "a folder"
    for name, suffix, changes in TRANSPARENT:
        settings = settings_with(plan, info, suffix, True, hdr=None, **changes)
        if settings and settings.alpha:
            yield name


def listed(names: list[str]) -> str:
    """The names with "keep" or "keeps"."""
    *others, last = names
    return f"{', '.join(others)} and {last} keep" if others else f"{last} keeps"


def settings_with(
    plan: RunPlan, info: VideoInfo, suffix: str, transparent: bool = False, **changes: Any
) -> EncoderSettings | None:
    """How a video with this suffix would be encoded with other options of the encoding; None where they are refused, and for
    an animation.

    changes: of the plan's EncodingRequest.
    """
    if suffix.lower() not in CONTAINERS:
        return None
    try:
        return choose_encoder(replace(plan.request, **changes), suffix, info.bits, transparent)
    except BadOption:
        return None
