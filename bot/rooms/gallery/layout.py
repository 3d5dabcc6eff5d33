"""Where the tiles of a gallery are: cut apart along gaps of the canvas's colour, else along straight edges. Pure.

It is an XY cut: rows that show nothing but canvas divide a region, then columns do, until nothing divides it further.
Rows may hold any number of tiles, letterboxes and captions under tiles fall away, and a window may stand anywhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import inf
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.readings import Box, Image

MOST_TILES: Final = 64
"""Meeting pages show 49 at most."""
_LEAST_SIDE_PX: Final = 56
"""Of a tile: a face is a third of it at best, and is read from about 24 pixels."""
_MOST_RATIO: Final = 2.6
"""Of a tile's longer side to its shorter: upright telephones are 16 : 9 too."""
_NOISE: Final = 22
"""Levels by which a codec shows canvas in another colour than it has, next to a tile's edge above all."""
_CANVAS_SHARE: Final = 0.985
"""Of a line's pixels that are canvas, from which it is a gap: a cursor may lie on it."""
_FAMILY: Final = 2.0
"""Tiles of one grid differ in area by this factor at most; a larger one is a stage: a speaker, a slide or a film."""
_SMALLER: Final = 0.4
"""Of the family's area, below which something is no tile: an icon, a caption, a picture in a chat."""
_EDGE: Final = 3.0
"""How much stronger than other lines those between tiles without gaps are."""
_MARGIN: Final = 0.03
"""Of a length, at most: a gallery without gaps need not fill its window to the last pixel."""
_MOST_GAP: Final = 0.3
"""Of a tile's shorter side, between two tiles; a caption may be in it."""
_MOST_A_SIDE: Final = 8
"""Tiles in a row or column that abut on each other."""
_DEEPEST: Final = 6
"""Cuts within cuts; bounds the work on stranger pictures."""


@dataclass(frozen=True, slots=True, order=True)
class Rect:
    """A rectangle of whole pixels within a picture."""

    top: int
    left: int
    height: int
    width: int

    @property
    def area(self) -> int:
        """Its pixels."""
        return self.width * self.height

    def of(self, image: Image) -> Image:
        """Show this part of a picture; no copy."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def shrunk(self, by: int) -> "Rect":
        """Return it in a picture that is made so many times smaller, at least a pixel."""
        top, left = -(-self.top // by), -(-self.left // by)
        bottom, right = (self.top + self.height) // by, (self.left + self.width) // by
        return Rect(top, left, max(bottom - top, 1), max(right - left, 1))

    def overlap(self, other: "Rect") -> float:
        """Return what two share, of what both cover (intersection over union)."""
        across = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        down = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        common = max(across, 0) * max(down, 0)
        return common / (self.area + other.area - common)


@dataclass(frozen=True, slots=True)
class Layout:
    """What one picture of a gallery is made of."""

    tiles: tuple[Rect, ...]
    """Of the grid, from top to bottom and left to right; with a face in them or not."""
    stages: tuple[Rect, ...] = ()
    """Larger parts beside the grid that show a face: the speaker, or a slide or film that shows people."""


def layout(image: Image, faces: Sequence[Box]) -> Layout:
    """Find the tiles of a picture.

    Args:
        image: (H, W, 3) RGB.
        faces: Where faces are in it, in shares of the picture.
    """
    height, width = image.shape[:2]
    points = np.array(
        [((face.x + face.width / 2) * width, (face.y + face.height / 2) * height) for face in faces]
    ).reshape(-1, 2)
    whole = Rect(0, 0, height, width)
    leaves = [leaf for leaf in _split(image, _cut(image, whole, points, _no_canvas, 0), points) if _is_tile(leaf)]
    if not leaves and _is_tile(whole) and len(points):
        leaves = [whole]
    shown = [leaf for leaf in leaves if len(_within(points, leaf))]
    if not shown:
        return Layout(_family(leaves)) if leaves else Layout(())
    usual = sorted(leaf.area for leaf in shown)[(len(shown) - 1) // 2]
    tiles = [leaf for leaf in leaves if _SMALLER * usual <= leaf.area <= _FAMILY * usual]
    stages = [leaf for leaf in shown if leaf.area > _FAMILY * usual]
    return Layout(tuple(sorted(_evened(tiles)))[:MOST_TILES], tuple(sorted(stages)))


_Points = NDArray[np.float64]
_Canvas = Callable[[Rect], NDArray[np.bool_] | None]
"""Says which pixels of a region are canvas; None where none is known."""


def _no_canvas(_: Rect) -> None:
    return None


def _cut(image: Image, region: Rect, points: _Points, canvas: _Canvas, depth: int) -> list[Rect]:
    """Divide a region as far as it goes."""
    shown = len(_within(points, region))
    parts = _parts(region, canvas)
    # What surrounds one face in one colour may be a wall: what canvas is, only a region of several people says; and
    # not one that the canvas around it divides, or the plain ground of an avatar would be taken for it.
    if parts == [region] and (shown > 1 or depth == 0):
        canvas = _canvas_of(image, region) or canvas
        parts = _parts(region, canvas)
    if depth < _DEEPEST and parts != [region]:
        return [leaf for part in parts for leaf in _cut(image, part, points, canvas, depth + 1)]
    return [region]


def _canvas_of(image: Image, region: Rect) -> _Canvas | None:
    """Find the colour of lines that show nothing else, and which most of them do."""
    part = np.ascontiguousarray(region.of(image))
    colours = []
    for axis in (1, 0):
        least = cv2.reduce(part, axis, cv2.REDUCE_MIN).reshape(-1, 3).astype(np.int16)
        most = cv2.reduce(part, axis, cv2.REDUCE_MAX).reshape(-1, 3).astype(np.int16)
        plain = (most - least).max(axis=1) <= _NOISE
        colours.append((least[plain] + most[plain]) // 2)
    found = np.concatenate(colours)
    if not len(found):
        return None
    near = np.abs(found[:, None, :] - found[None, :, :]).max(axis=2) <= _NOISE if len(found) <= 1024 else None
    middle = np.median(found, axis=0) if near is None else np.median(found[near[near.sum(axis=1).argmax()]], axis=0)
    low, high = (middle - _NOISE).clip(0, 255), (middle + _NOISE).clip(0, 255)

    def is_canvas(of: Rect) -> NDArray[np.bool_]:
        shown = cv2.inRange(of.of(image), low.astype(np.uint8), high.astype(np.uint8))
        return np.asarray(shown, np.bool_)

    return is_canvas


def _parts(region: Rect, canvas: _Canvas) -> list[Rect]:
    """Divide a region once, along rows or else along columns."""
    mask = canvas(region)
    if mask is None:
        return [region]
    rows = [
        Rect(region.top + start, region.left, length, region.width)
        for start, length in _runs(mask.mean(axis=1) < _CANVAS_SHARE)
    ]
    if rows != [region]:
        return rows
    return [
        Rect(region.top, region.left + start, region.height, length)
        for start, length in _runs(mask.mean(axis=0) < _CANVAS_SHARE)
    ]


def _runs(shows: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and length of every stretch that may hold a tile."""
    ends = np.flatnonzero(np.diff(np.concatenate(([False], shows, [False]))))
    runs = ends.reshape(-1, 2).tolist()
    return [(start, end - start) for start, end in runs if end - start >= _LEAST_SIDE_PX]


