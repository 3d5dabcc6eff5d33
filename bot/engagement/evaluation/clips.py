"""Labelled clips, and what was read of each: numbers, never pictures or landmarks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

import numpy as np

from bot.engagement.presence import ReadSink
from dashboard_protocol.events import Unmeasurable
from engine.readings import Box, Face, FaceReading, Floats

LEVELS: Final = 4
"""Levels of engagement that labels and index have, 0 the lowest."""


class Split(StrEnum):
    """Sides of an official division of people."""

    TRAIN = "Train"
    VALIDATION = "Validation"
    TEST = "Test"


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """One clip, as its data set has it."""

    file: str
    """Below the data's folder."""
    person: str
    label: int
    """0 to 3."""
    split: Split | None = None
    """None where the data set has no division."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Grouping → group of the person, e.g. glasses → yes; one that is not known is absent."""


@dataclass(frozen=True, slots=True)
class SeenFace:
    """What one read said of a face."""

    box_width_px: float
    yaw_deg: float
    pitch_deg: float
    eye_openness: float
    iris_offset: float
    mouth_openness: float
    fer7: tuple[float, float, float, float, float, float, float] | None
    """Probabilities in the order of `FER7`; None where no network read it."""

    @classmethod
    def of(cls, reading: FaceReading) -> "SeenFace":
        """Keep of a reading what a meter takes, to so many digits as mean something."""
        face, fer7 = reading.face, reading.fer7
        return cls(
            box_width_px=round(face.box_width_px, 1),
            yaw_deg=round(face.yaw_deg, 4),
            pitch_deg=round(face.pitch_deg, 4),
            eye_openness=round(face.eye_openness, 4),
            iris_offset=round(face.iris_offset, 4),
            mouth_openness=round(face.mouth_openness, 4),
            fer7=None if fer7 is None else _seven(fer7),
        )

    def reading(self) -> FaceReading:
        """Give the reading back, without a place in the picture and without landmarks."""
        face = Face(
            Box(0.0, 0.0, 0.0, 0.0), self.box_width_px, _NO_LANDMARKS, self.yaw_deg, self.pitch_deg, 0.0,
            self.eye_openness, self.iris_offset, self.mouth_openness,
        )  # fmt: skip
        return FaceReading(face, None if self.fer7 is None else np.asarray(self.fer7, np.float32))


def _seven(fer7: Floats) -> tuple[float, float, float, float, float, float, float]:
    one, two, three, four, five, six, seven = (round(share, 4) for share in fer7.tolist())
    return one, two, three, four, five, six, seven


_NO_LANDMARKS = np.empty((0, 3), np.float32)


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a meter."""

    at: float
    """Seconds from the clip's beginning."""
    kind: Literal["camera_on", "camera_off", "read", "missed"]
    face: SeenFace | None = None
    """Of a read: the face, None without one."""
    aspect: float | None = None
    why: Unmeasurable | None = None
    """Of a missed read."""


@dataclass(frozen=True, slots=True)
class ClipReads:
    """All that was read of one clip."""

    steps: tuple[Step, ...]
    end_s: float
    """When the clip is over."""

    @property
    def due(self) -> int:
        """How many reads were due."""
        return sum(step.kind in ("read", "missed") for step in self.steps)

    def play(self, meter: ReadSink, moments: Sequence[float]) -> Iterator[float]:
        """Have a meter see the clip; yields each of these moments, ascending, when all before it has been seen."""
        steps = iter(self.steps)
        step = next(steps, None)
        for moment in moments:
            while step is not None and step.at <= moment:
                _hand(meter, step)
                step = next(steps, None)
            yield moment


@dataclass(slots=True)
class Recorder:
    """Keeps every read in place of a meter; see `ReadSink`."""

    steps: list[Step] = field(default_factory=list)

    def camera_on(self, at: float) -> None:
        """Keep it."""
        self.steps.append(Step(at, "camera_on"))

    def camera_off(self, at: float) -> None:
        """Keep it."""
        self.steps.append(Step(at, "camera_off"))

    def update(self, at: float, reading: FaceReading | None, aspect: float | None = None) -> None:
        """Keep the read, without its landmarks."""
        self.steps.append(Step(at, "read", None if reading is None else SeenFace.of(reading), aspect))

    def skip(self, at: float, why: Unmeasurable = Unmeasurable.ENGINE_AWAY) -> None:
        """Keep that a read was missed."""
        self.steps.append(Step(at, "missed", why=why))


def _hand(meter: ReadSink, step: Step) -> None:
    match step.kind:
        case "camera_on":
            meter.camera_on(step.at)
        case "camera_off":
            meter.camera_off(step.at)
        case "missed":
            meter.skip(step.at, step.why or Unmeasurable.ENGINE_AWAY)
        case "read":
            meter.update(step.at, None if step.face is None else step.face.reading(), step.aspect)
