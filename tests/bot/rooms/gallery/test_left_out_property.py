"""Whoever was left out of a gallery by a click is read by nobody from the next picture on, whatever its layout does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.rooms.base import CameraOff, CameraOn, CameraUnreadable, Joined, Left, RoomEvent
from bot.rooms.gallery.layout import Rect
from bot.rooms.gallery.people import GalleryPeople
from bot.rooms.gallery.sightings import Gallery
from engine.readings import Box, Image
from tests.bot.rooms.gallery.drawn import Drawn, gallery

PICTURES_PER_S = 4
SETTLING = 12
"""Pictures until everybody has moved often enough."""
LAYOUTS = (2, 3, 4)
NEW_WALLS = 100
"""Behind whoever puts another picture behind themselves, from this number on."""


@dataclass
class World:
    """A gallery that is looked at, and who is truly where in it. People are numbers, and so are walls behind them."""

    people: list[int] = field(default_factory=lambda: list(range(6)))
    walls: dict[int, int] = field(default_factory=dict)
    columns: int = 3
    left_out: set[int] = field(default_factory=set)
    number: int = 0

    def __post_init__(self) -> None:
        self._drawn: Drawn
        self._gallery = Gallery(self._search)
        self._room = GalleryPeople(self._take)
        self._on: dict[str, CameraOn] = {}
        self._tiles: dict[str, Rect] = {}
        self._joined = 0

    def _search(self, _: Image) -> Iterator[list[Box]]:
        faces = list(self._drawn.faces)
        yield from [[]] * (self.number % 3)  # steps that take a picture's time each
        yield faces

    def _take(self, event: RoomEvent) -> None:
        if isinstance(event, CameraOn):
            self._on[event.participant.id] = event
        elif isinstance(event, CameraOff | CameraUnreadable | Left):
            self._on.pop(event.participant.id, None)
        self._joined += isinstance(event, Joined)

    def wall(self, person: int) -> int:
        return self.walls.get(person, person)

    def show(self, pictures: int = 1) -> None:
        """Show the layout as it is now; everybody moves their mouth."""
        for _ in range(pictures):
            at = self.number / PICTURES_PER_S
            shown = [self.wall(person) for person in self.people]
            mouths = {wall: 0.02 + 0.14 * ((self.number + wall) // 3 % 2) for wall in shown}
            self._drawn = gallery(shown, columns=self.columns, mouths=mouths, size=(360, 640), gap=6, margin=10)
            sighting = self._gallery.take(at, self._drawn.picture)
            self._room.take(at, self._drawn.picture, sighting)
            self._gallery.keep(self._room.unread.kept)
            if sighting.tiles is not None:
                self._tiles = {tile.id: tile.rect for tile in sighting.tiles if tile.is_in_view}
            self.number += 1
            self.check()

    def check(self) -> None:
        """Look at every picture that somebody may read now: it shows nobody who was left out."""
        for on in self._on.values():
            frame = on.track.frames().peek()  # type: ignore[attr-defined]
            if frame is None or frame.at * PICTURES_PER_S != self.number - 1:
                continue
            part = frame.to_rgb()
            for person in self.left_out & set(self.people):
                theirs = self._drawn.rects[self.people.index(person)].of(self._drawn.picture)
                assert not np.shares_memory(part, theirs), f"{person} is read, as {on.participant.name}"

    @property
    def read(self) -> int:
        return len(self._on)

    def id_of(self, person: int) -> str | None:
        """Return on whose tile a click on somebody lands."""
        place = self._drawn.rects[self.people.index(person)]
        return next((id_ for id_, rect in self._tiles.items() if rect.overlap(place) > 0.5), None)

    # -- what happens --------------------------------------------------------------------------------------------------

    def leave_out(self, who: int) -> None:
        person = self.people[who % len(self.people)]
        if (id_ := self.id_of(person)) is not None and person not in self.left_out:
            self._room.leave_out(id_)
            self.left_out.add(person)
            self._gallery.keep(self._room.unread.kept)

    def take_back(self, who: int) -> None:
        """The sharer takes back whoever they see as left out; never somebody whom they merely might be."""
        person = self.people[who % len(self.people)]
        id_ = self.id_of(person)
        if id_ in self._room.unread.left_out and person in self.left_out:
            self._room.read(id_)
            self.left_out.discard(person)

    def vouch(self, who: int) -> None:
        """The sharer says of somebody unread that they are somebody else, which is so."""
        person = self.people[who % len(self.people)]
        id_ = self.id_of(person)
        if person not in self.left_out and id_ in self._room.unread.doubted:
            self._room.read(id_)

    def join(self, who: int) -> None:
        if len(self.people) < 9:
            self.people.insert(who % (len(self.people) + 1), max(*self.people, 30) + 1)

    def leave(self, who: int) -> None:
        if len(self.people) > 2:
            del self.people[who % len(self.people)]

    def come_back(self, who: int) -> None:
        gone = [person for person in range(6) if person not in self.people]
        if gone and len(self.people) < 9:
            self.people.insert(who % (len(self.people) + 1), gone[who % len(gone)])

    def swap(self, who: int) -> None:
        one, other = who % len(self.people), (who // 3 + 1) % len(self.people)
        self.people[one], self.people[other] = self.people[other], self.people[one]

    def turn_page(self, who: int) -> None:
        self.people = list(range(6)) if self.people[0] >= 40 else list(range(40 + who % 3, 45))

    def widen(self, who: int) -> None:
        self.columns = LAYOUTS[who % len(LAYOUTS)]

    def redecorate(self, who: int) -> None:
        """Somebody puts another picture behind themselves, of nobody else's kind."""
        person = self.people[who % len(self.people)]
        self.walls[person] = NEW_WALLS + self.number

    def imitate(self, who: int) -> None:
        """Somebody takes on the room and clothes of somebody else who is there."""
        one, other = self.people[who % len(self.people)], self.people[(who // 3 + 1) % len(self.people)]
        self.walls[one] = self.wall(other)


KINDS: tuple[Callable[[World, int], None], ...] = (
    World.leave_out, World.leave_out, World.take_back, World.vouch, World.join, World.leave, World.come_back,
    World.swap, World.turn_page, World.widen, World.redecorate, World.imitate,
)  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 17), st.integers(1, 10)), min_size=3, max_size=12)


