"""Pure: what crosses the frame socket, taken apart. Whatever comes is read here, and fails as `FrameMalformed` only."""

import math
from dataclasses import dataclass
from struct import Struct
from typing import Final

from bot.errors import BotError

HEADER: Final = Struct("!dIIIIHHBBBBI4x")
"""As `web/frames.js` writes it: when, receiver, SSRC, CSRC, timestamp, width, height, codec, key, layers, length."""
MOST_BYTES = 2 << 20
"""Of one message: a key frame of a camera has a tenth of it."""
MOST_LAYER = 7
CODECS: Final = {1: "VP8", 2: "H264", 3: "VP9", 4: "AV1"}


class FrameMalformed(BotError):
    """A message is no encoded frame."""


@dataclass(frozen=True, slots=True)
class WireFrame:
    """An encoded frame of one spatial layer, as the page received it."""

    said_at: float
    """When the page had it, in milliseconds of the page's clock."""
    receiver: int
    """The hook's number of what received it, in its document."""
    ssrc: int
    csrc: int
    """0 where the sender gave none."""
    timestamp: int
    """Of its packets, in units of 1/90,000 s, modulo 2³²."""
    width_px: int
    height_px: int
    """0 where the browser does not say."""
    codec: str
    is_key: bool
    temporal: int
    spatial: int
    data: bytes


def read_frame(message: bytes) -> WireFrame:
    """Take a binary message apart.

    Raises:
        FrameMalformed: It is none.
    """
    if not HEADER.size < len(message) <= MOST_BYTES:
        raise FrameMalformed(f"a message of {len(message)} bytes is no frame")
    at, receiver, ssrc, csrc, timestamp, width, height, codec, key, temporal, spatial, length = HEADER.unpack_from(
        message
    )
    if codec not in CODECS:
        raise FrameMalformed(f"codec {codec} is not known")
    if length != len(message) - HEADER.size or not math.isfinite(at) or max(temporal, spatial) > MOST_LAYER:
        raise FrameMalformed("a frame contradicts itself")
    return WireFrame(
        at, receiver, ssrc, csrc, timestamp, width, height, CODECS[codec], bool(key), temporal, spatial,
        message[HEADER.size :],
    )  # fmt: skip
