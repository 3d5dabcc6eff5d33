"""The life of a bot, move by move."""

import itertools

import pytest

from bot.attendance import TRANSITIONS, Attendance, Happening
from dashboard_protocol.events import EndReason, State


def test_bot_is_live_only_once_the_room_confirmed() -> None:
    attendance = Attendance(1.0)
    assert attendance.state is State.REQUESTED
    assert attendance.start(2.0).state is State.JOINING
    assert attendance.live_since is None
    live = attendance.admit(3.0)
    assert (live.state, live.since, live.attempts) == (State.LIVE, 3.0, 0)
    assert attendance.live_since == 3.0


def test_waiting_bot_tells_why_and_since_when() -> None:
    attendance = Attendance(0.0)
    attendance.start(1.0)
    assert attendance.hold(2.0, "not_open").reason == "not_open"
    held = attendance.hold(9.0, "lobby")
    assert (held.state, held.since, held.reason) == (State.WAITING, 2.0, "lobby")


def test_reconnecting_bot_counts_its_attempts_and_keeps_its_start() -> None:
    attendance = Attendance(0.0)
    attendance.start(0.0)
    attendance.admit(1.0)
    assert attendance.lose(5.0, "room_unreachable").attempts == 1
    again = attendance.lose(7.0, "room_unreachable")
    assert (again.state, again.since, again.attempts) == (State.RECONNECTING, 5.0, 2)
    assert attendance.admit(8.0).attempts == 0
    assert attendance.live_since == 1.0


def test_first_reason_for_leaving_stands() -> None:
    attendance = Attendance(0.0)
    attendance.start(0.0)
    attendance.finish(1.0, EndReason.MAX_DURATION)
    attendance.lose(1.5, "room_unreachable")
    attendance.finish(2.0, EndReason.ROOM_CLOSED)
    ended = attendance.gone(3.0)
    assert (ended.state, ended.reason) == (State.ENDED, "max_duration")
    assert attendance.end_reason is EndReason.MAX_DURATION


def test_ended_bot_never_lives_again() -> None:
    for happening in Happening:
        assert (State.ENDED, happening) not in TRANSITIONS


@pytest.mark.parametrize(("state", "happening"), list(itertools.product(State, Happening)))
def test_every_state_but_the_last_can_be_left_for_good(state: State, happening: Happening) -> None:
    if state not in (State.LEAVING, State.ENDED):
        assert TRANSITIONS[state, Happening.FINISHED] is State.LEAVING
    if happening is Happening.ADMITTED and (state, happening) in TRANSITIONS:
        assert TRANSITIONS[state, happening] is State.LIVE
    if (target := TRANSITIONS.get((state, happening))) is State.LIVE:
        assert happening is Happening.ADMITTED, f"{target} must be proven"


def test_time_alone_begins_once_the_bot_is_in_and_again_after_everybody_left() -> None:
    attendance = Attendance(0.0)
    attendance.start(0.0)
    attendance.hold(1.0, "not_open")
    assert attendance.alone_s(50.0, 0) == 0.0, "it waits before a closed door"
    attendance.admit(60.0)
    assert [attendance.alone_s(at, 0) for at in (60.0, 70.0)] == [0.0, 10.0]
    assert attendance.alone_s(80.0, 1) == 0.0
    assert [attendance.alone_s(at, 0) for at in (90.0, 95.0)] == [0.0, 5.0]


def test_hour_for_which_the_machine_slept_is_no_time_alone() -> None:
    attendance = Attendance(0.0)
    attendance.start(0.0)
    attendance.admit(0.0)
    assert [attendance.alone_s(at, 0) for at in (1.0, 2.0)] == [0.0, 1.0]
    assert [attendance.alone_s(at, 0) for at in (3600.0, 3601.0)] == [0.0, 1.0]


def test_time_without_a_connection_is_no_time_alone() -> None:
    attendance = Attendance(0.0)
    attendance.start(0.0)
    attendance.admit(0.0)
    attendance.alone_s(0.0, 0)
    attendance.lose(8.0, "the line broke")
    assert attendance.alone_s(100.0, 0) == 0.0
    attendance.admit(101.0)
    assert [attendance.alone_s(at, 0) for at in (101.0, 103.0)] == [0.0, 2.0]
