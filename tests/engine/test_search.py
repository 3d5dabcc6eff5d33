"""Which squares of a picture are searched, and which boxes are one face; no picture is needed for that."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.pictures import LARGEST_SIDE_PX, is_within_bounds
from engine.readings import Box
from engine.search import MOST_FACES, MOST_SQUARES, SMALLEST_FACE_PX, Found, Square, distinct, found_in, merged, squares

SIDES = st.integers(1, LARGEST_SIDE_PX)
COMMON = [(640, 360), (1280, 720), (1920, 1080), (1080, 1920), (2560, 1600), (3440, 1440), (3840, 2160), (2160, 3840)]


@given(SIDES, SIDES)
def test_no_picture_costs_more_than_the_stated_number_of_detector_calls(width_px: int, height_px: int) -> None:
    if is_within_bounds(width_px, height_px):
        assert len(squares(width_px, height_px)) <= MOST_SQUARES


@given(SIDES, SIDES)
def test_squares_lie_within_the_picture_and_cover_it(width_px: int, height_px: int) -> None:
    covering = squares(width_px, height_px) if is_within_bounds(width_px, height_px) else []
    for square in covering:
        assert 0 <= square.left <= square.left + square.side <= width_px
        assert 0 <= square.top <= square.top + square.side <= height_px
    for side in {square.side for square in covering}:
        columns = sorted({square.left for square in covering if square.side == side})
        rows = sorted({square.top for square in covering if square.side == side})
        assert (columns[0], columns[-1] + side) == (0, width_px)
        assert (rows[0], rows[-1] + side) == (0, height_px)
        gaps = [later - sooner for starts in (columns, rows) for sooner, later in itertools.pairwise(starts)]
        assert all(gap <= math.ceil(side * 2 / 3) for gap in gaps)


@pytest.mark.parametrize(("width_px", "height_px"), COMMON)
def test_face_of_every_size_lies_whole_in_a_square_of_which_it_is_an_eighth_wherever_it_is(
    width_px: int, height_px: int
) -> None:
    rng = np.random.default_rng(4)
    covering = squares(width_px, height_px)
    for face_px in (SMALLEST_FACE_PX, 40, 60, 85, 86, 120, 171, 250, 340):
        if face_px > min(width_px, height_px) / 3:
            continue
        for _ in range(50):
            left, top = int(rng.integers(0, width_px - face_px + 1)), int(rng.integers(0, height_px - face_px + 1))
            assert any(
                square.left <= left and left + face_px <= square.left + square.side
                and square.top <= top and top + face_px <= square.top + square.side
                and face_px * 8 >= square.side
                for square in covering
            ), (face_px, left, top)  # fmt: skip


def test_larger_faces_alone_cost_less() -> None:
    assert len(squares(1920, 1080, 45)) < 0.7 * len(squares(1920, 1080))
    assert len(squares(1920, 1080, 90)) < 0.3 * len(squares(1920, 1080))
    assert squares(1920, 1080, 0)


def test_picture_too_small_for_a_face_costs_nothing() -> None:
    assert squares(200, 3) == []
    assert squares(1, 1) == []


def test_box_in_a_square_becomes_a_box_in_the_picture() -> None:
    found = found_in(Square(128, 64, 256), Box(0.25, 0.5, 0.125, 0.25), 0.9, 512, 1024)
    assert found == Found(Box(0.375, 0.1875, 0.0625, 0.0625), 0.9)


def test_face_is_cut_by_a_border_only_where_the_picture_goes_on() -> None:
    assert found_in(Square(0, 0, 200), Box(0.9, 0.5, 0.1, 0.1), 0.9, 400, 200).is_cut
    assert not found_in(Square(200, 0, 200), Box(0.9, 0.5, 0.1, 0.1), 0.9, 400, 200).is_cut
    assert found_in(Square(0, 100, 200), Box(0.5, -0.1, 0.1, 0.3), 0.9, 200, 400).is_cut


def test_one_face_in_several_squares_is_one_box_the_surest_that_no_border_cuts() -> None:
    whole, again = Found(Box(0.4, 0.4, 0.1, 0.1), 0.9), Found(Box(0.41, 0.4, 0.1, 0.1), 0.8)
    cut = Found(Box(0.44, 0.4, 0.06, 0.1), 0.95, is_cut=True)
    assert merged([cut, again, whole]) == [whole]
    assert merged([cut]) == [cut]


def test_piece_of_a_face_goes_with_it_and_neighbours_stay() -> None:
    face = Found(Box(0.4, 0.4, 0.2, 0.2), 0.9)
    piece = Found(Box(0.55, 0.42, 0.05, 0.08), 0.85)
    neighbour = Found(Box(0.59, 0.4, 0.2, 0.2), 0.7)
    assert merged([piece, neighbour, face]) == [face, neighbour]


def test_largest_come_first_and_no_more_than_the_most() -> None:
    grid = [Found(Box(x / 40, y / 40, 0.02, 0.01 + x / 10_000), 0.9) for x in range(40) for y in range(40)]
    kept = merged(grid)
    assert len(kept) == MOST_FACES
    heights = [one.box.height for one in kept]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] == max(one.box.height for one in grid)


def test_box_that_is_no_number_is_dropped() -> None:
    assert merged([Found(Box(math.nan, 0, math.nan, 0.1), 0.9), Found(Box(0, 0, math.inf, 0.1), 0.9)]) == []
    assert merged([]) == []


def test_of_two_placed_on_one_face_the_first_stays() -> None:
    boxes = [Box(0, 0, 0.1, 0.1), Box(0.5, 0.5, 0.1, 0.1), Box(0.01, 0, 0.1, 0.1)]
    assert distinct(boxes) == [0, 1]
