"""Pure: who is in a room that names people by numbers of its own, also across a broken connection."""

import secrets
from dataclasses import dataclass, field

from bot.rooms.base import Participant
from bot.rooms.display_name import clean_name
from bot.rooms.notice import VISIBLE_SUFFIX

Feed = int | str
"""The room's own name of one stay of one person."""


@dataclass(slots=True)
class Roster:
    """Keeps who is present. After a break people have new numbers: who comes back under her name is the same person."""

    _present: dict[Feed, Participant] = field(default_factory=dict)
    _awaited: dict[Feed, Participant] = field(default_factory=dict)

    def enter(self, feed: Feed, display: object) -> tuple[Participant, bool] | None:
        """Note that somebody is in the room.

        Args:
            feed: The room's number of this stay.
            display: The name the person chose, as it came.

        Returns:
            The participant and whether she is new; None for a bot of this kind, which is nobody to read.
        """
        if isinstance(display, str) and display.rstrip().endswith(VISIBLE_SUFFIX):
            return None
        if feed in self._present:
            return self._present[feed], False
        name = clean_name(display if isinstance(display, str) else "")
        returned = self._awaited.pop(feed, None) or self._returned_as(name)
        participant = self._present[feed] = returned or Participant(secrets.token_hex(8), name)
        return participant, returned is None

    def leave(self, feed: Feed) -> Participant | None:
        """Note that somebody is gone; None if she was not there."""
        return self._present.pop(feed, None)

    def participant(self, feed: Feed) -> Participant | None:
        """Tell who this is; None for somebody who is not there."""
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

    def _returned_as(self, name: str) -> Participant | None:
        # Two people of one name cannot be told apart, and must not be given each other's past.
        matching = [feed for feed, participant in self._awaited.items() if participant.name == name]
        return self._awaited.pop(matching[0]) if len(matching) == 1 else None
