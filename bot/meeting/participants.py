"""Who is in the room, who of them is read, and whose own values may be shown. Pure."""

from collections.abc import Callable, Mapping, Set
from dataclasses import replace

from bot.privacy.opt_outs import OptOuts
from bot.rooms.base import Joined, Left, OptedIn, OptedOut, Participant, Renamed, RoomEvent, Unheard
from dashboard_protocol.auth.consent import ABSENT, Consent, is_same_name
from dashboard_protocol.errors import ConsentRefused


class Participants:
    """The people of one meeting. Who is out is for `opt_outs` to say: here stands only what follows from it.

    Args:
        opt_outs: who must not be read.
        names_people: whether the policy shows anybody's own values.
    """

    def __init__(self, opt_outs: OptOuts, *, names_people: bool) -> None:
        self._opt_outs = opt_outs
        self._names_people = names_people
        self._present: dict[str, Participant] = {}
        self._read: dict[str, None] = {}
        """Ids, in order of arrival."""

    @property
    def present(self) -> Mapping[str, Participant]:
        """Everybody in the room by id, in order of arrival, whether they are read or not."""
        return self._present

    @property
    def names(self) -> tuple[str, ...]:
        """The display names of those who are in the room."""
        return tuple(participant.name for participant in self._present.values())

    @property
    def opted_out(self) -> Set[str]:
        """The names of those who opted out, now or before, as they are remembered."""
        return self._opt_outs.names

    @property
    def read(self) -> Set[str]:
        """The ids of those who are read, in order of arrival."""
        return self._read.keys()

    @property
    def shown(self) -> Set[str]:
        """The ids of those whose own values may be shown."""
        return {each for each in self._read if self._names_people and self._present[each].opted_in}

    def is_read(self, participant: Participant) -> bool:
        """Whether a participant is read, or will be once the room has announced them."""
        return not self._opt_outs.is_out(participant)

    def take(self, event: RoomEvent) -> None:
        """Follow what the room says of who is there and what they ask; its other events change nothing here."""
        match event:
            case Joined(participant=participant):
                self._opt_outs.enter(participant)
                self._present[participant.id] = participant
            case Renamed(participant=participant):
                self._rename(participant)
            case OptedOut(participant=participant) | Unheard(participant=participant):
                self._opt_outs.opt_out(participant)
            case OptedIn(participant=participant):
                self._opt_outs.opt_in(participant)
            case Left(participant=participant):
                self._present.pop(participant.id, None)
                self._opt_outs.leave(participant.id)
        self._settle()

    def opt_out_name(self, name: str) -> None:
        """Stop reading whoever bears a name, now and after every return to this meeting."""
        self._opt_outs.opt_out_name(name)
        self._settle()

    def opt_out_known(self, names: Set[str]) -> None:
        """Do the same for names that come as they are remembered."""
        self._opt_outs.opt_out_known(names)
        self._settle()

    def agree(self, consent: Consent) -> None:
        """Take the consent of somebody who is present under its name.

        Whoever gave the token to them could bring it as well: it never undoes that they asked not to be read.

        Raises:
            ConsentRefused: Nobody of this name is here, or several are, or they are not read, or it is not asked for.
        """
        bearers = [each for each in self._present.values() if is_same_name(each.name, consent.name)]
        if not self._names_people or len(bearers) != 1 or not self.is_read(bearers[0]):
            raise ConsentRefused(ABSENT)
        self._present[bearers[0].id] = replace(bearers[0], opted_in=True, consent=consent)

    def end_consents(self, holds: Callable[[Consent], bool]) -> None:
        """Show nobody any more whose consent holds no longer, because it has expired or was revoked."""
        for person in list(self._present.values()):
            if person.consent is not None and not holds(person.consent):
                self._show_no_more(person.id)

    def _rename(self, participant: Participant) -> None:
        known = self._present.get(participant.id)
        if known is None:
            return
        self._opt_outs.rename(participant)
        self._present[known.id] = replace(known, name=participant.name)
        if known.consent is not None and not is_same_name(known.consent.name, participant.name):
            self._show_no_more(known.id)  # it was given for another name

    def _settle(self) -> None:
        """Find anew who is read, after whatever has happened."""
        out = self._opt_outs.out
        before, self._read = self._read, dict.fromkeys(id_ for id_ in self._present if id_ not in out)
        for id_ in before.keys() & self._present.keys() - self._read.keys():
            self._show_no_more(id_)  # to be read again is not yet to be shown again

    def _show_no_more(self, id_: str) -> None:
        """End somebody's leave to show their own values."""
        self._present[id_] = replace(self._present[id_], opted_in=False, consent=None)
