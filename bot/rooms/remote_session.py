"""A stay in a room elsewhere: a task attends it, its events wait to be read, and how it ended is raised."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Coroutine

from bot.errors import RoomClosed, RoomError, RoomUnreachable
from bot.rooms.base import OptedOut, RoomEvent
from dashboard_protocol.backoff import Backoff

log = logging.getLogger(__name__)

MOST_EVENTS = 4096
"""That may wait to be read. A stay in which more wait is over, and the bot enters anew, where all is said again, save
words in a chat: so of what comes later only those who do not want to be read are kept."""
FIRST_RETRY_S = 0.5
GIVE_UP_AFTER_S = 600.0
"""A room that was away for so long is not coming back for this class."""


class RemoteSession:
    """Call `begin` on entering the room and `leave` on leaving it, always."""

    def __init__(self, name: str) -> None:
        """Prepare a stay.

        Args:
            name: The room's.
        """
        self._name = name
        self._events: asyncio.Queue[RoomEvent | None] = asyncio.Queue()
        self._answered = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_overrun = False
        self._ended: Exception = RoomClosed(f"The bot has left {name}")

    @property
    def is_answered(self) -> bool:
        """Whether the room has said anything yet."""
        return self._answered.is_set()

    async def begin(self, attend: Coroutine[None, None, None]) -> None:
        """Attend the room in a task; returns once the room said something.

        Args:
            attend: Attends the room until it is cancelled, or raises the RoomError that ends the stay.

        Raises:
            RoomError: The stay ended before the room said anything.
        """
        self._task = asyncio.create_task(self._run(attend), name=f"attending {self._name}")
        answered = asyncio.create_task(self._answered.wait())
        try:
            await asyncio.wait([self._task, answered], return_when=asyncio.FIRST_COMPLETED)
            if not self.is_answered:
                raise self._ended
        except BaseException:
            await self.leave()
            raise
        finally:
            answered.cancel()

    def publish(self, event: RoomEvent) -> None:
        """Lay an event between those that wait to be read; where too many wait, the stay ends, and nobody is read."""
        if self._events.qsize() >= MOST_EVENTS and not self._is_overrun:
            self._is_overrun = True
            self._ended = RoomUnreachable(f"{self._name} says more than the bot can follow: it enters anew")
            log.error("%s; what comes now is left out", self._ended)
            if self._task is not None:
                self._task.cancel()
        # An opt-out in a chat is said once: the next stay would not hear of it.
        if self._is_overrun and not isinstance(event, OptedOut):
            return
        self._events.put_nowait(event)
        self._answered.set()

    async def events(self) -> AsyncIterator[RoomEvent]:
        """Yield the events; raises how the stay ended, a bug as it is. One reader."""
        while (event := await self._events.get()) is not None:
            yield event
        raise self._ended

    async def leave(self) -> None:
        """End the stay; returns once nothing of it is left. Safe to call twice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self, attend: Coroutine[None, None, None]) -> None:
        try:
            await attend
        except RoomError as error:
            self._ended = error
        except Exception as error:
            log.exception("attending %s broke", self._name)
            self._ended = error
        finally:
            self._events.put_nowait(None)


class WayBack:
    """Says when a room that was lost is entered again, and when it is given up."""

    def __init__(self, longest_s: float) -> None:
        """Prepare it.

        Args:
            longest_s: Between two tries.
        """
        self._backoff = Backoff(FIRST_RETRY_S / 2, longest_s / 2, spread=1.0)
        self._well_s = 0.0

    def well(self) -> None:
        """All is well just now: the bot sets out, is in the room, or waits at its door."""
        self._backoff.went_well()
        self._well_s = asyncio.get_running_loop().time()

    def pause_s(self, error: RoomError) -> float:
        """Return how long to wait before the next try; raises the error where the room was away for too long."""
        if asyncio.get_running_loop().time() - self._well_s > GIVE_UP_AFTER_S:
            raise error
        return self._backoff.failed(random.random())
