"""Who stands in which tile, over every change of the layout. Pure: it is given looks and times, and sees no picture.

A person is known by their tile: by its place while nothing moves, and by how it looks around the face when something
did. Where two tiles look alike, or a tile looks as nobody did, somebody new begins: one person who is counted twice
over time is a small error, two people in one is none that could be made good.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import count
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.rooms.gallery.layout import Rect
from bot.rooms.gallery.look import Look, distance

ALIKE: Final = 6.0
"""Levels up to which two looks may be one tile's; those of one drawn person differed by 2 at most."""
CHANGED: Final = 9.0
"""Levels from which a place shows something else than a moment before; below, somebody has moved in it."""
APART: Final = 3.0
"""Levels by which everybody else's look must fit worse before a look says who somebody is."""
UNLIKE: Final = 2 * CHANGED
"""Levels from which nobody could be meant: where all others are so far, a look that a codec has blurred, as it does
when a whole layout changes, says it too."""
NOISE: Final = 1.0
"""Levels by which two looks that are the same may differ from a third."""
SAME_PLACE: Final = 0.6
"""Overlap from which two rectangles are one place."""
STEADY: Final = 0.95
"""Overlap from which a rectangle has not moved: codecs blur its borders by a pixel or two."""
CLEAR_WITHIN_S: Final = 3.0
"""In which a codec has shown clearly what it blurred when a whole layout changed; bounds how long nobody is sure who
somebody new is."""
FORGET_S: Final = 60.0
"""How long somebody is known who has no tile: on another page, or behind the speaker's view."""


@dataclass(slots=True)
class Seat:
    """One participant's tile, as it was last seen."""

    id: str
    rect: Rect
    look: Look
    at: float
    """When it was seen, in seconds."""
    has_tile: bool = True
    began_at: float = 0.0
    resembled: frozenset[str] = frozenset()
    """Ids of those who may be the same: they looked somewhat like them when they began, or could not be compared."""


