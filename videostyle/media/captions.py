"""Closed captions that lie inside the video's packets (CEA-608 and 708), copied from the source's frames to the film's.

H.264 and HEVC carry them as supplemental information (SEI) before the picture, as ATSC A/53 part 4 says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

import av

from videostyle.media.frame_tags import decoded_frames, frame_tags
from videostyle.media.side_tracks import SideTracks

SEI_HEADERS = {"libx264": b"\x06", "libx265": b"\x4e\x01"}
"""How a unit of supplemental information begins, by FFmpeg's name of the encoder."""

START_CODE = re.compile(rb"\x00?\x00\x00\x01")

UNITED_STATES_ATSC = b"\xb5\x00\x31GA94\x03"  # who defined the message, and that captions follow


def with_captions(
    packets: Iterator[av.Packet], source: SideTracks, tick: Fraction, encoder: str
) -> Iterator[av.Packet]:
    """The film's packets with the captions of the source's frames of the same times. encoder: a key of SEI_HEADERS."""
    captions = _captions(source, tick)
    pending: dict[int, bytes] = {}
    newest = -1
    for packet in packets:
        assert packet.pts is not None, "every packet has been given a time"
        while newest < packet.pts and (found := next(captions, None)) is not None:
            newest, content = found
            pending[newest] = content
        content = pending.pop(packet.pts, b"")
        pending = {time: later for time, later in pending.items() if time > packet.pts}
        yield _with_message(packet, content, encoder) if content else packet


def _captions(source: SideTracks, tick: Fraction) -> Iterator[tuple[int, bytes]]:
    """Time in ticks of the output, and captions, of each frame of the film."""
    for frame in decoded_frames(source.path, source.film):
        if frame.pts is not None:
            time = frame.pts * (frame.time_base or tick) - source.shift
            yield round(time / tick), frame_tags(frame).get("A53_CC", b"")


def _with_message(packet: av.Packet, captions: bytes, encoder: str) -> av.Packet:
    content = bytes(packet)
    at = _first_picture(content, encoder)
    tagged = av.Packet(content[:at] + _message(captions, SEI_HEADERS[encoder]) + content[at:])
    tagged.pts, tagged.dts, tagged.duration = packet.pts, packet.dts, packet.duration
    tagged.time_base, tagged.is_keyframe = packet.time_base, packet.is_keyframe
    return tagged


def _first_picture(content: bytes, encoder: str) -> int:
    """Where the first unit of picture data begins, its start code included."""
    for found in START_CODE.finditer(content):
        header = content[found.end()]
        if 1 <= header & 31 <= 5 if encoder == "libx264" else header >> 1 & 63 < 32:
            return found.start()
    return 0


def _message(captions: bytes, header: bytes) -> bytes:
    """A unit of supplemental information with captions of three bytes each."""
    payload = UNITED_STATES_ATSC + bytes([0x40 | len(captions) // 3 & 31, 0]) + captions + b"\xff"
    size = b"\xff" * (len(payload) // 255) + bytes([len(payload) % 255])
    raw = b"\x04" + size + payload + b"\x80"
    # a start code must not appear inside: a 3 goes between two zeros and a byte of at most 3
    return b"\x00\x00\x00\x01" + header + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", raw)
