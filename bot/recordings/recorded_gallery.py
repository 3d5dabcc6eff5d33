"""A recorded gallery as a room: one file that shows many people, each a participant with a part of its pictures."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from bot.errors import RoomClosed
from bot.recordings.room import CAMERA_PATIENCE_S, RecordedTrack, RecordingRoom, until
from bot.recordings.video_file import VideoFile
from bot.rooms.base import (
    Absence,
    Admitted,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Frame,
    Joined,
    Left,
    Participant,
)
from bot.rooms.gallery.layout import Rect
from bot.rooms.gallery.sightings import Gallery, Sighting
from bot.rooms.latest_frame import Mailbox
from engine.faces import FaceFinder
from engine.readings import Image

LOOKS_PER_S: Final = 8.0
"""Pictures that are looked at: twice as many as people are read."""
FROZEN: Final = "the picture stands still"


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """A picture, and who is in it."""

    at: float
    """Seconds from the file's beginning."""
    image: Image
    sighting: Sighting


class RecordedGallery(RecordingRoom):
    """One file that shows a class; see `RecordingRoom`. People are known by their tiles, and have no names."""

    def __init__(
        self,
        name: str,
        files: Sequence[VideoFile],
        *,
        began_at: float,
        standing: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Take over an open file; leaving the room closes it.

        Raises:
            ModelRefused: The models that find faces are missing.
        """
        super().__init__(name, files, began_at=began_at, standing=standing)
        (self._file,) = files
        self._finder = FaceFinder()
        self._gallery = Gallery(self._finder.search)
        self._people: dict[str, _Person] = {}
        self._due_s = 0.0

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        self._finder.close()

    async def _attend(self) -> None:
        self._session.publish(Admitted())
        last_s = 0.0
        async with aclosing(self._ahead(self._looks)) as looks:
            async for look in looks:
                if look.at - last_s > CAMERA_PATIENCE_S:
                    await until(last_s + CAMERA_PATIENCE_S)
                    self._close(set())
                await until(look.at)
                last_s = look.at
                self._follow(look.sighting, look.at)
                for id_, rect in look.sighting.people.items():
                    self._show(self._people[id_], look, rect)
        await until(last_s + self._file.step_s)
        self._close(set())
        for person in self._people.values():
            self._session.publish(Left(person.participant, Absence.LEFT))
        raise RoomClosed(f"{self.name} is over")

    def _looks(self, most: int) -> list[_Look]:
        """Look at the next pictures; none at the end of the file."""
        looks: list[_Look] = []
        while len(looks) < most and (frames := self._file.read(1)):
            (frame,) = frames
            if frame.at >= self._due_s:
                self._due_s = max(self._due_s + 1 / LOOKS_PER_S, frame.at)
                image = frame.to_rgb()
                looks.append(_Look(frame.at, image, self._gallery.take(frame.at, image)))
        return looks

    def _follow(self, sighting: Sighting, at: float) -> None:
        """Say who came, who cannot be seen and who is gone."""
        for id_ in sorted(sighting.known - self._people.keys(), key=_number):
            self._people[id_] = person = _Person(Participant(id_, f"Tile {_number(id_)}"))
            self._session.publish(Joined(person.participant))
        for id_ in sorted(self._people.keys() - sighting.known, key=_number):
            self._session.publish(Left(self._people.pop(id_).participant, Absence.VANISHED))
        if sighting.is_frozen:
            self._freeze()
            return
        late = {id_ for id_, person in self._people.items() if at - person.shown_s <= CAMERA_PATIENCE_S}
        self._close(late | sighting.people.keys())

    def _show(self, person: "_Person", look: _Look, rect: Rect) -> None:
        part = rect.of(look.image)
        if person.mailbox is None:
            person.mailbox, person.is_unreadable = Mailbox[Frame](), False
            self._session.publish(CameraOn(person.participant, RecordedTrack(person.participant, person.mailbox)))
        person.shown_s = look.at
        person.mailbox.put(Frame(self._began_at + look.at, rect.width, rect.height, lambda: part))

    def _close(self, shown: set[str]) -> None:
        """Switch off the camera of everybody but these."""
        for id_, person in self._people.items():
            if id_ not in shown and person.is_on:
                person.close()
                self._session.publish(CameraOff(person.participant))

    def _freeze(self) -> None:
        for person in self._people.values():
            if person.mailbox is not None:
                person.close()
                person.is_unreadable = True
                self._session.publish(CameraUnreadable(person.participant, FROZEN))


class _Person:
    """Somebody in the gallery, and the track that is theirs while their tile is in view."""

    def __init__(self, participant: Participant) -> None:
        self.participant = participant
        self.mailbox: Mailbox[Frame] | None = None
        self.is_unreadable = False
        self.shown_s = 0.0

    @property
    def is_on(self) -> bool:
        return self.mailbox is not None or self.is_unreadable

    def close(self) -> None:
        """End the track."""
        if self.mailbox is not None:
            self.mailbox.close()
        self.mailbox, self.is_unreadable = None, False


def _number(id_: str) -> int:
    return int(id_.removeprefix("p"))