class Seats:
    """Keeps people apart."""

    def __init__(self) -> None:
        self.kept: Container[str] = ()
        """Ids of those who are never forgotten, however long they have no tile."""
        self._seats: list[Seat] = []
        self._numbers = count(1)
        self._changed_at = -inf
        """When `assign` was last called for what was not followed."""

    @property
    def seats(self) -> Sequence[Seat]:
        """Everybody who is known, with a tile or not."""
        return tuple(self._seats)

    def follow(self, looks: Sequence[Look]) -> bool:
        """Follow those who have a tile to the next picture, a moment later; return whether all are still in it.

        Args:
            looks: How each place of `placed` looks now, in its order. Remembered only where nobody has moved.
        """
        placed = self.placed
        stayed = all(distance(seat.look, look) <= CHANGED for seat, look in zip(placed, looks, strict=True))
        if stayed:
            for seat, look in zip(placed, looks, strict=True):
                seat.look = seat.look.updated(look)
        return stayed

    def recognise(self, at: float, looks: Sequence[Look]) -> dict[str, str]:
        """See whether somebody who has just begun is somebody known after all, now that a codec shows them clearly.

        Else one person would be two, who look the same, and from then on could be kept apart from nobody.

        Args:
            at: As in `assign`.
            looks: As in `follow`, which has said that all are still there.

        Returns:
            Who each of them is, by the ids that they had and are forgotten under.
        """
        placed = self.placed
        known = {}
        for number, seat in enumerate(placed):
            if self._has_begun(seat, at) and seat.resembled:
                others = [*looks[:number], *looks[number + 1 :]]
                if (who := self._who_is(seat, looks[number], others)) is not None:
                    known[seat.id] = who.id
                    self._seats.remove(seat)
                    self._seen(who, at, seat.rect, looks[number])
        return known

    def _has_begun(self, seat: Seat, at: float) -> bool:
        """Return whether somebody has just begun, and is nobody whose id must not be lost."""
        return at - seat.began_at <= CLEAR_WITHIN_S and seat.id not in self.kept

    def _who_is(self, seat: Seat, look: Look, others: Sequence[Look]) -> Seat | None:
        """Return of whom the look is without any doubt, of those who have no tile and the seat resembled."""
        levels = {other.id: distance(other.look, look) for other in self._seats if other is not seat}
        for who in self._seats:
            if who.id in seat.resembled and not who.has_tile and (level := levels[who.id]) <= ALIKE:
                rivals = [levels[id_] for id_ in levels if id_ != who.id]
                rivals += [distance(who.look, other) for other in others]
                return who if min(rivals, default=inf) >= level + APART else None
        return None

    @property
    def placed(self) -> Sequence[Seat]:
        """Those who had a tile when `assign` was last called."""
        return tuple(seat for seat in self._seats if seat.has_tile)

    def is_clear(self, at: float) -> bool:
        """Whether the layout was found so long ago that a codec shows where its tiles end, and how they look."""
        return at - self._changed_at > CLEAR_WITHIN_S

    def steadied(self, at: float, rect: Rect) -> Rect:
        """Return the place that a rectangle is, as it was seen before, where nothing has moved since."""
        placed = self.placed if self.is_clear(at) else ()
        return next((seat.rect for seat in placed if seat.rect.overlap(rect) >= STEADY), rect)

    def forget(self, ids: Container[str]) -> None:
        """Forget those of these who have no tile."""
        self._seats = [seat for seat in self._seats if seat.has_tile or seat.id in self.kept or seat.id not in ids]

    def assign(
        self,
        at: float,
        tiles: Sequence[tuple[Rect, Look]],
        stages: Sequence[tuple[Rect, Look]] = (),
        *,
        followed: bool = False,
    ) -> list[str]:
        """Say who stands in which tile.

        Args:
            at: Seconds; never less than before.
            tiles: Of the grid. Whoever fits nobody is somebody new.
            stages: Beside the grid, where a slide or a film may show faces: only who looks like one of those who have
                no tile stands there.
            followed: Whether in every picture since, as in this one, `follow` has seen all who had a tile where they
                were. Then it takes a better fit to move somebody than that a face was found a little elsewhere; whoever
                has just begun is compared anew with all who are known, and else stays who they are.

        Returns:
            An id for each tile, and then for each stage: "" for one in which nobody known stands, and for one that a
            face fills: who is in it could not be kept apart from anybody who comes to its place. None twice.
        """
        self._seats = [seat for seat in self._seats if at - seat.at <= FORGET_S or seat.id in self.kept]
        if not followed:
            self._changed_at = at
        newcomers = self._newcomers(at, tiles) if followed else {}
        shown = [*tiles, *stages]
        levels = np.array([[distance(seat.look, look) for _, look in shown] for seat in self._seats]).reshape(
            len(self._seats), len(shown)
        )
        in_place = self._in_place([rect for rect, _ in shown])
        in_place &= (levels <= CHANGED) | (followed & (levels.min(axis=0, initial=inf) > CHANGED))
        last = len(tiles)
        fits = self._fit(levels[:, :last])
        if not self._has_moved(in_place):
            fits = self._stay(levels[:, :last], in_place[:, :last], fits)
        away = ~fits.any(axis=1, keepdims=True)
        fits = np.hstack((fits, self._fit(levels[:, last:]) & away))
        for seat in self._seats:
            seat.has_tile = False
        ids: list[str] = []
        known = tuple(self._seats)
        for number, (rect, look) in enumerate(shown):
            who = np.flatnonzero(fits[:, number])
            if len(who):
                ids.append(self._seen(known[who[0]], at, rect, look))
            elif number in newcomers:
                self._seats.append(newcomers[number])
                ids.append(self._seen(newcomers[number], at, rect, look))
            else:
                ids.append(self._new(at, rect, look, levels[:, number]) if number < last and look.suffices else "")
        return ids

    def _newcomers(self, at: float, tiles: Sequence[tuple[Rect, Look]]) -> dict[int, Seat]:
        """Set aside who has just begun, by the number of the tile in which they still are.

        Whoever began in a picture that a codec blurred may be known after all: as long as they stand beside them, they
        look like two.
        """
        newcomers: dict[int, Seat] = {}
        for seat in self.placed:
            if self._has_begun(seat, at):
                places = (number for number, (rect, _) in enumerate(tiles) if seat.rect.overlap(rect) >= SAME_PLACE)
                newcomers |= {number: seat for number in [next(places, None)] if number is not None}
        aside = {seat.id for seat in newcomers.values()}
        self._seats = [seat for seat in self._seats if seat.id not in aside]
        return newcomers

    def _in_place(self, rects: Sequence[Rect]) -> NDArray[np.bool_]:
        overlaps = [[seat.has_tile and seat.rect.overlap(rect) >= SAME_PLACE for rect in rects] for seat in self._seats]
        return np.array(overlaps, np.bool_).reshape(len(self._seats), len(rects))

    def _has_moved(self, in_place: NDArray[np.bool_]) -> bool:
        """Return whether the layout flowed anew: somebody is not where they were, or shows something else there."""
        placed = np.array([seat.has_tile for seat in self._seats], np.bool_)
        return bool((placed & ~in_place.any(axis=1)).any())

    @staticmethod
    def _stay(levels: NDArray[np.float64], in_place: NDArray[np.bool_], fits: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Everybody is where they were; tiles that are new may be of those who come back."""
        best = levels.min(axis=0, initial=inf)
        stayed = in_place & ((levels <= best + NOISE) | (best > CHANGED))
        back = fits & ~stayed.any(axis=0)[None, :] & ~stayed.any(axis=1)[:, None]
        return np.asarray(stayed | back, np.bool_)

    @staticmethod
    def _fit(levels: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return who looks like which tile and like no other, and which tile looks like nobody else."""
        fits = levels <= CHANGED
        for seat, tile in np.argwhere(fits).tolist():
            others = np.concatenate((np.delete(levels[seat], tile), np.delete(levels[:, tile], seat)))
            level = levels[seat, tile]
            fits[seat, tile] = not (others < (level + APART if level <= ALIKE else UNLIKE)).any()
        return fits

    def _seen(self, seat: Seat, at: float, rect: Rect, look: Look) -> str:
        seat.at, seat.has_tile = at, True
        if look.suffices:  # else they stand where they stood; a look of other pixels than the place's fits no picture
            seat.rect, seat.look = rect, seat.look.updated(look)
        return seat.id

    def _new(self, at: float, rect: Rect, look: Look, levels: NDArray[np.float64]) -> str:
        near = frozenset(
            seat.id for seat, level in zip(self._seats, levels, strict=False) if level <= UNLIKE or level == inf
        )
        seat = Seat(f"p{next(self._numbers)}", rect, look, at, began_at=at, resembled=near)
        self._seats.append(seat)
        return seat.id
