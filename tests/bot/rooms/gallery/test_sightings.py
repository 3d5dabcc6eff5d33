"""A gallery from picture to picture: who is shown, and that nobody is shown another's tile."""

from collections.abc import Sequence

import numpy as np
import pytest

from bot.rooms.gallery.layout import Rect
from bot.rooms.gallery.seats import CLEAR_WITHIN_S
from bot.rooms.gallery.sightings import FROZEN_AFTER_S, SEARCH_AGAIN_S, SEARCH_CLEARLY_S, SEARCH_EVERY_S, Gallery
from engine.readings import Box
from tests.bot.rooms.gallery.drawn import Drawn, compressed, gallery
from tests.bot.rooms.gallery.shown import PICTURES_PER_S, SETTLING, Shown
from tests.hostile import WINDOWS


def test_everybody_who_moves_is_shown_and_no_still_picture() -> None:
    shown = Shown()
    sighting = shown.show(range(9), pictures=SETTLING, still=(4,))
    assert shown.people(sighting) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert len(sighting.known) == 8


def test_search_is_as_rare_as_it_may_be_while_nothing_changes() -> None:
    shown = Shown()
    shown.show(range(9), pictures=80)
    assert shown.searches <= 80 / PICTURES_PER_S / SEARCH_EVERY_S + CLEAR_WITHIN_S / SEARCH_CLEARLY_S + 1


def test_search_goes_on_over_several_pictures_and_whoever_comes_meanwhile_is_found() -> None:
    shown = Shown()
    shown.steps = 100
    before = shown.show(range(8), pictures=SETTLING)
    assert len(before.people) == 8
    searches = shown.searches
    during = shown.show(range(8), pictures=3 * PICTURES_PER_S)
    assert during.people.keys() == before.people.keys()
    assert shown.searches <= searches + 2
    shown.show([*range(8), 30], pictures=2)
    assert len(shown.gallery.seats) >= 9, "a layout that has changed is searched at once"
    assert shown.people(shown.show([*range(8), 30], pictures=SETTLING)) == [*range(8), 30]


@pytest.mark.parametrize(
    ("after", "columns"),
    [([8, 7, 6, 5, 4, 3, 2, 1, 0], 3), ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 4), ([0, 2, 3, 4], 2), ([20, 21, 22, 23], 2)],
    ids=["order changed", "one joins", "some leave", "page turned"],
)
def test_nobody_is_shown_anothers_tile_in_any_picture_of_a_change(after: list[int], columns: int) -> None:
    shown = Shown()
    shown.show(range(9), pictures=SETTLING + 3)
    at_once = shown.show(after, columns=columns)
    assert shown.people(at_once) == sorted(set(after) & set(range(9)))
    later = shown.show(after, columns=columns, pictures=SETTLING)
    assert shown.people(later) == sorted(after)


def test_whoever_leans_out_is_still_there_and_whoever_stands_still_for_long_is_a_picture() -> None:
    shown = Shown()
    shown.show(range(9), pictures=SETTLING)
    assert 4 in shown.people(shown.show(range(9), pictures=10 * PICTURES_PER_S, away=(4,)))
    assert 4 not in shown.people(shown.show(range(9), pictures=10 * PICTURES_PER_S, still=(4,)))
    assert 4 in shown.people(shown.show(range(9), pictures=PICTURES_PER_S))


def test_picture_that_stands_still_as_a_whole_is_frozen_until_something_moves() -> None:
    shown = Shown()
    shown.show(range(9), pictures=SETTLING)
    frozen = round(FROZEN_AFTER_S * PICTURES_PER_S)
    assert not shown.show(range(9), pictures=frozen - 1, still=range(9)).is_frozen
    sighting = shown.show(range(9), pictures=3, still=range(9))
    assert sighting.is_frozen
    assert not sighting.people
    assert len(sighting.known) == 9
    assert len(shown.show(range(9), pictures=4).people) == 9


def test_class_in_many_small_tiles_is_not_frozen_while_one_of_them_speaks() -> None:
    shown = Shown()
    everybody, full_hd = range(49), (1080, 1920)
    shown.show(everybody, columns=7, pictures=10, size=full_hd)
    frozen = round(FROZEN_AFTER_S * PICTURES_PER_S)
    others = [person for person in everybody if person != 20]
    assert not shown.show(everybody, columns=7, pictures=2 * frozen, still=others, size=full_hd).is_frozen
    assert shown.show(everybody, columns=7, pictures=frozen + 2, still=everybody, size=full_hd).is_frozen


