"""Participants → class values: who is there, who is seen, and who has an index. Pure, unrounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.engagement import EngagementParameters, PersonValues
from bot.engagement.formula import percentile
from bot.rooms.base import Participant


@dataclass(frozen=True, slots=True)
class Person:
    """A participant and what a meter says about them now."""

    participant: Participant
    values: PersonValues


@dataclass(frozen=True, slots=True)
class ClassValues:
    """The class in one second."""

    at: float
    present: int
    camera_on: int
    """As the room's signalling says, of those who opted out too."""
    people: tuple[Person, ...]
    """Everybody who is measured or could be, in order of arrival."""
    visible: tuple[Person, ...]
    """Those with a face in view."""
    facing: tuple[Person, ...]
    """Those of them whose raw head pose faces the camera."""
    analysed: tuple[Person, ...]
    """Those with an index."""
    reads_per_s: float
    as_of: float | None
    """When the newest picture behind these values was decoded."""


def quartiles(people: Sequence[Person]) -> tuple[float, float]:
    """Give the lower and the upper quartile of the indexes of people who have one; one at least."""
    indexes = sorted(person.values.index for person in people if person.values.index is not None)
    return percentile(indexes, 25.0), percentile(indexes, 75.0)


def level_counts(people: Sequence[Person]) -> tuple[int, int, int, int]:
    """Count people at each level, lowest first."""
    levels = [person.values.level for person in people]
    return levels.count(0), levels.count(1), levels.count(2), levels.count(3)


def is_attentive(values: PersonValues, parameters: EngagementParameters) -> bool:
    """Whether somebody's attention is that of level 2 with a quiet face."""
    return (values.attention or 0.0) >= parameters.attentive_from


def class_values(
    at: float, present: Mapping[str, Participant], values: Mapping[str, PersonValues], camera_on: int
) -> ClassValues:
    """Give the class values of this second.

    Args:
        at: Seconds on the room's clock.
        present: Everybody in the room by id, in order of arrival, under the name and with the leave of now.
        values: What is measured of those who are read, by id; who is not in the room counts for nothing.
        camera_on: Cameras that are on, as the room shows everybody; opting out changes nothing about it.
    """
    people = tuple(Person(participant, values[id_]) for id_, participant in present.items() if id_ in values)
    newest = [person.values.as_of for person in people if person.values.as_of is not None]
    visible = tuple(person for person in people if person.values.visible)
    return ClassValues(
        at=at,
        present=len(present),
        camera_on=camera_on,
        people=people,
        visible=visible,
        facing=tuple(person for person in visible if person.values.facing_camera is True),
        analysed=tuple(person for person in people if person.values.index is not None),
        reads_per_s=sum(person.values.reads_per_s for person in people),
        as_of=max(newest, default=None),
    )
