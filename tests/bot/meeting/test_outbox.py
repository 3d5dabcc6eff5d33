"""Events leave in order, and the last ones leave too."""

import asyncio
from typing import Any

import pytest

from bot.meeting import outbox as outbox_module
from bot.meeting.outbox import Outbox
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.errors import EpochOver, RoomTaken
from dashboard_protocol.events import BotState, Bye, ClassSummary, EndReason, Event, Forget, State
from tests.dashboard_protocol.staging import summary


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


async def test_outbox_learns_that_another_bot_has_the_room_though_it_has_nothing_to_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox_module, "HOLD_EVERY_S", 0.01)
    bus = MemoryBus()
    outbox = Outbox(lambda: 7.0)
    async with asyncio.timeout(30), outbox.publishing(await EventWriter.open(bus, "r", "one")):
        await EventWriter.open(bus, "r", "two", take_over=True)
        with pytest.raises(EpochOver):
            await outbox.unbroken()


async def test_room_is_held_until_the_last_words_and_not_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "HOLD_EVERY_S", 0.001)
    bus = MemoryBus()
    outbox = Outbox(lambda: 7.0)
    async with outbox.publishing(await EventWriter.open(bus, "r", "one")):
        await asyncio.sleep(0.05)
        with pytest.raises(RoomTaken):
            await bus.open_epoch("r", "two")
        outbox.put(Bye(reason=EndReason.ALONE, report=None, live_s=0, present_max=0, alerts=0))
    assert await bus.open_epoch("r", "two") == 2


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


class SlowBus(MemoryBus):
    """Takes nothing until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.takes = asyncio.Event()

    async def publish(self, *arguments: Any, **options: Any) -> Any:
        await self.takes.wait()
        return await super().publish(*arguments, **options)


async def test_bus_that_takes_nothing_costs_values_and_never_what_happened(caplog: pytest.LogCaptureFixture) -> None:
    bus = SlowBus()
    seen: list[Event] = []
    outbox = Outbox(lambda: 7.0, seen.append)
    async with outbox.publishing(await EventWriter.open(bus, "r")):
        outbox.put(state(State.LIVE))
        for number in range(3 * outbox_module.MOST_WAITING):
            outbox.put(summary(present=number))
            if number % 100 == 0:
                outbox.put(Forget(participant=f"p{number}"))
        outbox.put(Bye(reason=EndReason.ALONE, report=None, live_s=0, present_max=0, alerts=0))
        assert len(outbox._waiting) <= outbox_module.MOST_WAITING + 1
        bus.takes.set()
    reported = [event.body for event in seen]
    assert sum(isinstance(body, Forget) for body in reported) == 31
    assert isinstance(reported[0], BotState)
    assert isinstance(reported[-1], Bye)
    values = [body.present for body in reported if isinstance(body, ClassSummary)]
    assert values == sorted(values)
    assert values[-1] == 3 * outbox_module.MOST_WAITING - 1, "the newest are kept"
    assert "left out" in caplog.text


async def test_what_is_never_dropped_may_be_more() -> None:
    outbox = Outbox(lambda: 7.0)
    for number in range(2 * outbox_module.MOST_WAITING):
        outbox.put(Forget(participant=str(number)))
    assert len(outbox._waiting) == 2 * outbox_module.MOST_WAITING
