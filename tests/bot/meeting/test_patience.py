"""Who waits for a bus that is away, and who does not."""

import asyncio

import pytest

from bot.meeting.patience import patiently
from dashboard_protocol.errors import BusError, EpochOver


class Bus:
    """Refuses so many times."""

    def __init__(self, *refusals: BusError) -> None:
        self._refusals = list(refusals)
        self.asked = 0

    async def open(self) -> int:
        self.asked += 1
        if self._refusals:
            raise self._refusals.pop(0)
        return 7


async def test_invited_bot_begins_once_its_bus_is_back() -> None:
    bus = Bus(BusError("away"), BusError("refuses"))
    async with asyncio.timeout(30):
        assert await patiently(bus.open, asyncio.Event(), 60.0) == 7
    assert bus.asked == 3


async def test_bot_that_a_person_started_says_so_at_once() -> None:
    bus = Bus(BusError("away"))
    with pytest.raises(BusError, match="away"):
        await patiently(bus.open, asyncio.Event(), 0.0)
    assert bus.asked == 1


async def test_nobody_waits_for_a_room_that_is_anothers_or_where_the_bot_is_to_leave() -> None:
    with pytest.raises(EpochOver):
        await patiently(Bus(EpochOver("over")).open, asyncio.Event(), 60.0)
    stop = asyncio.Event()
    bus = Bus(*(BusError("away") for _ in range(1000)))
    asyncio.get_running_loop().call_later(0.05, stop.set)
    async with asyncio.timeout(30):
        with pytest.raises(BusError):
            await patiently(bus.open, stop, 60.0)


async def test_cancelled_wait_is_cancelled() -> None:
    waiting = asyncio.create_task(patiently(Bus(*(BusError("away"),) * 9).open, asyncio.Event(), 60.0))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
