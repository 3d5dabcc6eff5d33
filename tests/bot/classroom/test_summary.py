"""Counts and unrounded means of a class."""

import pytest

from bot.classroom.summary import Person, class_values, level_counts, quartiles
from bot.engagement import PersonValues
from bot.rooms.base import Participant
from dashboard_protocol.events import Unmeasurable


def values(index: float | None, attention: float = 0.7, level: int = 2, **more: object) -> PersonValues:
    usual: dict[str, object] = {
        "at": 10.0, "camera_on": True, "visible": True, "facing_camera": True,
        "unmeasurable": None if index is not None else Unmeasurable.NOT_IN_VIEW,
        "since": 0.0, "reads_per_s": 4.0, "as_of": 9.5, "index": index,
        "level": level if index is not None else None, "coverage": 0.9 if index is not None else None,
        "attention": attention if index is not None else None,
    }  # fmt: skip
    return PersonValues(**{**usual, **more})  # type: ignore[arg-type]


def people(*all_values: PersonValues) -> list[Person]:
    return [Person(Participant(str(number), f"Name {number}"), each) for number, each in enumerate(all_values)]


def test_quartiles_and_levels_are_those_of_people_with_an_index() -> None:
    some = people(values(0.2, 0.3, 0), values(0.6), values(None), values(1.0, 0.9, 3))
    assert quartiles(some) == pytest.approx((0.4, 0.8))
    assert level_counts(some) == (1, 0, 1, 1)


def room(count: int) -> dict[str, Participant]:
    return {str(number): Participant(str(number), f"Name {number}") for number in range(count)}


def test_class_values_count_who_is_there_and_what_is_seen() -> None:
    measured = {
        "0": values(0.8),
        "1": values(0.5, facing_camera=False, as_of=9.8),
        "2": values(None, visible=False, facing_camera=None),
        "3": values(None, camera_on=False, visible=False, facing_camera=None, reads_per_s=0.0, as_of=None),
    }
    now = class_values(11.0, room(5), measured, camera_on=4)
    assert (now.present, now.camera_on) == (5, 4)
    assert [[each.participant.id for each in group] for group in (now.visible, now.facing)] == [["0", "1"], ["0"]]
    assert [person.participant.id for person in now.analysed] == ["0", "1"]
    assert len(now.people) == 4
    assert now.reads_per_s == 12.0
    assert now.as_of == 9.8
    assert now.at == 11.0


def test_empty_room_has_no_newest_picture() -> None:
    now = class_values(1.0, {}, {}, camera_on=2)
    assert (now.present, now.as_of, now.analysed) == (0, None, ())


def test_values_of_somebody_who_is_not_in_the_room_count_for_nothing() -> None:
    now = class_values(1.0, room(1), {"7": values(0.8)}, camera_on=2)
    assert (now.present, now.people) == (1, ())


def test_participant_without_values_counts_as_present_and_nowhere_else() -> None:
    now = class_values(1.0, room(2), {"1": values(0.9)}, camera_on=2)
    assert (now.present, now.camera_on) == (2, 2)
    assert [person.participant.id for person in now.people] == ["1"]


def test_values_stand_under_the_name_of_now() -> None:
    now = class_values(1.0, {"0": Participant("0", "New name", opted_in=True)}, {"0": values(0.8)}, camera_on=2)
    assert now.people[0].participant.name == "New name"
