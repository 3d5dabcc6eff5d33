"""Whatever lies in Redis is read for what it is, or refused by one error."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from dashboard_protocol.bus import decoding
from dashboard_protocol.codec import encode
from dashboard_protocol.errors import BusUnreadable
from dashboard_protocol.events import BotState, Event, Snapshot, State
from dashboard_protocol.queue.records import Attempt, BotRecord, Invitation, Moment
from dashboard_protocol.snapshot import Fold
from tests.dashboard_protocol.staging import hello
from tests.hostile import REDIS_TEXTS

Read = Callable[[object], object]
READS: list[Read] = [
    lambda text: decoding.event(text, "room a"),
    lambda text: list(decoding.events([text], "room a")),
    lambda text: decoding.retained(text, text, "room a"),
    lambda text: decoding.count(text, "here"),
    lambda text: decoding.moment(text, "here"),
    lambda text: decoding.place(text, "here"),
    *(
        (lambda text, kind=kind: decoding.model(kind, text, "here"))
        for kind in (Attempt, BotRecord, Invitation, Moment)
    ),
]  # fmt: skip


@pytest.mark.parametrize("read", READS)
def test_junk_is_read_or_refused_by_one_error(read: Read) -> None:
    others: list[object] = [None, 7, -1, 1.5, b"bytes", [], {}, ValueError("what Redis said instead")]
    for text in (*REDIS_TEXTS, *others):
        with suppress(BusUnreadable):
            read(text)


def an_event(seq: int, room: str = "room a") -> Event:
    return Event(room=room, epoch=1, seq=seq, at=0, body=BotState(state=State.LIVE, since=0))


def test_events_between_junk_are_read() -> None:
    texts = [encode(an_event(1)), *REDIS_TEXTS, encode(an_event(2, "room b")), encode(an_event(3))]
    assert list(decoding.events(texts, "room a")) == [an_event(1), an_event(3)]


def test_event_of_another_protocol_is_no_junk() -> None:
    with pytest.raises(BusUnreadable, match="version 2"):
        list(decoding.events(['{"v":2}'], "room a"))


def test_place_on_a_connection_is_the_gateways_to_say() -> None:
    assert decoding.event(encode(an_event(1).model_copy(update={"prev": 9})), "room a").prev is None


def test_retained_pair_is_a_hello_and_a_snapshot_of_one_epoch() -> None:
    def text(body: object, epoch: int = 1) -> str:
        return encode(Event.model_validate({"room": "r", "epoch": epoch, "seq": 0, "at": 0, "body": body}))

    snapshot: Snapshot = Fold().snapshot()
    both = decoding.retained(text(hello()), text(snapshot), "r")
    assert both is not None
    assert both.snapshot.body == snapshot
    assert decoding.retained(text(hello()), text(snapshot, 2), "r") is None
    assert decoding.retained(text(hello()), None, "r") is None
    with pytest.raises(BusUnreadable, match="something else in the place"):
        decoding.retained(text(snapshot), text(snapshot), "r")


@pytest.mark.parametrize(("value", "number"), [(None, 0), ("", 0), ("7", 7), (7, 7)])
def test_number_that_is_missing_is_none_at_all(value: object, number: int) -> None:
    assert decoding.count(value, "here") == number


def test_end_of_an_empty_stream_is_before_every_event() -> None:
    assert decoding.place("", "here") == (0, 0)
    assert decoding.place("3-14", "here") == (3, 14)
