"""The life of a bot, move by move."""

import itertools

import pytest

from bot.meeting.state import TRANSITIONS, StateMachine, Trigger
from dashboard_protocol.events import EndReason, State


def test_bot_is_live_only_once_the_room_confirmed() -> None:
    state_machine = StateMachine(1.0)
    assert state_machine.state is State.REQUESTED
    assert state_machine.start(2.0).state is State.JOINING
    assert state_machine.live_since is None
    live = state_machine.admit(3.0)
    assert (live.state, live.since, live.attempts) == (State.LIVE, 3.0, 0)
    assert state_machine.live_since == 3.0


def test_waiting_bot_says_why_and_since_when() -> None:
    state_machine = StateMachine(0.0)
    state_machine.start(1.0)
    assert state_machine.hold(2.0, "not_open").reason == "not_open"
    held = state_machine.hold(9.0, "lobby")
    assert (held.state, held.since, held.reason) == (State.WAITING, 2.0, "lobby")


def test_reconnecting_bot_counts_its_attempts_and_keeps_its_start() -> None:
    state_machine = StateMachine(0.0)
    state_machine.start(0.0)
    state_machine.admit(1.0)
    assert state_machine.lose(5.0, "room_unreachable").attempts == 1
    again = state_machine.lose(7.0, "room_unreachable")
    assert (again.state, again.since, again.attempts) == (State.RECONNECTING, 5.0, 2)
    assert state_machine.admit(8.0).attempts == 0
    assert state_machine.live_since == 1.0


def test_first_reason_for_leaving_stands() -> None:
    state_machine = StateMachine(0.0)
    state_machine.start(0.0)
    state_machine.finish(1.0, EndReason.MAX_DURATION)
    state_machine.lose(1.5, "room_unreachable")
    state_machine.finish(2.0, EndReason.ROOM_CLOSED)
    ended = state_machine.gone(3.0)
    assert (ended.state, ended.reason) == (State.ENDED, "max_duration")
    assert state_machine.end_reason is EndReason.MAX_DURATION


def test_ended_bot_never_lives_again() -> None:
    for trigger in Trigger:
        assert (State.ENDED, trigger) not in TRANSITIONS


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(State, Trigger)))
def test_every_state_but_the_last_can_be_left_for_good(state: State, trigger: Trigger) -> None:
    if state not in (State.LEAVING, State.ENDED):
        assert TRANSITIONS[state, Trigger.FINISHED] is State.LEAVING
    if trigger is Trigger.ADMITTED and (state, trigger) in TRANSITIONS:
        assert TRANSITIONS[state, trigger] is State.LIVE
    if (target := TRANSITIONS.get((state, trigger))) is State.LIVE:
        assert trigger is Trigger.ADMITTED, f"{target} must be proven"


def test_time_alone_begins_once_the_bot_is_in_and_again_after_everybody_left() -> None:
    state_machine = StateMachine(0.0)
    state_machine.start(0.0)
    state_machine.hold(1.0, "not_open")
    assert state_machine.alone_s(50.0, 0) == 0.0, "it waits before a closed door"
    state_machine.admit(60.0)
    assert [state_machine.alone_s(at, 0) for at in (60.0, 70.0)] == [0.0, 10.0]
    assert state_machine.alone_s(80.0, 1) == 0.0
    assert [state_machine.alone_s(at, 0) for at in (90.0, 95.0)] == [0.0, 5.0]


def test_hour_for_which_the_machine_slept_is_no_time_alone() -> None:
    state_machine = StateMachine(0.0)
    state_machine.start(0.0)
    state_machine.admit(0.0)
    assert [state_machine.alone_s(at, 0) for at in (1.0, 2.0)] == [0.0, 1.0]
    assert [state_machine.alone_s(at, 0) for at in (3600.0, 3601.0)] == [0.0, 1.0]


def test_time_without_a_connection_is_no_time_alone() -> None:
    state_machine = StateMachine(0.0)
    state_machine.start(0.0)
    state_machine.admit(0.0)
    state_machine.alone_s(0.0, 0)
    state_machine.lose(8.0, "the line broke")
    assert state_machine.alone_s(100.0, 0) == 0.0
    state_machine.admit(101.0)
    assert [state_machine.alone_s(at, 0) for at in (101.0, 103.0)] == [0.0, 2.0]
