"""The fold of events, and the writer that keeps it."""

import itertools

from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.codec import MAX_EVENT_BYTES, encode
from dashboard_protocol.events import Alert, Body, BotState, Bye, EndReason, Event, Forget, State, Window
from dashboard_protocol.snapshot import MAX_ALERTS, MAX_PARTICIPANTS, Fold
from tests.dashboard_protocol.staging import hello, participant, summary

ALERT = Alert.model_validate(
    {"id": "a", "kind": "rise", "from": 0.4, "to": 0.6, "window": Window(start=1, end=2), "people": 9, "why": "eyes"}
)
BYE = Bye(reason=EndReason.ALONE, report=None, live_s=1, present_max=1, alerts=1)


def fold(*bodies: Body, start: float = 1000.0) -> Fold:
    folded = Fold()
    for seq, body in enumerate(bodies, 1):
        folded.apply(Event(room="r", epoch=1, seq=seq, at=start + seq, body=body))
    return folded


def test_series_holds_ten_minutes_whatever_the_pace() -> None:
    folded = Fold()
    for half_second in range(2000):
        folded.apply(Event(room="r", epoch=1, seq=1, at=half_second / 2, body=summary()))
    assert len(folded.snapshot().series.at) == 600
    slow = Fold()
    for at in range(0, 3000, 10):
        slow.apply(Event(room="r", epoch=1, seq=1, at=at, body=summary()))
    assert slow.snapshot().series.at[0] == 2400
    assert len(slow.snapshot().series.at) == 60


def test_series_columns_carry_the_summaries() -> None:
    withheld = summary(3).model_copy(update={"engagement": None, "attentive": None, "analysed": None})
    series = fold(summary(12), withheld).snapshot().series
    assert series.at == (1001, 1002)
    assert series.present == (12, 3)
    assert series.mean == (0.65, None)
    assert series.q1 == (0.5, None)
    assert series.attentive == (0.65, None)
    assert series.analysed == (10, None)
    assert series.facing == (None, None)


def test_live_since_is_the_first_time_live() -> None:
    states = [
        BotState(state=state, since=at) for at, state in enumerate([State.JOINING, State.LIVE, State.RECONNECTING])
    ]
    snapshot = fold(*states, BotState(state=State.LIVE, since=9)).snapshot()
    assert snapshot.live_since == 1
    assert snapshot.bot_state == BotState(state=State.LIVE, since=9)


def test_forgotten_participant_is_gone() -> None:
    folded = fold(participant("a"), participant("b"), Forget(participant="a"), Forget(participant="stranger"))
    assert folded.snapshot().participants == (participant("b"),)
    assert "'a'" not in repr(folded)


def test_nobody_is_kept_after_the_end() -> None:
    snapshot = fold(participant("a"), ALERT, BYE).snapshot()
    assert snapshot.participants == ()
    assert snapshot.bye == BYE
    assert [item.alert for item in snapshot.alerts] == [ALERT]


def test_memory_is_bounded() -> None:
    people = (participant(f"p{number}") for number in range(MAX_PARTICIPANTS + 10))
    snapshot = fold(*people, *itertools.repeat(ALERT, MAX_ALERTS + 10), *itertools.repeat(summary(), 700)).snapshot()
    assert len(snapshot.participants) == MAX_PARTICIPANTS
    assert snapshot.participants[0].participant == "p10"
    assert len(snapshot.alerts) == MAX_ALERTS
    assert len(encode(Event(room="r", epoch=1, seq=1, at=1, body=snapshot))) < MAX_EVENT_BYTES


def test_fold_goes_on_from_a_snapshot() -> None:
    bodies: list[Body] = [hello(), BotState(state=State.LIVE, since=1), participant("a"), ALERT, summary()]
    restored = fold(fold(*bodies).snapshot())
    assert restored.snapshot() == fold(*bodies).snapshot()
    later = Event(room="r", epoch=1, seq=9, at=1010, body=summary(5))
    restored.apply(later)
    assert restored.snapshot().series.present == (12, 5)


async def test_writer_numbers_events_and_keeps_the_snapshot_current() -> None:
    bus = MemoryBus()
    writer = await EventWriter.open(bus, "r")
    published = [await writer.publish(body, at=1.23456) for body in (hello(), summary(1), participant("a"), summary(2))]
    assert [event.seq for event in published] == [0, 1, 2, 3]
    assert {(event.room, event.epoch, event.at) for event in published} == {("r", 1, 1.235)}
    retained = await bus.snapshot("r")
    assert retained is not None
    assert retained.snapshot.seq == 3
    assert retained.snapshot.body == writer.snapshot().model_copy(update={"participants": ()}), (
        "people are kept nowhere"
    )
    assert writer.snapshot().summary == summary(2)


async def test_second_writer_of_a_room_opens_a_new_epoch() -> None:
    bus = MemoryBus()
    first, second = await EventWriter.open(bus, "r"), await EventWriter.open(bus, "r")
    assert (first.epoch, second.epoch) == (1, 2)
