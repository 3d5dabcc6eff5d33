"""One meeting: what its room says and its people ask is carried out on all of it at once, published, then recorded."""

from collections.abc import Set
from contextlib import AbstractAsyncContextManager

from bot.meeting.class_events import ClassEvents
from bot.meeting.left_out import LeftOut
from bot.meeting.observers import Observers
from bot.meeting.outbox import Outbox
from bot.meeting.participants import Participants
from bot.privacy.audit_log import Audit
from bot.privacy.request_handler import PrivacyRequestHandler
from bot.rooms.base import Clock, OptedIn, OptedOut, Participant, RoomEvent
from dashboard_protocol.auth.consent import Consent, Consents
from dashboard_protocol.events import Forget


class Meeting:
    """Keeps who is there, who is read and what open pages show in step: whatever changes one passes through here.

    A request is carried out before it is recorded, here and everywhere: recording may fail.
    """

    def __init__(  # noqa: PLR0913  one parameter a part
        self,
        clock: Clock,
        participants: Participants,
        observers: Observers,
        class_events: ClassEvents,
        outbox: Outbox,
        *,
        audit: Audit,
        requests: PrivacyRequestHandler,
        consents: Consents,
        left_out: LeftOut | None = None,
    ) -> None:
        self._clock = clock
        self._participants = participants
        self._observers = observers
        self._class_events = class_events
        self._outbox = outbox
        self._audit = audit
        self._requests = requests
        self._consents = consents
        self._left_out = left_out or LeftOut()
        self._shown: Set[str] = frozenset()
        """Ids of those whose own values open pages may hold."""

    @property
    def present(self) -> int:
        """How many people are in the room, whether they are read or not, and part of the class or not."""
        return len(self._participants.present) + self._left_out.present

    @property
    def leaves_out(self) -> bool:
        """Whether somebody is no part of the class, or would be none if they came."""
        return self._left_out.is_anybody

    @property
    def names(self) -> tuple[str, ...]:
        """The display names of those who are in the room."""
        return self._participants.names

    @property
    def opted_out(self) -> Set[str]:
        """Who is not to be read, under what the bots of this room know them."""
        return self._participants.opted_out

    @property
    def metered(self) -> Set[str]:
        """The ids of those who are read."""
        return self._observers.metered

    @property
    def present_max(self) -> int:
        """Most people present at once."""
        return self._class_events.present_max

    @property
    def alerts(self) -> int:
        """Alerts raised."""
        return self._class_events.alerts

    def running(self) -> AbstractAsyncContextManager[None]:
        """Watch cameras while inside; leaving ends every observer. Errors of the body come out in a group."""
        return self._observers.running()

    def is_read(self, participant: Participant) -> bool:
        """Whether a participant is read, or will be once the room has announced them."""
        return not self._left_out.holds(participant) and self._participants.is_read(participant)

    def take(self, said: RoomEvent) -> None:
        """Carry out what the room says, or what a person asks of the bot as they would in the room's chat."""
        event = self._left_out.admit(said)
        if event is None:
            return
        self._observers.take(event)
        self._participants.take(event)
        self._settle()
        match event:
            case OptedOut():
                self._requests.asked_here()
                self._audit.opted_out()
            case OptedIn():
                self._requests.asked_here()
                self._audit.opted_in()

    def leave_out(self, participant: Participant) -> None:
        """Count and read somebody no more, for this stay: they teach, and have proven that they may say so."""
        left = self._left_out.leave_out(participant, is_in_class=participant.id in self._participants.present)
        if left is not None:
            self._observers.take(left)
            self._participants.take(left)
            self._settle()
        self._audit.left_out()

    def opt_out(self, name: str) -> None:
        """Stop reading whoever bears a name, and have open pages forget them."""
        self._participants.opt_out_name(name)
        self._settle()
        self._requests.asked_here()
        self._audit.opted_out()

    def opt_out_known(self, names: Set[str]) -> None:
        """Stop reading those who asked a gateway, which has noted it, or an earlier bot."""
        self._participants.opt_out_known(names)
        self._settle()

    def agree(self, consent: Consent) -> None:
        """Take somebody's signed consent.

        Raises:
            ConsentRefused: It cannot be used here now.
        """
        self._participants.agree(consent)
        self._settle()
        self._audit.opted_in()

    def publish_second(self) -> None:
        """Publish the class of this second; call it once a second."""
        self._participants.end_consents(self._consents.holds)
        self._settle()
        at, observers = self._clock(), self._observers
        present = self._participants.present
        for body in self._class_events.of_second(at, present, observers.values(at), observers.cameras_on):
            self._outbox.put(body)

    def _settle(self) -> None:
        """Make it so: meters for those present who are not out and for nobody else, whatever has just happened.

        Pages drop those whose own values were shown and are not any more. Nothing is said of anybody else who goes out:
        that would give them away.
        """
        gone = self._observers.keep(self._participants.read)
        self._class_events.opted_out(gone & self._participants.present.keys(), self._clock())
        before, self._shown = self._shown, self._participants.shown
        for id_ in sorted(before - self._shown):
            self._outbox.put(Forget(participant=id_))