def test_class_that_flowed_anew_is_not_frozen_while_one_of_them_speaks() -> None:
    shown = Shown()
    full_hd = (1080, 1920)
    shown.show(range(25), columns=5, pictures=10, size=full_hd)
    frozen = round(FROZEN_AFTER_S * PICTURES_PER_S)
    turned, others = range(24, -1, -1), [person for person in range(25) if person != 20]
    assert not shown.show(turned, columns=5, pictures=2 * frozen, still=others, size=full_hd).is_frozen
    assert shown.show(turned, columns=5, pictures=frozen + 2, still=turned, size=full_hd).is_frozen


def test_picture_that_becomes_smaller_while_people_are_in_it_shows_them_there() -> None:
    shown = Shown()
    shown.show(range(9), pictures=SETTLING)
    for size in ((180, 320), (720, 1280), (90, 160), (720, 1280)):
        shown.show(range(9), pictures=2, size=size)
    assert shown.people(shown.show(range(9), pictures=SETTLING)) == [*range(9)]


def test_face_that_is_found_as_large_as_its_tile_takes_nobody_else_from_view() -> None:
    shown = Shown()
    before = shown.show(range(9), pictures=SETTLING)

    def too_large(drawn: Drawn, _: int) -> Sequence[Box]:
        wide, tall = drawn.rects[4].width / 1280, drawn.rects[4].height / 720
        middle = drawn.faces[4]
        return [*drawn.faces[:4], Box(middle.x - wide / 4, middle.y - tall / 4, wide * 0.8, tall), *drawn.faces[5:]]

    for _ in range(5 * PICTURES_PER_S):
        assert shown.show(range(9), over=too_large).people.keys() == before.people.keys()
    after = shown.show([8, *range(1, 8), 0], over=too_large, pictures=SETTLING)
    assert set(shown.people(after)) >= {*range(9)} - {4}


def test_film_of_cuts_costs_no_more_however_long_it_is_and_nobody_in_it_is_counted() -> None:
    shown = Shown()
    for scene in range(40):
        sighting = shown.show([100 + scene], columns=1, pictures=3)
        assert not sighting.known
    assert shown.searches <= 40 * 3 / PICTURES_PER_S / SEARCH_AGAIN_S + 1
    assert len(shown.gallery.seats) <= 2


def test_gallery_that_makes_room_for_a_speaker_and_comes_back_keeps_everybody() -> None:
    shown = Shown()
    before = shown.show(range(9), pictures=SETTLING)
    for count in (1, 4):
        shown.show(range(count), columns=2, pictures=2 * PICTURES_PER_S)
    after = shown.show(range(9), pictures=2)
    assert after.people.keys() == before.people.keys()


def test_codec_does_not_move_a_frozen_picture() -> None:
    drawn = gallery(range(9), columns=3)
    watched = Gallery(lambda _: iter([list(drawn.faces)]))
    pictures = [compressed(drawn.picture, 80 - number % 3) for number in range(40)]
    seen = [watched.take(number / PICTURES_PER_S, picture) for number, picture in enumerate(pictures)]
    assert seen[-1].is_frozen


def test_size_that_changes_in_the_middle_and_pictures_too_small_disturb_nothing() -> None:
    watched = Gallery(lambda _: iter([[Box(0.4, 0.4, 0.2, 0.2)]]))
    dice = np.random.default_rng(1)
    for number, shape in enumerate([(64, 64), (1, 1), (720, 1280), (3, 900), (64, 64), (1080, 1920), (40, 40)]):
        picture = dice.integers(0, 256, (*shape, 3), dtype=np.uint8)
        assert watched.take(float(number), picture).people == {}


def test_part_of_a_picture_is_a_view_and_no_copy() -> None:
    picture = gallery(range(4), columns=2).picture
    assert np.shares_memory(Rect(10, 10, 100, 100).of(picture), picture)


def test_hostile_windows_show_nobody_in_any_order() -> None:
    faces = [Box(0.4, 0.4, 0.2, 0.2), Box(0.0, 0.0, 1.0, 1.0), Box(-0.2, 0.9, 0.4, 0.4)]
    watched = Gallery(lambda _: iter([list(faces)]))
    for number, make in enumerate([*WINDOWS.values(), *reversed(WINDOWS.values())]):
        assert watched.take(float(number), make()).people == {}
