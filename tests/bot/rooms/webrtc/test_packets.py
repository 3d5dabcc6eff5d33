"""A packet is read as its sender wrote it, and what is none is refused."""

import struct

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpReceiveParameters
from aiortc.rtp import HeaderExtensions, HeaderExtensionsMap, RtpPacket

from bot.rooms.webrtc.orientation import Turn
from bot.rooms.webrtc.packets import ExtensionNumbers, Packet, PacketMalformed, is_control, original, read_packet

SENT_AT = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
NUMBERS = ExtensionNumbers(sent_at=3, orientation=9)


def written(
    payload: bytes = b"payload", *, padding: int = 0, sent_at: int | None = None, mid: str | None = None
) -> bytes:
    """Write a packet as aiortc does."""
    packet = RtpPacket(97, 1, 65_535, 4_000_000_000, 0xFEDCBA98, payload)
    packet.padding_size = padding
    packet.extensions = HeaderExtensions(abs_send_time=sent_at, mid=mid)
    extensions = HeaderExtensionsMap()
    known = [
        RTCRtpHeaderExtensionParameters(1, "urn:ietf:params:rtp-hdrext:sdes:mid"),
        RTCRtpHeaderExtensionParameters(3, SENT_AT),
    ]
    extensions.configure(RTCRtpReceiveParameters(headerExtensions=known))
    return bytes(packet.serialize(extensions))


def test_header_is_read() -> None:
    packet = read_packet(written(sent_at=0x123456, mid="video"), NUMBERS)
    assert (packet.payload_type, packet.marker, packet.sequence_number) == (97, 1, 65_535)
    assert (packet.timestamp, packet.ssrc, packet.payload) == (4_000_000_000, 0xFEDCBA98, b"payload")
    assert packet.sent_at == 0x123456


def test_padding_is_no_payload_but_counts_as_sent() -> None:
    packet = read_packet(written(padding=20), NUMBERS)
    assert packet.payload == b"payload"
    assert packet.size_bytes == 27
    assert read_packet(written(b"", padding=255), NUMBERS).payload == b""


def test_sources_that_contribute_are_passed_over() -> None:
    plain = written()
    assert read_packet(bytes([plain[0] | 2]) + plain[1:12] + bytes(8) + plain[12:], NUMBERS).payload == b"payload"


@pytest.mark.parametrize(
    ("profile", "value"),
    [(0xBEDE, b"\x00\x90\x05\x32\x00\x00\x07\x00"), (0x1000, b"\x00\x09\x01\x05\x03\x03\x00\x00\x07\x00\x00\x00")],
    ids=["one byte", "two bytes"],
)
def test_extensions_are_found_among_others(profile: int, value: bytes) -> None:
    plain = written()
    extended = (
        bytes([plain[0] | 0x10]) + plain[1:12] + struct.pack("!HH", profile, len(value) // 4) + value + plain[12:]
    )
    packet = read_packet(extended, NUMBERS)
    assert (packet.sent_at, packet.turn, packet.payload) == (7, Turn(1, is_mirrored=True), b"payload")
    assert read_packet(extended, ExtensionNumbers()).sent_at is None, "nobody asked for it"


PLAIN = written()
BAD = {
    "empty": b"",
    "short": PLAIN[:11],
    "another version": b"\x40" + PLAIN[1:],
    "more sources than bytes": b"\x8f" + PLAIN[1:],
    "an extension that ends too early": b"\x90" + PLAIN[1:12] + b"\xbe\xde\x00\x09" + PLAIN[12:],
    "no room for an extension": b"\x90" + PLAIN[1:12],
    "an element that ends too early": b"\x90" + PLAIN[1:12] + b"\xbe\xde\x00\x01\x3f\x00\x00\x00" + PLAIN[12:],
    "two bytes of which one is missing": b"\x90" + PLAIN[1:12] + b"\x10\x00\x00\x01\x00\x00\x00\x03" + PLAIN[12:],
    "more padding than bytes": b"\xa0" + PLAIN[1:-1] + b"\xff",
    "padding of nothing": b"\xa0" + PLAIN[1:-1] + b"\x00",
}


@pytest.mark.parametrize("row", BAD)
def test_what_is_no_packet_is_refused_in_one_way(row: str) -> None:
    with pytest.raises(PacketMalformed):
        read_packet(BAD[row], NUMBERS)


def opened(payload: bytes, codec: str = "VP8") -> Packet:
    packet = Packet(96, 1, 1, 1, 0)
    packet.payload = payload
    packet.open_payload(codec)
    return packet


@pytest.mark.parametrize("picture_id", [None, 5, 0x1234])
@pytest.mark.parametrize("tl0picidx", [None, 7])
@pytest.mark.parametrize("tid", [None, (2, 1)])
def test_vp8_payload_is_found_behind_every_descriptor(
    picture_id: int | None, tl0picidx: int | None, tid: tuple[int, int] | None
) -> None:
    for is_first in (0, 1):
        descriptor = VpxPayloadDescriptor(is_first, 0, picture_id, tl0picidx, tid)
        packet = opened(bytes(descriptor) + b"data")
        assert (packet.data, packet.is_first, packet.is_discardable) == (b"data", bool(is_first), False)


def test_vp8_says_which_pictures_no_other_needs() -> None:
    assert opened(b"\x30data").is_discardable
    assert not opened(b"\x10data").is_discardable


@pytest.mark.parametrize("payload", [b"\x80", b"\x90\x80", b"\x90\x80\x80", b"\x90\x40", b"\x90\xf0\x80\x01"])
def test_vp8_descriptor_that_is_cut_short_is_refused(payload: bytes) -> None:
    with pytest.raises(PacketMalformed):
        opened(payload)


def test_h264_units_get_start_codes_and_say_whether_they_are_needed() -> None:
    assert opened(b"\x65slice", "H264").data == b"\x00\x00\x00\x01\x65slice"
    begun, going_on = opened(b"\x7c\x85first", "H264"), opened(b"\x7c\x05more", "H264")
    assert (begun.data, begun.is_first) == (b"\x00\x00\x00\x01\x65first", True)
    assert (going_on.data, going_on.is_first) == (b"more", False)
    assert opened(b"\x01slice", "H264").is_discardable
    assert not opened(b"\x41slice", "H264").is_discardable
    with pytest.raises(PacketMalformed):
        opened(b"\x18\x00\x09x", "H264")


def test_retransmission_is_what_it_repeats() -> None:
    repeat = Packet(98, 4, 9, 2, 1)
    repeat.payload, repeat.turn = b"\x12\x34data", Turn(1)
    packet = original(repeat, 97, 1)
    assert (packet.payload_type, packet.sequence_number, packet.timestamp, packet.ssrc) == (97, 0x1234, 9, 1)
    assert (packet.marker, packet.payload, packet.turn) == (1, b"data", Turn(1))
    repeat.payload = b"\x12"
    with pytest.raises(PacketMalformed):
        original(repeat, 97, 1)


def test_control_is_distinct_from_media() -> None:
    assert is_control(b"\x80\xc8\x00\x00")
    assert not is_control(b"\x80\xe1\x00\x00"), "media with the mark of a picture's end"
    assert not is_control(b"\x80")
