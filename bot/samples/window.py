"""A meeting's gallery as one window: where its tiles are, and what stands in and under them. No clock, no files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from bot.samples.look import Colour
from engine.readings import Image

FRAME: Final[Colour] = (90, 200, 120)
"""Around the tile of whoever speaks."""
_INK: Final[Colour] = (232, 234, 237)
_STRIP_TILES: Final = 7
_STRIP_SHARE: Final = 0.2
"""Of the window's height that the others take while one is large."""


class Place(NamedTuple):
    """A rectangle of the window, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    def of(self, picture: Image) -> Image:
        """Show this part of a picture of the window; no copy."""
        return picture[self.top : self.top + self.height, self.left : self.left + self.width]


@dataclass(frozen=True, slots=True)
class Style:
    """How a meeting's client draws its gallery."""

    canvas: Colour = (32, 33, 36)
    gap_px: int = 8
    margin_px: int = 12
    """Around the tiles, captions included."""
    caption_px: int = 20
    """Of the strip with the name under each tile; 0 for a name on a shade over it."""
    corner_px: int = 0
    """Radius of the tiles' corners."""
    bars_px: tuple[int, int] = (0, 0)
    """Heights of what lies above and below the gallery: a title, buttons."""
    letterbox_px: tuple[int, int] = (0, 0)
    """Black at the left and right of the window, and at its top and bottom."""


@dataclass(frozen=True, slots=True)
class View:
    """What the window shows at one time."""

    shown: tuple[str, ...]
    """Ids, row by row."""
    speaker: str | None = None
    """Who has a frame."""
    stage: str | None = None
    """Who is large, above a strip of the others."""
    size: tuple[int, int] = (1920, 1080)
    """Width and height in pixels of the window within the picture, which is as large as `picture`."""
    at: tuple[int, int] = (0, 0)
    """Where the window begins in the picture, from its left and top."""
    picture: tuple[int, int] = (1920, 1080)
    """Width and height of what is shared."""
    icons: frozenset[str] = field(default_factory=frozenset)
    """Who shows a raised hand over their tile."""


Shown = Callable[[str, int, int], Image]
"""Gives what stands in somebody's tile: id, width and height in pixels."""


def places(view: View, style: Style) -> dict[str, Place]:
    """Say where everybody's tile is, without the name under it."""
    left, top = view.at[0] + style.letterbox_px[0], view.at[1] + style.letterbox_px[1] + style.bars_px[0]
    width = view.size[0] - 2 * style.letterbox_px[0]
    height = view.size[1] - 2 * style.letterbox_px[1] - sum(style.bars_px)
    if view.stage is None:
        return _grid(view.shown, Place(left, top, width, height), style)
    others = tuple(each for each in view.shown if each != view.stage)[:_STRIP_TILES]
    strip = round(height * _STRIP_SHARE)
    found = _grid(others, Place(left, top, width, strip), style, columns=len(others)) if others else {}
    return found | _grid((view.stage,), Place(left, top + strip, width, height - strip), style)


def compose(view: View, style: Style, names: Mapping[str, str], shown: Shown) -> Image:
    """Draw the window.

    Args:
        view: What it shows.
        style: How.
        names: What stands under the tiles, by id.
        shown: What stands in them.

    Returns:
        (height, width, 3) RGB.
    """
    picture = np.full((view.picture[1], view.picture[0], 3), (58, 60, 66), np.uint8)
    window = Place(*view.at, *view.size)
    window.of(picture)[:] = 0
    inside = Place(
        view.at[0] + style.letterbox_px[0],
        view.at[1] + style.letterbox_px[1],
        view.size[0] - 2 * style.letterbox_px[0],
        view.size[1] - 2 * style.letterbox_px[1],
    )
    inside.of(picture)[:] = style.canvas
    _draw_bars(inside.of(picture), style)
    for id_, place in places(view, style).items():
        tile = place.of(picture)
        if style.corner_px:
            mask = _rounded(place.width, place.height, style.corner_px)
            np.copyto(tile, shown(id_, place.width, place.height), where=mask)
        else:
            tile[:] = shown(id_, place.width, place.height)
        _caption(picture, place, names.get(id_, id_), style)
        if id_ in view.icons:
            cv2.circle(picture, (place.left + 22, place.top + 22), 14, (255, 205, 60), -1, cv2.LINE_AA)
        if id_ == view.speaker:
            corner = (place.left + place.width - 1, place.top + place.height - 1)
            cv2.rectangle(picture, (place.left, place.top), corner, FRAME, 4)
    return picture


