"""Who is out: whom a meeting's bot must not read, among those present and whoever comes later. Pure.

The one rule, and everything else asks it:

- An opt-out holds for everybody of that name, present or yet to come, for the whole meeting: a rejoin brings a new id,
  and two people of one name cannot be distinguished. Rather two unread than one read against their will.
- Somebody who is out stays out under whatever name they go on; that name is out from then on, too.
- Opting back in is a person's own act, and holds for this person's stay alone: not for others of the name, nor for a
  rejoin. A newer opt-out of the name, whoever asks for it, ends it.
"""

from collections.abc import Callable, Set

from bot.rooms.base import Participant
from bot.rooms.notice import name_key
from bot.rooms.opt_out_words import asks_not_to_be_read
from dashboard_protocol.privacy_requests.base import MOST_OPT_OUTS

MOST_NAMES = MOST_OPT_OUTS
"""Names that are remembered; so many ask only to fill the memory, and then nobody is read at all."""
MOST_EARLY = 256
"""People who opted back in before the room announced them; the oldest are forgotten, and so unread again."""


class OptOuts:
    """The people of one meeting who do not want to be read. Memory ends with the meeting.

    Args:
        pseudonym: under what a name's key is remembered; the key itself if absent.
    """

    def __init__(self, pseudonym: Callable[[str], str] = str) -> None:
        self._pseudonym = pseudonym
        self._names: set[str] = set()
        self._present: dict[str, str] = {}
        """Id → name as remembered, of those whom the room announced; empty for a name that is nobody's."""
        self._asked: set[str] = set()
        """Ids, all of them present."""
        self._back: dict[str, str] = {}
        """Id → name, of those who opted back in; also before the room announced them."""

    @property
    def names(self) -> Set[str]:
        """What is remembered of the names that are out."""
        return self._names

    @property
    def out(self) -> Set[str]:
        """The ids of those present who must not be read."""
        return self._present.keys() if self._is_full else self._asked

    def is_out(self, participant: Participant) -> bool:
        """Say whether a participant is out, or will be once the room announces them; their answer rests on it."""
        if participant.id in self._present or self._is_full:
            return self._is_full or participant.id in self._asked
        return participant.id not in self._back and self._comes_out(participant)

    def enter(self, participant: Participant) -> None:
        """Somebody is present from now on."""
        is_out = self.is_out(participant)
        self._present[participant.id] = self._key(participant.name)
        if is_out and asks_not_to_be_read(participant.name):
            self.opt_out(participant)
        elif is_out:
            self._asked.add(participant.id)

    def rename(self, participant: Participant) -> None:
        """Somebody present has another name: with the word in it they ask anew, without it nothing is taken back."""
        key = self._present[participant.id] = self._key(participant.name)
        if participant.id in self._back:
            self._back[participant.id] = key
        if asks_not_to_be_read(participant.name):
            self.opt_out(participant)
        elif participant.id in self._asked or key in self._names:
            self._remember({key})

    def leave(self, participant_id: str) -> None:
        """Somebody is gone; a name that is out stays out."""
        self._present.pop(participant_id, None)
        self._asked.discard(participant_id)
        self._back.pop(participant_id, None)

    def opt_out(self, participant: Participant) -> None:
        """Somebody asks not to be read, and with them everybody of their name."""
        self._back.pop(participant.id, None)
        if participant.id in self._present:
            self._asked.add(participant.id)
        self._ask({self._present.get(participant.id) or self._key(participant.name)})

    def opt_out_name(self, name: str) -> None:
        """Somebody asks that nobody of a name is read, as they typed it."""
        self._ask({self._key(name)})

    def opt_out_known(self, names: Set[str]) -> None:
        """As `opt_out_name`, for names that come as they are remembered."""
        self._ask(names)

    def opt_in(self, participant: Participant) -> None:
        """Take it back for this stay, also the word in the name; only as the person themselves asks."""
        self._asked.discard(participant.id)
        self._back.pop(participant.id, None)
        self._back[participant.id] = self._present.get(participant.id) or self._key(participant.name)
        early = [id_ for id_ in self._back if id_ not in self._present]
        for id_ in early[:-MOST_EARLY]:
            del self._back[id_]

    @property
    def _is_full(self) -> bool:
        return len(self._names) >= MOST_NAMES

    def _comes_out(self, participant: Participant) -> bool:
        return asks_not_to_be_read(participant.name) or self._key(participant.name) in self._names

    def _ask(self, names: Set[str]) -> None:
        """Put out all who bear one of these names, also those who had come back in: somebody asks anew."""
        self._back = {id_: name for id_, name in self._back.items() if name not in names or not name}
        self._remember(names)

    def _remember(self, names: Set[str]) -> None:
        """Note names that are out, and put out all who bear one, but those who came back in."""
        for name in names - {""}:
            if not self._is_full:
                self._names.add(name)
        bearers = {id_ for id_, name in self._present.items() if name and name in names}
        self._asked |= bearers - self._back.keys()

    def _key(self, name: str) -> str:
        """Return under what a name is remembered; empty for one that is nobody's."""
        key = name_key(name)
        return self._pseudonym(key) if key else ""
