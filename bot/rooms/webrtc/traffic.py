"""What arrives on a connection's sockets: how it is read, and what has come so far; and the end of its decoders.

asyncio wakes up for every datagram of every socket, and offers a quarter of a megabyte for each, which the system has
to find and to take back: with 25 people that cost more than all else that is done with a packet. Here one turn of the
event loop takes what all sockets hold.
"""

import asyncio
import logging
import math
import select
import socket
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from struct import Struct
from typing import Any, Final
from weakref import WeakKeyDictionary

from aiortc.rate import AimdRateControl

from bot.metrics import DECODERS_ABANDONED
from bot.rooms.webrtc.decoding import Decoder
from bot.rooms.webrtc.orientation import UPRIGHT, Turn
from bot.rooms.webrtc.packets import Packet

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
                await decoder.ended.wait()
    ended = [decoder for decoder in decoders if decoder.ended.is_set()]
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
SO_TIMESTAMP = 29
"""Linux: every datagram says when it arrived. Python does not name it."""
LARGEST_DATAGRAM_BYTES = 2048
"""What arrives is at most 1,500."""
MOST_AT_ONCE = 64
"""Datagrams taken from one socket before others have their turn."""
PAUSE_S = 0.02
"""Between two looks at the sockets: a picture comes every 67 ms from each person, and is read every 250."""
_TIME: Final = Struct("@ll")

Receive = Callable[[bytes, Any, int], object]
"""Takes a datagram, its sender's address, and when it arrived, in milliseconds of Unix time."""


def enlarge(sock: Any) -> None:
    """Enlarge the receive buffer of a socket, as far as this process may."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)


def read_together(transport: Any, protocol: Any, receive: Receive) -> None:
    """Read a transport's socket together with all others of the event loop; elsewhere than on Linux it stays as it is.

    Args:
        transport: A UDP socket's, of asyncio.
        protocol: The transport's.
        receive: Takes the datagrams in place of the protocol.
    """
    transport.max_size = LARGEST_DATAGRAM_BYTES
    loop = asyncio.get_running_loop()
    sock = getattr(transport, "_sock", None)
    if isinstance(sock, socket.socket) and hasattr(select, "epoll") and hasattr(loop, "_remove_reader"):
        loop._remove_reader(sock)
        _sockets.setdefault(loop, _Sockets(loop)).add(sock, transport, protocol, receive)


class _Sockets:
    """All sockets of an event loop. Their readiness is asked for at most once in `PAUSE_S`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._readers: dict[int, Callable[[], None]] = {}
        self._ready: select.epoll | None = None
        self._pause: asyncio.TimerHandle | None = None

    def add(self, sock: socket.socket, transport: Any, protocol: Any, receive: Receive) -> None:
        """Read a socket until its transport is closed."""
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
        number, lost = sock.fileno(), protocol.connection_lost

        def read() -> None:
            _read(sock, transport, protocol, receive)

        def connection_lost(error: Exception | None) -> None:
            self._remove(number)
            lost(error)

        protocol.connection_lost = connection_lost
        if self._ready is None:
            self._ready = select.epoll()
            self._loop.add_reader(self._ready.fileno(), self._read_all)
        self._readers[number] = read
        self._ready.register(number, select.EPOLLIN)

    def _remove(self, number: int) -> None:
        del self._readers[number]
        assert self._ready is not None
        self._ready.unregister(number)
        if not self._readers:
            self._loop.remove_reader(self._ready.fileno())
            if self._pause is not None:
                self._pause.cancel()
            self._ready.close()
            self._ready = self._pause = None

    def _read_all(self) -> None:
        assert self._ready is not None
        self._loop.remove_reader(self._ready.fileno())
        self._pause = self._loop.call_later(PAUSE_S, self._go_on)
        for number, _ in self._ready.poll(0):
            if (read := self._readers.get(number)) is not None:
                read()

    def _go_on(self) -> None:
        if self._ready is not None:
            self._loop.add_reader(self._ready.fileno(), self._read_all)


_sockets: WeakKeyDictionary[asyncio.AbstractEventLoop, _Sockets] = WeakKeyDictionary()


def _read(sock: socket.socket, transport: Any, protocol: Any, receive: Receive) -> None:
    for _ in range(MOST_AT_ONCE):
        if transport.is_closing():
            return
        try:
            datagram, said, _, address = sock.recvmsg(LARGEST_DATAGRAM_BYTES, 64)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            protocol.error_received(error)
            return
        seconds, microseconds = _TIME.unpack(said[0][2])
        receive(datagram, address, seconds * 1000 + microseconds // 1000)


class ArrivalBurst:
    """Puts together what of one picture came: how much may be sent is judged by pictures, not by packets.

    They are sent in bursts anyway, and the judgement costs as much as all else that is done with a packet.
    """

    def __init__(self) -> None:
        self._timestamp: int | None = None
        self._arrived_ms = self._sent_at = self._bytes = self._source = 0

    def add(self, packet: Packet, arrived_ms: int) -> tuple[int, int, int, int] | None:
        """Take a packet that says when it was sent.

        Returns:
            Of the burst before: when it arrived (ms), when it was sent, its bytes, its source; if this begins another.
        """
        ended = None
        if packet.timestamp != self._timestamp or packet.ssrc != self._source:
            if self._timestamp is not None:
                ended = self._arrived_ms, self._sent_at, self._bytes, self._source
            self._timestamp, self._source, self._bytes = packet.timestamp, packet.ssrc, 0
        assert packet.sent_at is not None
        self._arrived_ms, self._sent_at = arrived_ms, packet.sent_at
        self._bytes += packet.size_bytes
        return ended


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


BURST_BITS_PER_S: Final = 3_000_000
"""What may be sent at once of a window that changes, from the beginning: sharp within half a second."""
LEAST_BURST_BITS_PER_S: Final = 1_000_000
"""That may be sent whatever was measured; a sender whose packets are lost sends less by itself."""
MOST_BURST_BITS_PER_S: Final = 8_000_000


class BurstRateControl(AimdRateControl):
    """Allows a rate to somebody who sends little for long, and much at once.

    aiortc's allows one and a half times what has come in. A window in which heads move takes 150 kbit/s, so its sender
    may never send more: when its tiles change places, it shows them blurred and in wrong colours for seconds. Here what
    is not used is allowed all the same, and grows, until packets arrive late.
    """

    def __init__(self) -> None:
        """Allow a burst from the first packet on: in its first two seconds a browser believes whatever is allowed."""
        super().__init__()
        self.current_bitrate, self.current_bitrate_initialized = BURST_BITS_PER_S, True

    def _clamp_bitrate(self, new_bitrate: int, estimated_throughput: int) -> int:
        return min(max(new_bitrate, LEAST_BURST_BITS_PER_S), MOST_BURST_BITS_PER_S)


class Contained:
    """Notes errors that cost only the packet that brought them about."""

    def __init__(self) -> None:
        self._dropped = 0

    def note(self, error: Exception) -> None:
        """Note one."""
        self._dropped += 1
        if self._dropped.bit_count() == 1:  # the 1st, 2nd, 4th…: whoever sends such packets must not fill the log
            log.warning("Dropped %d packets that cannot be handled, the last for %r", self._dropped, error)
