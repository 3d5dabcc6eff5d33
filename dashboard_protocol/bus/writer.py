"""The bot's end of the bus: stamps bodies into events and keeps the room's snapshot current."""

from typing import Self

from dashboard_protocol.bus.base import Bus
from dashboard_protocol.events import Body, Event, Hello, ParticipantUpdate, Snapshot
from dashboard_protocol.snapshot import Fold


class EventWriter:
    """Publishes the events of one room and epoch. One writer an epoch, its calls one after the other."""

    def __init__(self, bus: Bus, room: str, epoch: int, holder: str = "") -> None:
        self.room = room
        self.epoch = epoch
        self._holder = holder
        self.seq = 0
        """Seq of the newest event; 0 before the first."""
        self._bus = bus
        self._fold = Fold()

    @classmethod
    async def open(cls, bus: Bus, room: str, holder: str = "", *, take_over: bool = False) -> Self:
        """Open the room's next epoch. The first body published must be a `Hello`; readers see nothing before it.

        Args:
            bus: carries the events.
            room: its name.
            holder: distinguishes this bot from others; the same when it starts anew.
            take_over: whether to take the room from another bot that is there.

        Raises:
            BusError: The bus cannot be reached.
            RoomTaken: Another bot holds the room.
        """
        return cls(bus, room, await bus.open_epoch(room, holder, take_over=take_over), holder)

    async def hold(self) -> None:
        """Say that the bot is there, also while it has nothing to publish; every few seconds.

        Raises:
            EpochOver: Another bot serves the room.
            BusError: The bus cannot be reached.
        """
        await self._bus.hold(self.room, self.epoch, self._holder)

    async def publish(self, body: Body, at: float) -> Event:
        """Publish one body and return its event.

        Args:
            body: any but `Snapshot`, which the writer makes itself.
            at: seconds on the room's clock.

        Raises:
            BusError: The bus cannot be reached; the event is lost, and its seq with it.
        """
        if not isinstance(body, Hello):
            self.seq += 1
        event = self._stamp(body, at)
        self._fold.apply(event)
        await self._bus.publish(event)
        # One snapshot a second is enough, as readers catch up from history; participants come many times a second.
        if not isinstance(body, ParticipantUpdate):
            await self._bus.publish(self._stamp(self._fold.snapshot(), at))
        return event

    def snapshot(self) -> Snapshot:
        """Return the room's present state as a late reader would get it."""
        return self._fold.snapshot()

    def _stamp(self, body: Body, at: float) -> Event:
        return Event(room=self.room, epoch=self.epoch, seq=self.seq, at=round(at, 3), body=body)