def _split_at_edges(image: Image, region: Rect, points: _Points) -> list[Rect]:
    """Divide evenly what shows several faces and has no gaps, where straight edges run through all of it."""
    grey = cv2.cvtColor(np.ascontiguousarray(region.of(image)), cv2.COLOR_RGB2GRAY).astype(np.int16)
    down = np.minimum(np.abs(np.diff(grey, axis=0)), 48).mean(axis=1)
    across = np.minimum(np.abs(np.diff(grey, axis=1)), 48).mean(axis=0)
    counts = range(1, _MOST_A_SIDE + 1)
    by_rows, by_columns = ([_edges(strength, count) for count in counts] for strength in (down, across))
    best, chosen = _EDGE, [region]
    inside = _within(points, region)
    for rows, columns in product(counts, repeat=2):
        if rows * columns < max(2, len(inside)):
            continue
        (row_score, top), (column_score, left) = by_rows[rows - 1], by_columns[columns - 1]
        within = Rect(region.top + top, region.left + left, region.height - 2 * top, region.width - 2 * left)
        tiles = _even(within, rows, columns)
        if not all(map(_is_tile, tiles)) or any(len(_within(inside, tile)) > 1 for tile in tiles):
            continue
        score = min(row_score, column_score)
        if score > best * (1.0 if chosen == [region] else 1.15):  # of halves of tiles the edges are no stronger
            best, chosen = score, tiles
    return chosen


def _even(region: Rect, rows: int, columns: int) -> list[Rect]:
    tops = np.linspace(region.top, region.top + region.height, rows + 1).round().astype(int).tolist()
    lefts = np.linspace(region.left, region.left + region.width, columns + 1).round().astype(int).tolist()
    return [
        Rect(top, left, bottom - top, right - left) for top, bottom in pairwise(tops) for left, right in pairwise(lefts)
    ]


