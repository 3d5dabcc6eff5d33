"""How a tile looks around the face: colours of the room behind and of the clothes, nothing of the face. Pure.

By it tiles are kept apart when a gallery flows anew. It is made of 144 cells, a few on a face; those on the head, and
as far around it as heads move between two searches, are blank before anything is compared or kept. So nothing by which
a face could be known again is made.
"""

from dataclasses import dataclass
from math import inf
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from bot.rooms.gallery.layout import Rect
from engine.readings import Box, Image

ROWS: Final = 9
COLUMNS: Final = 16
_HEAD_WIDTH: Final = 2.0
"""Of what is left out, in widths of the face: hair is as much of a person as the face is."""
_ABOVE: Final = 0.9
_BELOW: Final = 0.2
"""Of what is left out above and below the face, in its heights."""
_CLOTHES_WIDTH: Final = 1.2
_CLOTHES_FROM: Final = 0.25
"""Where clothes are looked for, in sizes of the face from its lower border."""
_LEAST_CLOTHES: Final = 0.05
"""Share of a tile's height that has to be left below that."""
_LEAST_CELLS: Final = 0.25
"""Share of the cells that two looks must both have to be compared."""
_LEAST_COMMON: Final = 0.5
"""Share of the cells of the one that has more, likewise."""
_EXPOSURE: Final = 6.0
"""Levels by which a camera may make all of its picture lighter or darker between two looks."""
_STEADY_SHARE: Final = 0.8
"""Of the cells, those that differ least are compared: an arm or a passer-by covers the others."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """The colours of one tile."""

    cells: NDArray[np.float32]
    """(ROWS, COLUMNS, 3), mean RGB; 0 on the head."""
    seen: NDArray[np.bool_]
    """(ROWS, COLUMNS), where it is not blank."""
    clothes: NDArray[np.float32] | None = None
    """(3,) RGB; None where no face says where they are."""

    @property
    def suffices(self) -> bool:
        """Whether enough is seen around the head to know whose tile it is."""
        return bool(self.seen.sum() >= _LEAST_CELLS * self.seen.size)

    def updated(self, newer: "Look") -> "Look":
        """Follow slow changes of light; what is blank now stays as it was, unless a head is there."""
        both = (self.seen & newer.seen)[..., None]
        only = newer.seen[..., None]
        cells = np.where(both, (self.cells + newer.cells) / 2, np.where(only, newer.cells, 0.0))
        clothes = self.clothes if newer.clothes is None else newer.clothes
        return Look(cells.astype(np.float32), newer.seen.copy(), clothes)


def look_of(image: Image, tile: Rect, face: Box | None) -> Look:
    """Look at a tile.

    Args:
        image: The whole picture.
        tile: The tile in it.
        face: Where a face is, in shares of the tile; None where none was found.
    """
    part = tile.of(image)
    cells = cv2.resize(part, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA).astype(np.float32)
    if face is None:
        return Look(cells, np.ones((ROWS, COLUMNS), np.bool_))
    x = (np.arange(COLUMNS) + 0.5) / COLUMNS - (face.x + face.width / 2)
    y = (np.arange(ROWS) + 0.5) / ROWS
    bottom = face.y + face.height
    across = np.abs(x) <= face.width * _HEAD_WIDTH / 2 + 0.5 / COLUMNS
    down = (y >= face.y - _ABOVE * face.height) & (y <= bottom + _BELOW * face.height)
    seen = ~(down[:, None] & across[None, :])
    return Look(np.where(seen[..., None], cells, np.float32(0)), seen, _clothes(part, face))


def _clothes(tile: Image, face: Box) -> NDArray[np.float32] | None:
    """Return the colour below a face, of pixels: cells come and go with a face that is found a little larger."""
    height, width = tile.shape[:2]
    top = face.y + (1 + _CLOTHES_FROM) * face.height
    middle, half = face.x + face.width / 2, face.width * _CLOTHES_WIDTH / 2
    if top > 1 - _LEAST_CLOTHES:
        return None
    left, right = (round(min(max(side, 0), 1) * width) for side in (middle - half, middle + half))
    below = tile[round(max(top, 0) * height) :, left:right].reshape(-1, 3)
    return np.median(below, axis=0).astype(np.float32) if len(below) else None


def distance(one: Look, other: Look) -> float:
    """Return by how many levels two looks differ: 0 for the same; infinite where too little can be compared."""
    both = one.seen & other.seen
    # A face that is found too large where a codec blurs one leaves a strip of wall, and walls are alike.
    larger = max(one.seen.sum(), other.seen.sum())
    if both.sum() < max(_LEAST_CELLS * both.size, _LEAST_COMMON * larger):
        return inf
    differs = one.cells[both] - other.cells[both]
    exposure = np.median(differs, axis=0).clip(-_EXPOSURE, _EXPOSURE)
    levels = np.sort(np.abs(differs - exposure).max(axis=1))
    around = float(levels[: max(1, round(len(levels) * _STEADY_SHARE))].mean())
    if one.clothes is None or other.clothes is None:
        return around
    worn = float(np.abs(one.clothes - other.clothes - exposure).max())
    return around + worn / 4
