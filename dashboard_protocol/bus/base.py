"""What every bus gives: a room's live events, its newest snapshot, and its recent events."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from dashboard_protocol.events import Event, Snapshot

RETENTION_S = 7 * 86_400.0
"""A room's events are kept for so long."""


class Retained(NamedTuple):
    """The newest `hello` and `snapshot` of a room, of the same epoch."""

    hello: Event
    snapshot: Event


def without_people(event: Event) -> Event:
    """Return a snapshot as it may be retained: what is told of a person is told again a second later."""
    assert isinstance(event.body, Snapshot)
    return event.model_copy(update={"body": event.body.model_copy(update={"participants": ()})})


class Bus(Protocol):
    """Carries events from one bot to many gateways. Every method raises BusError when the bus cannot be reached.

    What is told of a person goes to whoever listens now and is kept nowhere: what is not kept need not be erased.
    """

    async def open_epoch(self, room: str) -> int:
        """Return the room's next epoch, from 1; what the bus held of earlier epochs is dropped at its `hello`."""

    async def publish(self, event: Event) -> None:
        """Send to all subscribers. `hello` is also retained, `snapshot` only retained and without people.

        Raises:
            EpochOver: A newer epoch of the room is open.
        """

    def subscribe(self, room: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Receive the room's events from entering on; a subscriber that fell behind gets BusError and starts anew."""

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

    async def close(self) -> None:
        """End every subscription and free the bus."""
