"""Participants → class values: who is there, and the means over those with an index. Pure, unrounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from bot.engagement import EngagementParameters, PersonValues
from bot.engagement.formula import percentile
from bot.rooms.base import Participant


@dataclass(frozen=True, slots=True)
class Person:
    """A participant and what a meter says about her now."""

    participant: Participant
    values: PersonValues


@dataclass(frozen=True, slots=True)
class ClassMeans:
    """Unrounded values over a set of people with an index; what may leave the bot is the policy's decision."""

    people: int
    mean: float
    q1: float
    q3: float
    level_counts: tuple[int, int, int, int]
    """People at each level, lowest first."""
    attentive: float
    """Share of people whose attention is that of level 2 with a quiet face."""
    coverage: float
    expressions: tuple[float, ...] | None
    """(7,) mean of smoothed probabilities, 10 s, in the order of `FER7`; None when no face was scored."""
    valence: float | None
    arousal: float | None
    scored: int
    """People behind `expressions`, `valence` and `arousal`."""


@dataclass(frozen=True, slots=True)
class ClassValues:
    """The class in one second."""

    at: float
    present: int
    camera_on: int
    visible: int
    facing: int
    """People whose raw head pose faces the camera."""
    people: tuple[Person, ...]
    """Everybody who is measured or could be, in order of arrival."""
    analysed: tuple[Person, ...]
    """Those with an index."""
    reads_per_s: float
    as_of: float | None
    """When the newest picture behind these values was decoded."""


def class_means(people: Sequence[Person], parameters: EngagementParameters) -> ClassMeans | None:
    """Average over people; those without an index do not count. None without any."""
    analysed = [person.values for person in people if person.values.index is not None]
    if not analysed:
        return None
    indexes = sorted(values.index for values in analysed if values.index is not None)
    levels = [values.level for values in analysed]
    attentive = [is_attentive(values, parameters) for values in analysed]
    shown = [values.expressions_mean for values in analysed if values.expressions_mean is not None]
    return ClassMeans(
        people=len(analysed),
        mean=fmean(indexes),
        q1=percentile(indexes, 25.0),
        q3=percentile(indexes, 75.0),
        level_counts=(levels.count(0), levels.count(1), levels.count(2), levels.count(3)),
        attentive=fmean(attentive),
        coverage=fmean(values.coverage or 0.0 for values in analysed),
        expressions=tuple(fmean(column) for column in zip(*shown, strict=True)) if shown else None,
        valence=_mean([values.valence for values in analysed if values.valence is not None]),
        arousal=_mean([values.arousal for values in analysed if values.arousal is not None]),
        scored=len(shown),
    )


def is_attentive(values: PersonValues, parameters: EngagementParameters) -> bool:
    """Whether somebody's attention is that of level 2 with a quiet face."""
    return (values.attention or 0.0) >= parameters.attentive_from


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


class Classroom:
    """Everybody in the room, with their newest values."""

    def __init__(self) -> None:
        self._present: dict[str, Participant] = {}
        self._values: dict[str, PersonValues] = {}

    def joined(self, participant: Participant) -> None:
        """Count a participant as present, under the name and with the leave of now."""
        self._present[participant.id] = participant

    def left(self, participant_id: str) -> None:
        """Drop a participant."""
        self._present.pop(participant_id, None)
        self._values.pop(participant_id, None)

    def forget(self, participant_id: str) -> None:
        """Drop all values of a participant who is not read any more: they are counted as present and nowhere else."""
        self._values.pop(participant_id, None)

    def update(self, participant_id: str, values: PersonValues) -> None:
        """Take the newest values of somebody who is read; ignored for one who has left."""
        if participant_id in self._present:
            self._values[participant_id] = values

    def values(self, at: float) -> ClassValues:
        """Give the class values of this second."""
        people = tuple(
            Person(participant, self._values[participant.id])
            for participant in self._present.values()
            if participant.id in self._values
        )
        newest = [person.values.as_of for person in people if person.values.as_of is not None]
        return ClassValues(
            at=at,
            present=len(self._present),
            camera_on=sum(person.values.camera_on for person in people),
            visible=sum(person.values.visible for person in people),
            facing=sum(person.values.visible and person.values.facing_camera is True for person in people),
            people=people,
            analysed=tuple(person for person in people if person.values.index is not None),
            reads_per_s=sum(person.values.reads_per_s for person in people),
            as_of=max(newest, default=None),
        )
