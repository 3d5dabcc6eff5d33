"""Events in the order in which they happened, from a bot that never waits for its bus."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.rooms.base import Clock
from dashboard_protocol.events import Body, Event
from dashboard_protocol.writer import EventWriter

Show = Callable[[Event], None]
"""Sees every published event, in order; `--json` prints it."""


class Outbox:
    """Takes bodies without waiting and publishes them one after the other."""

    def __init__(self, clock: Clock, show: Show | None = None) -> None:
        self._clock = clock
        self._show = show
        self._queue: asyncio.Queue[tuple[Body, float] | None] = asyncio.Queue()

    def put(self, body: Body) -> None:
        """Lay a body into the outbox; it is stamped with the time of now."""
        self._queue.put_nowait((body, self._clock()))

    async def _publish(self, writer: EventWriter) -> None:
        while (item := await self._queue.get()) is not None:
            event = await writer.publish(*item)
            if self._show is not None:
                self._show(event)

    @asynccontextmanager
    async def publishing(self, writer: EventWriter) -> AsyncIterator[None]:
        """Publish in the background; leaving publishes what is still in the outbox.

        Raises:
            BusError: Something could not be published, and the caller has not failed itself.
        """
        # Not a task group: the last words must go out also when the caller fails, and its error come out as it is.
        self._publishing = asyncio.create_task(self._publish(writer), name="outbox")
        try:
            yield
        finally:
            self._queue.put_nowait(None)
            await asyncio.wait([self._publishing])
        self._publishing.result()

    async def unbroken(self) -> None:
        """Wait for as long as events can be published; inside `publishing` only.

        Raises:
            BusError: They cannot, e.g. because another bot serves the room in a newer epoch.
        """
        await asyncio.shield(self._publishing)
