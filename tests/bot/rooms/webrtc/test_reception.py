"""What comes in of a video, packet by packet, and how much work a packet is: calls are counted, no time is measured."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, cast

from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtcrtpreceiver import NackGenerator, StreamStatistics

from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.webrtc.decoding import CodedPicture, Decoder
from bot.rooms.webrtc.packets import Packet
from bot.rooms.webrtc.reception import Feedback, VideoReception
from bot.rooms.webrtc.traffic import Traffic
from bot.samples.story import clip_path

VP8, REPEATS = 97, 98
SOURCE, REPEATING = 1, 2
CALLS_A_PACKET = 40
"""Of Python functions, from a packet that was read to the picture that is handed on: 35 where three of four packets end
one."""


class Undecoding:
    """Stands in for a decoder's thread: nothing that comes is decoded before somebody wants to see it."""

    def __init__(self) -> None:
        self.caught_up: list[int] = []

    def catch_up(self, number: int) -> None:
        self.caught_up.append(number)


class Line:
    """A sender, a video section, and what each says to the other."""

    def __init__(self) -> None:
        self.at = 100.0
        self.pictures: list[CodedPicture] = []
        self.asked_again: list[list[int]] = []
        self.asked_for_picture = 0
        self.estimates: list[tuple[int, int, int, int]] = []
        self.decoder = Undecoding()
        self.missing = NackGenerator()
        statistics: dict[int, StreamStatistics] = {}
        feedback = Feedback(
            lambda source, numbers: self.asked_again.append(numbers), self._ask_for_picture, lambda rate: None
        )
        self.reception = VideoReception(
            Traffic(),
            self.pictures.append,
            feedback,
            missing=cast(Any, self.missing),
            statistics=lambda source: cast(Any, statistics.setdefault(source, StreamStatistics(90_000))),
            estimate=lambda *burst: self.estimates.append(burst),
            now=lambda: self.at,
        )
        self.reception.decoder = cast(Decoder, self.decoder)
        media = RTCRtpCodecParameters("video/VP8", 90_000, None, VP8)
        again = RTCRtpCodecParameters("video/rtx", 90_000, None, REPEATS, [], {"apt": VP8})
        self.reception.describe([media, again], {REPEATING: SOURCE})

    def _ask_for_picture(self, source: int) -> None:
        self.asked_for_picture += 1

    def take(self, packet: Packet) -> None:
        self.reception.take(packet, round(self.at * 1000))


def sent(frames: int) -> list[Packet]:
    """Cut the first frames of a clip into packets."""
    packets: list[Packet] = []
    for at, frame in enumerate(read_clip(clip_path("yuki", "calm")).frames[:frames]):
        payloads = Vp8Encoder._packetize(frame.data, at)
        for payload in payloads:
            packet = Packet(VP8, len(packets), at * 6000, SOURCE, int(payload is payloads[-1]))
            packet.payload, packet.size_bytes, packet.sent_at = payload, len(payload), at * 1000
            packets.append(packet)
    return packets


def repeated(packet: Packet, number: int) -> Packet:
    """Send a packet again."""
    again = Packet(REPEATS, number, packet.timestamp, REPEATING, packet.marker)
    again.payload = packet.sequence_number.to_bytes(2, "big") + packet.payload
    return again


@contextmanager
def calls_counted() -> Iterator[Callable[[], int]]:
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        yield lambda: count
    finally:
        sys.setprofile(None)


def test_packet_costs_few_calls_and_no_thread_is_woken_for_it() -> None:
    line, packets = Line(), sent(90)
    with calls_counted() as calls:
        for packet in packets:
            line.take(packet)
    assert len(line.pictures) == 90
    assert calls() <= CALLS_A_PACKET * len(packets)
    assert len(line.decoder.caught_up) <= 90 / 15 + 1, "only for frames that nobody reads"
    assert (line.asked_again, line.asked_for_picture) == ([], 0)


def test_work_a_packet_does_not_grow_with_what_waits_for_a_lost_one() -> None:
    costs = []
    for lost in (None, 1):
        line, packets = Line(), sent(40)
        packets = [packet for packet in packets if packet.sequence_number != lost]
        for packet in packets[:2]:
            line.take(packet)
        with calls_counted() as calls:
            for packet in packets[2:]:
                line.take(packet)
                line.at += 0.001
        costs.append(calls() / len(packets[2:]))
    assert costs[1] < 2 * costs[0]


def test_lost_packet_is_asked_for_and_its_repetition_completes_the_picture() -> None:
    line, packets = Line(), sent(8)
    for packet in packets:
        if packet.sequence_number != 2:
            line.take(packet)
    assert line.asked_again == [[2]]
    there = len(line.pictures)
    line.take(repeated(packets[2], 7))
    assert len(line.pictures) == 8 > there
    assert line.missing.missing == set()


def test_missing_packet_is_asked_for_again_while_it_does_not_come() -> None:
    line, packets = Line(), sent(12)
    for packet in packets:
        if packet.sequence_number != 2:
            line.take(packet)
            line.at += 0.02
    assert len(line.asked_again) >= 3


def test_what_may_be_sent_is_judged_by_pictures_and_not_by_packets() -> None:
    line, packets = Line(), sent(6)
    for packet in packets:
        line.take(packet)
    assert len(line.estimates) == 5
    assert line.estimates[0][2] == sum(packet.size_bytes for packet in packets if packet.timestamp == 0)


def test_picture_that_cannot_be_decoded_makes_the_sender_send_a_whole_one() -> None:
    line, packets = Line(), sent(4)
    line.reception.lost_picture.set()
    for packet in packets:
        line.take(packet)
    assert line.asked_for_picture == 1
    assert isinstance(line.reception.lost_picture, threading.Event)
    assert not line.reception.lost_picture.is_set()


def test_repetitions_of_nobody_and_unknown_numbers_are_passed_over() -> None:
    line, packets = Line(), sent(1)
    stray = repeated(packets[0], 1)
    stray.ssrc = 99
    line.take(stray)
    unknown = Packet(35, 0, 0, SOURCE, 1)
    line.take(unknown)
    assert line.pictures == []
    assert line.reception._traffic.media_ssrc == 0
