"""The readers of one room at this gateway: one bus subscription, folded and encoded once for all of them."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from dashboard_protocol.auth.links import STANDING
from dashboard_protocol.backoff import Backoff
from dashboard_protocol.bus.base import Bus, Retained
from dashboard_protocol.codec import encode
from dashboard_protocol.errors import BusError
from dashboard_protocol.events import BotState, Event, Forget, Hello, ParticipantUpdate, Profile, Snapshot, State
from dashboard_protocol.gateway.send_queue import Outgoing, SendQueue
from dashboard_protocol.messages import Feed, Resume
from dashboard_protocol.snapshot import Fold
from dashboard_protocol.supervisor import Supervisor

MAX_MISSED = 256
"""Events a returning reader is sent one by one; who missed more gets a snapshot."""
BUS_RETRY_S = 1.0
LONGEST_RETRY_S = 2.0
HEALING_S = 10.0
"""For so long after the bus is back, what it held up comes in bursts, and summaries in a burst replace nothing."""

_log = logging.getLogger(__name__)


class Reader(Protocol):
    """One connected dashboard."""

    send_queue: SendQueue

    def wake(self) -> None:
        """Look at the viewer again."""


class RoomFeed:
    """The present state of a class, and everyone who watches it.

    Args:
        room: the meeting's key.
        bus: where its events come from.
        meeting: which of the room's classes; `STANDING` for whichever is on.
    """

    def __init__(self, room: str, bus: Bus, meeting: str = STANDING) -> None:
        self.room = room
        self.meeting = meeting
        self.is_over = False
        """Whether another class has begun: its events are not for these readers."""
        self.readers: set[Reader] = set()
        self._bus = bus
        self._at = round(time.time(), 3)
        self._fold = Fold(bot_state=BotState(state=State.REQUESTED, since=self._at))
        self._hello: Hello | None = None
        self._epoch = 0
        self._seq = 0
        self._opening: tuple[Outgoing, ...] | None = None
        self._recent: deque[Outgoing] = deque(maxlen=MAX_MISSED)
        self._complete_after = 0
        """`_recent` holds every event of the epoch after this seq."""
        self._feed = Feed(state="restored")
        self._whole_at = 0.0
        self.ready = asyncio.Event()
        """Set once the bus gave what it retains."""

    @property
    def shows_people(self) -> bool:
        """Whether values of single people may be among the events: not for readers who only watch the class."""
        return self._hello is not None and self._hello.policy.profile is Profile.INDIVIDUAL

    async def follow(self) -> None:
        """Pass the room's events on until cancelled; comes back when the bus was lost, or an event broke something."""
        backoff = Backoff(BUS_RETRY_S, LONGEST_RETRY_S)
        while True:
            try:
                # Listens first and asks for the past second: what is published in between comes twice, and is known
                # by its seq. The other way round it would never come.
                async with self._bus.subscribe(self.room) as events:
                    await self._catch_up(await self._bus.snapshot(self.room))
                    self.ready.set()
                    self._notify(Feed(state="restored"))
                    async for event in events:
                        self._take(event)
                        backoff.went_well()
                        await asyncio.sleep(0)  # readers get it before the next one, which may replace it
            except BusError as error:
                _log.warning("room %s: %s Trying again.", self.room, error)
            except Exception:  # a fault of ours, by what this room's events are: no other room may notice
                _log.exception("room %s: its events could not be passed on. Trying again.", self.room)
            self._notify(Feed(state="interrupted"))
            await asyncio.sleep(backoff.failed())

    async def admit(self, reader: Reader, resume: Resume | None) -> None:
        """Open the reader's viewer and keep it supplied, with what it missed where that is still held."""
        await self.ready.wait()
        missed = self._missed(resume)
        if missed is None or resume is None or self._hello is None:
            self.show(reader)
        else:
            hello = Event(room=self.room, epoch=self._epoch, seq=resume.seq, at=self._at, body=self._hello)
            reader.send_queue.open([Outgoing(hello, encode(hello)), *missed], self._epoch, resume.seq)
        if self._feed.state == "interrupted":
            reader.send_queue.notify(self._feed.model_dump_json())
        reader.wake()
        self.readers.add(reader)

    def dismiss(self, reader: Reader) -> None:
        """Stop supplying the reader."""
        self.readers.discard(reader)

    def show(self, reader: Reader) -> None:
        """Give the reader `hello` and a snapshot of this moment, instead of what waits for it."""
        if self._opening is None:
            bodies = (self._hello, self._fold.snapshot())
            events = (
                Event(room=self.room, epoch=self._epoch, seq=self._seq, at=self._at, body=body)
                for body in bodies
                if body is not None
            )
            self._opening = tuple(Outgoing(event, encode(event)) for event in events)
        reader.send_queue.open(self._opening, self._epoch, self._seq)
        reader.wake()

    def _missed(self, resume: Resume | None) -> list[Outgoing] | None:
        if resume is None or resume.epoch != self._epoch or self._hello is None:
            return None
        if not self._complete_after <= resume.seq <= self._seq:
            return None
        return [item for item in self._recent if item.event.seq > resume.seq]

    def _notify(self, feed: Feed) -> None:
        if feed.state == self._feed.state:
            return
        self._feed = feed
        self._whole_at = time.monotonic() + HEALING_S
        text = feed.model_dump_json()
        for reader in tuple(self.readers):
            reader.send_queue.notify(text)
            reader.wake()

    async def _catch_up(self, retained: Retained | None) -> None:
        if retained is None or not self._is_ours(retained.hello):
            return
        hello, snapshot = retained
        since = max(0, snapshot.seq - MAX_MISSED)
        recent = await self._bus.history(self.room, snapshot.epoch, since)
        if recent is None:
            since = snapshot.seq
            recent = await self._bus.history(self.room, snapshot.epoch, since)
        if recent is None:
            raise BusError("The room moved on while its snapshot was read.")
        if snapshot.epoch == self._epoch and since <= self._seq <= snapshot.seq:
            self._go_on(hello, recent)
        else:
            self._start_over(hello, snapshot, since, recent)

    def _go_on(self, hello: Event, recent: list[Event]) -> None:
        """Nothing was missed for good: pass on what came meanwhile."""
        if hello.body != self._hello:
            self._pass_on(hello)
        for event in recent:
            self._take(event)

    def _start_over(self, hello: Event, snapshot: Event, since: int, recent: list[Event]) -> None:
        self._fold = Fold()
        self._hello = hello.body if isinstance(hello.body, Hello) else None
        self._epoch, self._seq, self._at = snapshot.epoch, snapshot.seq, snapshot.at
        self._fold.apply(snapshot)
        self._recent.clear()
        self._complete_after = since
        for event in recent:
            if event.seq > snapshot.seq:
                self._note(event)
            self._remember(Outgoing(event, encode(event)))
        self._opening = None
        for reader in tuple(self.readers):
            self.show(reader)

    def _is_ours(self, event: Event) -> bool:
        """Whether an event is of the class that is watched: its `hello` says so, which every epoch begins with."""
        if self.meeting == STANDING:
            return True
        if not isinstance(event.body, Hello):
            return event.epoch == self._epoch
        is_ours = event.body.meeting == self.meeting
        if not is_ours and self._hello is not None and event.epoch > self._epoch:
            self.is_over = True
            for reader in tuple(self.readers):
                reader.wake()
        return is_ours

    def _take(self, event: Event) -> None:
        if not self._is_ours(event):
            return
        is_known = event.seq <= self._seq and not isinstance(event.body, Hello)
        if event.epoch < self._epoch or (event.epoch == self._epoch and is_known):
            return  # part of what was caught up
        is_new = event.epoch > self._epoch
        if is_new:
            self._fold, self._epoch, self._seq = Fold(), event.epoch, 0
            self._recent.clear()
            self._complete_after = 0
        self._pass_on(event, is_new=is_new)

    def _pass_on(self, event: Event, *, is_new: bool = False) -> None:
        self._note(event)
        outgoing = Outgoing(event, encode(event))
        self._remember(outgoing)
        is_late = self._feed.state == "interrupted" or time.monotonic() < self._whole_at
        for reader in tuple(self.readers):
            if is_new:
                self.show(reader)
            else:
                (reader.send_queue.supply if is_late else reader.send_queue.offer)(outgoing)
                reader.wake()

    def _note(self, event: Event) -> None:
        if isinstance(event.body, Hello):
            self._hello = event.body
        self._fold.apply(event)
        self._epoch, self._seq, self._at = event.epoch, max(event.seq, self._seq), event.at
        self._opening = None

    def _remember(self, item: Outgoing) -> None:
        body = item.event.body
        if isinstance(body, Hello | Snapshot):
            return
        if isinstance(body, Forget):
            # Who resumes must not be given what everybody else has dropped by now.
            kept = [known for known in self._recent if not _is_about(known.event, body.participant)]
            self._recent = deque(kept, maxlen=MAX_MISSED)
        # The deque is about to drop its oldest: who resumes from before that would have a gap.
        if len(self._recent) == MAX_MISSED:
            self._complete_after = self._recent[0].event.seq
        self._recent.append(item)


