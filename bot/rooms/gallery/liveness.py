"""Whether a face moves: a still picture or an avatar in a tile is no person. Pure.

A tile is looked at as cells whose means hide the noise of cameras. Codecs change cells too, all over the tile and by
little; a living face changes its own, by a blink, a word or a breath, again and again.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from bot.rooms.gallery.layout import Rect
from engine.readings import Box, Image

ROWS: Final = 24
COLUMNS: Final = 32
SLOT_S: Final = 0.5
"""How often it is asked whether the face has changed since the last time that it had."""
SLOTS: Final = 16
"""That are remembered: 8 s."""
LIVING_SLOTS: Final = 3
"""Changes from which a face lives; a hand or an icon that flies over a still one makes two, and no more."""
LEAST_LEVELS: Final = 3.5
"""By which a cell has to change: codecs changed those of still pictures by 2.4 at most."""
ABOVE_NOISE: Final = 2.5
"""How much more the face must change than what is around it."""
_MOVING_CELLS: Final = 0.97
"""Quantile of the face's cells whose change counts: eyes and mouth are few of them."""
_SAME_PICTURE: Final = 1.0
"""Levels by which what a codec made of one picture differs."""


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """One tile at one moment, as far as it is needed to see motion."""

    cells: NDArray[np.float32]
    """(ROWS, COLUMNS), grey."""
    face: NDArray[np.bool_]
    """(ROWS, COLUMNS), the cells in which the face is; none where none is known."""


def glance(image: Image, tile: Rect, face: Box | None) -> Glance:
    """Look at a tile of a picture; `face` in shares of the tile."""
    small = cv2.resize(tile.of(image), (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    cells = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    inside = np.zeros((ROWS, COLUMNS), np.bool_)
    if face is not None:
        x, y = (np.arange(COLUMNS) + 0.5) / COLUMNS, (np.arange(ROWS) + 0.5) / ROWS
        across = (x >= face.x) & (x <= face.x + face.width)
        down = (y >= face.y) & (y <= face.y + face.height)
        inside = down[:, None] & across[None, :]
    return Glance(cells, inside)


class Liveness:
    """Follows one tile."""

    def __init__(self) -> None:
        self._last: Glance | None = None
        self._last_at = 0.0
        self._has_moved = False
        self._moved: deque[bool] = deque(maxlen=SLOTS)

    def take(self, at: float, seen: Glance) -> None:
        """Take a look at the tile; `at` in seconds."""
        if self._last is None:
            self._last, self._last_at, self._has_moved = seen, at, False
            return
        # A blink is over within a slot.
        self._has_moved = self._has_moved or moved(self._last, seen)
        if at - self._last_at >= SLOT_S:
            self._last_at = at
            self._moved.append(self._has_moved)
            if self._has_moved:
                self._last = seen  # until then what moves slowly adds up
            self._has_moved = False

    def stop(self) -> None:
        """Compare nothing with what was before: the tile stands elsewhere, or was away."""
        self._last = None

    @property
    def is_living(self) -> bool:
        """Whether the face moved, again and again, in the last seconds."""
        return sum(self._moved) >= LIVING_SLOTS

    @property
    def is_still(self) -> bool:
        """Whether it did not for as long as is remembered."""
        return len(self._moved) == SLOTS and not any(self._moved)


def moved(before: Glance, now: Glance) -> bool:
    """Return whether a face changed by more than noise between two looks, without the light of the whole tile."""
    if not now.face.any():
        return False
    changes = now.cells - before.cells
    changes = np.abs(changes - _quantile(changes.ravel(), 0.5))
    around = ~(before.face | now.face)
    noise = _quantile(changes[around], 0.5) if around.any() else 0.0
    return _quantile(changes[now.face], _MOVING_CELLS) > max(LEAST_LEVELS, ABOVE_NOISE * noise)


def _quantile(values: NDArray[np.float32], share: float) -> float:
    """Return what so many of the values do not exceed: a fifth of the price of numpy's, and as good here."""
    return float(np.sort(values)[round(share * (values.size - 1))])


def is_same_picture(before: Glance, now: Glance) -> bool:
    """Return whether nothing moved at all."""
    return float(np.quantile(np.abs(now.cells - before.cells), 0.995)) <= _SAME_PICTURE
