"""Places of people who are joining a local room: offers that were answered, and have no connection yet."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from bot.rooms.local.admission import RoomFull
from dashboard_protocol.http.newcomers import Newcomers

PLACES = 32
"""Each costs a socket and a handshake; what is taken for a class that comes through the door at once."""
SAFE_S = 1.0
"""So long nobody joining is put out for somebody of another address, which holds fewer places."""
OWN_SAFE_S = 4.0
"""And so long for nobody at all: a class behind one address waits for each other instead."""
LONGEST_WAIT_S = 9.0
"""Longer than two rounds of that: so everybody who may wait gets in, though a crowd came first that never connects."""
WAITING_OF_ONE = 64
"""Requests of one address that may wait for a place."""
WAITING = 256
"""And of all of them: who waits holds an HTTP request and nothing else."""


class PendingOffers:
    """Who makes an offer takes a place before anything parses it, and frees it once connected, or gone.

    An offer that nobody follows up costs its place and nothing else: when a new one needs it, the oldest is dropped.
    """

    def __init__(self, drop: Callable[[str], object]) -> None:
        """Prepare.

        Args:
            drop: Ends what is left of an offer whose place another one takes.
        """
        self._drop = drop
        self._offers: Newcomers[str] = Newcomers(PLACES, safe_s=SAFE_S, own_safe_s=OWN_SAFE_S)
        self._waiting: Counter[str] = Counter()
        self._freed = asyncio.Event()

    async def take(self, resource: str, asker: str) -> None:
        """Wait for a place, and take it.

        Args:
            resource: The offer's stay.
            asker: The address it comes from.

        Raises:
            RoomFull: There is none in time.
        """
        if self._waiting[asker] >= WAITING_OF_ONE or self._waiting.total() >= WAITING:
            raise RoomFull("Too many people join at once: try again in a moment")
        self._waiting[asker] += 1
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                await self._wait(asker)
        except TimeoutError:
            raise RoomFull("Too many people join at once: try again in a moment") from None
        finally:
            self._waiting[asker] -= 1
            self._waiting += Counter()  # drops the zeros
        self._offers.enter(resource, asker, time.monotonic())

    def free(self, resource: str) -> None:
        """Free a place. Safe to call twice."""
        if resource in self._offers:
            self._offers.leave(resource)
            freed, self._freed = self._freed, asyncio.Event()
            freed.set()

    async def _wait(self, asker: str) -> None:
        while (room := self._offers.room(asker, time.monotonic())).wait_s or room.goes is not None:
            if room.goes is not None:
                self.free(room.goes)
                self._drop(room.goes)
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(room.wait_s):
                    await self._freed.wait()
