"""What a webhook is sent: a state of the bot, or an alert of its class."""

from typing import Annotated, Literal

from pydantic import Field

from dashboard_protocol.events import Alert
from dashboard_protocol.queue.records import Due, Moment
from dashboard_protocol.vocabulary import Model, State


class StateMessage(Model):
    """A bot entered a state."""

    type: Literal["bot.state"] = "bot.state"
    bot: str
    room: str
    number: int
    """Of the message, from 0, over all that the bot's webhook is sent: what came twice or too late shows here."""
    state: State
    since: float
    """Unix seconds."""
    reason: str | None


class AlertMessage(Model):
    """The class index changed; sent to a webhook that asked for alerts."""

    type: Literal["class.alert"] = "class.alert"
    bot: str
    room: str
    number: int
    """Of the message, as of a state."""
    at: float
    """Unix seconds."""
    alert: Alert
    """As the live feed has it, rounded as the policy demands."""


Message = Annotated[StateMessage | AlertMessage, Field(discriminator="type")]
MESSAGES: dict[str, type[Model]] = {"bot.state": StateMessage, "class.alert": AlertMessage}
"""By their `type`."""


def message_of(due: Due) -> StateMessage | AlertMessage:
    """Return what is sent of a notification."""
    notification, wanted = due.record.notifications[due.number], due.record.invitation
    said = {"bot": wanted.id, "room": wanted.room, "number": due.number}
    if isinstance(notification, Moment):
        state, since, reason = notification.state, notification.since, notification.reason
        return StateMessage(**said, state=state, since=since, reason=reason)
    return AlertMessage(**said, at=notification.at, alert=notification.alert)
