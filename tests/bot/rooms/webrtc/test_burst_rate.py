"""What the sender of a window may send: much at once, though it sends little for long."""

from collections.abc import Iterator

from aiortc.rate import AimdRateControl, RemoteBitrateEstimator

from bot.rooms.webrtc.traffic import (
    BURST_BITS_PER_S,
    LEAST_BURST_BITS_PER_S,
    MOST_BURST_BITS_PER_S,
    ArrivalRate,
    BurstRateControl,
)

SOURCE, EVERY_MS, PACKET_BYTES = 1, 125, 1200


def allowed(rate_control: AimdRateControl, delay_ms: int = 0) -> Iterator[int]:
    """Send eight packets a second, 77 kbit/s, each later than the last by `delay_ms`; yield what is allowed."""
    estimator = RemoteBitrateEstimator()
    estimator.incoming_bitrate, estimator.rate_control = ArrivalRate(), rate_control  # type: ignore[assignment]
    for number in range(8 * 60):
        sent_ms = number * EVERY_MS
        at = 10_000 + sent_ms + number * delay_ms
        if (answer := estimator.add(at, (sent_ms << 18) // 1000 & 0xFFFFFF, PACKET_BYTES, SOURCE)) is not None:
            yield answer[0]


def test_sender_of_a_still_window_may_send_a_new_layout_at_once_and_from_the_beginning() -> None:
    given = list(allowed(BurstRateControl()))
    assert given[0] >= BURST_BITS_PER_S
    assert min(given) >= BURST_BITS_PER_S
    assert max(given) == MOST_BURST_BITS_PER_S
    assert max(allowed(AimdRateControl())) < BURST_BITS_PER_S / 10, "aiortc's own allows little more than what came"


def test_sender_whose_packets_come_later_and_later_may_send_less() -> None:
    given = list(allowed(BurstRateControl(), delay_ms=60))
    assert LEAST_BURST_BITS_PER_S <= given[-1] < BURST_BITS_PER_S
