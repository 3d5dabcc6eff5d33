"""Where in a picture faces of every size are looked for, and which of the boxes found are one face. Pure.

The short-range detector sees faces from an eighth of its picture's side. So a picture is covered by squares of several
sizes, each about twice the last, that overlap by a third: a face of up to a third of a square lies whole in one of
them, and a larger one does in a square of the next size, where it still is more than an eighth of the side.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.readings import Box

SMALLEST_FACE_PX: Final = 32
"""Width from which faces are found in pictures up to 3840x2160. In larger ones it grows with the picture's area."""
MOST_SQUARES: Final = 400
"""That one picture is covered by, whatever its size and shape: 84 at 1920x1080, 370 at 3840x2160."""
MOST_FACES: Final = 256
"""That are returned of one picture; of more the largest are."""
MOST_DETECTOR_CALLS: Final = 1 + MOST_SQUARES + MOST_FACES
"""That searching one picture costs: the whole, its squares, and a closer look at every doubtful face."""
_SEEN_FROM: Final = 8
"""The smallest face a detector sees, as a part of its square: one eighth."""
_STEP: Final = 2 / 3
"""From square to square, in sides."""
_NEXT_SIZE: Final = 2.4
"""From size to size, at most: a third of a square is 0.139 of one of the next size."""
_SMALLEST_SIDE_PX: Final = 16
"""Of a picture with a face in it: below, nothing is looked for."""
_SAME_FACE: Final = 0.3
"""Overlap (intersection over union) from which two boxes are one face."""
_WITHIN: Final = 0.6
"""Share of the smaller box from which it is a piece of the larger one, as squares cut it off at their border."""
_MARGIN: Final = 0.02
"""Of a square's side: a face that begins so near to its border may go on beyond it."""


@dataclass(frozen=True, slots=True)
class Square:
    """A square that lies within a picture, in pixels."""

    left: int
    top: int
    side: int


@dataclass(frozen=True, slots=True)
class Found:
    """A face as a detector boxed it."""

    box: Box
    """In shares of the whole picture."""
    confidence: float
    """In [0, 1]."""
    is_cut: bool = False
    """Whether it touches the border of the square it was found in, where the picture goes on."""


def squares(width_px: int, height_px: int, smallest_face_px: int = SMALLEST_FACE_PX) -> list[Square]:
    """Cover a picture for faces of this width and more, largest squares first.

    Args:
        width_px: The picture's, ≥ 1.
        height_px: The picture's, ≥ 1.
        smallest_face_px: Width of the smallest face to find; what would take more than `MOST_SQUARES` is raised.

    Returns:
        At most `MOST_SQUARES` squares within the picture, which they cover; none where no face fits in.
    """
    shorter = min(width_px, height_px)
    if shorter < _SMALLEST_SIDE_PX:
        return []
    fewest_px = math.sqrt(width_px * height_px / MOST_SQUARES)  # squares of this side would not overlap
    side = min(max(smallest_face_px * _SEEN_FROM, math.ceil(fewest_px)), shorter)
    while len(covering := _all_sizes(width_px, height_px, side)) > MOST_SQUARES and side < shorter:
        side = min(math.ceil(side * 1.05), shorter)
    return covering[:MOST_SQUARES]


def found_in(square: Square, box: Box, confidence: float, width_px: int, height_px: int) -> Found:
    """Turn a box in shares of a square into one in shares of its picture."""
    across, down = square.side / width_px, square.side / height_px
    left, top = square.left / width_px, square.top / height_px
    is_cut = (
        (box.x < _MARGIN and square.left > 0)
        or (box.y < _MARGIN and square.top > 0)
        or (box.x + box.width > 1 - _MARGIN and square.left + square.side < width_px)
        or (box.y + box.height > 1 - _MARGIN and square.top + square.side < height_px)
    )
    return Found(
        Box(left + box.x * across, top + box.y * down, box.width * across, box.height * down), confidence, is_cut
    )


def merged(found: Sequence[Found]) -> list[Found]:
    """Keep one of each face, largest first, at most `MOST_FACES` (non-maximum suppression across squares).

    Of boxes of one face the surest is kept that no square's border cut; a piece of a kept box goes with it.
    """
    surest_first = sorted(found, key=lambda one: (one.is_cut, -one.confidence))
    kept = [surest_first[index] for index in distinct([one.box for one in surest_first])]
    return sorted(kept, key=lambda one: area(one.box), reverse=True)[:MOST_FACES]


def distinct(boxes: Sequence[Box]) -> list[int]:
    """Return the indices of boxes that are faces of their own, in their order: of several of one face the first stays.

    A box that is not finite is none.
    """
    corners = np.array([(box.x, box.y, box.x + box.width, box.y + box.height) for box in boxes]).reshape(-1, 4)
    kept: list[int] = []
    for index in np.flatnonzero(np.isfinite(corners).all(axis=1)).tolist():
        if not _is_one(corners[index], corners[kept]).any():
            kept.append(index)
    return kept


def area(box: Box) -> float:
    """Return a box's share of the picture."""
    return box.width * box.height


def _is_one(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return for each of (N, 4) others, left, top, right, bottom, whether it is on the face that a box (4,) is on."""
    common = (np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])).clip(0).prod(axis=1)
    size, sizes = (box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(axis=1)
    is_one: NDArray[np.bool_] = common > np.minimum(
        _SAME_FACE * (size + sizes - common), _WITHIN * np.minimum(size, sizes)
    )
    return is_one


def _all_sizes(width_px: int, height_px: int, smallest_side: int) -> list[Square]:
    shorter = min(width_px, height_px)
    steps = math.ceil(math.log(shorter / smallest_side) / math.log(_NEXT_SIZE))
    sides = [round(shorter * (smallest_side / shorter) ** (step / max(steps, 1))) for step in range(steps + 1)]
    return [
        Square(left, top, side)
        for side in sides
        for top, left in product(_starts(height_px, side), _starts(width_px, side))
    ]


def _starts(length: int, side: int) -> list[int]:
    """Spread squares evenly over a length, each at most a step from the last."""
    count = math.ceil((length - side) / (side * _STEP)) + 1
    return [round(index * (length - side) / max(count - 1, 1)) for index in range(count)]
