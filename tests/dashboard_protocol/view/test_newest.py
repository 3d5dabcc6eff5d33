"""Which class of a room is the newest."""

from collections.abc import Iterable

import pytest

from dashboard_protocol.events import Body, Bye, EndReason, Event
from dashboard_protocol.report import NewestClass
from dashboard_protocol.view.record import Record
from tests.dashboard_protocol.staging import hello, summary

BYE = Bye(reason=EndReason.ROOM_CLOSED, report=None, live_s=1, present_max=1, alerts=0)


def stay(title: str, at: float, epoch: int, *, says_goodbye: bool = True) -> Iterable[Event]:
    bodies: list[Body] = [hello().model_copy(update={"title": title}), summary(), summary()]
    bodies += [BYE] if says_goodbye else []
    for seq, body in enumerate(bodies):
        yield Event(room="r", epoch=epoch, seq=seq, at=at + seq, body=body)


def newest(*stays: Iterable[Event]) -> Record:
    fold = NewestClass()
    for events in stays:
        for event in events:
            fold.apply(event)
    return fold.record


@pytest.mark.parametrize(
    ("apart_s", "says_goodbye", "is_one"),
    [(20, True, True), (300, True, False), (20, False, True), (1500, False, True), (86_400, False, False)],
)
def test_bots_that_come_soon_after_each_other_serve_one_class(apart_s: float, says_goodbye: bool, is_one: bool) -> None:
    record = newest(stay("first", 1000, 1, says_goodbye=says_goodbye), stay("second", 1000 + apart_s, 2))
    assert record.hello is not None
    assert record.hello.title == "second"
    assert len(record.timeline) == (4 if is_one else 2)
    assert record.bye == BYE


def test_room_of_which_nothing_is_kept_has_no_class() -> None:
    assert newest().hello is None
