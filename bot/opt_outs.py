"""Who opted out of being read: by name or by hand, for the whole meeting, across rejoins. Pure."""

import re
from collections.abc import Callable, Iterable, Set

from bot.rooms.base import Participant
from dashboard_protocol.events import Forget
from dashboard_protocol.pseudonyms import bare_name

OPT_OUT_WORD = "#optout"
"""In a display name, in chat or in a data channel: this person is not to be read."""


class OptOuts:
    """The people of one meeting who do not want to be read.

    A rejoin brings a new id, so the name is remembered too: rather two people of one name unread than one against her
    will. Whoever wants to be read again says so during a stay, for that stay: anybody can take a name, so the name
    stays on the list, and a rejoin is unread again. Memory ends with the meeting.

    Args:
        known_as: under what a name is remembered, its capitals and the word taken away; the name itself if absent.
    """

    def __init__(self, known_as: Callable[[str], str] = str) -> None:
        self._known_as = known_as
        self._ids: set[str] = set()
        self._names: set[str] = set()
        self._back: set[str] = set()

    @property
    def names(self) -> Set[str]:
        """What is remembered of the names of those who opted out."""
        return self._names

    def is_out(self, participant: Participant) -> bool:
        """Say whether a participant must not be read; the word in her name counts and is remembered."""
        if participant.id in self._back:
            return False
        if OPT_OUT_WORD in participant.name.casefold():
            self._remember(participant)
        return participant.id in self._ids or self._key(participant.name) in self._names

    def opt_out(self, participant: Participant) -> Forget:
        """Note that a participant opted out; readers get the returned event."""
        self._remember(participant)
        return Forget(participant=participant.id)

    def opt_out_name(self, name: str, present: Iterable[Participant]) -> tuple[Forget, ...]:
        """Note that everybody of this name opted out, now and later; gives an event for each one present."""
        key = self._key(name)
        return self.opt_out_known({key} if key else set(), present)

    def opt_out_known(self, names: Set[str], present: Iterable[Participant]) -> tuple[Forget, ...]:
        """As `opt_out_name`, for names that are told as they are remembered."""
        self._names |= names
        return tuple(self.opt_out(participant) for participant in present if self._key(participant.name) in names)

    def opt_in(self, participant: Participant) -> None:
        """Take it back for this stay, also the word in the name; only at the wish of the person herself."""
        self._ids.discard(participant.id)
        self._back.add(participant.id)

    def _remember(self, participant: Participant) -> None:
        self._back.discard(participant.id)
        self._ids.add(participant.id)
        if key := self._key(participant.name):
            self._names.add(key)

    def _key(self, name: str) -> str:
        """Return under what a name is remembered; empty for none."""
        plain = plain_name(name)
        return self._known_as(plain) if plain else ""


def plain_name(name: str) -> str:
    """Reduce a display name to what stays the same when the word is added or removed, however it is written."""
    return bare_name(re.sub(re.escape(OPT_OUT_WORD), " ", bare_name(name)))
