"""Counts and unrounded means of a class."""

import pytest

from bot.classroom.summary import Classroom, Person, level_counts, quartiles
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


def _classroom(count: int) -> Classroom:
    classroom = Classroom()
    for number in range(count):
        classroom.joined(Participant(str(number), f"Name {number}"))
    return classroom


def test_classroom_counts_who_is_there_and_what_is_seen() -> None:
    classroom = _classroom(5)
    classroom.update("0", values(0.8))
    classroom.update("1", values(0.5, facing_camera=False, as_of=9.8))
    classroom.update("2", values(None, visible=False, facing_camera=None))
    classroom.update("3", values(None, camera_on=False, visible=False, facing_camera=None, reads_per_s=0.0, as_of=None))
    now = classroom.values(11.0, camera_on=4)
    assert (now.present, now.camera_on) == (5, 4)
    assert [[each.participant.id for each in group] for group in (now.visible, now.facing)] == [["0", "1"], ["0"]]
    assert [person.participant.id for person in now.analysed] == ["0", "1"]
    assert len(now.people) == 4
    assert now.reads_per_s == 12.0
    assert now.as_of == 9.8
    assert now.at == 11.0


def test_empty_classroom_has_no_newest_picture() -> None:
    now = Classroom().values(1.0, camera_on=2)
    assert (now.present, now.as_of, now.analysed) == (0, None, ())


def test_participant_who_left_leaves_nothing_behind() -> None:
    classroom = _classroom(2)
    classroom.update("0", values(0.8))
    classroom.left("0")
    classroom.update("0", values(0.8))
    assert classroom.values(1.0, camera_on=2).present == 1
    assert classroom.values(1.0, camera_on=2).people == ()
    classroom.left("unknown")


def test_forgotten_participant_counts_as_present_and_nowhere_else() -> None:
    classroom = _classroom(2)
    classroom.update("0", values(0.8))
    classroom.forget("0")
    now = classroom.values(1.0, camera_on=2)
    assert (now.present, now.camera_on, now.people) == (2, 2, ())
    classroom.update("0", values(0.9))
    assert classroom.values(2.0, camera_on=2).analysed[0].values.index == 0.9


def test_name_change_is_seen_in_the_values() -> None:
    classroom = _classroom(1)
    classroom.update("0", values(0.8))
    classroom.joined(Participant("0", "New name", opted_in=True))
    assert classroom.values(1.0, camera_on=2).people[0].participant.name == "New name"
