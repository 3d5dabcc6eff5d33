"""Follows a gallery from picture to picture: who is in it, and which part of each picture is theirs. Pure.

All of a picture is searched every `SEARCH_EVERY_S`, and when a tile shows something else than a moment ago; in between
it is enough to see that everybody is still where they were. Nothing is given of a picture in which that is not so.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, cast

import cv2

from bot.rooms.gallery.layout import Rect, layout
from bot.rooms.gallery.liveness import Glance, Liveness, glance, is_same_picture, moved
from bot.rooms.gallery.look import Look, look_of
from bot.rooms.gallery.seats import Seat, Seats
from engine.readings import Box, Image

SEARCH_EVERY_S: Final = 2.0
STEPS: Final = 24
"""Of a search, made with each picture while nothing changes: a quarter of it, so that none waits for all."""
SEARCH_AGAIN_S: Final = 0.25
"""After what was found did not fit: a layout that flows anew takes some pictures to do it."""
SEARCH_CLEARLY_S: Final = 0.6
"""After a search that found another layout, until it is clear: a codec has blurred faces and borders of tiles."""
FROZEN_AFTER_S: Final = 3.0
"""With people in it and nothing that moves, for so long, it is not the people who stand still."""
_SMALL_PX: Final = 600
"""Width of the picture in which looks and motion are seen: each cell of a tile still is some pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """Somebody or some picture of the gallery, as they were seen last."""

    id: str
    rect: Rect
    look: Look
    is_in_view: bool
    """Whether they have a tile in this picture; else `rect` and `look` are those of before."""
    is_living: bool
    """Whether it has been seen living: else it may be a picture."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one picture says."""

    people: Mapping[str, Rect]
    """The living who are in it, by id, and where their tiles are."""
    known: frozenset[str]
    """Everybody who is remembered, and has been seen living."""
    is_frozen: bool = False
    """Whether the picture stands still as a whole: nothing in it can be measured."""
    tiles: tuple[Tile, ...] | None = None
    """All that is remembered; None where it is not known who stands where, as while a layout flows anew."""


@dataclass(slots=True)
class _Sitter:
    """What is known of one tile's occupant beside their place and look."""

    liveness: Liveness = field(default_factory=Liveness)
    was_living: bool = False
    face: Box | None = None
    """Where the face was found last, in shares of the tile; None where none was."""


