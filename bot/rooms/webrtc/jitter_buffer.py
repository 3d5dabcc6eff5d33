"""A jitter buffer that goes on with the next whole picture when a packet is lost for good."""

from collections.abc import Callable, Iterator

from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket

JITTER_PACKETS = 128
"""Packets that wait for a lost one; aiortc's 512 are half a minute of a quiet camera."""
PATIENCE_S = 0.25
"""A lost packet is waited for so long, if a whole picture is there to go on with."""


class SkippingJitterBuffer(JitterBuffer):
    """As aiortc's, but gives up a lost packet as soon as that helps, and keeps no complete frame back.

    aiortc's waits until it is full, and gives one frame for every packet: after a repaired gap it lags for good.
    """

    def __init__(self, is_key: Callable[[RtpPacket], bool], now: Callable[[], float]) -> None:
        """Open an empty buffer.

        Args:
            is_key: Whether a packet begins a frame that can be decoded by itself.
            now: A clock, in seconds.
        """
        super().__init__(JITTER_PACKETS, is_video=True)
        self._is_key = is_key
        self._now = now
        self._blocked_since: float | None = None

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """Take a packet; returns whether to ask for a key frame, and the next complete frame."""
        wants_key, frame = super().add(packet)
        # What follows a gap says only how it differs from what the gap held: the next key frame is the first picture
        # that can be shown again. Without one, waiting costs nothing, and a retransmission may still mend the gap.
        if frame is not None:
            self._blocked_since = None
        elif (start := self._way_out()) is not None:
            self.remove(start)
            self._blocked_since = None
            frame = self._remove_frame(packet.sequence_number)
        return wants_key, frame

    def ready(self) -> Iterator[tuple[int, JitterFrame]]:
        """Take out the further frames that are complete, each with its payload type."""
        while self._origin is not None and (first := self._packets[self._origin % self.capacity]) is not None:
            if (frame := self._remove_frame(self._origin)) is None:
                return
            yield first.payload_type, frame

    def _remove_frame(self, sequence_number: int) -> JitterFrame | None:
        """Take out the first frame if it is complete: its last packet is marked, or the next has another time.

        aiortc's knows only the time, which some senders let stand still, and so is one frame late with all others.
        """
        frame = list[RtpPacket]()
        for count in range(self.capacity):
            packet = self._packets[((self._origin or 0) + count) % self.capacity]
            if packet is None:
                return None
            if frame and packet.timestamp != frame[0].timestamp:
                break
            frame.append(packet)
            if packet.marker:
                break
        else:
            return None
        self.remove(len(frame))
        return JitterFrame(b"".join(_data(packet) for packet in frame), frame[0].timestamp)

    def _way_out(self) -> int | None:
        """Find how many packets to give up, if a lost one blocks for too long and a whole picture waits behind it."""
        waiting = [self._packets[((self._origin or 0) + i) % self.capacity] for i in range(self.capacity)]
        last = max((i for i, packet in enumerate(waiting) if packet is not None), default=0)
        gap = next((i for i, packet in enumerate(waiting[:last]) if packet is None), None)
        if gap is None:
            self._blocked_since = None
            return None
        # By time and not by packets: 128 are nine seconds of a camera that sends one a picture, and a blink of another.
        if self._blocked_since is None:
            self._blocked_since = self._now()
        if self._now() - self._blocked_since < PATIENCE_S:
            return None
        # Whole ones only: half a key frame would be the next gap, with nothing behind it to go on with.
        starts = (i for i in range(gap + 1, last) if _begins_frame(waiting, i) and self._is_complete(waiting, i))
        return next(starts, None)

    def _is_complete(self, waiting: list[RtpPacket | None], start: int) -> bool:
        first = waiting[start]
        if first is None or not self._is_key(first):
            return False
        for packet in waiting[start:]:
            if packet is None:
                return False
            if packet.timestamp != first.timestamp or packet.marker:
                return True
        return False


def _begins_frame(waiting: list[RtpPacket | None], index: int) -> bool:
    packet, before = waiting[index], waiting[index - 1]
    return packet is not None and (before is None or bool(before.marker) or before.timestamp != packet.timestamp)


def _data(packet: RtpPacket) -> bytes:
    data: bytes = packet._data  # type: ignore[attr-defined]
    return data
