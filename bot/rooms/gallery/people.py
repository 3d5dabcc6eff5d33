"""Turns what is seen in a gallery into what a room says: who is there, whose camera is on, and their pictures."""

from collections.abc import Callable
from typing import Final

from bot.rooms.base import (
    Absence,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Frame,
    Joined,
    Left,
    Participant,
    RoomEvent,
)
from bot.rooms.gallery.layout import Rect
from bot.rooms.gallery.sightings import Sighting
from bot.rooms.gallery.unread import Unread
from bot.rooms.latest_frame import Mailbox
from bot.rooms.tracks import MailboxTrack
from engine.readings import Image

UNSEEN_S: Final = 1.25
"""Whoever is not in view for so long has their camera off, as in a meeting."""
FROZEN: Final = "the picture stands still"


class _Person:
    def __init__(self, participant: Participant) -> None:
        self.participant = participant
        self.mailbox: Mailbox[Frame] | None = None
        self.is_unreadable = False
        self.shown_at = 0.0

    @property
    def is_on(self) -> bool:
        return self.mailbox is not None or self.is_unreadable

    def close(self) -> None:
        """End the track."""
        if self.mailbox is not None:
            self.mailbox.close()
        self.mailbox, self.is_unreadable = None, False


class GalleryPeople:
    """The people of one gallery. All of it is called on the event loop."""

    def __init__(
        self, publish: Callable[[RoomEvent], object], participant: Callable[[str], Participant] | None = None
    ) -> None:
        """Begin with nobody.

        Args:
            publish: Takes what happens.
            participant: Makes a participant of a tile's id; None calls them by it, and `Tile 3`.
        """
        self.unread = Unread()
        self._publish = publish
        self._participant = participant or (lambda id_: Participant(id_, tile_name(id_)))
        self._people: dict[str, _Person] = {}

    def take(self, at: float, image: Image, sighting: Sighting) -> None:
        """Follow one picture; `at` in seconds on the room's clock."""
        if sighting.tiles is not None:
            self.unread.settle(sighting.tiles)
        self._greet(sighting)
        if sighting.is_frozen:
            self.obstruct(FROZEN)
            return
        shown = {id_: rect for id_, rect in sighting.people.items() if id_ in self._people and self.unread.is_read(id_)}
        for id_, person in self._people.items():
            is_late = id_ not in shown and at - person.shown_at > UNSEEN_S
            if is_late or not self.unread.is_read(id_):
                self._close(person)
        for id_, rect in shown.items():
            self._show(self._people[id_], at, image, rect)

    def obstruct(self, reason: str) -> None:
        """Nothing can be seen of anybody, though they are there: the reason in one line."""
        for person in self._people.values():
            if person.mailbox is not None:
                person.close()
                person.is_unreadable = True
                self._publish(CameraUnreadable(person.participant, reason))

    def close(self) -> None:
        """Everybody's camera is off."""
        for person in self._people.values():
            self._close(person)

    def end(self, absence: Absence) -> None:
        """Everybody is gone."""
        for person in self._people.values():
            person.close()
            self._publish(Left(person.participant, absence))
        self._people.clear()

    def leave_out(self, id_: str) -> Participant:
        """Give no more pictures of somebody, from now on.

        Returns:
            Who they are to the room, or would have been.
        """
        self.unread.leave_out(id_)
        if (person := self._people.get(id_)) is None:
            return self._participant(id_)
        self._close(person)
        return person.participant

    def read(self, id_: str) -> None:
        """Take somebody back, who enters anew, or take it that they are none of those who were left out."""
        is_back = id_ in self.unread.left_out
        self.unread.read(id_)
        if is_back and (person := self._people.pop(id_, None)) is not None:
            self._publish(Left(person.participant, Absence.LEFT))

    def _greet(self, sighting: Sighting) -> None:
        """Say who came and who is gone."""
        for id_ in sorted(sighting.known - self._people.keys(), key=number_of):
            if self.unread.is_read(id_):
                self._people[id_] = person = _Person(self._participant(id_))
                self._publish(Joined(person.participant))
        for id_ in sorted(self._people.keys() - sighting.known, key=number_of):
            self._publish(Left(self._people.pop(id_).participant, Absence.VANISHED))

    def _show(self, person: _Person, at: float, image: Image, rect: Rect) -> None:
        part = rect.of(image)
        if person.mailbox is None:
            person.mailbox, person.is_unreadable = Mailbox[Frame](), False
            self._publish(CameraOn(person.participant, MailboxTrack(person.participant, person.mailbox)))
        person.shown_at = at
        person.mailbox.put(Frame(at, rect.width, rect.height, lambda: part))

    def _close(self, person: _Person) -> None:
        if person.is_on:
            person.close()
            self._publish(CameraOff(person.participant))


def number_of(id_: str) -> int:
    """Return the number of a tile, from 1 on; of no two the same."""
    return int(id_.removeprefix("p"))


def tile_name(id_: str) -> str:
    """Return what somebody is called in a gallery, where names are not known."""
    return f"Tile {number_of(id_)}"
