"""What a local room says to somebody who wants to come in."""

from dataclasses import dataclass

from bot.errors import BotError


class RoomFull(BotError):
    """The room takes no more publishers for the moment."""


class RoomNotOpen(BotError):
    """The bot is not in the room."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A publisher that was let in."""

    resource: str
    """Unguessable name of the publisher's stay, known only to the publisher."""
    answer: str
    """SDP answer."""
