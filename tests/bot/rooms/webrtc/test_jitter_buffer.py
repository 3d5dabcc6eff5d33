"""The jitter buffer that goes on with the next whole picture."""

from bot.rooms.webrtc.jitter_buffer import JITTER_PACKETS, MOST_PICTURE_PACKETS, PATIENCE_S, SkippingJitterBuffer
from bot.rooms.webrtc.packets import Packet


class Line:
    """Packets of frames in order, and a clock that the test moves."""

    def __init__(self) -> None:
        self.at = 0.0
        self.wants_key = 0
        self.buffer = SkippingJitterBuffer(lambda packet: packet.data.startswith(b"K"), lambda: self.at)

    def arrive(self, number: int, frame: int, data: bytes = b"p", *, marker: int = 0) -> list[bytes]:
        """Let a packet come in; returns the frames that are complete by then."""
        packet = Packet(96, number % 65536, frame * 6000, 1, marker)
        packet.data = data
        wants_key, frames = self.buffer.add(packet)
        self.wants_key += wants_key
        return [found.data for found in frames]


def test_frames_come_out_in_order_when_the_next_one_begins() -> None:
    line = Line()
    assert line.arrive(0, 0, b"K0") == []
    assert line.arrive(1, 0, b"k0") == []
    assert line.arrive(2, 1, b"p1") == [b"K0k0"]
    assert line.arrive(3, 2) == [b"p1"]


def test_repaired_gap_gives_everything_at_once_and_no_lag_stays() -> None:
    line = Line()
    line.arrive(0, 0, b"K0")
    for number in (2, 3, 4):
        line.arrive(number, number)
    assert line.arrive(1, 1, b"p1") == [b"K0", b"p1", b"p", b"p"]
    assert line.arrive(5, 5) == [b"p"]


def test_lost_packet_is_waited_for_while_there_is_hope() -> None:
    line = Line()
    line.arrive(0, 0, b"K0")
    for number, data in ((2, b"K2"), (3, b"p3"), (4, b"p4")):
        assert b"K2" not in line.arrive(number, number, data)
        line.at += PATIENCE_S / 4


def test_picture_goes_on_with_the_whole_one_behind_a_packet_that_never_comes() -> None:
    line = Line()
    line.arrive(0, 0, b"K0")
    line.arrive(2, 2)
    line.at += PATIENCE_S + 0.01
    assert line.arrive(3, 3) == [], "nothing to go on with"
    assert line.arrive(4, 4, b"K4") == [], "not known to be complete"
    assert line.arrive(5, 4, b"k4") == []
    assert line.arrive(6, 5, b"p5") == [b"K4k4"]
    assert line.arrive(7, 6) == [b"p5"]


def test_whole_picture_that_lacks_a_packet_is_no_way_out() -> None:
    line = Line()
    line.arrive(0, 0, b"K0")
    line.arrive(2, 2, b"K2")
    line.at += PATIENCE_S + 0.01
    assert line.arrive(4, 3) == []
    assert line.arrive(5, 4, b"K5") == []
    assert line.arrive(6, 5) == [b"K5"]


def test_numbers_may_wrap_around() -> None:
    line = Line()
    seen = []
    for number in range(65_530, 65_530 + 2 * JITTER_PACKETS):
        seen += line.arrive(number, number, b"K")
    assert len(seen) == 2 * JITTER_PACKETS - 1


def test_marked_packet_ends_its_frame_though_the_time_stands_still() -> None:
    line = Line()
    assert line.arrive(0, 0, b"K0") == []
    assert line.arrive(1, 0, b"k0", marker=1) == [b"K0k0"]
    assert line.arrive(2, 0, b"p1", marker=1) == [b"p1"]
    assert line.arrive(4, 0, b"p3", marker=1) == []
    assert line.arrive(3, 0, b"p2", marker=1) == [b"p2", b"p3"]


def test_picture_goes_on_after_a_loss_though_the_time_stands_still() -> None:
    line = Line()
    line.arrive(0, 0, b"K0", marker=1)
    line.arrive(2, 0, b"p2", marker=1)
    line.at += PATIENCE_S + 0.01
    assert line.arrive(3, 0, b"K3") == []
    assert line.arrive(4, 0, b"k3", marker=1) == [b"K3k3"]


def test_picture_of_a_shared_window_comes_whole_though_it_is_larger_than_what_waits_for_a_lost_packet() -> None:
    line, packets = Line(), 3 * JITTER_PACKETS
    for number in range(packets):
        assert line.arrive(number, 0, b"K" if number == 0 else b"k") == []
    assert line.arrive(packets, 1) == [b"K" + b"k" * (packets - 1)]
    assert line.wants_key == 0


def test_lost_packet_of_a_large_picture_is_waited_for() -> None:
    line, packets = Line(), 3 * JITTER_PACKETS
    for number in range(packets):
        if number != 40:
            assert line.arrive(number, 0, b"K" if number == 0 else b"k") == []
    line.arrive(packets, 1)
    assert line.arrive(40, 0, b"r") == [b"K" + b"k" * 39 + b"r" + b"k" * (packets - 41)]
    assert line.wants_key == 0


def test_picture_without_end_is_given_up() -> None:
    line = Line()
    for number in range(3 * MOST_PICTURE_PACKETS):
        assert line.arrive(number, 0, b"K" if number == 0 else b"k") == []
        assert len(line.buffer._packets) <= MOST_PICTURE_PACKETS + JITTER_PACKETS
    assert line.wants_key
