"""Pure: who is in a room that names people by ids of its own, also across a broken connection."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bot.rooms.base import Joined, Participant, Renamed
from bot.rooms.notice import clean_name

Feed = int | str
"""The room's own name of one stay of one person."""


def nobody(feed: Feed) -> bool:
    """Take nobody for a bot."""
    return False


@dataclass(slots=True)
class Roster:
    """Keeps who is present. Only the room's number says who somebody is: a name, anybody can take after a break."""

    is_bot: Callable[[Feed], bool] = nobody
    """Whether a number is a bot's, which is nobody to read."""
    _present: dict[Feed, Participant] = field(default_factory=dict)
    _awaited: dict[Feed, Participant] = field(default_factory=dict)

    def enter(self, feed: Feed, display: object) -> tuple[Participant, Joined | Renamed | None] | None:
        """Note that somebody is in the room.

        Args:
            feed: The room's number of this stay.
            display: The name the person chose, as it came; anything but text says nothing of it.

        Returns:
            The participant, and what there is to publish of them; None for a bot.
        """
        if self.is_bot(feed):
            return None
        known = self._present.get(feed) or self._awaited.pop(feed, None)
        if known is None:
            name = clean_name(display if isinstance(display, str) else "")
            participant = self._present[feed] = Participant(secrets.token_hex(8), name)
            return participant, Joined(participant)
        self._present[feed] = known
        renamed = self.rename(feed, display)
        return self._present[feed], renamed

    def rename(self, feed: Feed, display: object) -> Renamed | None:
        """Note that somebody goes on under another name; None where it shows as before, or nobody is there."""
        known = self._present.get(feed)
        if known is None or not isinstance(display, str) or clean_name(display) == known.name:
            return None
        self._present[feed] = replace(known, name=clean_name(display))
        return Renamed(self._present[feed])

    def leave(self, feed: Feed) -> Participant | None:
        """Note that somebody is gone; None if they were not there."""
        return self._present.pop(feed, None)

    def participant(self, feed: Feed) -> Participant | None:
        """Return who this is; None for somebody who is not there."""
        return self._present.get(feed)

    def interrupt(self) -> None:
        """Note that the connection broke: everybody is awaited back."""
        self._awaited |= self._present
        self._present.clear()

    def give_up(self) -> list[Participant]:
        """Return those who did not come back, and await them no longer."""
        missing = list(self._awaited.values())
        self._awaited.clear()
        return missing