def _edges(strength: NDArray[np.float64], count: int) -> tuple[float, int]:
    """Look for lines that divide a length evenly, but for a narrow margin at both of its ends.

    Returns:
        How much stronger the weakest of them is than a usual line, and the margin.
    """
    if count == 1:
        return inf, 0
    usual = float(np.median(strength)) + 1.0
    near = cv2.dilate(strength[None], np.ones((1, 5)))[0] / usual
    margins = np.arange(0, round(_MARGIN * len(strength)) + 1, 2)
    numbers = np.arange(1, count)
    lines = margins[:, None] + (len(strength) + 1 - 2 * margins[:, None]) * numbers[None, :] / count - 1
    weakest = near[lines.round().astype(int).clip(0, len(strength) - 1)].min(axis=1)
    best = int(weakest.argmax())
    # The ends are sharper without a margin, unless there is one.
    return (float(weakest[0]), 0) if weakest[0] >= weakest[best] / 1.15 else (float(weakest[best]), int(margins[best]))


def _split(image: Image, leaves: list[Rect], points: _Points) -> list[Rect]:
    """Divide leaves in which several people are: as others say how large a tile is, else at edges."""
    single = [leaf for leaf in leaves if len(_within(points, leaf)) == 1 and _is_tile(leaf)]
    width, height = (int(np.median([getattr(leaf, side) for leaf in single] or [0])) for side in ("width", "height"))
    tiles = []
    for leaf in leaves:
        if len(_within(points, leaf)) < 2:
            tiles.append(leaf)
            continue
        sized = _split_by_size(leaf, width, height, points) if len(single) > 1 else [leaf]
        tiles += sized if sized != [leaf] else _split_at_edges(image, leaf, points)
    return tiles


def _split_by_size(leaf: Rect, width: int, height: int, points: _Points) -> list[Rect]:
    """Divide a part that shows several faces into tiles of the size of the others, where that is how many it holds.

    A gap between two tiles that are as light as the canvas is not seen.
    """
    inside = _within(points, leaf)
    columns, rows = round(leaf.width / width), round(leaf.height / height)
    if len(inside) < 2 or not 1 < columns * rows <= _MOST_A_SIDE**2:
        return [leaf]
    gaps = [
        (length - count * side) / max(count - 1, 1)
        for length, count, side in ((leaf.width, columns, width), (leaf.height, rows, height))
    ]
    if not all(-2 <= gap <= _MOST_GAP * min(width, height) for gap in gaps):
        return [leaf]
    tiles = [
        Rect(
            round(leaf.top + row * (leaf.height - height) / max(rows - 1, 1)),
            round(leaf.left + column * (leaf.width - width) / max(columns - 1, 1)),
            height,
            width,
        )
        for row, column in product(range(rows), range(columns))
    ]
    return tiles if all(len(_within(inside, tile)) <= 1 for tile in tiles) else [leaf]


def _evened(tiles: list[Rect]) -> list[Rect]:
    """Widen a tile that lost a border, as dark as the canvas, to the size of the others, where they say how."""
    if len(tiles) < 3:
        return tiles
    width, height = (int(np.median([getattr(tile, side) for tile in tiles])) for side in ("width", "height"))
    whole = [tile for tile in tiles if abs(tile.width - width) <= 2 and abs(tile.height - height) <= 2]
    evened = []
    for tile in tiles:
        tops = {
            other.top
            for other in whole
            if other.top <= tile.top + 2 and _reaches(other.top, height, tile.top, tile.height)
        }
        lefts = {other.left for other in whole if _reaches(other.left, width, tile.left, tile.width)}
        wider = Rect(min(tops), min(lefts), height, width) if tops and lefts else tile
        others = [other for other in tiles if other is not tile]
        evened.append(tile if any(wider.overlap(other) > 0.02 for other in others) else wider)
    return evened


def _reaches(start: int, length: int, inner: int, inner_length: int) -> bool:
    return start <= inner + 2 and inner + inner_length <= start + length + 2


def _family(leaves: Sequence[Rect]) -> tuple[Rect, ...]:
    """Return the most of a size, where no face says which are tiles; none where no two are alike."""
    alike = [
        [other for other in leaves if abs(other.width - leaf.width) <= 4 and abs(other.height - leaf.height) <= 4]
        for leaf in leaves
    ]
    largest = max(alike, key=len)
    return tuple(sorted(largest))[:MOST_TILES] if len(largest) > 1 else ()


def _within(points: _Points, rect: Rect) -> _Points:
    x, y = points[:, 0] - rect.left, points[:, 1] - rect.top
    inside: _Points = points[(x >= 0) & (x < rect.width) & (y >= 0) & (y < rect.height)]
    return inside


def _is_tile(rect: Rect) -> bool:
    shorter, longer = sorted((rect.width, rect.height))
    return shorter >= _LEAST_SIDE_PX and longer <= _MOST_RATIO * shorter
