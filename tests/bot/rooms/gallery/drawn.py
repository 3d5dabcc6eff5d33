"""Galleries of people who are a wall, clothes and an oval, with the truth of where everybody is."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np

from bot.rooms.gallery.layout import Rect
from engine.readings import Box, Image

CANVAS: Final = (32, 33, 36)
FACE: Final = Box(0.39, 0.25, 0.22, 0.45)
"""In shares of a tile."""


@dataclass(frozen=True)
class Drawn:
    """One picture, and what is true of it."""

    picture: Image
    rects: tuple[Rect, ...]
    """Of everybody's tile, in the order in which they were given."""
    faces: tuple[Box, ...]
    """In shares of the picture; of those who show one."""


VIRTUAL: Final = 1000
"""People from this number on sit before one background, which their meeting puts behind them."""


@cache
def wall(person: int) -> Image:
    """What stands behind somebody and what they wear, 16:9; of no two the same, but for `VIRTUAL` backgrounds."""
    dice = np.random.default_rng(person + 1)
    behind = np.random.default_rng(VIRTUAL) if person >= VIRTUAL else dice
    blocks = behind.integers(60, 256, (3, 4, 3), dtype=np.uint8)
    picture = cv2.resize(blocks, (320, 180), interpolation=cv2.INTER_CUBIC)
    clothes = tuple(dice.integers(40, 256, 3).tolist())
    cv2.ellipse(picture, (160, 190), (80, 60), 0, 0, 360, clothes, -1)
    return np.asarray(picture, np.uint8)


@cache
def tile(person: int, shape: tuple[int, int], mouth: float = 0.1, *, is_there: bool = True) -> Image:
    """Draw one tile: (height, width) pixels; `mouth` in shares of the face's height, 0 to 0.3."""
    picture = wall(person).copy()
    if is_there:
        x, y = round((FACE.x + FACE.width / 2) * 320), round((FACE.y + FACE.height / 2) * 180)
        radii = (round(FACE.width * 160), round(FACE.height * 90))
        cv2.ellipse(picture, (x, y), radii, 0, 0, 360, (214, 170, 140), -1)
        for side in (-14, 14):
            cv2.circle(picture, (x + side, y - 12), 5, (50, 40, 40), -1)
        cv2.ellipse(picture, (x, y + 20), (14, max(1, round(mouth * 80))), 0, 0, 360, (120, 50, 50), -1)
    return np.asarray(cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def gallery(
    people: Sequence[int],
    *,
    columns: int,
    size: tuple[int, int] = (720, 1280),
    gap: int = 8,
    margin: int = 16,
    caption: int = 0,
    at: tuple[int, int] = (0, 0),
    canvas: tuple[int, int, int] = CANVAS,
    away: Sequence[int] = (),
    mouths: dict[int, float] | None = None,
) -> Drawn:
    """Draw people row by row, a last row that is not full in its middle; `at` moves all of it down and right."""
    height, width = size
    rows = -(-len(people) // columns)
    across = (width - 2 * margin - gap * (columns - 1)) // columns
    down = (height - 2 * margin - (gap + caption) * rows) // rows
    tall = min(down, across * 9 // 16)
    wide = tall * 16 // 9
    picture = np.full((height, width, 3), canvas, np.uint8)
    rects, faces = [], []
    for number, person in enumerate(people):
        row, column = divmod(number, columns)
        in_row = min(columns, len(people) - row * columns)
        left = (width - in_row * wide - (in_row - 1) * gap) // 2 + column * (wide + gap) + at[1]
        top = margin + row * (tall + gap + caption) + at[0]
        rect = Rect(top, left, tall, wide)
        is_there = person not in away
        rect.of(picture)[:] = tile(person, (tall, wide), (mouths or {}).get(person, 0.1), is_there=is_there)
        if caption:
            cv2.putText(picture, f"Person {person}", (left + 4, top + tall + caption - 5), 0, 0.4, (230, 230, 230), 1)
        rects.append(rect)
        if is_there:
            faces.append(face_in(rect, size))
    return Drawn(picture, tuple(rects), tuple(faces))


def face_in(rect: Rect, size: tuple[int, int]) -> Box:
    """Return where the face of a tile is, in shares of a picture of (height, width)."""
    height, width = size
    return Box(
        (rect.left + FACE.x * rect.width) / width,
        (rect.top + FACE.y * rect.height) / height,
        FACE.width * rect.width / width,
        FACE.height * rect.height / height,
    )


def compressed(picture: Image, quality: int) -> Image:
    """Lose what a codec loses."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
