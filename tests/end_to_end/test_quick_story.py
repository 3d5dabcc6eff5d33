"""Eight drawn people, real WebRTC, real engine: what the bot says against what was drawn."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any

import numpy as np
import pytest

from bot.app import Addresses, Surroundings, run
from bot.engagement import Meter, PersonValues
from bot.inference import Inference
from bot.meeting import observers
from bot.meeting.observer import observe
from bot.meeting.read_rate import ReadSchedule
from bot.rooms.base import Track
from bot.rooms.publishing.publisher import play_story
from bot.samples.story import Act, Story, load_story
from bot.settings import Settings
from dashboard_protocol.events import Alert, ClassSummary, Event, Forget, ParticipantUpdate, Profile, Unmeasurable
from engine.expressions import FER7, Expression
from engine.readings import FaceReading

pytestmark = pytest.mark.alone

SWITCH_S = 1.6
"""A clip switches at its next key frame, a second at most; a picture is decoded and read some time later."""


@dataclass
class Performance:
    """A story as it was played, read and published."""

    story: Story
    zero: float = 0.0
    """Second 0 of the story on the room's clock."""
    readings: defaultdict[str, list[tuple[float, FaceReading]]] = field(default_factory=lambda: defaultdict(list))
    """By display name: story time and reading."""
    events: list[Event] = field(default_factory=list)

    def during(self, segment: str) -> tuple[str, list[tuple[float, FaceReading]]]:
        """Find who plays a segment in the story, and their readings while it is held."""
        for person in self.story.people:
            for cue, following in zip(person.cues, [*person.cues[1:], None], strict=True):
                if cue.segment == segment and cue.act is Act.PLAY and segment != "calm":
                    end = following.at_s if following else self.story.length_s
                    held = [(at, r) for at, r in self.readings[person.name] if cue.at_s + SWITCH_S < at < end - 0.5]
                    assert len(held) >= 8, f"{person.name} was read {len(held)} times while playing {segment}"
                    return person.name, held
        raise LookupError(f"nobody plays {segment}")

    def updates(self, name: str) -> list[tuple[float, ParticipantUpdate]]:
        return [
            (event.at - self.zero, event.body)
            for event in self.events
            if isinstance(event.body, ParticipantUpdate) and event.body.name == name
        ]

    def summaries(self) -> list[tuple[float, ClassSummary]]:
        return [(event.at - self.zero, event.body) for event in self.events if isinstance(event.body, ClassSummary)]

    def truth(self, name: str, held: list[tuple[float, FaceReading]], value: str) -> float:
        """The median of what was drawn at the times of readings."""
        person_id = next(person.id for person in self.story.people if person.name == name)
        poses = [self.story.moment(person_id, at).pose for at, _ in held]
        return float(median(getattr(pose, value) for pose in poses if pose is not None))


class Tap:
    """Stands before a meter and keeps what goes in."""

    def __init__(self, meter: Meter, taken: list[tuple[float, FaceReading]]) -> None:
        self._meter = meter
        self._taken = taken

    def camera_on(self, at: float) -> None:
        self._meter.camera_on(at)

    def camera_off(self, at: float) -> None:
        self._meter.camera_off(at)

    def update(self, at: float, reading: FaceReading | None, aspect: float | None = None) -> None:
        if reading is not None:
            self._taken.append((at, reading))
        self._meter.update(at, reading, aspect)

    def skip(self, at: float, why: Unmeasurable = Unmeasurable.ENGINE_AWAY) -> None:
        self._meter.skip(at, why)

    def values(self, at: float) -> PersonValues:
        return self._meter.values(at)


async def perform(performance: Performance) -> None:
    stop = asyncio.Event()

    async def guests(addresses: Addresses) -> None:
        def begin(people: int) -> None:
            performance.zero = time.time()

        await play_story(performance.story, addresses.whip, opts_in=True, connected=begin)
        stop.set()

    settings = Settings(room_url="local://quick", policy=Profile.INDIVIDUAL, port=0, k=3)
    surroundings = Surroundings(
        stop=stop, report_addresses=lambda _: None, show=performance.events.append, guests=guests
    )
    async with asyncio.timeout(110):
        await run(settings, surroundings)


