"""Who in a gallery must not be read: whoever was left out, and whoever could be them. Pure.

A gallery knows people by their tiles alone, so that it may lose sight of somebody and take them for somebody new. Of
whoever was left out that must never come to a reading, so what cannot be known counts against reading:

- While somebody who was left out is in view, everybody else in view is somebody else, and is known from then on to be.
- While they are not, nobody is read who is not known to be somebody else: newcomers, people of another page.
- Nor is whoever stands where they were last: they may have put a picture behind themselves.
- Whoever looks as they do, in room and clothes, could have changed places with them, and is not read; while one of two
  who look alike is not in view, neither is taken for found.

Only the person who shares the window ends a doubt earlier. What is left: who takes on room and clothes of somebody
who was seen beside them and is away now, at another place than their own, is taken for that one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.rooms.gallery.look import distance
from bot.rooms.gallery.seats import CHANGED
from bot.rooms.gallery.sightings import Tile

CONFUSABLE: Final = 2 * CHANGED
"""Levels up to which two looks are so near that two people who change places may not be noticed at once."""
_TOUCHING: Final = 0.02
"""Overlap from which a part of the picture may show what another shows."""


@dataclass(slots=True)
class _LeftOut:
    others: set[str]
    """Ids of those who are known to be somebody else."""
    alike: set[str] = field(default_factory=set)
    """Ids of those who have looked as they do: from then on one may be the other."""
    vouched: set[str] = field(default_factory=set)
    """Ids of those who stand where they were last, and are somebody else by the word of whoever shares the window."""
    is_found: bool = True


class Unread:
    """Knows whom not to read, by the ids of tiles."""

    def __init__(self) -> None:
        self._left_out: dict[str, _LeftOut] = {}
        self._doubted: frozenset[str] = frozenset()
        self._in_view: frozenset[str] = frozenset()

    @property
    def left_out(self) -> frozenset[str]:
        """Those who were left out."""
        return frozenset(self._left_out)

    @property
    def doubted(self) -> frozenset[str]:
        """Those in view who could be somebody who was left out."""
        return self._doubted

    @property
    def lost(self) -> int:
        """How many who were left out are not to be found."""
        return sum(not each.is_found for each in self._left_out.values())

    @property
    def kept(self) -> frozenset[str]:
        """Those who must not be forgotten."""
        return self.left_out.union(*(each.alike for each in self._left_out.values()))

    def is_read(self, id_: str) -> bool:
        """Whether somebody may be read."""
        return id_ not in self._left_out and id_ not in self._doubted

    def leave_out(self, id_: str) -> None:
        """Leave somebody out from now on. Whoever is lost stays so, though it may be them: it may be somebody else."""
        if id_ not in self._left_out:
            self._left_out[id_] = _LeftOut(set(self._in_view - {id_}))
        self._doubted -= {id_}

    def read(self, id_: str) -> None:
        """Take somebody back, or take it that they are none of those who were left out."""
        self._left_out.pop(id_, None)
        for each in self._left_out.values():
            each.others.add(id_)
            each.vouched.add(id_)
            each.alike.discard(id_)
        self._doubted -= {id_}

    def settle(self, tiles: Iterable[Tile]) -> None:
        """Find anew whom not to read, from all that is remembered of a gallery."""
        known = {tile.id: tile for tile in tiles}
        in_view = {id_: tile for id_, tile in known.items() if tile.is_in_view}
        doubted: set[str] = set()
        for id_, state in self._left_out.items():
            doubted |= _settle(id_, state, known, in_view)
        self._in_view = frozenset(in_view)
        self._doubted = frozenset(doubted) - self.left_out


def _settle(id_: str, state: _LeftOut, known: Mapping[str, Tile], in_view: Mapping[str, Tile]) -> set[str]:
    """Find who in view could be one who was left out."""
    state.others &= known.keys()
    state.alike &= known.keys()
    near = set()
    if (tile := known.get(id_)) is not None:
        others = [other for other in known.values() if other.id != id_]
        state.alike |= {other.id for other in others if distance(tile.look, other.look) <= CONFUSABLE}
        near = {other.id for other in in_view.values() if other.id != id_ and tile.rect.overlap(other.rect) > _TOUCHING}
    state.is_found = id_ in in_view and state.alike <= in_view.keys()
    if state.is_found:
        state.others |= in_view.keys() - {id_} - near
        state.vouched.clear()
    else:
        near -= state.vouched
        state.others -= near
    return (in_view.keys() - state.others - {id_}) | (in_view.keys() & state.alike) | near