def _is_about(event: Event, participant: str) -> bool:
    return isinstance(event.body, ParticipantUpdate) and event.body.participant == participant


@dataclass
class _Seating:
    room_feed: RoomFeed
    following: asyncio.Task[None]
    seats: int = 0


class RoomFeeds:
    """The audiences of a gateway; an audience lives from its first reader to its last.

    Args:
        bus: where the events come from.
        background: keeps the tasks that follow the rooms.
    """

    def __init__(self, bus: Bus, background: Supervisor) -> None:
        self._bus = bus
        self._background = background
        self._seatings: dict[tuple[str, str], _Seating] = {}

    @asynccontextmanager
    async def room_feed(self, room: str, meeting: str = STANDING) -> AsyncIterator[RoomFeed]:
        """Keep the audience of a class alive while inside."""
        seating = self._seatings.get((room, meeting))
        if seating is None:
            room_feed = RoomFeed(room, self._bus, meeting)
            following = self._background.run(f"audience of {room} {meeting}".rstrip(), room_feed.follow)
            seating = self._seatings[room, meeting] = _Seating(room_feed, following)
        seating.seats += 1
        try:
            yield seating.room_feed
        finally:
            seating.seats -= 1
            if not seating.seats:
                seating.following.cancel()
                del self._seatings[room, meeting]

    def readers(self) -> list[Reader]:
        """Return everyone who watches anything."""
        return [reader for seating in self._seatings.values() for reader in seating.room_feed.readers]
