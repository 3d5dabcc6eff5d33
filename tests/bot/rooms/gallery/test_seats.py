"""People are kept apart by their tiles, whatever happens to the layout: no two of them are ever one."""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rooms.gallery.layout import Rect
from bot.rooms.gallery.look import COLUMNS, ROWS, Look, distance, look_of
from bot.rooms.gallery.seats import ALIKE, CHANGED, FORGET_S, UNLIKE, Seats
from bot.samples.occupants import Projector
from engine.readings import Box
from tests.bot.rooms.gallery.drawn import FACE, compressed, tile

SHAPE = (144, 256)


def look(person: int, *, is_there: bool = True, noise: int = 0) -> Look:
    """How somebody's tile looks now."""
    picture = tile(person, SHAPE, is_there=is_there).copy()
    if noise:
        dice = np.random.default_rng(noise)
        picture = np.clip(picture + dice.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)
        picture = compressed(picture, 40 + noise % 40)
    return look_of(picture, Rect(0, 0, *SHAPE), FACE if is_there else None)


def place(number: int, columns: int) -> Rect:
    row, column = divmod(number, columns)
    wide = 1280 // columns
    return Rect(row * wide * 9 // 16, column * wide, wide * 9 // 16 - 4, wide - 4)


@dataclass
class Meeting:
    """A gallery with the truth beside it."""

    seats: Seats = field(default_factory=Seats)
    at: float = 0.0
    who: dict[str, int] = field(default_factory=dict)
    """Which person every id is."""

    def show(
        self, people: list[int], columns: int = 3, *, away: tuple[int, ...] = (), stage: int | None = None
    ) -> list[str]:
        """Show people in their places; checks that none of them is taken for another."""
        self.at += 2.0
        noise = int(self.at)
        tiles = [
            (place(number, columns), look(person, is_there=person not in away, noise=noise + number))
            for number, person in enumerate(people)
        ]
        stages = [] if stage is None else [(Rect(300, 100, 400, 710), look(stage, noise=noise))]
        ids = self.seats.assign(self.at, tiles, stages)
        assert len({id_ for id_ in ids if id_}) == sum(map(bool, ids)), "one person is in two tiles"
        shown = people if stage is None else [*people, stage]
        for id_, person in zip(ids, shown, strict=True):
            if id_:
                assert self.who.setdefault(id_, person) == person, "two people were mixed"
        return ids


def test_everybody_keeps_their_seat_while_nothing_moves() -> None:
    meeting = Meeting()
    first = meeting.show([0, 1, 2, 3])
    assert all(meeting.show([0, 1, 2, 3]) == first for _ in range(20))


@pytest.mark.parametrize(
    ("after", "columns"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 4),
        ([0, 1, 2, 4, 5, 6, 7, 8], 3),
        ([8, 7, 6, 5, 4, 3, 2, 1, 0], 3),
        ([1, 2, 3, 4, 5, 6, 7, 8, 0], 3),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8], 7),
        ([0, *range(20, 35), *range(1, 9)], 5),
        ([0, *range(20, 60), *range(1, 9)], 7),
    ],
    ids=["one joins", "one leaves", "turned round", "one goes last", "resized", "25", "49"],
)
def test_everybody_keeps_their_seat_when_the_layout_flows_anew(after: list[int], columns: int) -> None:
    meeting = Meeting()
    before = dict(zip(range(9), meeting.show(list(range(9))), strict=True))
    ids = dict(zip(after, meeting.show(after, columns), strict=True))
    assert {person: ids[person] for person in before if person in ids} == {
        person: id_ for person, id_ in before.items() if person in ids
    }
    assert len(set(ids.values()) - set(before.values())) == len(set(after) - set(range(9)))


def test_whoever_was_on_another_page_is_known_when_it_is_turned_back() -> None:
    meeting = Meeting()
    first = meeting.show([0, 1, 2, 3])
    second = meeting.show([4, 5, 6, 7])
    assert not set(first) & set(second)
    assert meeting.show([0, 1, 2, 3]) == first
    assert meeting.show([4, 5, 6, 7]) == second


def test_place_whose_borders_a_codec_blurs_does_not_move_once_it_was_clear() -> None:
    seats, blurred = Seats(), Rect(11, 9, 143, 256)
    seats.assign(0.0, [(Rect(10, 10, 144, 256), look(1))])
    assert seats.steadied(2.0, blurred) == blurred
    assert seats.steadied(4.0, blurred) == Rect(10, 10, 144, 256)
    assert seats.steadied(4.0, Rect(40, 60, 144, 256)) == Rect(40, 60, 144, 256)
    seats.assign(4.0, [(Rect(40, 60, 144, 256), look(1))])
    assert [seat.rect for seat in seats.seats] == [Rect(40, 60, 144, 256)]


