"""What becomes of one claimed invitation, row by row."""

import pytest

from bot.workers.assignment import (
    LAST_WORDS,
    LONGEST_PAUSE_S,
    MAX_RESTARTS,
    OVER,
    RESTARTS_S,
    SHUT_OUT_PAUSE_S,
    SHUT_OUT_S,
    TRANSITIONS,
    YIELD_S,
    Assignment,
    Happening,
    Phase,
)
from dashboard_protocol.bus.base import HOLD_S
from dashboard_protocol.vocabulary import State

SERVED = (Happening.DUE, Happening.STARTED)
ORDERS = (Happening.LEAVE, Happening.HAND_OVER, Happening.LOST)
WAY = {
    Phase.PAUSED: (),
    Phase.STARTING: (Happening.DUE,),
    Phase.SERVING: SERVED,
    Phase.ENDING: (*SERVED, Happening.REPORTED_END),
    Phase.LEAVING: (*SERVED, Happening.LEAVE),
    Phase.HANDING_OVER: (*SERVED, Happening.HAND_OVER),
    Phase.YIELDING: (*SERVED, Happening.OUTRUN),
    Phase.SHUT_OUT: (*SERVED, Happening.ROOM_TAKEN),
    Phase.UNHEARD: (*SERVED, Happening.BUS_REFUSED),
    Phase.DROPPING: (*SERVED, Happening.LOST),
    Phase.ENDED: (*SERVED, Happening.REPORTED_END, Happening.GONE),
    Phase.DISMISSED: (Happening.LEAVE,),
    Phase.FAILED: (Happening.BROKE,),
    Phase.REFUSED: (*SERVED, Happening.BUS_REFUSED, Happening.GONE),
    Phase.TAKEN: (*SERVED, Happening.ROOM_TAKEN, Happening.WORN_OUT),
    Phase.RELEASED: (Happening.HAND_OVER,),
    Phase.LOST: (Happening.LOST,),
}
"""How an assignment gets into each phase."""


def in_phase(phase: Phase) -> Assignment:
    assignment = Assignment("b")
    for happening in WAY[phase]:
        assignment.happen(happening)
    assert assignment.phase is phase
    return assignment


@pytest.mark.parametrize(("phase", "happening"), TRANSITIONS, ids=str)
def test_every_row_of_the_table_leads_where_it_says(phase: Phase, happening: Happening) -> None:
    assert in_phase(phase).happen(happening) is TRANSITIONS[phase, happening]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("phase", Phase)
def test_order_that_comes_in_any_phase_is_never_lost(phase: Phase, order: Happening) -> None:
    after = in_phase(phase)
    after.happen(order)
    # Whatever the process then does, no other is started for it.
    for happening in (Happening.STARTED, Happening.GONE):
        if (after.phase, happening) in TRANSITIONS:
            after.happen(happening)
    assert after.is_over


@pytest.mark.parametrize(
    ("happenings", "phase"),
    [
        ((*SERVED, Happening.GONE, Happening.LEAVE), Phase.DISMISSED),
        ((*SERVED, Happening.GONE, Happening.LOST), Phase.LOST),
        ((*SERVED, Happening.GONE, Happening.HAND_OVER), Phase.RELEASED),
        ((Happening.DUE, Happening.LEAVE, Happening.STARTED, Happening.GONE), Phase.DISMISSED),
        ((Happening.DUE, Happening.LOST, Happening.STARTED, Happening.GONE), Phase.LOST),
        ((Happening.DUE, Happening.NOT_STARTED), Phase.RELEASED),
        ((*SERVED, Happening.HAND_OVER, Happening.LEAVE, Happening.REPORTED_END, Happening.GONE), Phase.ENDED),
        ((*SERVED, Happening.HAND_OVER, Happening.REPORTED_END, Happening.GONE), Phase.RELEASED),
        ((*SERVED, Happening.LEAVE, Happening.LOST, Happening.GONE), Phase.LOST),
        ((*SERVED, Happening.REPORTED_END, Happening.LOST, Happening.GONE), Phase.ENDED),
        ((*SERVED, Happening.OUTRUN, Happening.LOST, Happening.GONE), Phase.LOST),
        ((*SERVED, Happening.ROOM_TAKEN, Happening.GONE, Happening.LEAVE), Phase.DISMISSED),
        ((*SERVED, Happening.BUS_REFUSED, Happening.GONE), Phase.REFUSED),
        ((*SERVED, Happening.BUS_REFUSED, Happening.LEAVE, Happening.GONE), Phase.DISMISSED),
    ],
)
def test_assignment_ends_as_it_was_reported_whatever_its_process_does(
    happenings: tuple[Happening, ...], phase: Phase
) -> None:
    assignment = Assignment("b")
    for happening in happenings:
        assignment.happen(happening)
    assert assignment.phase is phase


def test_what_is_over_can_only_be_asked_for_again() -> None:
    allowed = {happening for phase, happening in TRANSITIONS if phase in OVER}
    assert allowed == set(ORDERS)
    with pytest.raises(KeyError):
        in_phase(Phase.ENDED).happen(Happening.DUE)


def test_pauses_grow_until_a_bot_that_breaks_too_often_has_failed() -> None:
    assignment, pauses = in_phase(Phase.SERVING), []
    for _ in range(MAX_RESTARTS):
        assert assignment.process_gone(100.0) is Phase.PAUSED
        pauses.append(assignment.pause_s)
        for happening in SERVED:
            assignment.happen(happening)
    assert pauses[:4] == [0.0, 1.0, 2.0, 4.0]
    assert max(pauses) == LONGEST_PAUSE_S
    assert assignment.process_gone(100.0) is Phase.FAILED
    assert LAST_WORDS[Phase.FAILED][0] is State.ENDED


def test_bot_that_breaks_now_and_then_goes_on() -> None:
    assignment = in_phase(Phase.SERVING)
    for number in range(3 * MAX_RESTARTS):
        assert assignment.process_gone(number * RESTARTS_S) is Phase.PAUSED
        for happening in SERVED:
            assignment.happen(happening)


def test_room_that_another_bot_holds_is_tried_until_a_dead_one_would_hold_it_no_more() -> None:
    assignment, at = in_phase(Phase.SERVING), 100.0
    while not assignment.is_over:
        assignment.happen(Happening.ROOM_TAKEN)
        if assignment.process_gone(at) is Phase.PAUSED:
            at += assignment.pause_s
            for happening in SERVED:
                assignment.happen(happening)
    assert assignment.phase is Phase.TAKEN
    assert HOLD_S < at - 100.0 <= SHUT_OUT_S + SHUT_OUT_PAUSE_S


def test_bot_that_was_outrun_waits_for_the_queues_word() -> None:
    assignment = in_phase(Phase.YIELDING)
    assert assignment.process_gone(0.0) is Phase.PAUSED
    assert assignment.pause_s == YIELD_S
    assert assignment.happen(Happening.LOST) is Phase.LOST
