"""A recorded gallery as a room: one file that shows many people, each a participant with a part of its pictures."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from bot.errors import RoomClosed
from bot.recordings.room import CAMERA_PATIENCE_S, RecordingRoom, until
from bot.recordings.video_file import VideoFile
from bot.rooms.base import Absence, Admitted
from bot.rooms.gallery.people import GalleryPeople
from bot.rooms.gallery.sightings import Gallery, Sighting
from engine.faces import FaceFinder
from engine.readings import Image

LOOKS_PER_S: Final = 8.0
"""Pictures that are looked at: twice as many as people are read."""


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
        self._gallery = Gallery(self._finder.search_in_steps)
        self._people = GalleryPeople(self._session.publish)
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
                    self._people.close()
                await until(look.at)
                last_s = look.at
                self._people.take(self._began_at + look.at, look.image, look.sighting)
        await until(last_s + self._file.step_s)
        self._people.close()
        self._people.end(Absence.LEFT)
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
