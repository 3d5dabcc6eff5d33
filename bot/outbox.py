"""Events in the order in which they happened, from a bot that never waits for its bus."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.rooms.base import Clock
from dashboard_protocol.errors import BusError, EpochOver
from dashboard_protocol.events import Body, Event
from dashboard_protocol.writer import EventWriter

HOLD_EVERY_S = 2.0
"""How often a bot says that it holds its room; it learns as often whether somebody has taken the room from it."""

log = logging.getLogger(__name__)

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
        self._holding = asyncio.create_task(_hold(writer), name="hold the room")
        try:
            yield
        finally:
            self._holding.cancel()
            # A word of it after `bye` would close the room to the next bot.
            await asyncio.gather(self._holding, return_exceptions=True)
            self._queue.put_nowait(None)
            await asyncio.gather(self._publishing, return_exceptions=True)
        self._publishing.result()

    async def unbroken(self) -> None:
        """Wait for as long as events can be published; inside `publishing` only.

        Raises:
            BusError: They cannot, e.g. because another bot serves the room in a newer epoch.
        """
        ended, _ = await asyncio.wait([self._publishing, self._holding], return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()


async def _hold(writer: EventWriter) -> None:
    """Hold the room also while there is nothing to publish, as before a closed door; ends with EpochOver."""
    while True:
        await asyncio.sleep(HOLD_EVERY_S)
        try:
            await writer.hold()
        except EpochOver:
            raise
        except BusError as error:
            log.debug("%s The room is held again later.", error)