@settings(max_examples=60)
@given(STEPS)
@example([(World.leave_out, 0, 1), (World.redecorate, 0, 3), (World.swap, 0, 9)])
@example([(World.leave_out, 0, 1), (World.turn_page, 0, 9), (World.turn_page, 0, 9)])
@example([(World.imitate, 0, 9), (World.leave_out, 0, 1), (World.swap, 0, 9), (World.redecorate, 0, 9)])
@example([(World.leave_out, 0, 1), (World.redecorate, 0, 1), (World.redecorate, 9, 1), (World.leave_out, 15, 6)])
@example([(World.leave_out, 2, 1), (World.leave, 2, 9), (World.come_back, 0, 9)])
def test_opt_out_by_a_click_whoever_is_left_out_is_in_no_picture_that_anybody_reads(
    steps: list[tuple[Callable[[World, int], None], int, int]],
) -> None:
    world = World()
    world.show(SETTLING)
    for happen, who, pictures in steps:
        happen(world, who)
        world.show(pictures)


def test_everybody_else_stays_read_while_whoever_is_left_out_is_in_view() -> None:
    world = World()
    world.show(SETTLING)
    assert world.read == 6
    world.leave_out(0)
    world.show()
    assert world.read == 5
    world.swap(0)
    world.join(3)
    world.show(2 * SETTLING)
    assert world.read == 6
    world.turn_page(0)
    world.show(2 * SETTLING)
    assert world.read == 0, "whoever was not seen beside somebody who was left out, and is away, may be them"
    for who in range(len(world.people)):
        world.vouch(who)
    world.show(SETTLING)
    assert world.read == len(world.people)
