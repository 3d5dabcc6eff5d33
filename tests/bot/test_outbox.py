"""Events leave in order, and the last ones leave too."""

import pytest

from bot.outbox import Outbox
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.events import BotState, Event, State
from dashboard_protocol.writer import EventWriter


def state(name: State) -> BotState:
    return BotState(state=name, since=1.0)


async def test_outbox_publishes_in_order_and_empties_itself_on_leaving() -> None:
    seen: list[Event] = []
    writer = await EventWriter.open(MemoryBus(), "r")
    outbox = Outbox(lambda: 7.0, seen.append)
    async with outbox.publishing(writer):
        for name in State:
            outbox.put(state(name))
    assert [event.body for event in seen] == [state(name) for name in State]
    assert [event.seq for event in seen] == list(range(1, 8))
    assert {event.at for event in seen} == {7.0}


async def test_outbox_publishes_the_last_words_of_a_caller_that_fails() -> None:
    seen: list[Event] = []
    writer = await EventWriter.open(MemoryBus(), "r")

    async def fail_after_saying_goodbye() -> None:
        outbox = Outbox(lambda: 7.0, seen.append)
        async with outbox.publishing(writer):
            outbox.put(state(State.ENDED))
            raise LookupError

    with pytest.raises(LookupError):
        await fail_after_saying_goodbye()
    assert [event.body for event in seen] == [state(State.ENDED)]
