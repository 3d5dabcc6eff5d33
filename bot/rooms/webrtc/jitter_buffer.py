"""Pure: a jitter buffer that goes on with the next whole picture when a packet is lost for good."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.rooms.webrtc.packets import Packet

JITTER_PACKETS = 128
"""Packets that wait for a lost one; aiortc's 512 are half a minute of a quiet camera."""
MOST_PICTURE_PACKETS = 1024
"""Of one picture: a key frame of a shared window in full HD is some hundred."""
PATIENCE_S = 0.25
"""A lost packet is waited for so long, if a whole picture is there to go on with."""
MOST_BEHIND = 100
"""A packet so far behind belongs to another count, which the stream has begun anew."""


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """An encoded picture, whole."""

    data: bytes
    timestamp: int
    """Of its packets, in units of 1/90,000 s, modulo 2³²."""
    payload_type: int
    is_discardable: bool = False
    """Whether no other picture needs this one."""


class SkippingJitterBuffer:
    """Puts packets in order and gives whole frames, each as soon as it is complete.

    Work a packet does not depend on how many wait. aiortc's looks through all of them for every packet, waits for a
    lost one until it is full, and gives one frame for every packet: after a repaired gap it lags for good.
    """

    def __init__(self, is_key: Callable[[Packet], bool], now: Callable[[], float]) -> None:
        """Open an empty buffer.

        Args:
            is_key: Whether a packet begins a frame that can be decoded by itself.
            now: A clock, in seconds.
        """
        self._is_key = is_key
        self._now = now
        self._packets: dict[int, Packet] = {}
        self._origin: int | None = None
        """Number of the packet that begins the next frame."""
        self._next = 0
        """The first number from there on that has not come."""
        self._reach = 0
        """How far the picture that is being put together goes beyond its first packet, as far as is known."""
        self._blocked_since: float | None = None

    def add(self, packet: Packet) -> tuple[bool, list[EncodedFrame]]:
        """Take a packet; returns whether to ask for a key frame, and the frames that are complete now."""
        number, wants_key = packet.sequence_number, False
        if self._origin is None:
            self._origin = self._next = number
        ahead = (number - self._origin) & 0xFFFF
        if ahead >= 0x8000:
            if 0x10000 - ahead < MOST_BEHIND:
                return False, []  # of a frame that is gone
            self._packets.clear()
            self._begin_at(number)
            ahead, wants_key = 0, True
        elif ahead >= JITTER_PACKETS and not self._is_near(packet, ahead):
            self._make_room(number)
            wants_key = True
        self._packets[number] = packet
        if number == self._next:
            frames = list(self._completed())
        elif (start := self._way_out()) is not None:
            # What follows a gap says only how it differs from what the gap held: the next key frame is the first
            # picture that can be shown again. Without one waiting costs nothing, and a repetition may still mend it.
            self._begin_at(start)
            frames = list(self._completed())
        else:
            frames = []
        return wants_key, frames

    def _is_near(self, packet: Packet, ahead: int) -> bool:
        """Return whether a packet is of the picture that is being put together, however large, or soon after it.

        Args:
            packet: It.
            ahead: How far it is from that picture's first.
        """
        first = self._packets.get(self._origin or 0)
        if first is None or ahead >= MOST_PICTURE_PACKETS + JITTER_PACKETS:
            return False
        if first.timestamp == packet.timestamp and ahead < MOST_PICTURE_PACKETS:
            self._reach = max(self._reach, ahead)
        return ahead - self._reach < JITTER_PACKETS

    def _begin_at(self, number: int) -> None:
        """Give up everything before a packet."""
        self._packets = {n: packet for n, packet in self._packets.items() if (n - number) & 0xFFFF < JITTER_PACKETS}
        self._origin = self._next = number
        self._reach = 0
        self._blocked_since = None

    def _make_room(self, number: int) -> None:
        """Give up whole frames, oldest first, until a packet that is far ahead fits."""
        least = (number - JITTER_PACKETS + 1) & 0xFFFF
        waiting = sorted(self._packets, key=lambda n: (n - (self._origin or 0)) & 0xFFFF)
        kept = [n for n in waiting if (n - least) & 0xFFFF < JITTER_PACKETS]
        given_up = self._packets[waiting[-len(kept) - 1]].timestamp if len(kept) < len(waiting) else None
        self._begin_at(next((n for n in kept if self._packets[n].timestamp != given_up), number))

    def _completed(self) -> Iterator[EncodedFrame]:
        """Take out the frames that are complete: the last packet is marked, or the next one has another time.

        Some senders let the time stand still, others mark nothing.
        """
        packets, first = self._packets, self._origin or 0
        while (packet := packets.get(self._next)) is not None:
            before = packets[(self._next - 1) & 0xFFFF] if self._next != first else None
            if before is not None and before.timestamp != packet.timestamp:
                yield self._take_out(first, self._next)
                first = self._next
            self._next = (self._next + 1) & 0xFFFF
            if packet.marker:
                yield self._take_out(first, self._next)
                first = self._next
        self._origin = first
        self._blocked_since = (self._blocked_since or self._now()) if packets and self._is_blocked() else None

    def _is_blocked(self) -> bool:
        """Return whether a packet has come behind one that has not."""
        return len(self._packets) > (self._next - (self._origin or 0)) & 0xFFFF

    def _take_out(self, first: int, end: int) -> EncodedFrame:
        self._blocked_since = None
        self._reach = 0
        packets = [self._packets.pop((first + i) & 0xFFFF) for i in range((end - first) & 0xFFFF)]
        data = packets[0].data if len(packets) == 1 else b"".join([packet.data for packet in packets])
        is_discardable = all(packet.is_discardable for packet in packets)
        return EncodedFrame(data, packets[0].timestamp, packets[0].payload_type, is_discardable)

    def _way_out(self) -> int | None:
        """Find the packet to go on with, if a lost one blocks for too long and a whole picture waits behind it."""
        # By time and not by packets: 128 are nine seconds of a camera that sends one a picture, and a blink of another.
        if self._blocked_since is None:
            self._blocked_since = self._now()
        if self._now() - self._blocked_since < PATIENCE_S:
            return None
        # Whole ones only: half a key frame would be the next gap, with nothing behind it to go on with.
        behind = [(self._next + i) & 0xFFFF for i in range(1, JITTER_PACKETS)]
        return next((number for number in behind if self._begins_whole_picture(number)), None)

    def _begins_whole_picture(self, number: int) -> bool:
        first = self._packets.get(number)
        if first is None or not self._is_key(first):
            return False
        before = self._packets.get((number - 1) & 0xFFFF)
        if before is not None and not before.marker and before.timestamp == first.timestamp:
            return False
        for i in range(JITTER_PACKETS):
            packet = self._packets.get((number + i) & 0xFFFF)
            if packet is None:
                return False
            if packet.timestamp != first.timestamp or packet.marker:
                return True
        return False
