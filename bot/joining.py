"""Joining a room, which may take long, until somebody says not to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bot.errors import JoinCalledOff
from bot.rooms.base import Room


@asynccontextmanager
async def joined(room: Room, stop: asyncio.Event) -> AsyncIterator[None]:
    """Enter a room, and leave it at the end.

    Args:
        room: The room.
        stop: Set by whoever wants the bot to leave; once the bot is in, looking at it is the caller's business.

    Raises:
        JoinCalledOff: It was set before the room was entered.
    """
    async with AsyncExitStack() as stack:
        async with _unless(stop):
            await stack.enter_async_context(room)
        yield


@asynccontextmanager
async def _unless(stop: asyncio.Event) -> AsyncIterator[None]:
    limit = asyncio.timeout(None)

    async def watch() -> None:
        await stop.wait()
        limit.reschedule(asyncio.get_running_loop().time())

    watching = asyncio.create_task(watch(), name="whether to call off the join")
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise JoinCalledOff("The bot was asked to leave before it was in the room") from error
    finally:
        watching.cancel()
