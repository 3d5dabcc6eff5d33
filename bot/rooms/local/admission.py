"""What a local room says to somebody who wants to come in."""

from dataclasses import dataclass

from bot.errors import BotError

NAME_HEADER = "Classpulse-Name"
"""Carries the display name of whoever joins, as percent-encoded UTF-8; never the address, which stands in logs."""
MAX_OFFER_BYTES = 64 << 10
CONSENT_HEADER = "Classpulse-Consent"
"""Carries the token by which a person agrees to be read under their own name."""


class RoomFull(BotError):
    """The room takes no more publishers for the moment."""


class RoomNotOpen(BotError):
    """The bot is not in the room."""


class GalleryRefused(BotError):
    """No window that shows many people may be shared with the room."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A publisher that was let in."""

    resource: str
    """Unguessable name of the publisher's stay, known only to the publisher."""
    answer: str
    """SDP answer."""
