"""What comes in of one video: packets in any order → encoded pictures, for whoever wants to see them.

One call a packet, and no task, queue or timer in between. aiortc has each datagram wait in a queue for a task, which
works through a dozen coroutines and looks through the whole jitter buffer: of a class of 25 a third of all work.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from bot.rooms.webrtc.decoding import UNREAD_FRAMES, CodedPicture, Decoder, EncodedFrames, is_keyframe
from bot.rooms.webrtc.jitter_buffer import EncodedFrame, SkippingJitterBuffer
from bot.rooms.webrtc.packets import Packet, original
from bot.rooms.webrtc.traffic import ArrivalBurst, Traffic

NACK_EVERY_S = 0.06
"""A lost packet is asked for again after so long; aiortc asks once, and question and answer can be lost like it."""
REPEATS: Final = "rtx"
"""The name of a codec that is none, but the number under which lost packets are sent again."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What is said to the sender, at once."""

    ask_again: Callable[[int, list[int]], object]
    """Asks a source for packets of these numbers."""
    ask_for_picture: Callable[[int], object]
    """Asks a source for a whole picture."""
    send_rate: Callable[[tuple[int, list[int]]], object]
    """Says how much may be sent: bits a second, by sources."""


class Missing(Protocol):
    """Knows which packets have not come; aiortc's."""

    max_seq: int | None
    missing: set[int]

    def add(self, packet: Packet) -> bool:
        """Take a packet; returns whether others are missing since."""


class Statistics(Protocol):
    """Counts the packets of a source, for receiver reports; aiortc's."""

    def add(self, packet: Packet) -> None:
        """Count a packet."""


class VideoReception:
    """Takes the packets of one video section and delivers its pictures."""

    def __init__(
        self,
        traffic: Traffic,
        deliver: Callable[[CodedPicture], object],
        feedback: Feedback,
        *,
        missing: Missing,
        statistics: Callable[[int], Statistics],
        estimate: Callable[[int, int, int, int], tuple[int, list[int]] | None],
        now: Callable[[], float],
    ) -> None:
        """Begin without codecs.

        Args:
            traffic: Counts what the connection receives.
            deliver: Called with every picture that came whole; must not block.
            feedback: What is said to the sender.
            missing: Knows which packets have not come.
            statistics: Gives the statistics of a source.
            estimate: Takes a burst as `ArrivalBurst` gives it; returns what may be sent.
            now: The event loop's clock, in seconds.
        """
        self.codecs: dict[int, Any] = {}
        """What each payload type is, by the newest description."""
        self.sources: dict[int, int] = {}
        """Which source each source of retransmissions repeats."""
        self.lost_picture = threading.Event()
        """Set when a picture could not be decoded: the sender is asked for a whole one with the next packet."""
        self.frames = EncodedFrames(self.lost_picture, traffic.refuse)
        self.decoder: Decoder | None = None
        """Decodes what is in `frames`; None before the first description and after the end."""
        self._names: dict[int, str] = {}
        self._traffic = traffic
        self._deliver = deliver
        self._feedback = feedback
        self._missing = missing
        self._statistics = statistics
        self._estimate = estimate
        self._now = now
        self._asked_at = now()
        self._burst = ArrivalBurst()
        self._buffer = SkippingJitterBuffer(self._is_key, now)

    def describe(self, codecs: Iterable[Any], sources: dict[int, int]) -> None:
        """Take what a description says; what earlier ones said holds too.

        Args:
            codecs: With `payloadType`, `name`, `parameters` and perhaps `parameter_sets`.
            sources: As in `sources`.
        """
        self.codecs.update({codec.payloadType: codec for codec in codecs})
        self._names = {number: str(codec.name) for number, codec in self.codecs.items()}
        self.sources.update(sources)

    def begin_anew(self) -> None:
        """Forget what came so far: it is not of the stream that begins."""
        self._buffer = SkippingJitterBuffer(self._is_key, self._now)
        self._missing.missing.clear()
        self._missing.max_seq = None
        self.frames.await_keyframe()

    def take(self, packet: Packet, arrived_ms: int) -> None:
        """Take a packet of this section.

        Raises:
            PacketMalformed: Its payload is none of its codec.
        """
        traffic, name = self._traffic, self._names.get(packet.payload_type)
        source: int | None = self.sources.get(packet.ssrc) if name == REPEATS else packet.ssrc
        if name is None or source is None:
            return  # of no use, and it must not be taken for the source
        followed, now = traffic.media_ssrc, self._now()
        if not traffic.hears(source, now):
            return
        if followed not in (0, source):
            self.begin_anew()
        self._count(packet, arrived_ms)
        if name == REPEATS:
            repeated = self.codecs[packet.payload_type].parameters.get("apt")
            if repeated not in self._names:
                return
            packet, name = original(packet, repeated, source), self._names[repeated]
        self._note_missing(packet, source, now)
        packet.open_payload(name)
        self._put_in_order(packet, source)

    def _put_in_order(self, packet: Packet, source: int) -> None:
        wants_key, frames = self._buffer.add(packet)
        for frame in frames:
            self._hand_on(frame)
        if self.lost_picture.is_set():
            self.lost_picture.clear()
            wants_key = True
        if wants_key:
            self._feedback.ask_for_picture(source)

    def _count(self, packet: Packet, arrived_ms: int) -> None:
        traffic = self._traffic
        if packet.payload:
            traffic.media_packets += 1
        if packet.turn is not None:
            traffic.turn = packet.turn
        if packet.sent_at is not None and (burst := self._burst.add(packet, arrived_ms)) is not None:
            rate = self._estimate(*burst)
            if rate is not None:
                self._feedback.send_rate(rate)
        self._statistics(packet.ssrc).add(packet)

    def _note_missing(self, packet: Packet, source: int, now: float) -> None:
        missing, number = self._missing, packet.sequence_number
        if not missing.missing and missing.max_seq is not None and number == (missing.max_seq + 1) & 0xFFFF:
            missing.max_seq = number  # nearly always
            return
        is_new_gap = missing.add(packet)
        if is_new_gap or (missing.missing and now - self._asked_at >= NACK_EVERY_S):
            self._asked_at = now
            self._feedback.ask_again(source, sorted(missing.missing))

    def _hand_on(self, frame: EncodedFrame) -> None:
        if self.decoder is None or (number := self.frames.put(self.codecs[frame.payload_type], frame)) is None:
            return
        if len(self.frames) >= UNREAD_FRAMES:
            self.decoder.catch_up(number)
        self._deliver(CodedPicture(*self.frames.size, frame.timestamp, number, self.decoder))

    def _is_key(self, packet: Packet) -> bool:
        return packet.is_first and is_keyframe(self._names.get(packet.payload_type, ""), packet.data)
