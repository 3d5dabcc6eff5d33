"""What else meetings show: hands and icons, virtual backgrounds, telephones, slides, films, windows over windows."""

from collections.abc import Sequence

import cv2
import numpy as np

from bot.rooms.gallery.layout import Rect
from bot.rooms.gallery.sightings import FROZEN_AFTER_S
from engine.readings import Box
from tests.bot.rooms.gallery.drawn import CANVAS, VIRTUAL, Drawn, face_in, tile
from tests.bot.rooms.gallery.shown import PICTURES_PER_S, SETTLING, Shown

SIZE = (720, 1280)


def hands_and_frames(drawn: Drawn, number: int) -> Sequence[Box]:
    """Every second others raise their hands, speak, or send a heart that flies up their tile."""
    dice = np.random.default_rng(number // PICTURES_PER_S)
    for place in dice.choice(len(drawn.rects), 4, replace=False).tolist():
        rect = drawn.rects[place]
        cv2.circle(drawn.picture, (rect.left + 24, rect.top + 24), 16, (255, 200, 0), -1)
    speaks = drawn.rects[int(dice.integers(len(drawn.rects)))]
    corner = (speaks.left + speaks.width - 1, speaks.top + speaks.height - 1)
    cv2.rectangle(drawn.picture, (speaks.left, speaks.top), corner, (80, 220, 80), 4)
    rect = drawn.rects[int(dice.integers(len(drawn.rects)))]
    up = rect.top + rect.height - 20 - number % PICTURES_PER_S * (rect.height - 40) // PICTURES_PER_S
    cv2.circle(drawn.picture, (rect.left + rect.width - 40, up), 12, (230, 40, 60), -1)
    return drawn.faces


def test_hands_icons_and_the_speakers_frame_come_and_go_and_everybody_stays_who_they_are() -> None:
    shown = Shown()
    shown.show(range(9), pictures=SETTLING)
    sighting = shown.show(range(9), pictures=12 * PICTURES_PER_S, still=(4,), over=hands_and_frames)
    assert shown.people(sighting) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert len(shown.who) == 9, "somebody began anew"


def test_icons_that_fly_over_a_photograph_do_not_make_it_live() -> None:
    shown = Shown()
    for _ in range(20):
        sighting = shown.show(range(9), pictures=PICTURES_PER_S, still=(4,), over=hands_and_frames)
        assert 4 not in shown.people(sighting)


def test_class_before_one_virtual_background_is_never_mixed() -> None:
    people = [VIRTUAL + number for number in range(9)]
    shown = Shown()
    assert len(shown.show(people, pictures=SETTLING).people) == 9
    ids = {frozenset(shown.show(people, pictures=PICTURES_PER_S).people) for _ in range(10)}
    assert len(ids) == 1, "nothing moved, and somebody began anew"
    for after in (people[::-1], [*people[1:], people[0]], people[:6]):
        assert shown.people(shown.show(after, pictures=SETTLING)) == sorted(after)  # `Shown` sees that nobody is mixed


def test_mirrored_self_view_is_nobody_else() -> None:
    def mirror(drawn: Drawn, number: int) -> Sequence[Box]:
        tile_ = drawn.rects[0].of(drawn.picture)
        tile_[:] = tile_[:, ::-1].copy()
        return drawn.faces

    shown = Shown()
    shown.show(range(9), pictures=SETTLING)
    sighting = shown.show(range(9), pictures=SETTLING, over=mirror)
    assert shown.people(sighting) == list(range(9))


def test_telephone_held_upright_is_a_tile_with_bars_at_its_sides() -> None:
    def narrow(drawn: Drawn, number: int) -> Sequence[Box]:
        for rect in drawn.rects[::3]:
            part = rect.of(drawn.picture)
            part[:, : rect.width * 5 // 16] = 0
            part[:, -rect.width * 5 // 16 :] = 0
        return drawn.faces

    shown = Shown()
    sighting = shown.show(range(9), pictures=SETTLING, over=narrow)
    assert shown.people(sighting) == list(range(9))
    assert shown.show(range(9), pictures=4 * PICTURES_PER_S, over=narrow).people.keys() == sighting.people.keys()


def test_floating_self_view_over_the_corner_of_a_gallery_leaves_the_others_where_they_are() -> None:
    def float_over(drawn: Drawn, number: int) -> Sequence[Box]:
        small = Rect(SIZE[0] - 130, SIZE[1] - 230, 112, 200)
        small.of(drawn.picture)[:] = tile(77, (small.height, small.width), 0.02 + 0.14 * (number // 5 % 2))
        return [*drawn.faces[:-1], face_in(small, SIZE)]

    shown = Shown()
    before = shown.show(range(9), pictures=SETTLING)
    after = shown.show(range(9), pictures=SETTLING, over=float_over)
    others = {id_ for id_, person in shown.who.items() if person < 8}
    assert others <= before.people.keys()
    assert others <= after.people.keys()


def presentation(number: int, *, moves: bool) -> Drawn:
    """A slide with four portraits, or a film of four, above a strip of five people."""
    picture = np.full((*SIZE, 3), CANVAS, np.uint8)
    strip = [Rect(10, 20 + place * 210, 112, 200) for place in range(5)]
    slide = Rect(140, 160, 540, 960)
    slide.of(picture)[:] = 250
    portraits = [Rect(180 + row * 250, 260 + column * 400, 200, 355) for row in range(2) for column in range(2)]
    mouth = 0.02 + 0.14 * (number // 5 % 2)
    for person, rect in enumerate(strip):
        rect.of(picture)[:] = tile(person, (rect.height, rect.width), mouth)
    for person, rect in enumerate(portraits):
        rect.of(picture)[:] = tile(40 + person, (rect.height, rect.width), mouth if moves else 0.1)
    return Drawn(picture, tuple(strip), tuple(face_in(rect, SIZE) for rect in (*strip, *portraits)))


def test_portraits_on_a_slide_are_nobody_and_the_strip_above_is_the_class() -> None:
    sighting = Shown().play(lambda number: presentation(number, moves=False), 2 * SETTLING)
    assert len(sighting.people) == len(sighting.known) == 5


def test_people_in_a_film_beside_the_class_are_nobody() -> None:
    sighting = Shown().play(lambda number: presentation(number, moves=True), 2 * SETTLING)
    assert len(sighting.people) == len(sighting.known) == 5


def test_whoever_is_behind_another_window_is_away_and_comes_back_as_themselves() -> None:
    def cover(drawn: Drawn, number: int) -> Sequence[Box]:
        drawn.picture[200:, 820:] = (240, 240, 240)  # a chat over the right column's lower tiles
        cv2.putText(drawn.picture, "Chat", (840, 240), 0, 1.0, (20, 20, 20), 2)
        return [face for face in drawn.faces if face.x * SIZE[1] < 800 or face.y * SIZE[0] < 150]

    shown = Shown()
    before = shown.show(range(9), pictures=SETTLING)
    during = shown.show(range(9), pictures=4 * PICTURES_PER_S, over=cover)
    assert {0, 1, 3, 4, 6, 7} <= set(shown.people(during))
    after = shown.show(range(9), pictures=4 * PICTURES_PER_S)
    assert after.people.keys() == before.people.keys()


def test_window_that_is_covered_whole_shows_nobody_and_is_frozen_soon() -> None:
    def black(drawn: Drawn, number: int) -> Sequence[Box]:
        drawn.picture[:] = 0
        return ()

    shown = Shown()
    before = shown.show(range(9), pictures=SETTLING)
    assert not shown.show(range(9), pictures=1, over=black).people
    sighting = shown.show(range(9), pictures=round((FROZEN_AFTER_S + 1) * PICTURES_PER_S), over=black)
    assert sighting.is_frozen
    assert len(sighting.known) == 9
    assert shown.show(range(9), pictures=PICTURES_PER_S).people.keys() == before.people.keys()


def test_gallery_in_a_window_of_twice_the_pixels_is_the_same_class() -> None:
    shown = Shown()
    before = shown.show(range(9), pictures=SETTLING)
    after = shown.show(range(9), pictures=PICTURES_PER_S, size=(1440, 2560))
    assert after.people.keys() == before.people.keys()
