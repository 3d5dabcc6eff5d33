"""A window that somebody shares with a room, picture by picture: whoever is in it is in the room.

One for a room's stay: shares come and go, as pages are reloaded and networks break, and whoever was left out stays so.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from secrets import token_hex
from typing import Final

from bot.rooms.base import Absence, Frame, Participant, PictureLost, RoomEvent
from bot.rooms.gallery.people import FROZEN, GalleryPeople, tile_name
from bot.rooms.gallery.sightings import Gallery, Sighting, Tile
from bot.rooms.latest_frame import Mailbox
from engine.faces import FaceFinder
from engine.readings import Box, Image

log = logging.getLogger(__name__)

LOOKS_PER_S: Final = 8.0
"""Pictures that are looked at: twice as many as people are read."""
LEAST_SIDE_PX: Final = 270
"""Of a share's picture: in a smaller one faces are too small to read, were there but four."""
RETURN_S: Final = 10.0
"""A share whose connection broke may come back for so long; until then nobody in it is gone."""


class State(StrEnum):
    """What is made of a share now."""

    CONNECTING = "connecting"
    """No picture has come yet."""
    ASKING = "asking"
    """Nobody is read until whoever shares the window has said who is to be left out."""
    SHARING = "sharing"
    FROZEN = "frozen"
    """The picture stands still as a whole, as that of a window does which is minimised or covered."""
    TOO_SMALL = "too_small"
    UNREADABLE = "unreadable"
    """Nothing of it can be decoded."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ShownTile:
    """Somebody in the picture, for whoever shares it."""

    id: str
    box: Box
    """Of the tile, in shares of the picture."""
    reading: str
    """`read`, or `found` where reading has not begun; `left_out`; `doubted`: could be somebody who was left out;
    `still`: has not moved, and may be a picture."""


class SharedWindow:
    """Looks at pictures of a window. All but the looking happens on the event loop."""

    def __init__(self, publish: Callable[[RoomEvent], object]) -> None:
        """Wait for a share.

        Args:
            publish: Takes what happens in the room.
        """
        self.state = State.ENDED
        self.obstacle = ""
        """What a state that is an obstacle is about, in a few words."""
        self.size = (0, 0)
        """Width and height of the newest picture in pixels."""
        self._people = GalleryPeople(publish, lambda id_: Participant(token_hex(8), tile_name(id_)))
        self._finder: FaceFinder | None = None
        self._gallery: Gallery | None = None
        self._tiles: tuple[Tile, ...] = ()
        self._watched: Mailbox[Frame] | None = None
        self._looking = asyncio.Lock()
        self._has_begun = False

    @property
    def has_begun(self) -> bool:
        """Whether people are read, or would be if they were seen."""
        return self._has_begun

    @property
    def lost(self) -> int:
        """How many who were left out are not to be found: for their sake others may be unread."""
        return self._people.unread.lost

    @property
    def tiles(self) -> list[ShownTile]:
        """Everybody and every picture that was found in the newest picture that said so."""
        width, height = self.size
        return [
            ShownTile(
                tile.id,
                Box(tile.rect.left / width, tile.rect.top / height, tile.rect.width / width, tile.rect.height / height),
                self._reading(tile),
            )
            for tile in self._tiles
            if tile.is_in_view
        ]

    def begin_share(self, *, asks_first: bool) -> None:
        """Somebody shares a window, for the first time or again; of one that went on before nobody is gone."""
        self._has_begun = (self.state is not State.ENDED and self._has_begun) or not asks_first
        self._enter(State.CONNECTING)

    def begin_reading(self) -> None:
        """Whoever shares the window has said who is to be left out."""
        self._has_begun = True

    def end_share(self, absence: Absence) -> None:
        """Nobody shares a window any more: everybody in it is gone."""
        self._watched, self._tiles = None, ()
        self._people.end(absence)
        self._enter(State.ENDED)

    def close(self) -> None:
        """Free what is held, once nothing is looked at any more."""
        if self._finder is not None:
            self._finder.close()

    def knows(self, id_: str) -> bool:
        """Whether somebody is remembered under an id."""
        return any(tile.id == id_ for tile in self._tiles)

    def leave_out(self, id_: str) -> Participant:
        """Give no more pictures of somebody, from now on; returns who they are to the room, or would have been."""
        participant = self._people.leave_out(id_)
        self._keep()
        return participant

    def read(self, id_: str) -> None:
        """Take somebody back, or take it that they are none of those who were left out."""
        self._people.read(id_)
        self._keep()

    def pause(self, state: State, reason: str) -> None:
        """No pictures come of it that could be looked at, and nobody in it is gone."""
        self._watched = None
        self._people.obstruct(reason)
        self._enter(state, reason)

    async def watch(self, pictures: Mailbox[Frame]) -> None:
        """Look at pictures until their end, or until others are to be watched; whatever breaks ends nothing else."""
        self._watched = pictures
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        try:
            async for frame in pictures:
                await self._look(pictures, frame)
                due_s = max(due_s + 1 / LOOKS_PER_S, loop.time())
                await asyncio.sleep(due_s - loop.time())
        except Exception:
            log.exception("a shared window cannot be looked at any more")
            if self._watched is pictures:
                self.pause(State.UNREADABLE, "looking at it broke")

    async def _look(self, pictures: Mailbox[Frame], frame: Frame) -> None:
        async with self._looking:  # of a share that ended, the last look may still go on
            if self._watched is not pictures:
                return
            try:
                image, sighting = await asyncio.to_thread(self._see, frame)
            except PictureLost:
                return
        if self._watched is not pictures:
            return  # it has ended while it was looked at
        self.size = image.shape[1], image.shape[0]
        if sighting is None:
            reason = f"pictures of {self.size[0]}x{self.size[1]}"
            self._people.obstruct(reason)
            self._tiles = ()
            self._enter(State.TOO_SMALL, reason)
            return
        self._tiles = self._tiles if sighting.tiles is None else sighting.tiles
        if self._has_begun:
            self._people.take(frame.at, image, sighting)
        else:
            self._people.unread.settle(self._tiles)
        self._keep()
        seen = State.SHARING if self._has_begun else State.ASKING
        self._enter(State.FROZEN if sighting.is_frozen else seen)

    def _see(self, frame: Frame) -> tuple[Image, Sighting | None]:
        """Look at one picture, in a thread: one at a time."""
        image = frame.to_rgb()
        if min(image.shape[:2]) < LEAST_SIDE_PX:
            return image, None
        if self._gallery is None:
            self._finder = FaceFinder()
            self._gallery = Gallery(self._finder.search_in_steps)
            self._gallery.keep(self._people.unread.kept)
        return image, self._gallery.take(frame.at, image)

    def _keep(self) -> None:
        if self._gallery is not None:
            self._gallery.keep(self._people.unread.kept)

    def _reading(self, tile: Tile) -> str:
        unread = self._people.unread
        if tile.id in unread.left_out:
            return "left_out"
        if not tile.is_living:
            return "still"
        if tile.id in unread.doubted:
            return "doubted"
        return "read" if self._has_begun else "found"

    def _enter(self, state: State, obstacle: str = "") -> None:
        """Every change of the state passes here."""
        obstacle = obstacle or (FROZEN if state is State.FROZEN else "")
        if state is not self.state and obstacle:
            log.warning("The shared window is not measurable: %s", obstacle)
        self.state, self.obstacle = state, obstacle
