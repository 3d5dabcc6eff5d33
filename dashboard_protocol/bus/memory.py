"""`memory://`: the bus of one process."""

import asyncio
import time
import zlib
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from dashboard_protocol.bus.base import HOLD_S, RETENTION_S, Retained, epoch_over, taken, without_people
from dashboard_protocol.codec import decode, encode
from dashboard_protocol.errors import BusError
from dashboard_protocol.events import Bye, Event, Hello, ParticipantUpdate, Snapshot

HISTORY_EVENTS = 4096
"""An hour of summaries, and some."""
SUBSCRIBER_EVENTS = 1024
"""Events that may wait for a subscriber; with one more it is cut off, and begins anew from a snapshot."""

_TURN_EVENTS = 64
"""After so many events unpacked in a row, others get their turn."""

_Mailbox = asyncio.Queue[Event | None]  # None: the subscription is over


@dataclass(frozen=True, slots=True)
class _Kept:
    """An event of the past, a ninth as large as the object: an hour's summaries would else take 14 MB."""

    published: float
    """Unix seconds."""
    seq: int
    body: type
    packed: bytes

    @classmethod
    def pack(cls, event: Event, now: float) -> "_Kept":
        return cls(now, event.seq, type(event.body), zlib.compress(encode(event).encode(), 1))

    def unpack(self) -> Event:
        return decode(zlib.decompress(self.packed))


@dataclass
class _Room:
    hello: Event | None = None
    snapshot: Event | None = None
    opening: _Kept | None = None
    """The `hello` that held before the first event that is kept."""
    history: deque[_Kept] = field(default_factory=deque)
    lost_through: int = 0
    """Events up to this seq are no longer held."""
    subscribers: set[_Mailbox] = field(default_factory=set)
    askable: set[_Mailbox] = field(default_factory=set)
    """Of bots: what is asked of them."""

    def remember(self, event: Event, now: float) -> None:
        self.history.append(_Kept.pack(event, now))
        if len(self.history) > HISTORY_EVENTS:
            self._drop()

    def drop_old(self, until: float) -> None:
        while self.history and self.history[0].published <= until:
            self._drop()
        if not self.history:
            self.clear()

    def clear(self) -> None:
        self.hello = self.snapshot = self.opening = None
        self.history.clear()

    def _drop(self) -> None:
        kept = self.history.popleft()
        if kept.body is Hello:
            self.opening = kept
        else:
            self.lost_through = kept.seq


class MemoryBus:
    """Events reach subscribers in the order of publication; nothing survives the process.

    Args:
        retention_s: how long an event is kept.
        clock: Unix seconds.
        steady: seconds that no setting of the clock changes.
    """

    def __init__(
        self,
        *,
        retention_s: float = RETENTION_S,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retention_s = retention_s
        self._clock = clock
        self._rooms: defaultdict[str, _Room] = defaultdict(_Room)
        self._epochs: defaultdict[str, int] = defaultdict(int)
        self._steady = steady
        self._held: dict[str, tuple[str, float]] = {}
        """By room: who holds it, and until when."""
        self._closed = False

    async def open_epoch(self, room: str, holder: str = "", *, take_over: bool = False) -> int:
        """Return the room's next epoch, from 1, unless another bot holds the room."""
        self._check_open()
        known, until = self._held.get(room, (holder, 0.0))
        if known != holder and until > self._steady() and not take_over:
            raise taken(room)
        self._held[room] = holder, self._steady() + HOLD_S
        self._epochs[room] += 1
        return self._epochs[room]

    async def hold(self, room: str, epoch: int, holder: str = "") -> None:
        """Hold the room for a while longer."""
        self._check_open()
        if epoch < self._epochs[room]:
            raise epoch_over(room)
        self._held[room] = holder, self._steady() + HOLD_S

    async def publish(self, event: Event) -> None:
        """Retain, remember and send the event."""
        self._check_open()
        if event.epoch < self._epochs[event.room]:
            raise epoch_over(event.room)
        if isinstance(event.body, Bye):
            self._held.pop(event.room, None)
        room = self._rooms[event.room]
        now = self._clock()
        room.drop_old(now - self._retention_s)
        match event.body:
            case Snapshot():
                room.snapshot = without_people(event)
                return
            case Hello():
                if room.hello is None or room.hello.epoch != event.epoch:
                    room.clear()
                    room.lost_through = 0
                room.hello = event
                room.remember(event, now)
            case ParticipantUpdate():
                pass
            case _:
                room.remember(event, now)
        for mailbox in tuple(room.subscribers):
            if mailbox.qsize() < SUBSCRIBER_EVENTS:
                mailbox.put_nowait(event)
            else:
                self._cut_off(room, mailbox)

    def subscribe(self, room: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Receive the room's events from entering on."""
        return self._listening(self._rooms[room].subscribers)

    async def ask(self, event: Event) -> bool:
        """Hand an event to the bot of its room."""
        self._check_open()
        mailboxes = [box for box in self._rooms[event.room].askable if box.qsize() < SUBSCRIBER_EVENTS]
        for mailbox in mailboxes:
            mailbox.put_nowait(event)
        return bool(mailboxes)

    def asked(self, room: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Receive what is asked of the room's bot."""
        return self._listening(self._rooms[room].askable)

    @asynccontextmanager
    async def _listening(self, mailboxes: set[_Mailbox]) -> AsyncIterator[AsyncIterator[Event]]:
        self._check_open()
        mailbox = _Mailbox()
        mailboxes.add(mailbox)
        try:
            yield self._events(mailbox)
        finally:
            mailboxes.discard(mailbox)

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
        return [
            event
            async for event in _unpacked(
                kept for kept in list(held.history) if kept.seq > since and kept.body is not Hello
            )
        ]

    async def archive(self, room: str) -> AsyncIterator[Event]:
        """Yield the class events of the newest epoch, and each `hello` where it was published."""
        await self.sweep()
        if (held := self._rooms.get(room)) is None:
            return
        parts = [held.opening] if held.opening else []
        async for event in _unpacked([*parts, *held.history]):
            yield event

    async def erase(self, room: str) -> None:
        """Delete all that is kept of the room, but for the number of its last epoch."""
        self._check_open()
        if held := self._rooms.get(room):
            held.clear()

    async def sweep(self) -> None:
        """Delete what is older than the retention, in all rooms."""
        self._check_open()
        for room in self._rooms.values():
            room.drop_old(self._clock() - self._retention_s)

    async def ping(self) -> None:
        """Return at once while the bus is open."""
        self._check_open()

    def obstacle(self) -> str | None:
        """Nothing is ever refused here."""
        return None

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
        # Who fell behind learns it now, not after a thousand events that it is too late for.
        while not mailbox.empty():
            mailbox.get_nowait()
        mailbox.put_nowait(None)

    async def _events(self, mailbox: _Mailbox) -> AsyncIterator[Event]:
        while (event := await mailbox.get()) is not None:
            yield event
        raise BusError("The memory bus is closed." if self._closed else "The subscriber fell behind.")


async def _unpacked(past: Iterable[_Kept]) -> AsyncIterator[Event]:
    for number, kept in enumerate(past, 1):
        yield kept.unpack()
        if number % _TURN_EVENTS == 0:
            await asyncio.sleep(0)
