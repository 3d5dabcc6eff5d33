"""Events in the order in which they happened, from a bot that never waits for its bus."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.rooms.base import Clock
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.errors import BusError, EpochOver
from dashboard_protocol.events import Body, ClassSummary, Event, ParticipantUpdate

HOLD_EVERY_S = 2.0
"""How often a bot says that it holds its room; it learns as often whether somebody has taken the room from it."""

MOST_WAITING = 1024
"""Events: what is never left out (alerts, states, who is to be forgotten, the last word) may be more."""
REPLACED = (ClassSummary, ParticipantUpdate)
"""Of these a newer one says what matters."""

log = logging.getLogger(__name__)

Show = Callable[[Event], None]
"""Sees every published event, in order; `--json` prints it."""


class Outbox:
    """Takes bodies without waiting and publishes them one after the other."""

    def __init__(self, clock: Clock, show: Show | None = None) -> None:
        self._clock = clock
        self._show = show
        self._waiting: deque[tuple[Body, float]] = deque()
        self._is_closed = False
        self._changed = asyncio.Event()
        self._dropped = 0

    def put(self, body: Body) -> None:
        """Lay a body into the outbox; it is stamped with the time of now.

        Where `MOST_WAITING` wait, because the bus takes none, the oldest value that a newer one replaces is dropped.
        """
        self._waiting.append((body, self._clock()))
        self._changed.set()
        if len(self._waiting) > MOST_WAITING:
            self._drop()

    def _drop(self) -> None:
        oldest = next((at for at, (body, _) in enumerate(self._waiting) if isinstance(body, REPLACED)), None)
        if oldest is None:
            return
        del self._waiting[oldest]
        self._dropped += 1
        if self._dropped == 1:
            log.warning("the bus takes events more slowly than they happen: the oldest values are left out")

    async def _publish(self, writer: EventWriter) -> None:
        while self._waiting or not self._is_closed:
            if not self._waiting:
                self._changed.clear()
                if self._dropped:
                    log.warning("the bus has caught up; %d values were left out", self._dropped)
                    self._dropped = 0
                await self._changed.wait()
                continue
            event = await writer.publish(*self._waiting.popleft())
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
            self._is_closed = True
            self._changed.set()
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
