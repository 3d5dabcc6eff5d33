"""A join that is called off leaves nothing behind, and one that is not is no different from any other."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import pytest

from bot.errors import JoinCalledOff, RoomRefused
from bot.meeting.lifecycle import joined
from bot.rooms.base import RoomEvent
from dashboard_protocol.errors import EpochOver


class Door:
    """A room whose door may stay shut."""

    name = "door"

    def __init__(self, *, opens: bool = True, refuses: Exception | None = None) -> None:
        self.reported: list[str] = []
        self.knocked = asyncio.Event()
        self._opens = opens
        self._refuses = refuses

    async def __aenter__(self) -> Self:
        self.reported.append("knocks")
        self.knocked.set()
        try:
            if not self._opens:
                await asyncio.Event().wait()
        finally:
            self.reported.append("in" if self._opens else "gives up")
        if self._refuses:
            raise self._refuses
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.reported.append("leaves")

    async def events(self) -> AsyncIterator[RoomEvent]:
        return
        yield


async def test_join_that_takes_too_long_for_somebody_is_called_off() -> None:
    door, stop = Door(opens=False), asyncio.Event()

    async def change_ones_mind() -> None:
        await door.knocked.wait()
        stop.set()

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(change_ones_mind())
        with pytest.raises(JoinCalledOff):
            async with joined(door, stop):
                raise AssertionError("it never came in")
    assert door.reported == ["knocks", "gives up"]


async def test_room_that_was_entered_is_left_and_not_interrupted() -> None:
    door, stop = Door(), asyncio.Event()
    async with asyncio.timeout(30), joined(door, stop):
        stop.set()
        await asyncio.sleep(0)
        assert door.reported == ["knocks", "in"]
    assert door.reported == ["knocks", "in", "leaves"]


async def test_join_ends_with_what_makes_it_senseless() -> None:
    door = Door(opens=False)

    async def break_down() -> None:
        await door.knocked.wait()
        raise EpochOver("another bot has the room")

    async with asyncio.timeout(30):
        with pytest.raises(EpochOver):
            async with joined(door, asyncio.Event(), break_down()):
                raise AssertionError("it never came in")
    assert door.reported == ["knocks", "gives up"]


@pytest.mark.parametrize("error", [RoomRefused("no"), TimeoutError()])
async def test_error_of_the_room_comes_out_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        async with joined(Door(refuses=error), asyncio.Event()):
            pass
    assert raised.value is error


async def test_cancelled_join_is_cancelled() -> None:
    door = Door(opens=False)

    async def join() -> None:
        async with joined(door, asyncio.Event()):
            pass

    joining = asyncio.create_task(join())
    await door.knocked.wait()
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    assert door.reported == ["knocks", "gives up"]
