"""A gallery that is looked at, with the truth beside it: nobody is ever shown another's tile."""

from collections.abc import Callable, Iterator, Sequence

from bot.rooms.gallery.sightings import Gallery, Sighting
from engine.readings import Box, Image
from tests.bot.rooms.gallery.drawn import Drawn, gallery

PICTURES_PER_S = 8
SETTLING = 6 * PICTURES_PER_S
"""Pictures until everybody has moved often enough."""


class Shown:
    """A gallery that is looked at, with the truth beside it. Faces are searched for in the drawing, not the picture."""

    def __init__(self) -> None:
        self.searches = 0
        self.steps = 0
        """That a search takes, before it gives anything."""
        self.number = 0
        self.who: dict[str, int] = {}
        self._drawn: Drawn
        self._faces: Sequence[Box] = ()
        self.gallery = Gallery(self._search)

    def _search(self, _: Image) -> Iterator[list[Box]]:
        self.searches += 1
        faces = list(self._faces)
        yield from [[]] * self.steps
        yield faces

    def show(
        self,
        people: Sequence[int],
        *,
        columns: int = 3,
        pictures: int = 1,
        still: Sequence[int] = (),
        away: Sequence[int] = (),
        over: Callable[[Drawn, int], Sequence[Box]] = lambda drawn, number: drawn.faces,
        size: tuple[int, int] = (720, 1280),
    ) -> Sighting:
        """Show pictures; everybody moves their mouth but those who are still.

        `over` draws over each, is given its number, and says which faces are seen then.
        """
        for _ in range(pictures):
            mouths = {
                person: 0.1 if person in still else 0.02 + 0.14 * ((self.number + person) // 5 % 2) for person in people
            }
            self._drawn = gallery(people, columns=columns, away=away, mouths=mouths, size=size)
            self._faces = over(self._drawn, self.number)
            sighting = self.gallery.take(self.number / PICTURES_PER_S, self._drawn.picture)
            self.number += 1
            self._check(people, sighting)
        return sighting

    def play(self, drawn: Callable[[int], Drawn], pictures: int) -> Sighting:
        """Show pictures that somebody else draws."""
        for _ in range(pictures):
            self._drawn = drawn(self.number)
            self._faces = self._drawn.faces
            sighting = self.gallery.take(self.number / PICTURES_PER_S, self._drawn.picture)
            self.number += 1
        return sighting

    def people(self, sighting: Sighting) -> list[int]:
        return sorted(self.who[id_] for id_ in sighting.people)

    def _check(self, people: Sequence[int], sighting: Sighting) -> None:
        for id_, rect in sighting.people.items():
            person = max(zip(people, self._drawn.rects, strict=True), key=lambda each: rect.overlap(each[1]))[0]
            assert self.who.setdefault(id_, person) == person, "somebody was shown another's tile"
