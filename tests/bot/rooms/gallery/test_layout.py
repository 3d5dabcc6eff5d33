"""Tiles of galleries are found, whatever stands between and around them."""

from typing import Any

import cv2
import numpy as np
import pytest

from bot.rooms.gallery.layout import Layout, Rect, layout
from engine.readings import Box
from tests.bot.rooms.gallery.drawn import CANVAS, Drawn, compressed, face_in, gallery, tile

FULL_HD = (1080, 1920)
GRIDS: dict[str, dict[str, Any]] = {
    "1 person who fills the picture": {"count": 1, "columns": 1, "margin": 0},
    "2 side by side": {"count": 2, "columns": 2},
    "4": {"count": 4, "columns": 2},
    "5, a last row in the middle": {"count": 5, "columns": 3},
    "9": {"count": 9, "columns": 3},
    "9 with names below": {"count": 9, "columns": 3, "caption": 22},
    "9 that abut on each other": {"count": 9, "columns": 3, "gap": 0, "margin": 0},
    "9 on white": {"count": 9, "columns": 3, "canvas": (255, 255, 255)},
    "9 in a window that was moved": {"count": 9, "columns": 3, "margin": 100, "at": (60, -70)},
    "16 with two pixels between": {"count": 16, "columns": 4, "gap": 2},
    "23, a last row in the middle": {"count": 23, "columns": 5, "size": FULL_HD},
    "25 with names below": {"count": 25, "columns": 5, "size": FULL_HD, "caption": 20},
    "25 that abut on each other": {"count": 25, "columns": 5, "size": FULL_HD, "gap": 0, "margin": 0},
    "49": {"count": 49, "columns": 7, "size": FULL_HD},
    "49 on a screen of twice the pixels": {"count": 49, "columns": 7, "size": (2160, 3840), "gap": 16},
}


def drawn(*, count: int, **how: Any) -> Drawn:
    return gallery(range(count), **how)


def found(truth: Drawn, result: Layout) -> list[int]:
    """Return the people whose tile was found, as it is."""
    return [
        person
        for person, rect in enumerate(truth.rects)
        if sum(rect.overlap(tile) > 0.85 for tile in result.tiles) == 1
    ]


@pytest.mark.parametrize("how", GRIDS.values(), ids=GRIDS)
def test_every_tile_of_a_grid_is_found_and_nothing_else(how: dict[str, Any]) -> None:
    truth = drawn(**how)
    for picture in (truth.picture, compressed(truth.picture, 60)):
        result = layout(picture, truth.faces)
        assert found(truth, result) == list(range(how["count"]))
        assert len(result.tiles) == how["count"]
        assert not result.stages


def test_letterbox_in_another_colour_than_the_canvas_is_no_tile() -> None:
    truth = gallery(range(9), columns=3, size=(720, 1040))
    picture = np.zeros((720, 1280, 3), np.uint8)
    picture[:, 120:1160] = truth.picture
    moved = Drawn(
        picture,
        tuple(Rect(rect.top, rect.left + 120, rect.height, rect.width) for rect in truth.rects),
        tuple(Box((face.x * 1040 + 120) / 1280, face.y, face.width * 1040 / 1280, face.height) for face in truth.faces),
    )
    assert found(moved, layout(picture, moved.faces)) == list(range(9))


@pytest.mark.parametrize("gap", [8, 0])
def test_tile_of_an_empty_chair_is_found_by_its_borders(gap: int) -> None:
    truth = gallery(range(9), columns=3, away=(2, 4), gap=gap, margin=2 * gap)
    assert found(truth, layout(truth.picture, truth.faces)) == list(range(9))


def test_frame_around_the_speaker_and_icons_over_tiles_change_no_tile() -> None:
    truth = gallery(range(9), columns=3)
    rect = truth.rects[4]
    cv2.rectangle(
        truth.picture, (rect.left, rect.top), (rect.left + rect.width - 1, rect.top + rect.height - 1), (80, 220, 80), 4
    )
    cv2.circle(truth.picture, (rect.left + 30, rect.top + 30), 16, (255, 200, 0), -1)
    assert found(truth, layout(truth.picture, truth.faces)) == list(range(9))


def test_speaker_beside_a_strip_is_a_stage_and_no_tile() -> None:
    picture = np.full((720, 1280, 3), CANVAS, np.uint8)
    strip = [Rect(10, 20 + number * 210, 112, 200) for number in range(5)]
    stage = Rect(140, 160, 540, 960)
    for person, rect in enumerate([*strip, stage]):
        rect.of(picture)[:] = tile(person, (rect.height, rect.width))
    faces = [face_in(rect, (720, 1280)) for rect in (*strip, stage)]
    result = layout(picture, faces)
    assert len(result.tiles) == 5
    assert all(any(rect.overlap(tile) > 0.85 for tile in result.tiles) for rect in strip)
    assert [rect.overlap(stage) > 0.85 for rect in result.stages] == [True]


def test_picture_without_faces_or_tiles_shows_nobody() -> None:
    assert layout(np.full((720, 1280, 3), 255, np.uint8), []).tiles == ()
    noise = np.random.default_rng(1).integers(0, 256, (360, 640, 3), dtype=np.uint8)
    assert layout(noise, []).tiles == ()


@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (1, 4000), (4000, 1), (57, 57)])
def test_pictures_of_strange_shapes_are_no_trouble(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    whole = [Box(0.0, 0.0, 1.0, 1.0), Box(-3.0, 5.0, 0.1, 0.1), Box(0.1, 0.1, 0.2, 0.2)]
    assert len(layout(picture, whole).tiles) <= 1
