"""What a connection has received so far, kept growing by whoever receives; and the end of its decoders."""

import asyncio
import logging
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from bot.metrics import DECODERS_ABANDONED
from bot.rooms.decoding import Decoder
from bot.rooms.orientation import UPRIGHT, Turn

log = logging.getLogger(__name__)

CLOSING_S = 2.0
SOURCE_PATIENCE_S = 1.0
"""A source that was silent for so long may be followed by another."""


@dataclass(slots=True)
class Traffic:
    """What a connection has received so far; counts only grow."""

    datagrams: int = 0
    """Anything at all: connectivity checks, RTCP, RTP."""
    media_packets: int = 0
    """RTP packets with a payload."""
    goodbyes: int = 0
    """RTCP BYE packets: the sender has stopped its camera, and may start it again."""
    media_ssrc: int = 0
    """Source of the media; 0 before the first packet."""
    refused: int = 0
    """Frames and pictures that must not be decoded or read."""
    refusal: str = ""
    """Why the last of them must not."""
    turn: Turn = UPRIGHT
    """What makes the newest picture upright, as far as its sender said; it holds until the next word."""
    heard_at: float = -math.inf
    """When the source was last heard, in seconds of any one clock."""
    decoders: list[Decoder] = field(default_factory=list)
    """Decoders to wait for once the connection is closed."""

    def hears(self, source: int, at: float) -> bool:
        """Follow one source at a time: several under one number, as of a simulcast, would be torn pieces together.

        Returns:
            Whether this one is followed, which `media_ssrc` then names.
        """
        if source != self.media_ssrc and at - self.heard_at < SOURCE_PATIENCE_S:
            return False
        self.media_ssrc, self.heard_at = source, at
        return True

    def refuse(self, reason: str) -> None:
        """Count a frame or a picture that must not be decoded or read."""
        self.refused += 1
        self.refusal = reason


async def join_decoders(*traffics: Traffic) -> None:
    """Wait until the decoders of closed connections have ended; returns at once when there are none.

    One that hangs in a native library cannot be ended. It is left behind and counted; the process does not wait for it.
    """
    decoders = [decoder for traffic in traffics for decoder in traffic.decoders]
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSING_S):
            for decoder in decoders:
                await decoder.pictures.ended.wait()
    ended = [decoder for decoder in decoders if decoder.pictures.ended.is_set()]
    if ended:
        await asyncio.to_thread(_join, ended)
    if hung := len(decoders) - len(ended):
        DECODERS_ABANDONED.inc(hung)
        log.warning("%d decoders hang and are left behind", hung)


def _join(decoders: Iterable[Decoder]) -> None:
    for decoder in decoders:
        decoder.join(CLOSING_S)