def test_what_is_remembered_of_a_tile_is_how_the_place_looks_that_is_remembered() -> None:
    seats = Seats()
    for at, rect in enumerate([Rect(10, 10, 144, 256), Rect(12, 12, 141, 252), Rect(10, 10, 143, 256)]):
        seats.assign(float(at), [(rect, look(1))])
        assert [seat.rect for seat in seats.seats] == [rect]
    close = look_of(tile(1, SHAPE), Rect(0, 0, *SHAPE), Box(0.0, 0.0, 1.0, 1.0))
    seats.assign(3.0, [(Rect(12, 12, 141, 252), close)], followed=True)
    assert [seat.rect for seat in seats.seats] == [Rect(10, 10, 143, 256)], "no look of another place was remembered"


def test_whoever_is_forgotten_comes_back_as_somebody_else_but_nobody_loses_a_tile() -> None:
    seats = Seats()
    here, there = place(0, 3), place(1, 3)
    first, second = seats.assign(0.0, [(here, look(1)), (there, look(2))])
    assert seats.assign(2.0, [(here, look(1))]) == [first]
    seats.forget({first, second})
    assert [seat.id for seat in seats.seats] == [first]
    assert seats.assign(4.0, [(here, look(1)), (there, look(2))])[1] not in (first, second)


def test_nobody_is_known_who_was_away_for_long() -> None:
    meeting = Meeting()
    first = meeting.show([0, 1, 2, 3])
    meeting.show([4, 5, 6, 7])
    meeting.at += FORGET_S
    assert not set(meeting.show([0, 1, 2, 3])) & set(first)


def test_speaker_is_who_looks_like_somebody_without_a_tile_and_else_nobody() -> None:
    meeting = Meeting()
    first = meeting.show([0, 1, 2, 3])
    assert meeting.show([0, 1, 2], 6, stage=3) == first
    assert meeting.show([0, 1, 2, 3], 6, stage=3) == [*first, ""], "who has a tile is there"
    assert meeting.show([0, 1, 2, 3], 6, stage=30) == [*first, ""], "a film shows nobody of the class"


def test_whoever_leans_out_of_their_tile_keeps_it() -> None:
    meeting = Meeting()
    first = meeting.show([0, 1, 2, 3])
    assert meeting.show([0, 1, 2, 3], away=(1,)) == first
    assert meeting.show([3, 2, 1, 0], away=(1,)) == first[::-1]


def test_one_who_comes_back_into_the_place_of_one_who_looks_nearly_so_is_not_taken_for_them() -> None:
    seats = Seats()
    one = look(1)
    nearly = replace(
        one, cells=one.cells + np.float32(16) * one.seen[..., None] * (np.indices(one.seen.shape)[0] % 2)[..., None]
    )
    assert 3 < distance(one, nearly) < CHANGED
    here, there = place(0, 3), place(1, 3)
    first, _ = seats.assign(0.0, [(here, one), (there, nearly)])
    assert seats.assign(2.0, [(here, one)]) == [first]
    assert seats.assign(4.0, [(here, nearly)]) != [first]


def test_whoever_moves_or_sits_in_changing_light_is_followed_from_picture_to_picture() -> None:
    seats = Seats()
    first = seats.assign(0.0, [(place(0, 3), look(1)), (place(1, 3), look(2))])
    lights = [look(1)]
    for _ in range(60):
        dimmed = lights[-1].cells * np.linspace(0.98, 1.0, COLUMNS, dtype=np.float32)[None, :, None]
        lights.append(replace(lights[-1], cells=dimmed))
        assert seats.follow([lights[-1], look(2)])
    assert distance(lights[0], lights[-1]) > 2 * CHANGED
    assert seats.assign(2.0, [(place(0, 3), lights[-1]), (place(1, 3), look(2))]) == first
    assert not seats.follow([look(2), lights[-1]])


def test_somebody_new_in_a_place_that_was_anothers_is_somebody_new() -> None:
    meeting = Meeting()
    first = meeting.show([0, 1, 2, 3])
    assert meeting.show([0, 1, 2, 9])[3] not in first


