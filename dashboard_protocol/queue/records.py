"""What an invitation is, where its bot stands, and what its inviter was notified of."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from dashboard_protocol.events import AlertAt
from dashboard_protocol.vocabulary import Model, Profile, State


class Webhook(Model):
    """Where a bot's states are sent, and the alerts of its class where they are wanted."""

    url: str
    secret: Annotated[str, Field(repr=False)]
    """What the receiver checks signatures with."""
    alerts: bool = False
    """Whether it is notified of alerts too: they are class values, and the inviter's key opens these."""


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
    leave_out: Annotated[tuple[str, ...], Field(repr=False)] = ()
    """Who is neither read nor counted, such as who teaches the class."""
    notice_given: bool = False
    """The inviter's word that people were informed, where the bot cannot show itself to them."""
    requested_at: float
    """Unix seconds."""
    owner: str = ""
    """Name of the API key that invited; empty for the operator."""
    webhook: Webhook | None = None


class Moment(Model):
    """A state, when it was entered, and why."""

    state: State
    since: float
    """Unix seconds."""
    reason: str | None = None
    """Machine word: an end reason, `lobby`, `not_open`, `bot_lost`, `worker_lost`, `handed_over`, or a cause."""


Notification = Moment | AlertAt
"""What a webhook may be notified of: a state of the bot, or an alert of its class."""


def notified_at(notification: Notification) -> float:
    """When it happened, Unix seconds."""
    return notification.since if isinstance(notification, Moment) else notification.at


class BotRecord(Model):
    """An invitation and what became of it."""

    invitation: Invitation
    now: Moment
    """The present state: only what was proven."""
    notifications: tuple[Notification, ...]
    """Every state so far, and every alert that its webhook wants, oldest first."""
    worker: str | None = None
    """Who runs the bot; None before the first worker claimed it."""
    join: str | None = None
    """Where the bot of a local room is reached on its own machine; people join at a gateway."""

    @property
    def states(self) -> tuple[Moment, ...]:
        """Every state so far, oldest first."""
        return tuple(known for known in self.notifications if isinstance(known, Moment))

    @property
    def newest_state(self) -> int:
        """The place of the present state among the notifications."""
        return max(at for at, known in enumerate(self.notifications) if isinstance(known, Moment))


class Attempt(Model):
    """One try to notify a bot's webhook."""

    number: int
    """Of the notification, from 0."""
    at: float
    """Unix seconds."""
    took_s: float
    status: int | None = None
    """What the receiver answered; None where it did not."""
    problem: str | None = None
    """Machine word; None when it was delivered."""


class DeliveryStatus(StrEnum):
    """What became of a notification."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up: the receiver did not take it in all the tries it had."""


class Delivery(Model):
    """One notification, and how sending it went."""

    id: str
    """The same at every try, so that a receiver knows what it already has."""
    of: Notification
    status: DeliveryStatus
    attempts: tuple[Attempt, ...]
    """Oldest first."""
    next_at: float | None
    """When it is tried next, Unix seconds; None where it is not, or where an earlier one comes first."""


class Due(Model):
    """A notification that is to be sent now, by whoever holds the lease."""

    record: BotRecord
    number: int
    """Of the notification, from 0."""
    tries: int
    """How often it was tried before."""
    lease: str


def ledger(
    record: BotRecord, attempts: Sequence[Attempt], *, first: int, delivered: int, next_at: float | None
) -> list[Delivery]:
    """List what became of each notification of a bot.

    Args:
        record: the bot.
        attempts: every try, oldest first.
        first: number of the first one that is sent at all.
        delivered: number of the first one that is neither delivered nor given up.
        next_at: when that one is due, Unix seconds.
    """
    found = []
    for number, notification in enumerate(record.notifications[first:], first):
        own = tuple(attempt for attempt in attempts if attempt.number == number)
        status = DeliveryStatus.WAITING
        if number < delivered:
            status = DeliveryStatus.DEAD if own and own[-1].problem else DeliveryStatus.DELIVERED
        found.append(
            Delivery(
                id=delivery_id(record, number),
                of=notification,
                status=status,
                attempts=own,
                next_at=next_at if number == delivered else None,
            )
        )
    return found


def delivery_id(record: BotRecord, number: int) -> str:
    """Name one notification of a bot."""
    return f"{record.invitation.id}-{number}"
