"""What a connection has received so far, kept growing by whoever receives; and the end of its decoders."""

import asyncio
import logging
import math
import socket
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bot.metrics import DECODERS_ABANDONED
from bot.rooms.webrtc.decoding import Decoder
from bot.rooms.webrtc.orientation import UPRIGHT, Turn

log = logging.getLogger(__name__)


CLOSING_S = 2.0
"""A decoder ends within a frame, or hangs for good."""


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


RECEIVE_BUFFER_BYTES = 4 << 20
"""With the kernel's own 212,992 bytes 12 streams of 720p lost 40 % of their packets; with this, none."""


SO_RCVBUFFORCE = 33
"""Linux: as SO_RCVBUF, beyond the system's limit; needs CAP_NET_ADMIN. Python does not name it."""


def enlarge(sock: Any) -> None:
    """Enlarge the receive buffer of a socket, as far as this process may."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)


class ArrivalRate:
    """The rate over a sliding window.

    aiortc's counter steps through every millisecond since the last packet, and builds a thousand objects anew after
    each second without one. A loop that has fallen behind meets just such gaps, when it can least afford them: in a
    profile of one with 25 streams, more than a third of its time went there.
    """

    def __init__(self, window_ms: int = 1000, scale: int = 8000) -> None:
        """Begin empty.

        Args:
            window_ms: What counts lies in so many milliseconds up to now.
            scale: Rates are given in values a millisecond times this: 8000 makes bytes to bits a second.
        """
        self._window_ms = window_ms
        self._scale = scale
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._arrived: deque[tuple[int, int]] = deque()
        self._total = 0
        self._since_ms: int | None = None

    def add(self, value: int, now_ms: int) -> None:
        """Count a packet of `value` bytes that came at `now_ms`."""
        if self._since_ms is None:
            self._since_ms = now_ms
        self._slide(now_ms)
        self._arrived.append((now_ms, value))
        self._total += value

    def rate(self, now_ms: int) -> int | None:
        """Return the rate of what came in the window; None if nothing did, or all within this millisecond."""
        since_ms = self._slide(now_ms)
        if since_ms is None or not self._arrived or now_ms <= since_ms:
            return None
        return round(self._scale * self._total / (now_ms - since_ms + 1))

    def _slide(self, now_ms: int) -> int | None:
        """Drop what has left the window; return since when is counted."""
        if self._since_ms is not None and self._since_ms <= now_ms - self._window_ms:
            self._since_ms = now_ms - self._window_ms + 1
            while self._arrived and self._arrived[0][0] < self._since_ms:
                self._total -= self._arrived.popleft()[1]
        return self._since_ms
