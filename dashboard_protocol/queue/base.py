"""What an invitation is, where its bot stands, and what every queue of invitations gives."""

from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import Field

from dashboard_protocol.vocabulary import EndReason, Model, Profile, State

CLAIM_S = 4.0
"""A worker that was silent for so long is dead: its invitations go to others."""


class Invitation(Model):
    """One bot wanted in one meeting."""

    id: str
    room: str
    """The room's name on bus and page."""
    room_url: str
    policy: Profile
    bot_name: str | None = None
    title: str | None = None
    join_at: float | None = None
    """Unix seconds; None for now."""
    max_duration_s: Annotated[float, Field(gt=0)] | None = None
    requested_at: float
    """Unix seconds."""


class Moment(Model):
    """A state, when it was entered, and why."""

    state: State
    since: float
    """Unix seconds."""
    reason: str | None = None
    """Machine word: an end reason, `lobby`, `not_open`, `bot_lost`, `worker_lost`, `handed_over`, or a cause."""


class BotRecord(Model):
    """An invitation and what became of it."""

    invitation: Invitation
    now: Moment
    """The present state: only what was proven."""
    states: tuple[Moment, ...]
    """Every state so far, oldest first."""
    worker: str | None = None
    """Who runs the bot; None before the first worker claimed it."""
    join: str | None = None
    """Where people join a local room."""


class Order(StrEnum):
    """What a worker's heartbeat tells it about one of its bots."""

    STAY = "stay"
    LEAVE = "leave"
    """Somebody asked the bot to leave."""
    LOST = "lost"
    """Another worker has the invitation, or it is over: end the bot at once."""
    UNKNOWN = "unknown"
    """The queue has lost its memory: restore the invitation, and go on."""


ASKED = EndReason.ASKED_TO_LEAVE.value
LOST = EndReason.WORKER_LOST.value


class Queue(Protocol):
    """Invitations, each run by at most one worker. Every method raises BusError when the queue cannot be reached."""

    async def submit(self, invitation: Invitation, idempotency: str | None = None) -> BotRecord:
        """Add an invitation.

        Args:
            invitation: with an id of its own.
            idempotency: a key; the first invitation of a key is returned for every later one, for a day.
        """

    async def submitted(self, idempotency: str) -> BotRecord | None:
        """Return what was submitted under a key; None for nothing."""

    async def claim(self, worker: str) -> BotRecord | None:
        """Take the next invitation that is due, those of dead workers first; None when there is none.

        One that was dead has gone to `reconnecting`, with the reason `worker_lost`.
        """

    async def beat(self, worker: str, ids: list[str]) -> dict[str, Order]:
        """Say that the worker lives and runs these bots; learn what to do with each."""

    async def restore(self, worker: str, record: BotRecord) -> None:
        """Tell a queue that lost its memory of a bot that this worker runs; nothing happens if it knows the bot."""

    async def report(self, worker: str, bot: str, moment: Moment, join: str | None = None) -> bool:
        """Note a state; `ended` frees the invitation. False, and nothing noted, if it is not this worker's."""

    async def release(self, worker: str, bot: str) -> None:
        """Give an invitation back, so that another worker takes it at once."""

    async def bot(self, bot: str) -> BotRecord | None:
        """Return one bot; None if there is none."""

    async def bots(self) -> list[BotRecord]:
        """Return the bots of the last days, newest first, 1,000 at most."""

    async def ask_to_leave(self, bot: str) -> BotRecord | None:
        """Make a bot leave; one that no worker has claimed ends at once. None if there is none."""

    async def ping(self) -> None:
        """Return when the queue answers."""

    async def close(self) -> None:
        """Free the queue."""
