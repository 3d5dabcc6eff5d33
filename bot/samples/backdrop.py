"""What stays still behind a drawn head: wall, furniture, neck and shoulders."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from bot.samples.look import Colour, Look, darker

WIDTH_PX, HEIGHT_PX = 640, 360
Scene = NDArray[np.float32]
"""(360, 640, 3) RGB, 0 to 255."""


@cache
def backdrop(look: Look) -> Scene:
    """Draw what stays still; shared between calls, so not to be written to."""
    across = np.linspace(0, 1, WIDTH_PX, dtype=np.float32)[None, :, None]
    fade = np.linspace(1.04, 0.88, HEIGHT_PX, dtype=np.float32)[:, None, None]
    left, right = (np.array(colour, np.float32) for colour in look.wall)
    scene = np.ascontiguousarray((left * (1 - across) + right * across) * fade, np.float32)
    _furnish(scene, look)
    scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), 2.5), np.float32)
    _draw_shoulders(scene, look)
    return np.clip(scene, 0, 255)


def _box(scene: Scene, x: int, y: int, width: int, height: int, colour: Colour) -> None:
    cv2.rectangle(scene, (x, y), (x + width, y + height), colour, -1)


def _furnish(scene: Scene, look: Look) -> None:
    """Put one piece of furniture beside the person, out of focus."""
    if look.furniture == "shelf":
        books = np.random.default_rng(5)
        for row in (70, 160, 250):
            _box(scene, 440, row, 200, 8, darker(look.wall[1], 0.6))
            x = 450
            while x < 625:
                thick, high = int(books.integers(9, 20)), int(books.integers(40, 62))
                colour = tuple(int(c) for c in books.integers(70, 200, 3))
                _box(scene, x, row - high, thick - 2, high, (colour[0], colour[1], colour[2]))
                x += thick
    elif look.furniture == "window":
        _box(scene, 30, 30, 150, 200, (250, 250, 250))
        _box(scene, 38, 38, 64, 184, (190, 220, 240))
        _box(scene, 108, 38, 64, 184, (200, 226, 242))
        _box(scene, 38, 170, 134, 52, (150, 190, 140))
    elif look.furniture == "plant":
        _box(scene, 540, 270, 60, 70, (176, 108, 78))
        for lean in range(-60, 61, 20):
            middle = (570 + lean // 2, 200 - (60 - abs(lean)) // 2)
            cv2.ellipse(scene, middle, (16, 72), lean, 0, 360, (74, 128, 84), -1)
    elif look.furniture == "picture":
        _box(scene, 60, 50, 130, 100, (90, 70, 60))
        _box(scene, 68, 58, 114, 84, (236, 226, 206))
        cv2.circle(scene, (150, 86), 14, (232, 160, 84), -1)
        _box(scene, 68, 112, 114, 30, (96, 142, 152))


def _draw_shoulders(scene: Scene, look: Look) -> None:
    """Draw neck and clothes below the head's resting place, with the head's soft shadow on them."""
    scale = look.scale_px
    x, y = look.place[0] * WIDTH_PX, look.place[1] * HEIGHT_PX

    def fill(points: list[tuple[float, float]], colour: Colour) -> None:
        outline = np.array([(x + px * scale, y + py * scale) for px, py in points])
        cv2.fillPoly(scene, [np.round(outline * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)

    fill([(-0.56, 0.5), (0.56, 0.5), (0.60, 1.55), (0.9, 1.8), (-0.9, 1.8), (-0.60, 1.55)], darker(look.skin, 0.86))
    fill([(-0.56, 0.5), (0.56, 0.5), (0.55, 1.22), (0.28, 1.42), (-0.28, 1.42), (-0.55, 1.22)], darker(look.skin, 0.66))
    edge = np.linspace(0, 1, 20)
    shoulder = [(0.62 + 1.75 * t, 1.50 + 0.75 * t**1.8 + 0.12 * t) for t in edge]
    neckline = [(0.62 * np.cos(t), 1.50 + 0.34 * np.sin(t)) for t in np.linspace(np.pi, 0, 20)]
    base: list[tuple[float, float]] = [(2.6, 5), (-2.6, 5)]
    fill([*neckline, *shoulder, *base, *((-px, py) for px, py in reversed(shoulder))], look.clothes)
    collar = np.round([((x + px * scale) * 16, (y + py * scale) * 16) for px, py in neckline]).astype(np.int32)
    cv2.polylines(scene, [collar], False, darker(look.clothes, 0.75), max(2, round(0.05 * scale)), cv2.LINE_AA, 4)
