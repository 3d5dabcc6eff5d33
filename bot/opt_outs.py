"""Who opted out of being read: by name or by hand, for the whole meeting, across rejoins. Pure."""

import re
from collections.abc import Iterable

from bot.rooms.base import Participant
from dashboard_protocol.events import Forget

OPT_OUT_WORD = "#optout"
"""In a display name, in chat or in a data channel: this person is not to be read."""


class OptOuts:
    """The people of one meeting who do not want to be read.

    A rejoin brings a new id, so the name is remembered too: rather two people of one name unread than one against her
    will. Whoever wants to be read again says so during a stay, for that stay: anybody can take a name, so the name
    stays on the list, and a rejoin is unread again. Memory ends with the meeting.
    """

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._names: set[str] = set()
        self._back: set[str] = set()

    def is_out(self, participant: Participant) -> bool:
        """Say whether a participant must not be read; the word in her name counts and is remembered."""
        if participant.id in self._back:
            return False
        if OPT_OUT_WORD in participant.name.casefold():
            self._remember(participant)
        return participant.id in self._ids or _bare(participant.name) in self._names

    def opt_out(self, participant: Participant) -> Forget:
        """Note that a participant opted out; readers get the returned event."""
        self._remember(participant)
        return Forget(participant=participant.id)

    def opt_out_name(self, name: str, present: Iterable[Participant]) -> tuple[Forget, ...]:
        """Note that everybody of this name opted out, now and later; gives an event for each one present."""
        bare = _bare(name)
        if bare:
            self._names.add(bare)
        return tuple(self.opt_out(participant) for participant in present if bare and _bare(participant.name) == bare)

    def opt_in(self, participant: Participant) -> None:
        """Take it back for this stay, also the word in the name; only at the wish of the person herself."""
        self._ids.discard(participant.id)
        self._back.add(participant.id)

    def _remember(self, participant: Participant) -> None:
        self._back.discard(participant.id)
        self._ids.add(participant.id)
        bare = _bare(participant.name)
        if bare:
            self._names.add(bare)


def _bare(name: str) -> str:
    """Reduce a display name to what stays the same when the word is added or removed."""
    return " ".join(re.sub(re.escape(OPT_OUT_WORD), " ", name.casefold()).split())