def test_two_who_look_alike_begin_anew_when_the_layout_flows_anew() -> None:
    """One background for all of a school, and nothing else to be seen."""
    seats = Seats()
    alike, other = look(1, is_there=False), look(2)
    places = [place(number, 3) for number in range(3)]
    first = seats.assign(0.0, [(places[0], alike), (places[1], alike), (places[2], other)])
    assert seats.assign(2.0, [(places[0], alike), (places[1], alike), (places[2], other)]) == first
    after = seats.assign(4.0, [(places[2], alike), (places[1], other), (places[0], alike)])
    assert after[1] == first[2]
    assert not {after[0], after[2]} & set(first)


def test_look_that_a_codec_has_blurred_is_somebodys_where_all_others_look_quite_different() -> None:
    one, other = look(1), look(2)
    stripes = (np.indices(one.seen.shape)[1] % 2 * 2 - 1)[..., None]
    blurred = replace(one, cells=one.cells + np.float32(8) * one.seen[..., None] * stripes)
    assert ALIKE < distance(one, blurred) < CHANGED
    here, there, third = (place(number, 3) for number in range(3))
    seats = Seats()
    first, second = seats.assign(0.0, [(here, one), (there, other)])
    assert seats.assign(2.0, [(third, blurred), (here, other)]) == [first, second]
    near = replace(one, cells=one.cells + np.float32(16) * one.seen[..., None] * stripes)
    seats = Seats()
    first, _ = seats.assign(0.0, [(here, one), (there, near)])
    assert first not in seats.assign(2.0, [(third, blurred), (here, other)]), "it could be either"


def striped(look: Look, levels: float) -> Look:
    """Show a look as a codec does that has few bits for it."""
    stripes = (np.indices(look.seen.shape)[1] % 2 * 2 - 1)[..., None]
    return replace(look, cells=look.cells + np.float32(levels) * look.seen[..., None] * stripes)


def test_somebody_whom_a_codec_blurred_is_known_again_once_they_are_clear_and_is_not_two_from_then_on() -> None:
    one, nearly, other = look(1), striped(look(1), 16), look(2)
    here, there, third = (place(number, 3) for number in range(3))
    seats = Seats()
    first, second, third_id = seats.assign(0.0, [(here, one), (there, other), (third, nearly)])
    seats.assign(1.0, [(there, other)])
    began, _ = seats.assign(2.0, [(third, striped(one, 8)), (there, other)])
    assert began not in (first, second, third_id), "it could be either"
    assert seats.follow([other, striped(one, 8)])
    assert seats.recognise(2.1, [other, striped(one, 8)]) == {}
    assert seats.follow([other, striped(one, 2)])
    placed = {"another": other, began: one}
    looks = [placed.get(seat.id, other) for seat in seats.placed]
    assert seats.recognise(2.5, looks) == {began: first}
    assert {seat.id for seat in seats.seats} == {first, second, third_id}
    assert set(seats.assign(4.0, [(there, one), (here, other)])) == {first, second}


def test_whoever_began_in_a_blurred_picture_is_known_in_a_clear_one_and_whoever_is_new_stays_who_they_are() -> None:
    here, there, third = (place(number, 3) for number in range(3))
    for kept in (False, True):
        seats = Seats()
        first, second = seats.assign(0.0, [(here, look(1)), (there, look(2))])
        seats.assign(1.0, [(there, look(2))])
        blurred = striped(look(1), 24)
        assert distance(look(1), blurred) > UNLIKE
        began, _, new = seats.assign(5.0, [(here, blurred), (there, look(2)), (third, look(3))])
        seats.kept = {began} if kept else ()
        for levels in (20, 16, 12, 8, 4, 0, 0):
            looks = {began: striped(look(1), levels), second: look(2), new: look(3)}
            assert seats.follow([looks[seat.id] for seat in seats.placed]), "they become clear little by little"
        clear = [(here, look(1)), (there, look(2)), (third, look(3))]
        known, *others = seats.assign(6.0, clear, followed=True)
        assert others == [second, new]
        assert (known == first) is not kept, "whose id must not be lost is taken for nobody else"


def test_whoever_has_just_begun_and_is_not_found_again_is_remembered() -> None:
    seats = Seats()
    _, second = seats.assign(0.0, [(place(0, 3), look(1)), (place(1, 3), look(2))])
    seats.assign(0.6, [(place(0, 3), look(1))], followed=True)
    assert seats.assign(5.0, [(place(0, 3), look(1)), (place(2, 3), look(2))])[1] == second


