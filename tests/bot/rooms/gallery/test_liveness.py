"""A living face is kept apart from a picture of one, through the noise of cameras and codecs."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from bot.rooms.gallery.layout import Rect
from bot.rooms.gallery.liveness import SLOT_S, SLOTS, Liveness, glance
from engine.readings import Image
from tests.bot.rooms.gallery.drawn import FACE, compressed, tile

SHAPE = (216, 384)
WHOLE = Rect(0, 0, *SHAPE)
Show = Callable[[int], Image]
"""Gives the picture of a number; eight a second."""


def noisy(number: int) -> Image:
    noise = np.random.default_rng(number).normal(0, 8, (*SHAPE, 3))
    return np.clip(tile(1, SHAPE) + noise, 0, 255).astype(np.uint8)


def pulsing(number: int) -> Image:
    """As codecs do: anew and sharp once in a while, and a little worse in between."""
    return compressed(tile(1, SHAPE), 70 if number % 16 == 0 else 35 + number % 3)


def lighter(number: int) -> Image:
    return np.clip(tile(1, SHAPE).astype(np.int16) + 12 * (number // 8 % 2), 0, 255).astype(np.uint8)


def passed_by_a_hand(number: int) -> Image:
    picture = tile(1, SHAPE).copy()
    if 20 <= number < 30:
        cv2.circle(picture, (192, 108), 20, (255, 200, 0), -1)
    return picture


def talking(number: int) -> Image:
    return tile(1, SHAPE, 0.02 + 0.12 * (number // 6 % 2))


def blinking(number: int) -> Image:
    """Nothing but the lids move, every two seconds, in a picture of a codec."""
    picture = tile(1, SHAPE).copy()
    if number % 16 < 6:
        cv2.rectangle(picture, (170, 80), (214, 92), (214, 170, 140), -1)
    return compressed(picture, 50)


def followed(show: Show, pictures: int = 96) -> Liveness:
    liveness = Liveness()
    for number in range(pictures):
        liveness.take(number / 8, glance(show(number), WHOLE, FACE))
    return liveness


@pytest.mark.parametrize("show", [noisy, pulsing, lighter, passed_by_a_hand, lambda _: tile(1, SHAPE)])
def test_still_picture_is_no_person_through_all_noise(show: Show) -> None:
    liveness = Liveness()
    for number in range(240):
        liveness.take(number / 8, glance(show(number), WHOLE, FACE))
        assert not liveness.is_living
    assert liveness.is_still


@pytest.mark.parametrize("show", [talking, blinking])
def test_face_that_moves_again_and_again_lives(show: Show) -> None:
    liveness = followed(show)
    assert liveness.is_living
    assert not liveness.is_still


def test_person_who_lives_is_still_once_nothing_moved_for_all_that_is_remembered() -> None:
    liveness = followed(talking)
    for number in range(round(8 * SLOT_S * (SLOTS + 2))):
        liveness.take(20 + number / 8, glance(tile(1, SHAPE), WHOLE, FACE))
    assert liveness.is_still


def test_tile_without_a_face_never_lives() -> None:
    liveness = Liveness()
    for number in range(96):
        liveness.take(number / 8, glance(talking(number), WHOLE, None))
    assert not liveness.is_living


def test_what_is_seen_elsewhere_is_not_compared_with_what_was_before() -> None:
    liveness = Liveness()
    for number in range(240):
        if number % 8 == 0:
            liveness.stop()
        liveness.take(number / 8, glance(tile(number // 8 % 2, SHAPE), WHOLE, FACE))
    assert not liveness.is_living
