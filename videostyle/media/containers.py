"""The containers that can be written: one record for each, with everything in which they differ.

To add a container, add a record here. Nothing heavy is imported: the name of an output is checked before FFmpeg is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

_TIMES_AS_GIVEN = {"avoid_negative_ts": "disabled"}  # audio may begin before 0: nothing else is shifted for that


@dataclass(frozen=True)
class Container:
    """A container format: the names of its files, its defaults, and what its muxer can hold. FFmpeg is asked for the rest."""

    suffixes: tuple[str, ...]
    """The suffixes of its files, lower case, with the dot."""
    format: str
    """FFmpeg's name of the muxer."""
    codec: str
    """The default video codec, a key of `encoding.CODECS`."""
    audio_encoder: str
    """FFmpeg's encoder for audio that cannot be copied."""
    text_encoder: str
    """FFmpeg's encoder for text subtitles that cannot be copied."""
    rarely_played: tuple[str, ...] = ()
    """Codecs of sound that it holds, and with which some players are silent."""
    hdr_codec: str = "hevc"
    """The default video codec for HDR, a key of `encoding.CODECS`."""
    tick: Fraction | None = None
    """The unit of its timestamps in seconds where it is fixed; None: as fine as the source's."""
    options: Mapping[str, str] = field(default_factory=lambda: _TIMES_AS_GIVEN)
    """Options of the muxer."""
    edit_lists: bool = False
    """Whether a late start is stored as an edit list, whose unit must be set (`movie_timescale`). It also hides packets before
    time 0."""
    sample_aspect: bool = True
    """Whether pixels may be other than square."""
    cover_track: bool = False
    """Whether cover art can be a track of its own."""
    attachments: bool = False
    """Whether files can be attached, cover art among them."""
    timecode_track: bool = False
    """Whether the muxer makes a track of a timecode, for which it needs the frame rate."""
    key_options: Mapping[str, str] = field(default_factory=dict)
    """Options of the muxer that write tags under any key, such as those of phones, where it has a fixed list otherwise."""
    block_additions: bool = False
    """Whether a packet can have a second part, in which VP9 stores alpha."""
    codec_tags: Mapping[str, str] = field(default_factory=dict)
    """Codec tags that differ from FFmpeg's choice, by FFmpeg's name of the encoder."""
    live_options: Mapping[str, str] | None = None
    """Muxer options with which a file is playable up to its last second however its recording ends; None: there are none,
    and the webcam does not record to it."""


_FRAGMENTED = {"movflags": "hybrid_fragmented+frag_keyframe"}

_ANY_KEY = {"movflags": "use_metadata_tags"}

_SHORT_CLUSTERS = {"cluster_time_limit": "1000"}

_HEVC_OF_APPLE = {"libx265": "hvc1"}  # Apple's players do not open FFmpeg's hev1

CONTAINERS: dict[str, Container] = {
    suffix: container
    for container in (
        Container(
            suffixes=(".mp4", ".m4v"),
            format="mp4",
            codec="h264",
            audio_encoder="aac",
            text_encoder="mov_text",
            rarely_played=("vorbis",),
            edit_lists=True,
            cover_track=True,
            timecode_track=True,
            key_options=_ANY_KEY,
            codec_tags=_HEVC_OF_APPLE,
            live_options=_FRAGMENTED,
        ),
        Container(  # cover art is accepted by its muxer, and lost
            suffixes=(".mov",),
            format="mov",
            codec="h264",
            audio_encoder="aac",
            text_encoder="mov_text",
            edit_lists=True,
            timecode_track=True,
            key_options=_ANY_KEY,
            codec_tags=_HEVC_OF_APPLE,
            live_options=_FRAGMENTED,
        ),
        Container(
            suffixes=(".mkv",),
            format="matroska",
            codec="h264",
            audio_encoder="aac",
            text_encoder="srt",
            tick=Fraction(1, 1000),
            attachments=True,
            block_additions=True,
            live_options=_SHORT_CLUSTERS,
        ),
        Container(  # VP9 does not store the shape of its pixels, and FFmpeg's WebM muxer does not either
            suffixes=(".webm",),
            format="webm",
            codec="vp9",
            audio_encoder="libopus",
            text_encoder="webvtt",
            hdr_codec="av1",
            tick=Fraction(1, 1000),
            sample_aspect=False,
            block_additions=True,
            live_options=_SHORT_CLUSTERS,
        ),
    )
    for suffix in container.suffixes
}
"""The containers by suffix."""


@dataclass(frozen=True)
class Animation:
    """A format of looping pictures without sound. FFmpeg is asked for the rest."""

    format: str
    """FFmpeg's name of the muxer."""
    encoder: str
    """FFmpeg's name of the encoder."""
    pix_fmt: str
    """What the encoder is given."""
    tick: Fraction
    """The unit of its times in seconds."""
    shortest: int
    """Ticks that a frame is shown at least: players show shorter ones far longer."""
    largest_side: int
    """In pixels."""
    encoder_options: Mapping[str, str] = field(default_factory=dict)
    muxer_options: Mapping[str, str] = field(default_factory=dict)
    """With them it loops."""
    partial_alpha: bool = True
    """Whether a pixel can be half transparent."""


ANIMATIONS: dict[str, Animation] = {
    ".gif": Animation("gif", "gif", "pal8", Fraction(1, 100), 2, 65535, {}, {"loop": "0"}, partial_alpha=False),
    ".apng": Animation("apng", "apng", "rgba", Fraction(1, 1000), 1, 1 << 24, {"pred": "mixed"}, {"plays": "0"}),
    ".webp": Animation("webp", "libwebp_anim", "bgra", Fraction(1, 1000), 1, 16383, {"quality": "90"}, {"loop": "0"}),
}
"""The animations that can be written, by suffix."""

RECORDABLE = tuple(suffix for suffix, container in CONTAINERS.items() if container.live_options is not None)
"""The suffixes that the webcam can record to."""


MUXERS = tuple(dict.fromkeys(container.format for container in CONTAINERS.values()))
"""FFmpeg's names of all muxers that are needed."""


def container_of(path: Path) -> Container:
    """The container of a file with this name. Raises KeyError where its suffix is not one of CONTAINERS."""
    return CONTAINERS[path.suffix.lower()]