def test_somebody_who_may_be_either_of_two_or_is_remembered_for_good_stays_who_they_are() -> None:
    for kept, twin in ((False, True), (True, False)):
        one, other = look(1), look(2)
        here, there, third = (place(number, 3) for number in range(3))
        seats = Seats()
        seats.assign(0.0, [(here, one), (there, other), *([(third, one)] if twin else [])])
        seats.assign(1.0, [(there, other)])
        began, _ = seats.assign(2.0, [(here, striped(one, 12)), (there, other)])
        seats.kept = {began} if kept else ()
        looks = [one if seat.id == began else other for seat in seats.placed]
        assert seats.recognise(2.5, looks) == {}


def test_face_that_is_found_elsewhere_in_a_tile_makes_nobody_new_where_nothing_has_moved() -> None:
    for later in (striped(look(1), 12), look_of(tile(1, SHAPE), Rect(0, 0, *SHAPE), Box(0.0, 0.0, 1.0, 1.0))):
        seats = Seats()
        tiles = [(place(number, 3), look(number)) for number in range(4)]
        first = seats.assign(0.0, tiles)
        assert distance(look(1), later) > CHANGED
        assert seats.assign(2.0, [tiles[0], (tiles[1][0], later), *tiles[2:]], followed=True) == first


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[list[int], int, tuple[int, ...]]]:
    """Some pages of a meeting: who is shown, in how many columns, and who leaned out of the picture."""
    people = st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True)
    pages: list[tuple[list[int], int, tuple[int, ...]]] = [(draw(people), 3, ())]
    for _ in range(draw(st.integers(1, 8))):
        shown, columns, _ = pages[-1]
        match draw(st.sampled_from(["stay", "join", "leave", "order", "page", "resize", "lean", "replace"])):
            case "join":
                shown = [*shown, *(each for each in [draw(st.integers(0, 40))] if each not in shown)]
            case "leave" if len(shown) > 1:
                shown = [each for each in shown if each != draw(st.sampled_from(shown))]
            case "order":
                shown = draw(st.permutations(shown))
            case "page":
                shown = draw(people)
            case "resize":
                columns = draw(st.integers(2, 7))
            case "replace":
                newcomer = draw(st.integers(41, 60))
                shown = shown if newcomer in shown else [newcomer, *shown[1:]]
        away = tuple(draw(st.lists(st.sampled_from(shown), max_size=2, unique=True))) if shown else ()
        pages.append((list(shown), columns, away))
    return pages


@given(stories())
def test_no_two_people_are_mixed_whatever_happens_to_the_layout(
    story: list[tuple[list[int], int, tuple[int, ...]]],
) -> None:
    meeting = Meeting()
    for shown, columns, away in story:
        meeting.show(shown, columns, away=away)


def test_look_has_nothing_of_the_face_in_it() -> None:
    one, other = tile(3, SHAPE).copy(), tile(3, SHAPE).copy()
    top, left = round(FACE.y * SHAPE[0]), round(FACE.x * SHAPE[1])
    other[top : top + round(FACE.height * SHAPE[0]), left : left + round(FACE.width * SHAPE[1])] = (255, 0, 255)
    whole = Rect(0, 0, *SHAPE)
    assert np.array_equal(look_of(one, whole, FACE).cells, look_of(other, whole, FACE).cells)


def test_look_follows_the_light_and_keeps_the_clothes_of_whoever_leans_out() -> None:
    before, away = look(3), look(3, is_there=False)
    assert before.updated(away).clothes is before.clothes
    assert before.clothes is not None
    brighter = replace(before, cells=before.cells + np.float32(4), clothes=before.clothes + np.float32(4))
    assert distance(before, brighter) < 1
    assert distance(before, before.updated(brighter)) < 1


def test_face_that_is_found_a_little_larger_has_the_same_clothes_below_it() -> None:
    picture = cv2.resize(Projector().picture("mateo", "calm", 0.0), (192, 108), interpolation=cv2.INTER_AREA)
    faces = Box(0.359, 0.379, 0.201, 0.356), Box(0.351, 0.362, 0.226, 0.401)
    looks = [look_of(picture, Rect(0, 0, 108, 192), face) for face in faces]
    assert distance(*looks) < ALIKE


def test_tile_that_is_all_face_is_like_no_other() -> None:
    close = look_of(tile(1, SHAPE), Rect(0, 0, *SHAPE), Box(0.0, 0.0, 1.0, 1.0))
    assert not close.seen.any()
    assert close.seen.shape == (ROWS, COLUMNS)
    assert distance(close, close) == float("inf")
