"""Joining a room, which may take long, until somebody says not to."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager

from bot.errors import JoinCalledOff
from bot.rooms.base import Room


@asynccontextmanager
async def joined(
    room: Room, stop: asyncio.Event, unbroken: Coroutine[None, None, None] | None = None
) -> AsyncIterator[None]:
    """Enter a room, and leave it at the end.

    Args:
        room: The room.
        stop: Set by whoever wants the bot to leave; once the bot is in, looking at it is the caller's business.
        unbroken: Raises what makes entering the room senseless; asked while the room is entered.

    Raises:
        JoinCalledOff: It was set before the room was entered.
    """
    async with AsyncExitStack() as stack:
        async with _unless(stop.wait(), unbroken):
            await stack.enter_async_context(room)
        yield


@asynccontextmanager
async def _unless(*reasons: Coroutine[None, None, object] | None) -> AsyncIterator[None]:
    limit = asyncio.timeout(None)

    def call_off(_: asyncio.Task[object]) -> None:
        if any(task.done() and not task.cancelled() for task in watching):
            limit.reschedule(asyncio.get_running_loop().time())

    watching = [asyncio.create_task(reason, name="whether to call off the join") for reason in reasons if reason]
    for task in watching:
        task.add_done_callback(call_off)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        for task in watching:
            if task.done():
                task.result()
        raise JoinCalledOff("The bot was asked to leave before it was in the room") from error
    finally:
        for task in watching:
            task.remove_done_callback(call_off)
            task.cancel()
