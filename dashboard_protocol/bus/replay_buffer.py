"""Pure: what a publisher remembers of its own events, to deliver again what the bus lost or never got."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from dashboard_protocol.codec import encode
from dashboard_protocol.events import Bye, ClassSummary, Event, Forget, Hello, ParticipantUpdate

SUMMARIES_S = 600.0
"""Class summaries of so long are remembered, and who was to be forgotten: who missed more starts anew from a snapshot,
which holds nobody. Whatever else is not replaceable is remembered for the whole epoch."""
PAST_HELLO = "past_hello"
"""Kind of the letter of a `hello` that a newer one has replaced."""


@dataclass(frozen=True, slots=True)
class EncodedEvent:
    """An encoded event."""

    kind: str
    seq: int
    at: float
    text: str


def encoded_event(event: Event) -> EncodedEvent:
    """Encode an event."""
    return EncodedEvent(event.body.type, event.seq, event.at, encode(event))


class ReplayBuffer:
    """The events of one epoch in the order of publication, delivered or not.

    Ten minutes of class summaries and of `forget`, the newest update of each participant, and everything else.

    What is due is found by comparing where the bus' events end with where this publisher left them, at every delivery.
    An error does not say what was lost: the answer may be lost and not the event, Redis may have started again empty or
    from an hour ago, or a replica that never got the newest may have taken its place. Counting what was sent would
    publish twice in the first case and leave a gap in the others.

    Attributes:
        lost: highest seq of one of these that was never delivered and is forgotten; 0 for none.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._encoded: dict[int, EncodedEvent] = {}  # by number, in order
        self._numbers = 0
        self._delivered = 0
        self._passing: deque[int] = deque()
        """Summaries and `forget`: with every second and everybody who leaves there are more."""
        self._newest: dict[str, int] = {}
        self._hello = 0
        self._repeats_hello = False
        self._dropped = 0
        """Highest seq of what has passed out of memory."""

    def add(self, event: Event) -> None:
        """Remember an event and forget what it makes old."""
        self._numbers += 1
        self._encoded[self._numbers] = encoded_event(event)
        match event.body:
            case Hello():
                if past := self._encoded.get(self._hello):  # a bus that lost it still wants to know what held when
                    self._encoded[self._hello] = replace(past, kind=PAST_HELLO)
                self._hello = self._numbers
            case ClassSummary():
                self._pass(event.at)
            case ParticipantUpdate(participant=participant):
                self._encoded.pop(self._newest.get(participant, 0), None)
                self._newest[participant] = self._numbers
            case Forget(participant=participant):
                self._encoded.pop(self._newest.pop(participant, 0), None)
                self._pass(event.at)
            case Bye():
                for number in self._newest.values():
                    self._encoded.pop(number, None)

    def due(self) -> Iterator[EncodedEvent]:
        """Yield what is not delivered, oldest first; taking the next one says that the one before is delivered."""
        if self._repeats_hello:
            yield self._encoded[self._hello]
            self._repeats_hello = False
        while self._delivered < self._numbers:
            if (found := self._encoded.get(self._delivered + 1)) is not None:
                yield found
            self._delivered += 1

    def rewind(self, seq: int) -> None:
        """The bus holds this epoch up to `seq` only, -1 for nothing: what is later is due again, after the hello."""
        # By seq, which the bus knows; the numbers here count also what has no seq of its own, and what was dropped.
        later = (number for number, known in self._encoded.items() if known.seq > seq)
        self._delivered = next(later, self._numbers + 1) - 1
        self._repeats_hello = 0 < self._hello <= self._delivered
        if self._dropped > seq:
            self.lost = self._dropped

    def _pass(self, at: float) -> None:
        self._passing.append(self._numbers)
        while self._encoded[self._passing[0]].at <= at - SUMMARIES_S:
            number = self._passing.popleft()
            self._dropped = self._encoded.pop(number).seq
            if number > self._delivered:
                self.lost = self._dropped
