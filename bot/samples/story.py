"""Stories the drawn people play, and what is true at every moment of them."""

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from bot.errors import SettingsRefused
from bot.samples.pose import Pose

HERE = Path(__file__).parent
CLIPS = HERE / "clips"
TRUTH_FILE = CLIPS / "truth.json"


class Act(StrEnum):
    """What a cue has a person do."""

    PLAY = "play"
    CAMERA_OFF = "camera_off"
    CAMERA_ON = "camera_on"
    LEAVE = "leave"
    RETURN = "return"


@dataclass(frozen=True, slots=True)
class Cue:
    """At a time of the story, do something."""

    at_s: float
    act: Act
    segment: str = ""
    """What to play, again and again until the next cue; only for `PLAY`."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person of a story."""

    id: str
    name: str
    cues: tuple[Cue, ...]
    """In the order of their times; the first plays at 0 s."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is true of one person at one time."""

    is_present: bool
    camera_on: bool
    segment: str
    """What is played; also the name of what is displayed: `calm`, `laugh`, `surprise`, …"""
    pose: Pose | None
    """As drawn; None while nothing is sent."""


@dataclass(frozen=True, slots=True)
class Story:
    """A playlist for a class, in seconds from when the room is live."""

    name: str
    length_s: float
    loops: bool
    """Whether it begins anew after `length_s`; else everybody goes on with the last cue."""
    people: tuple[Person, ...]

    def person(self, person_id: str) -> Person:
        """Find a person by id; raises KeyError."""
        return next((p for p in self.people if p.id == person_id), None) or _unknown(person_id)

    def playing(self, person_id: str, at_s: float) -> tuple[str, float]:
        """Return which segment a person plays at a time, whether anybody sees it or not, and when it began."""
        turn_s = at_s // self.length_s * self.length_s if self.loops else 0.0
        segment, since_s = self._cued(person_id, at_s - turn_s)[2:]
        return segment, turn_s + since_s

    def moment(self, person_id: str, at_s: float) -> Moment:
        """Say what is true of a person at a time of the story."""
        at_s = at_s % self.length_s if self.loops else at_s
        is_present, camera_on, segment, since_s = self._cued(person_id, at_s)
        pose = true_pose(person_id, segment, at_s - since_s) if is_present and camera_on else None
        return Moment(is_present, camera_on, segment, pose)

    def _cued(self, person_id: str, at_s: float) -> tuple[bool, bool, str, float]:
        """Follow a person's cues: whether they are present, their camera is on, what they play and since when."""
        is_present, camera_on, segment, since_s = True, True, "calm", 0.0
        for cue in self.person(person_id).cues:
            if cue.at_s > at_s:
                break
            is_present = cue.act is not Act.LEAVE and (is_present or cue.act is Act.RETURN)
            camera_on = cue.act is not Act.CAMERA_OFF and (camera_on or cue.act is Act.CAMERA_ON)
            segment = cue.segment or segment
            since_s = since_s if cue.act in (Act.LEAVE, Act.CAMERA_OFF) else cue.at_s
        return is_present, camera_on, segment, since_s


def load_story(name: str) -> Story:
    """Load a story by its name: `demo` or `quick`.

    Raises:
        SettingsRefused: There is no such story.
    """
    stories = json.loads((HERE / "story.json").read_text(encoding="utf-8"))
    if name not in stories:
        raise SettingsRefused(f"There is no story {name!r}: choose one of {', '.join(stories)}")
    story = stories[name]
    people = tuple(
        Person(person["id"], person["name"], tuple(_cue(cue) for cue in person["cues"])) for person in story["people"]
    )
    return Story(name, story["length_s"], story["loops"], people)


def clip_path(person_id: str, segment: str) -> Path:
    """Name the file in which a person plays a segment."""
    return CLIPS / f"{person_id}-{segment}.webm"


def true_pose(person_id: str, segment: str, at_s: float) -> Pose:
    """Return the pose that was drawn, `at_s` seconds after the segment began; the segment loops."""
    clip = _truth()[f"{person_id}-{segment}"]
    frames = clip["frames"]
    values = frames[int(at_s * clip["frames_per_s"] + 1e-6) % len(frames)]
    return Pose(**dict(zip(clip["columns"], values, strict=True)))


def face_width_px(person_id: str) -> float:
    """Return how wide a person's face is drawn, cheek to cheek when quiet."""
    return float(_truth()[f"{person_id}-calm"]["face_width_px"])


@cache
def _truth() -> dict[str, Any]:
    truth: dict[str, Any] = json.loads(TRUTH_FILE.read_text(encoding="utf-8"))
    return truth


def _cue(written: list[Any]) -> Cue:
    at_s, act, *segment = written
    return Cue(float(at_s), Act(act), *segment)


def _unknown(person_id: str) -> Person:
    raise KeyError(person_id)
