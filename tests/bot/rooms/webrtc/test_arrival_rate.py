"""The counter that stands in for aiortc's: the same answers."""

from aiortc.rate import RateCounter
from hypothesis import given
from hypothesis import strategies as st

from bot.rooms.webrtc.traffic import ArrivalRate

GAPS_MS = st.integers(0, 3) | st.integers(0, 2500)
STEPS = st.lists(st.tuples(st.sampled_from(["add", "rate", "reset"]), GAPS_MS, st.integers(1, 1500)), max_size=60)


@given(STEPS)
def test_counter_answers_as_aiortc_does(steps: list[tuple[str, int, int]]) -> None:
    ours, theirs, now_ms = ArrivalRate(1000, 8000), RateCounter(1000, 8000), 1_000_000
    for what, later_ms, size in steps:
        now_ms += later_ms
        if what == "add":
            ours.add(size, now_ms)
            theirs.add(size, now_ms)
        elif what == "reset":
            ours.reset()
            theirs.reset()
        assert ours.rate(now_ms) == theirs.rate(now_ms)


def test_steady_stream_is_reported_in_bits_a_second() -> None:
    counter = ArrivalRate()
    for at_ms in range(0, 5000, 20):
        counter.add(1000, at_ms)
    assert counter.rate(4999) == 400_000
    assert counter.rate(6500) is None
