"""What a meter says about one person: `PersonValues`, unrounded."""

from dataclasses import dataclass
from enum import StrEnum

from dashboard_protocol.events import Unmeasurable


class Grade(StrEnum):
    """How much an index rests on."""

    FULL = "full"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class Factors:
    """What multiplies to the index, each in [0, 1] as a mean of the window; unmeasured factors count 1, activity 0."""

    facing: float
    gaze: float
    eyes: float
    activity: float


@dataclass(frozen=True, slots=True)
class Observables:
    """What a camera saw of one person; None is not measurable. Windows of 10 s, `long` ones of 60 s."""

    face_present: float | None = None
    """Share of due reads that found a face."""
    facing: float | None = None
    gaze: float | None = None
    eyes_open: float | None = None
    """Share of measurable reads outside a closure run."""
    closed_share: float | None = None
    """Share of measurable reads with lids at least 80 % closed, over 60 s."""
    closures: int | None = None
    """Closure runs in 60 s."""
    longest_closure_s: float | None = None
    look_aways: int | None = None
    """Episodes of looking away in 60 s."""
    look_away_s: float | None = None
    """Their total length inside the 60 s."""
    mouth_movement: float | None = None
    """Share of reads with a moving mouth; chewing and laughing look the same as speech."""
    yawns: int | None = None
    """In 60 s; reported, never scored."""


@dataclass(frozen=True, slots=True)
class PersonValues:
    """One person now. `index` is None exactly when `unmeasurable` says why."""

    at: float
    camera_on: bool
    visible: bool
    """A face was found within the last 2 s."""
    facing_camera: bool | None
    """Raw head pose, mean of 2 s, within ±30° of yaw and −30° to +20° of pitch; None without a face."""
    unmeasurable: Unmeasurable | None
    since: float
    """Since when `unmeasurable` holds, or since when the person is measured."""
    reads_per_s: float
    """Decoded pictures read a second, with or without a face, mean of 10 s."""
    as_of: float | None
    """When the newest picture read was decoded."""
    index: float | None = None
    model: float | None = None
    """What a learned head says beside the index, in [0, 1]; None without one."""
    level: int | None = None
    """0 to 3, with hysteresis."""
    coverage: float | None = None
    """Measurable over due reads, for facing."""
    attention: float | None = None
    """The A of the formula: the index without activity."""
    activity: float | None = None
    grade: Grade | None = None
    factors: Factors | None = None
    facing: bool | None = None
    """Whether the newest measured read faces the screen."""
    expressions: tuple[float, ...] | None = None
    """(7,) smoothed probabilities in the order of `FER7`, half-life 1 s."""
    expressions_unmeasurable: Unmeasurable | None = None
    """Why a face that is seen well has no expression; None when it has one, or is too small or turned too far."""
    displayed: str | None = None
    """Name of the displayed expression, or `unclear`: what the class's shares count."""
    valence: float | None = None
    """In [−1, 1], mean of 10 s."""
    arousal: float | None = None
    observables: Observables = Observables()

    def unread(self, since: float) -> "PersonValues":
        """Return what may be said of somebody of whom no pictures are taken: whether their camera is on."""
        return PersonValues(
            at=self.at,
            camera_on=self.camera_on,
            visible=False,
            facing_camera=None,
            unmeasurable=Unmeasurable.WISHES_UNREACHABLE if self.camera_on else Unmeasurable.CAMERA_OFF,
            since=since if self.camera_on else self.since,
            reads_per_s=0.0,
            as_of=self.as_of,
        )
