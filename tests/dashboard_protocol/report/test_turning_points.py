"""Turning points of the index, in whole points."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dashboard_protocol.report.turning_points import Block, Move, blocks, moves
from dashboard_protocol.view.timeline import Timeline
from dashboard_protocol.view.trend import POINTS


def medians(values: list[int | None]) -> list[Block]:
    return [Block(10.0 * number, value) for number, value in enumerate(values) if value is not None]


def test_a_fall_and_its_return_are_two_moves_from_the_old_value_to_the_new() -> None:
    assert moves(medians([80, 85, 80, 80, 70, 60, 55, 55, 60, 80, 80])) == [
        Move(Block(30, 80), Block(60, 55)),
        Move(Block(80, 60), Block(90, 80)),
    ]


def test_less_than_fifteen_points_is_no_move() -> None:
    assert moves(medians([80, 75, 70, 75, 80, 70])) == []
    assert moves([]) == []


def test_a_move_of_exactly_fifteen_points_is_reported_in_full() -> None:
    assert [move.by for move in moves(medians([80, 75, 70, 65, 65]))] == [-15]


def test_a_slow_drift_is_one_move() -> None:
    (move,) = moves(medians(list(range(90, 40, -1))))
    assert (move.start.value, move.end.value) == (85, 41)
    assert move.size == 44


def test_values_before_and_after_a_long_pause_are_not_joined() -> None:
    assert moves(medians([80, 80, *[None] * 8, 50, 50])) == []
    assert len(moves(medians([80, 80, *[None] * 3, 50, 50]))) == 1


@given(st.lists(st.integers(0, 20).map(lambda step: step * 5), max_size=80))
def test_moves_alternate_and_each_is_large_enough(values: list[int]) -> None:
    found = moves(medians(list(values)))
    for move in found:
        assert move.size >= POINTS
        assert move.start.at < move.end.at
    for one, other in pairwise(found):
        assert one.by * other.by < 0
        assert one.end.at <= other.start.at


def test_medians_are_published_values_and_need_a_third_of_their_seconds() -> None:
    timeline = Timeline()
    for second in range(60):
        timeline.add(1000.0 + second, {"mean": 0.65 if second % 2 else 0.8})
    for second in range(60, 120, 12):
        timeline.add(1000.0 + second, {"mean": 0.1})
    found = blocks(timeline, "mean")
    assert {block.value for block in found} <= {65, 80}
    assert found[-1].at <= 1065
    assert blocks(Timeline(), "mean") == []