@pytest.fixture(scope="module")
def performance() -> Performance:
    played = Performance(load_story("quick"))

    async def tapped(track: Track, inference: Inference, meter: Meter, turns: ReadSchedule, **more: Any) -> None:
        tap = Tap(meter, played.readings[track.participant.name])
        await observe(track, inference, tap, turns, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLASSPULSE_SECRET", "s" * 64)
        patch.setattr(observers, "observe", tapped)
        asyncio.run(perform(played))
    for name, taken in played.readings.items():
        played.readings[name] = [(at - played.zero, reading) for at, reading in taken]
    return played


def leading(held: list[tuple[float, FaceReading]]) -> tuple[Expression, float]:
    """The expression with the highest mean probability, and that probability."""
    scores = np.mean([reading.fer7 for _, reading in held if reading.fer7 is not None], axis=0)
    return FER7[int(scores.argmax())], float(scores.max())


def first(rows: list[tuple[float, ParticipantUpdate]], holds: Callable[[ParticipantUpdate], bool]) -> float:
    """When something first holds."""
    return next(at for at, update in rows if holds(update))


@pytest.mark.parametrize(("segment", "expression"), [("laugh", Expression.HAPPY), ("surprise", Expression.SURPRISE)])
def test_displayed_expression_leads_and_is_named(
    performance: Performance, segment: str, expression: Expression
) -> None:
    name, held = performance.during(segment)
    assert leading(held)[0] is expression
    named = [update.displayed for at, update in performance.updates(name) if held[0][0] + 2 < at < held[-1][0]]
    assert named.count(expression.value) >= 0.7 * len(named), named


@pytest.mark.parametrize("segment", ["turned_25", "turned_-40"])
def test_head_is_turned_as_drawn(performance: Performance, segment: str) -> None:
    name, held = performance.during(segment)
    assert median(r.face.yaw_deg for _, r in held) == pytest.approx(performance.truth(name, held, "yaw_deg"), abs=8.0)


def test_closed_eyes_are_seen(performance: Performance) -> None:
    name, held = performance.during("eyes_closed")
    before = [reading for at, reading in performance.readings[name] if at < 5.5]
    assert median(r.face.eye_openness for _, r in held) < 0.4 * median(r.face.eye_openness for r in before)


def test_gaze_aside_is_seen_on_its_side(performance: Performance) -> None:
    name, held = performance.during("gaze_aside")
    before = [reading for at, reading in performance.readings[name] if at < 5.5]
    moved = median(r.face.iris_offset for _, r in held) - median(r.face.iris_offset for r in before)
    assert abs(moved) > 0.1
    assert moved * performance.truth(name, held, "gaze") > 0


def test_looking_away_lowers_attention_within_twelve_seconds(performance: Performance) -> None:
    name, held = performance.during("away_left")
    began = held[0][0] - SWITCH_S
    rows = performance.updates(name)
    before = mean(update.index for at, update in rows if began - 2 < at < began + 1 and update.index is not None)
    lowered = first(rows, lambda update: update.index is not None and update.index < before - 0.3)
    assert before > 0.7
    assert began < lowered <= began + 12.0
    assert any(update.facing is False for at, update in rows if began < at < began + 8)


def test_departure_is_reported_as_departure(performance: Performance) -> None:
    person = next(p for p in performance.story.people if any(cue.act is Act.LEAVE for cue in p.cues))
    left = next(cue.at_s for cue in person.cues if cue.act is Act.LEAVE)
    rows = performance.updates(person.name)
    forgotten = next(
        event.at - performance.zero
        for event in performance.events
        if isinstance(event.body, Forget) and event.body.participant == rows[0][1].participant
    )
    assert left <= forgotten <= left + 3.0
    assert max(at for at, _ in rows) <= forgotten
    present = {
        summary.present for at, summary in performance.summaries() if left + 3 < at < performance.story.length_s - 1
    }
    assert present == {7}


def test_camera_off_is_reported_as_not_measurable_and_not_as_inattention(performance: Performance) -> None:
    person = next(p for p in performance.story.people if any(cue.act is Act.CAMERA_OFF for cue in p.cues))
    off = next(cue.at_s for cue in person.cues if cue.act is Act.CAMERA_OFF)
    on = next(cue.at_s for cue in person.cues if cue.act is Act.CAMERA_ON)
    dark = [update for at, update in performance.updates(person.name) if off + 4 < at < on]
    assert dark
    assert {update.unmeasurable for update in dark} == {Unmeasurable.CAMERA_OFF}
    assert {(update.index, update.level, update.facing, update.displayed) for update in dark} == {(None,) * 4}
    counts = [(s.present, s.camera_on) for at, s in performance.summaries() if off + 4 < at < min(on, 20.0)]
    assert set(counts) <= {(8, 7)}


def test_everybody_is_read_evenly_and_calm_people_are_with_the_screen(performance: Performance) -> None:
    for person in performance.story.people:
        # An index needs five seconds of reads, and these begin when the first picture is there.
        calm = [update for at, update in performance.updates(person.name) if 4.0 < at < 7.5]
        assert calm
        assert all(update.reads_per_s > 2.0 for update in calm), person.name
        assert any(update.index is not None and update.index > 0.7 for update in calm), person.name
    assert not any(isinstance(event.body, Alert) for event in performance.events), "thirty seconds prove nothing"