def _grid(shown: Sequence[str], within: Place, style: Style, columns: int | None = None) -> dict[str, Place]:
    """Make the tiles as large as they can be; a last row that is not full stands in the middle."""
    if not shown:
        return {}
    columns = columns or max(range(1, len(shown) + 1), key=lambda count: _tile(len(shown), count, within, style))
    width, height = _tile(len(shown), columns, within, style)
    rows = -(-len(shown) // columns)
    step_x, step_y = width + style.gap_px, height + style.gap_px + style.caption_px
    top = within.top + (within.height - rows * step_y + style.gap_px) // 2
    found = {}
    for number, id_ in enumerate(shown):
        row, column = divmod(number, columns)
        in_row = min(columns, len(shown) - row * columns)
        left = within.left + (within.width - in_row * step_x + style.gap_px) // 2
        found[id_] = Place(left + column * step_x, top + row * step_y, width, height)
    return found


def _tile(count: int, columns: int, within: Place, style: Style) -> tuple[int, int]:
    """Return width and height, both even, of 16:9 tiles in so many columns."""
    rows = -(-count // columns)
    wide = (within.width - 2 * style.margin_px - style.gap_px * (columns - 1)) // columns
    tall = (within.height - 2 * style.margin_px - style.gap_px * (rows - 1)) // rows - style.caption_px
    height = max(min(tall, wide * 9 // 16) // 2 * 2, 2)
    return height * 16 // 9 // 2 * 2, height


def _caption(picture: Image, place: Place, name: str, style: Style) -> None:
    size = max(0.35, min(place.height / 480, 0.6))
    if style.caption_px:
        at = (place.left + 4, place.top + place.height + style.caption_px - 6)
    else:
        (wide, tall), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
        shade = picture[
            place.top + place.height - tall - 12 : place.top + place.height - 2, place.left + 2 : place.left + wide + 14
        ]
        shade //= 3
        at = (place.left + 8, place.top + place.height - 8)
    cv2.putText(picture, name, at, cv2.FONT_HERSHEY_SIMPLEX, size, _INK, 1, cv2.LINE_AA)


def _draw_bars(window: Image, style: Style) -> None:
    above, below = style.bars_px
    if above:
        window[:above] = (46, 48, 52)
        cv2.putText(window, "Gallery", (16, above * 2 // 3), cv2.FONT_HERSHEY_SIMPLEX, 0.6, _INK, 1, cv2.LINE_AA)
    if below:
        window[-below:] = (24, 25, 27)
        middle = (window.shape[1] // 2, window.shape[0] - below // 2)
        for number, colour in enumerate(((200, 60, 60), (90, 94, 100), (90, 94, 100), (60, 120, 220)), start=-2):
            cv2.circle(window, (middle[0] + number * 64, middle[1]), max(below // 3, 4), colour, -1, cv2.LINE_AA)


@cache
def _rounded(width: int, height: int, radius: int) -> NDArray[np.bool_]:
    mask = np.zeros((height, width), np.uint8)
    cv2.rectangle(mask, (radius, 0), (width - 1 - radius, height - 1), 1, -1)
    cv2.rectangle(mask, (0, radius), (width - 1, height - 1 - radius), 1, -1)
    for x in (radius, width - 1 - radius):
        for y in (radius, height - 1 - radius):
            cv2.circle(mask, (x, y), radius, 1, -1)
    return np.repeat(mask[..., None], 3, axis=2).astype(np.bool_)
