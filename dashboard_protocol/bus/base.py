"""What every bus gives: a room's live events, its newest snapshot, and its recent events."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from dashboard_protocol.errors import BusUnknown, EpochOver, RoomTaken
from dashboard_protocol.events import Event, Snapshot

HOLD_S = 10.0
"""A bot that did not say for so long that it holds its room holds it no more."""
UNHEARD_S = 10.0
"""A bot whose events are refused for so long takes no pictures until they are taken."""
RETENTION_S = 7 * 86_400.0
"""A room's events are kept for so long."""


class Retained(NamedTuple):
    """The newest `hello` and `snapshot` of a room, of the same epoch."""

    hello: Event
    snapshot: Event


def without_people(event: Event) -> Event:
    """Return a snapshot as it may be retained: what is published of a person is published again a second later."""
    assert isinstance(event.body, Snapshot)
    return event.model_copy(update={"body": event.body.model_copy(update={"participants": ()})})


class Bus(Protocol):
    """Carries events from one bot to many gateways. Every method raises BusError when the bus cannot be reached.

    What is published of a person goes to whoever listens now and is kept nowhere: what is not kept need not be erased.
    """

    async def open_epoch(self, room: str, holder: str = "", *, take_over: bool = False) -> int:
        """Return the room's next epoch, from 1; what the bus held of earlier epochs is dropped at its `hello`.

        From now on earlier epochs cannot publish, and the room is held until its `bye`, or for `HOLD_S` at a time.

        Args:
            room: its name.
            holder: distinguishes one bot from another: a bot that starts anew takes its room up again.
            take_over: whether to take the room from another bot that holds it.

        Raises:
            RoomTaken: Another bot holds it.
        """

    async def hold(self, room: str, epoch: int, holder: str = "") -> None:
        """Say that the bot of an epoch is there, though it may have nothing to publish.

        Raises:
            EpochOver: A newer epoch of the room is open.
        """

    async def publish(self, event: Event) -> None:
        """Send to all subscribers. `hello` is also retained, `snapshot` only retained and without people.

        Raises:
            EpochOver: A newer epoch of the room is open.
        """

    def subscribe(self, room: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Receive the room's events from entering on; a subscriber that fell behind gets BusError and starts anew."""

    async def ask(self, event: Event) -> bool:
        """Hand what somebody outside asks to be published, a mark, to the bot of the room; False where none listens."""

    def asked(self, room: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Receive what is asked of the room's bot from entering on; as `subscribe`, for bots."""

    async def snapshot(self, room: str) -> Retained | None:
        """Return what is retained; None before the first bot."""

    async def history(self, room: str, epoch: int, since: int) -> list[Event] | None:
        """Return the class events after seq `since`, oldest first; None where that epoch is over or some are lost."""

    def archive(self, room: str) -> AsyncIterator[Event]:
        """Yield the class events that are kept, oldest first; several epochs where the bus outlives a bot.

        Every `hello` is among them, where it was published, so that the policy of each moment is known.
        """

    async def erase(self, room: str) -> None:
        """Delete all that is kept of the room; only once no bot serves it."""

    async def sweep(self) -> None:
        """Delete what is older than the retention, in all rooms; reading and publishing leave it out already."""

    async def ping(self) -> None:
        """Return when the bus answers."""

    def obstacle(self) -> str | None:
        """Say that what is published has been refused for `UNHEARD_S`: whoever is heard by nobody reads nobody."""

    async def close(self) -> None:
        """End every subscription and free the bus."""


def is_shared(url: str) -> bool:
    """Whether a bus, and what stands beside it, is shared by processes through Redis, or of this process alone.

    Raises:
        BusUnknown: The scheme is unknown.
    """
    match urlsplit(url).scheme:
        case "memory":
            return False
        case "redis" | "rediss" | "redis+sentinel":
            return True
        case scheme:
            known = "memory://, redis://, rediss:// and redis+sentinel://"
            raise BusUnknown(f"No bus is known for {scheme or url!r}: known are {known}.")


def epoch_over(room: str) -> EpochOver:
    """Say to a bot that another one has its room."""
    return EpochOver(f"Another bot serves the room {room!r} now; this one must leave.")


def taken(room: str) -> RoomTaken:
    """Say to a bot that it must not come."""
    return RoomTaken(f"Another bot is in the room {room!r}, or was {HOLD_S:.0f} s ago: have it leave, or take over.")
