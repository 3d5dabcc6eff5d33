"""Which class of a room is on: what a link is made for, and until when it opens the page.

A class is known by its invitation, or by a random word where nobody invited its bot. The bot says it in `hello`.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from dashboard_protocol.auth.links import STANDING
from dashboard_protocol.bus.base import Bus
from dashboard_protocol.errors import BusError
from dashboard_protocol.events import Hello, Snapshot
from dashboard_protocol.queue.base import Queue
from dashboard_protocol.vocabulary import State

AFTER_S = 3600.0
"""A class that is over can be looked at for so long."""
FRESH_S = 1.0
"""What was learned is asked again after so long: a thousand readers who come back together ask once."""
MOST_KNOWN = 1000


class _Class(NamedTuple):
    meeting: str
    ended_at: float | None
    """Unix seconds; None while it is on."""


class _Answer(NamedTuple):
    until: float
    asked_at: float
    trouble: BusError | None


class Meetings:
    """Distinguishes the classes of all rooms. Methods raise BusError where nobody can be asked.

    Args:
        bus: knows which class was on last in a room.
        queue: knows which are to come; None where there are no invitations.
        own: key of a room → its class, for what this process serves itself.
        clock: Unix seconds.
    """

    def __init__(
        self,
        bus: Bus,
        queue: Queue | None = None,
        own: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._bus = bus
        self._queue = queue
        self._own = own or {}
        self._clock = clock
        self._answers: dict[tuple[str, str], _Answer] = {}
        self._asking = asyncio.Lock()

    async def current(self, room: str) -> str | None:
        """Return the class for which a link is made now: the one that is on or about to come, else the last one."""
        if room in self._own:
            return self._own[room]
        if self._queue is not None and (bot := await self._queue.serving(room)) is not None:
            return bot
        last = await self._last(room)
        is_open = last is not None and (last.ended_at is None or last.ended_at + AFTER_S > self._clock())
        return last.meeting or None if is_open and last is not None else None

    async def until(self, room: str, meeting: str) -> float:
        """Return when the links of a class end, Unix seconds: in the past once another class has begun.

        While nobody can be asked, what was learned last holds.
        """
        if meeting == STANDING or self._own.get(room) == meeting:
            return math.inf
        async with self._asking:
            known = self._answers.get((room, meeting))
            if known is None or not 0 <= self._clock() - known.asked_at < FRESH_S:
                known = await self._ask(room, meeting, known)
                if len(self._answers) >= MOST_KNOWN:
                    self._answers.clear()
                self._answers[room, meeting] = known
        if known.trouble is not None:
            raise known.trouble
        return known.until

    async def _ask(self, room: str, meeting: str, known: _Answer | None) -> _Answer:
        try:
            until = await self._end(room, meeting)
        except BusError as error:
            if known is None or known.trouble is not None:
                return _Answer(-math.inf, self._clock(), error)
            return known._replace(asked_at=self._clock())
        return _Answer(until, self._clock(), None)

    async def _end(self, room: str, meeting: str) -> float:
        last = await self._last(room)
        if last is not None and last.meeting == meeting:
            ended_at = last.ended_at or await self._ended_silently(meeting)
            return math.inf if ended_at is None else ended_at + AFTER_S
        # Another class was on last: before this one, which then is yet to come, or after it.
        return math.inf if await self._is_to_come(room, meeting) else -math.inf

    async def _last(self, room: str) -> _Class | None:
        retained = await self._bus.snapshot(room)
        if retained is None:
            return None
        hello, snapshot = retained.hello.body, retained.snapshot.body
        assert isinstance(hello, Hello)
        assert isinstance(snapshot, Snapshot)
        return _Class(hello.meeting, None if snapshot.bye is None else retained.snapshot.at)

    async def _ended_silently(self, meeting: str) -> float | None:
        """Return when a class ended whose bot could not say so."""
        record = None if self._queue is None else await self._queue.bot(meeting)
        return record.now.since if record is not None and record.now.state is State.ENDED else None

    async def _is_to_come(self, room: str, meeting: str) -> bool:
        record = None if self._queue is None else await self._queue.bot(meeting)
        return record is not None and record.invitation.room == room and record.now.state is not State.ENDED
