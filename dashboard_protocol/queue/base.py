"""What every queue of invitations gives."""

from collections.abc import Collection
from enum import StrEnum
from typing import Protocol

from dashboard_protocol.bus.base import Bus
from dashboard_protocol.errors import TooManyBots
from dashboard_protocol.queue.records import Attempt, BotRecord, Delivery, Due, Invitation, Notification
from dashboard_protocol.vocabulary import EndReason

CLAIM_S = 4.0
"""A worker that was silent for so long is dead: its invitations go to others."""
RETENTION_S = 7 * 86_400.0
"""What became of a bot is kept for so long after its last state."""


class HeartbeatReply(StrEnum):
    """What a worker's heartbeat answers about one of its bots."""

    STAY = "stay"
    LEAVE = "leave"
    """Somebody asked the bot to leave."""
    LOST = "lost"
    """Another worker has the invitation, or it is over: end the bot at once."""
    UNKNOWN = "unknown"
    """The queue has lost its memory: restore the invitation, and go on."""


ASKED = EndReason.ASKED_TO_LEAVE.value
LOST = EndReason.WORKER_LOST.value


def too_many(most: int) -> TooManyBots:
    """Say that an inviter has enough bots."""
    return TooManyBots(f"This API key has {most} bots, as many as it may have at once: make one leave first.")


class Queue(Protocol):
    """Invitations, each run by at most one worker, one a room. Methods raise BusError when the queue is away."""

    async def submit(
        self, invitation: Invitation, idempotency: str | None = None, most: int | None = None
    ) -> BotRecord:
        """Add an invitation.

        Args:
            invitation: with an id of its own.
            idempotency: a key; the first invitation of a key is returned for every later one, for a day.
            most: bots that its owner may have at once, those to come included; None for any number.

        Raises:
            RoomTaken: The room has a bot, or one that is about to come.
            TooManyBots: Its owner has as many already.
        """

    async def claim(self, worker: str, serving: Collection[str] = (), *, pages: bool = True) -> BotRecord | None:
        """Take the next invitation that is due, those of dead workers first; None when there is none.

        One that was dead has gone to `reconnecting`, with the reason `worker_lost`. What is due, and who was silent for
        too long, goes by the queue's clock, not by the worker's.

        Args:
            worker: who asks.
            serving: the bots it runs, or has not ended yet: none of them is handed out to it, though it was silent.
            pages: whether it has room for one more browser; else meetings that are pages are left to others.
        """

    async def wait_for_invitation(self, within_s: float) -> None:
        """Return when there may be one to claim, or after so many seconds; dead workers' are known by time alone."""

    async def beat(self, worker: str, ids: list[str]) -> dict[str, HeartbeatReply]:
        """Say that the worker lives and runs these bots; learn what to do with each."""

    async def restore(self, worker: str, record: BotRecord) -> None:
        """Give a queue that lost its memory a bot that this worker runs; nothing happens if it knows the bot."""

    async def report(self, worker: str, bot: str, notification: Notification, join: str | None = None) -> bool:
        """Note a state, or an alert for the bot's webhook; the state `ended` frees the invitation.

        Returns:
            False, and nothing is noted, if it is not this worker's.
        """

    async def release(self, worker: str, bot: str) -> None:
        """Give an invitation back, so that another worker takes it at once."""

    async def bot(self, bot: str) -> BotRecord | None:
        """Return one bot; None if there is none."""

    async def bots(self) -> list[BotRecord]:
        """Return the bots of the last days, newest first, 1,000 at most."""

    async def serving(self, room: str) -> str | None:
        """Return the bot that is in a room or about to come; None for none."""

    async def ask_to_leave(self, bot: str) -> BotRecord | None:
        """Make a bot leave; one that no worker has claimed ends at once. None if there is none."""

    async def wait_for_delivery(self, within_s: float) -> None:
        """Return when there may be something to notify of, or after so many seconds; repeats come by time."""

    async def take_delivery(self, lease_s: float) -> Due | None:
        """Lease the notification that a webhook has waited for longest; None when nothing is due.

        Those of one bot are sent in order, one at a time. A lease that is not settled in time goes to whoever
        asks next, also when the gateway that held it is gone.
        """

    async def settle_delivery(self, due: Due, attempt: Attempt, retry_s: float | None) -> bool:
        """Note how a leased notification went; False, and nothing noted, if the lease is over.

        Args:
            due: as it was taken.
            attempt: how it went.
            retry_s: when to try again; None when it is delivered or given up.
        """

    async def deliveries(self, bot: str) -> list[Delivery]:
        """Return what became of each notification of a bot's webhook, oldest first."""

    async def erase(self, room: str, bus: Bus) -> bool:
        """Delete all that is kept of a room at once: its events, and what became of its bots.

        Args:
            room: its name.
            bus: the one with this queue's URL.

        Returns:
            False, and nothing is deleted, while a bot serves the room or is about to.
        """

    async def ping(self) -> None:
        """Return when the queue answers."""

    async def close(self) -> None:
        """Free the queue."""
