"""Pure: what an RTP packet says (RFC 3550, RFC 8285), and what its payload says of the picture (RFC 7741, RFC 6184)."""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from aiortc.codecs.h264 import h264_depayload

from bot.rooms.codecs.h264 import is_discardable
from bot.rooms.webrtc.orientation import Turn, read_orientation

_HEADER: Final = Struct("!BBHLL")
_EXTENSIONS: Final = Struct("!HH")
_ONE_BYTE, _TWO_BYTES = 0xBEDE, 0x1000
"""Profiles of header extensions, by how long the header of each is."""


class PacketMalformed(ValueError):
    """These bytes are no packet, or no payload of this codec."""


@dataclass(slots=True)
class ExtensionNumbers:
    """Under which numbers a sender puts header extensions; 0 where it has none."""

    sent_at: int = 0
    orientation: int = 0


class Packet:
    """One RTP packet. What it carries of a picture is known once `open_payload` was called."""

    __slots__ = (
        *("data", "is_discardable", "is_first", "marker", "payload", "payload_type"),
        *("sent_at", "sequence_number", "size_bytes", "ssrc", "timestamp", "turn"),
    )

    def __init__(self, payload_type: int, sequence_number: int, timestamp: int, ssrc: int, marker: int) -> None:
        self.payload_type = payload_type
        self.sequence_number = sequence_number
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.marker = marker
        """1 at the last packet of a picture."""
        self.payload = b""
        """Without padding; empty where a packet is padding alone."""
        self.size_bytes = 0
        """Behind the header, padding included."""
        self.sent_at: int | None = None
        """When it was sent, in units of 2⁻¹⁸ s, modulo 64 s (`abs-send-time`)."""
        self.turn: Turn | None = None
        """What makes the picture upright, where the packet says so."""
        self.data = b""
        """What of the payload goes to a decoder."""
        self.is_first = False
        """Whether an encoded picture may begin with it."""
        self.is_discardable = False
        """Whether no other picture needs this one."""

    def open_payload(self, codec: str) -> None:
        """Find what goes to a decoder.

        Raises:
            PacketMalformed: It is no payload of the codec.
        """
        if not self.payload:
            return
        if codec == "VP8":
            self._open_vp8()
            return
        try:
            self.data = h264_depayload(self.payload)
        except ValueError as error:
            raise PacketMalformed(str(error)) from error
        self.is_first = self.data.startswith(b"\x00\x00\x00\x01")
        self.is_discardable = is_discardable(self.payload)

    def _open_vp8(self) -> None:
        payload = self.payload
        first, at = payload[0], 1
        try:
            if first & 0x80:
                more, at = payload[1], 2
                if more & 0x80:
                    at += 2 if payload[2] & 0x80 else 1
                if more & 0x40:
                    at += 1
                if more & 0x30:
                    at += 1
        except IndexError as error:
            raise PacketMalformed("a VP8 descriptor ends too early") from error
        if at > len(payload):
            raise PacketMalformed("a VP8 descriptor ends too early")
        self.data = payload[at:]
        self.is_first = first & 0x1F == 0x10
        self.is_discardable = bool(first & 0x20)


def is_control(datagram: bytes) -> bool:
    """Return whether a datagram is RTCP and not RTP, the same port (RFC 5761); it may be encrypted."""
    return len(datagram) > 1 and 192 <= datagram[1] <= 208


def read_packet(data: bytes, numbers: ExtensionNumbers) -> Packet:
    """Read a decrypted RTP packet.

    Args:
        data: The packet.
        numbers: Which header extensions to look for.

    Raises:
        PacketMalformed: It is none.
    """
    if len(data) < 12:
        raise PacketMalformed("shorter than a header")
    flags, kind, sequence_number, timestamp, ssrc = _HEADER.unpack_from(data)
    if flags >> 6 != 2:
        raise PacketMalformed("another version")
    packet = Packet(kind & 0x7F, sequence_number, timestamp, ssrc, kind >> 7)
    at = 12 + 4 * (flags & 0x0F)
    if flags & 0x10:
        if len(data) < at + 4:
            raise PacketMalformed("ends within its extensions")
        profile, words = _EXTENSIONS.unpack_from(data, at)
        end = at + 4 + 4 * words
        if len(data) < end:
            raise PacketMalformed("ends within its extensions")
        if numbers.sent_at or numbers.orientation:
            _read_extensions(packet, data, at + 4, end, profile, numbers)
        at = end
    end = len(data) - (data[-1] if flags & 0x20 else 0)
    if end < at or (flags & 0x20 and not data[-1]):
        raise PacketMalformed("more padding than there is")
    packet.payload, packet.size_bytes = data[at:end], len(data) - at
    return packet


def _read_extensions(packet: Packet, data: bytes, at: int, end: int, profile: int, numbers: ExtensionNumbers) -> None:
    if profile not in (_ONE_BYTE, _TWO_BYTES):
        return
    while at < end:
        head = data[at]
        at += 1
        if head == 0:
            continue
        if profile == _ONE_BYTE:
            number, length = head >> 4, (head & 0x0F) + 1
        elif at < end:
            number, length = head, data[at]
            at += 1
        else:
            raise PacketMalformed("an extension ends too early")
        if at + length > end:
            raise PacketMalformed("an extension ends too early")
        if number == numbers.sent_at and length == 3:
            packet.sent_at = int.from_bytes(data[at : at + 3], "big")
        elif number == numbers.orientation:
            packet.turn = read_orientation(data[at : at + length])
        at += length


def original(repeat: Packet, payload_type: int, ssrc: int) -> Packet:
    """Give what a retransmission repeats (RFC 4588).

    Raises:
        PacketMalformed: It repeats nothing.
    """
    if len(repeat.payload) < 2:
        raise PacketMalformed("a retransmission without a number")
    number = int.from_bytes(repeat.payload[:2], "big")
    packet = Packet(payload_type, number, repeat.timestamp, ssrc, repeat.marker)
    packet.payload, packet.turn = repeat.payload[2:], repeat.turn
    return packet
