"""`memory://`: the bus of one process."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from dashboard_protocol.bus.base import Retained
from dashboard_protocol.errors import BusError, EpochOver
from dashboard_protocol.events import Event, Forget, Hello, ParticipantUpdate, Snapshot

HISTORY_EVENTS = 4096
SUBSCRIBER_EVENTS = 1024

_Mailbox = asyncio.Queue[Event | None]  # None: the subscription is over


@dataclass
class _Room:
    hello: Event | None = None
    snapshot: Event | None = None
    history: deque[Event] = field(default_factory=deque)
    lost_through: int = 0
    """Events up to this seq are no longer held."""
    subscribers: set[_Mailbox] = field(default_factory=set)

    def remember(self, event: Event) -> None:
        self.history.append(event)
        if len(self.history) > HISTORY_EVENTS:
            self.lost_through = self.history.popleft().seq

    def purge(self, participant: str) -> None:
        self.history = deque(event for event in self.history if not _tells_of(event, participant))


class MemoryBus:
    """Events reach subscribers in the order of publication; nothing survives the process."""

    def __init__(self) -> None:
        self._rooms: defaultdict[str, _Room] = defaultdict(_Room)
        self._epochs: defaultdict[str, int] = defaultdict(int)
        self._closed = False

    async def open_epoch(self, room: str) -> int:
        """Return the room's next epoch, from 1."""
        self._check_open()
        self._epochs[room] += 1
        return self._epochs[room]

    async def publish(self, event: Event) -> None:
        """Retain, remember and send the event."""
        self._check_open()
        if event.epoch < self._epochs[event.room]:
            raise EpochOver(f"Another bot serves the room {event.room!r} now; this one must leave.")
        room = self._rooms[event.room]
        match event.body:
            case Snapshot():
                room.snapshot = event
                return
            case Hello():
                if room.hello is None or room.hello.epoch != event.epoch:
                    room.snapshot, room.lost_through = None, 0
                    room.history.clear()
                room.hello = event
            case Forget(participant=participant):
                room.purge(participant)
                room.remember(event)
            case _:
                room.remember(event)
        for mailbox in tuple(room.subscribers):
            if mailbox.qsize() < SUBSCRIBER_EVENTS:
                mailbox.put_nowait(event)
            else:
                self._cut_off(room, mailbox)

    @asynccontextmanager
    async def subscribe(self, room: str) -> AsyncIterator[AsyncIterator[Event]]:
        """Receive the room's events from entering on."""
        self._check_open()
        mailbox = _Mailbox()
        subscribers = self._rooms[room].subscribers
        subscribers.add(mailbox)
        try:
            yield self._events(mailbox)
        finally:
            subscribers.discard(mailbox)

    async def snapshot(self, room: str) -> Retained | None:
        """Return the newest `hello` and `snapshot`; None before the first bot."""
        self._check_open()
        held = self._rooms.get(room)
        return Retained(held.hello, held.snapshot) if held and held.hello and held.snapshot else None

    async def history(self, room: str, epoch: int, since: int) -> list[Event] | None:
        """Return the events after seq `since`; None where they are not all held."""
        self._check_open()
        held = self._rooms.get(room)
        if held is None or held.hello is None or held.hello.epoch != epoch or since < held.lost_through:
            return None
        return [event for event in held.history if event.seq > since]

    async def archive(self, room: str) -> AsyncIterator[Event]:
        """Yield the newest `hello` and the class events of its epoch."""
        self._check_open()
        held = self._rooms.get(room)
        for event in [held.hello, *held.history] if held else ():
            if event is not None and not isinstance(event.body, ParticipantUpdate):
                yield event

    async def erase(self, room: str) -> None:
        """Delete all that is kept of the room, but for the number of its last epoch."""
        self._check_open()
        if held := self._rooms.get(room):
            held.hello = held.snapshot = None
            held.history.clear()

    async def ping(self) -> None:
        """Return at once while the bus is open."""
        self._check_open()

    async def close(self) -> None:
        """End every subscription."""
        self._closed = True
        for room in self._rooms.values():
            for mailbox in tuple(room.subscribers):
                self._cut_off(room, mailbox)
        self._rooms.clear()

    def _check_open(self) -> None:
        if self._closed:
            raise BusError("The memory bus is closed.")

    def _cut_off(self, room: _Room, mailbox: _Mailbox) -> None:
        room.subscribers.discard(mailbox)
        while not mailbox.empty():
            mailbox.get_nowait()
        mailbox.put_nowait(None)

    async def _events(self, mailbox: _Mailbox) -> AsyncIterator[Event]:
        while (event := await mailbox.get()) is not None:
            yield event
        raise BusError("The memory bus is closed." if self._closed else "The subscriber fell behind.")


def _tells_of(event: Event, participant: str) -> bool:
    return isinstance(event.body, ParticipantUpdate) and event.body.participant == participant
