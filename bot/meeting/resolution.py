"""Pure: how large one participant's pictures should be, by the faces found in them."""

from collections.abc import Callable

SEARCH_AFTER_S, SEARCH_S = 5.0, 15.0
"""Without a face for so long, larger pictures may show one; after as long again nobody is there."""
REST_S = 120.0
"""How long small pictures of an empty chair do, before the next search."""
SEARCHING, RESTING = 2.0, 0.1
"""Twice as wide asks for the next size up, a tenth for the smallest there is."""


class PictureSize:
    """Says how many times as wide the pictures of one participant would have to be. Call it with every read."""

    def __init__(self, face_px: float, least_face_px: float, pressure: Callable[[], float] = lambda: 0.0) -> None:
        """Know what is wanted.

        Args:
            face_px: Width that a face should have, while there is room.
            least_face_px: Width that must do under pressure.
            pressure: Says how much of the wanted reads cannot be had, in [0, 1]; above 0 there is no room.
        """
        self._face_px = face_px
        self._least_face_px = least_face_px
        self._pressure = pressure
        self._lost_at: float | None = None

    def factor(self, at: float, face_width_px: float | None) -> float:
        """Judge a read.

        Args:
            at: Seconds on the room's clock.
            face_width_px: Of the face that was found; None if there was none.

        Returns:
            The wanted width in shares of the present one; 1 where nothing is to be said.
        """
        is_pressed = self._pressure() > 0.0
        if face_width_px:
            self._lost_at = None
            return (self._least_face_px if is_pressed else self._face_px) / face_width_px
        self._lost_at = at if self._lost_at is None else self._lost_at
        if is_pressed:
            return RESTING
        lost_s = at - self._lost_at
        if lost_s < SEARCH_AFTER_S:
            return 1.0
        return SEARCHING if lost_s % REST_S < SEARCH_AFTER_S + SEARCH_S else RESTING