class _Small:
    """A picture made smaller by a whole factor, once for all its tiles."""

    def __init__(self, image: Image) -> None:
        height, width = image.shape[:2]
        self._by = by = max(1, min(width // _SMALL_PX, height))
        self.image = (
            image
            if by == 1
            else cast(Image, cv2.resize(image, (width // by, max(height // by, 1)), interpolation=cv2.INTER_AREA))
        )
        self._glances: dict[tuple[Rect, Box | None], Glance] = {}

    def rect(self, rect: Rect) -> Rect:
        """Return where in it a part of the picture is."""
        return rect.shrunk(self._by)

    def glance(self, rect: Rect, face: Box | None) -> Glance:
        """Look at a tile for motion, once."""
        if (rect, face) not in self._glances:
            self._glances[rect, face] = glance(self.image, self.rect(rect), face)
        return self._glances[rect, face]


@dataclass(frozen=True, slots=True)
class _Moment:
    """A picture and the tiles in it, as they were when something moved last."""

    at: float
    whole: Glance
    faces: Mapping[str, tuple[Rect, Glance]]

    def is_over(self, whole: Glance, faces: Mapping[str, tuple[Rect, Glance]]) -> bool:
        """Return whether something has moved since: much of the picture, or a face, be it one of fifty."""
        if not is_same_picture(self.whole, whole):
            return True
        known = self._of_same_places(faces)
        return any(moved(before, faces[id_][1]) for id_, (_, before) in known.items())

    def joined(self, faces: Mapping[str, tuple[Rect, Glance]]) -> "_Moment":
        """Return it with the faces that were elsewhere then, as they are now.

        A layout that flows anew moves all of them at once: who moves from then on would be compared with nothing.
        """
        return replace(self, faces={**faces, **self._of_same_places(faces)})

    def _of_same_places(self, faces: Mapping[str, tuple[Rect, Glance]]) -> Mapping[str, tuple[Rect, Glance]]:
        return {id_: seen for id_, seen in self.faces.items() if id_ in faces and seen[0] == faces[id_][0]}


@dataclass(slots=True)
class _Search:
    """Of one picture, as far as it has come."""

    image: Image
    small: _Small
    steps: Iterator[list[Box]]
    faces: list[Box] = field(default_factory=list)


class Gallery:
    """One picture of many people. `take` is called with pictures in their order, by one thread at a time."""

    def __init__(self, search: Callable[[Image], Iterator[list[Box]]]) -> None:
        """Begin with nobody.

        Args:
            search: Finds all faces of a picture, step by step; the last gives them, as boxes in shares of it.
        """
        self._search = search
        self._searching: _Search | None = None
        self._seats = Seats()
        self._sitters: dict[str, _Sitter] = {}
        self._searched_at: float | None = None
        self._due_at = 0.0
        self._size: tuple[int, int] | None = None
        self._moved: _Moment | None = None

    @property
    def seats(self) -> Sequence[Seat]:
        """Everybody and every picture whose tile is remembered."""
        return self._seats.seats

    def keep(self, ids: Container[str]) -> None:
        """Forget none of these, however long they are not seen, and whether they ever lived; in any thread."""
        self._seats.kept = ids

    def take(self, at: float, image: Image) -> Sighting:
        """Look at a picture; `at` in seconds, never less than before."""
        small, size = _Small(image), (image.shape[1], image.shape[0])
        if self._is_frozen(at, small, self._seats.placed if size == self._size else ()):
            return Sighting({}, self._known(), is_frozen=True)
        if self._searched_at is None or size != self._size or not self._follow(at, small):
            self._searching = None
            if size == self._size and self._searched_at is not None and at - self._searched_at < SEARCH_AGAIN_S:
                return Sighting({}, self._known())
            *_, faces = self._search(image)
            self._find(at, image, small, faces, followed=False)
            self._searched_at, self._size = at, size
            self._due_at = at + SEARCH_CLEARLY_S
        elif self._searching is not None or at >= self._due_at:
            self._search_on(at, image, small)
        return self._sighting(at, small)

    def _search_on(self, at: float, image: Image, small: "_Small") -> None:
        """Search a picture a little at a time, while everybody is seen to be where they were in those that follow."""
        if self._searching is None:
            self._searching, self._searched_at = _Search(image, small, self._search(image)), at
            self._due_at = at + (SEARCH_EVERY_S if self._seats.is_clear(at) else SEARCH_CLEARLY_S)
        for _ in range(STEPS):
            faces = next(self._searching.steps, None)
            if faces is None:
                searched, self._searching = self._searching, None
                self._find(at, searched.image, searched.small, searched.faces, followed=True)
                return
            self._searching.faces = faces

    def _follow(self, at: float, small: "_Small") -> bool:
        """See whether all are where they were, and who of those that seemed new was known."""
        placed = self._seats.placed
        looks = [look_of(small.image, small.rect(seat.rect), self._sitters[seat.id].face) for seat in placed]
        if not self._seats.follow(looks):
            return False
        for new, known in self._seats.recognise(at, looks).items():
            self._sitters[known].face = self._sitters.pop(new).face
            self._sitters[known].liveness.stop()
        return True

    def _find(self, at: float, image: Image, small: "_Small", faces: list[Box], *, followed: bool) -> None:
        """Say anew who stands where, by all faces of a picture; `followed` as in `Seats.assign`."""
        found = layout(image, faces)
        rects = [self._seats.steadied(at, rect) if followed else rect for rect in (*found.tiles, *found.stages)]
        shown = [(rect, _face_in(rect, faces, image)) for rect in rects]
        looks = [(rect, look_of(small.image, small.rect(rect), face)) for rect, face in shown]
        before = {seat.id: seat.rect for seat in self._seats.placed}
        ids = self._seats.assign(at, looks[: len(found.tiles)], looks[len(found.tiles) :], followed=followed)
        # Slides and films bring faces by the dozen: who never lived is nobody who could come back.
        self._seats.forget({id_ for id_ in self._sitters if not self._sitters[id_].was_living})
        self._sitters = {seat.id: self._sitters.get(seat.id) or _Sitter() for seat in self._seats.seats}
        for id_, (_, face), (_, look) in zip(ids, shown, looks, strict=True):
            if id_ and look.suffices:  # else they are followed by the face that was found before
                self._sitters[id_].face = face
        for seat in self._seats.placed:
            if before.get(seat.id) != seat.rect:
                self._sitters[seat.id].liveness.stop()

    def _sighting(self, at: float, small: "_Small") -> Sighting:
        people = {}
        for seat in self._seats.placed:
            sitter = self._sitters[seat.id]
            if sitter.face is not None:
                sitter.liveness.take(at, small.glance(seat.rect, sitter.face))
            sitter.was_living |= sitter.liveness.is_living
            # Whoever leaned out of the picture has no face in it that could move, and is still there.
            if sitter.was_living and (sitter.face is None or not sitter.liveness.is_still):
                people[seat.id] = seat.rect
        return Sighting(people, self._known(), tiles=self._tiles())

    def _tiles(self) -> tuple[Tile, ...]:
        return tuple(
            Tile(seat.id, seat.rect, seat.look, seat.has_tile, self._sitters[seat.id].was_living)
            for seat in self._seats.seats
        )

    def _is_frozen(self, at: float, small: "_Small", placed: Sequence[Seat]) -> bool:
        height, width = small.image.shape[:2]
        whole = glance(small.image, Rect(0, 0, height, width), None)
        faces = {
            seat.id: (seat.rect, small.glance(seat.rect, face))
            for seat in placed
            if (face := self._sitters[seat.id].face) is not None
        }
        last = self._moved
        if last is None or last.is_over(whole, faces):
            self._moved = moment = _Moment(at, whole, faces)
        else:
            self._moved = moment = last.joined(faces)
        return at - moment.at >= FROZEN_AFTER_S

    def _known(self) -> frozenset[str]:
        return frozenset(id_ for id_, sitter in self._sitters.items() if sitter.was_living)


def _face_in(rect: Rect, faces: list[Box], image: Image) -> Box | None:
    """Return the largest face in a tile, in shares of it."""
    height, width = image.shape[:2]
    inside = []
    for face in faces:
        box = Box(
            (face.x * width - rect.left) / rect.width,
            (face.y * height - rect.top) / rect.height,
            face.width * width / rect.width,
            face.height * height / rect.height,
        )
        if 0 <= box.x + box.width / 2 < 1 and 0 <= box.y + box.height / 2 < 1:
            inside.append(box)
    return max(inside, key=lambda box: box.width * box.height, default=None)
