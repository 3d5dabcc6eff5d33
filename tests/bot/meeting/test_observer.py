"""What the path does for one participant, and what it survives."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest

from bot.engagement import EngagementMeter, EngagementParameters
from bot.meeting.observer import observe
from bot.meeting.read_rate import ReadRate
from bot.rooms.base import Frame, Participant, PictureLost
from dashboard_protocol.events import Unmeasurable
from engine.errors import InferenceFailed
from engine.readings import Box, Face, FaceReading

ANNA = Participant("p1", "Anna")


class RecordingMeter(EngagementMeter):
    """A real meter that also keeps what it was given."""

    def __init__(self) -> None:
        super().__init__(EngagementParameters())
        self.taken: list[tuple[float, FaceReading | None]] = []
        self.skipped: list[tuple[float, Unmeasurable]] = []
        self.changed = asyncio.Event()

    def update(self, at: float, reading: FaceReading | None, aspect: float | None = None) -> None:
        super().update(at, reading, aspect)
        self.taken.append((at, reading))
        self.changed.set()

    def skip(self, at: float, why: Unmeasurable = Unmeasurable.ENGINE_AWAY) -> None:
        super().skip(at, why)
        self.skipped.append((at, why))
        self.changed.set()

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not reached():
                self.changed.clear()
                await self.changed.wait()


@dataclass
class CameraTrack:
    """Frames as the test puts them; ends at None."""

    participant: Participant = ANNA
    queue: asyncio.Queue[Frame | None] = field(default_factory=asyncio.Queue)

    async def frames(self) -> AsyncIterator[Frame]:
        while (frame := await self.queue.get()) is not None:
            yield frame

    def show(self, at: float) -> None:
        self.queue.put_nowait(Frame(at, 640, 360, lambda: np.zeros((360, 640, 3), np.uint8)))


@dataclass
class ScriptedInference:
    """Answers in turn; an error is raised."""

    answers: list[FaceReading | Exception | None]
    boxes: list[Box | None] = field(default_factory=list)
    thorough: list[bool] = field(default_factory=list)

    async def read(
        self, frame: Frame, last_box: Box | None, *, participant: str, thorough: bool = True
    ) -> FaceReading | None:
        assert participant == ANNA.id
        self.boxes.append(last_box)
        self.thorough.append(thorough)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def reading(x: float) -> FaceReading:
    face = Face(
        box=Box(x, 0.2, 0.2, 0.3),
        box_width_px=128.0,
        landmarks=np.zeros((478, 3), np.float32),
        yaw_deg=0.0,
        pitch_deg=-8.0,
        roll_deg=0.0,
        eye_openness=0.3,
        iris_offset=0.0,
        mouth_openness=0.05,
    )
    return FaceReading(face, None)


def _has_taken(meter: RecordingMeter, count: int) -> bool:
    return len(meter.taken) == count


async def watch(track: CameraTrack, inference: ScriptedInference, meter: RecordingMeter, rate: float = 50.0) -> None:
    await observe(track, inference, meter, ReadRate(rate).turns(), clock=lambda: 100.0)


async def test_observer_looks_for_the_face_where_it_was_last() -> None:
    track, meter = CameraTrack(), RecordingMeter()
    meter.camera_on(0.0)
    inference = ScriptedInference([reading(0.3), None, reading(0.4)])
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch(track, inference, meter))
        for number in range(3):
            track.show(101.0 + number)
            await meter.until(partial(_has_taken, meter, number + 1))
        track.queue.put_nowait(None)
    assert [box and box.x for box in inference.boxes] == [None, 0.3, None]
    assert [at for at, _ in meter.taken] == [101.0, 102.0, 103.0]


async def test_observer_searches_an_empty_picture_thoroughly_only_now_and_then() -> None:
    track, meter = CameraTrack(), RecordingMeter()
    meter.camera_on(0.0)
    inference = ScriptedInference([None] * 12)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch(track, inference, meter, rate=1000.0))
        for number in range(12):
            track.show(101.0 + number)
            await meter.until(partial(_has_taken, meter, number + 1))
        track.queue.put_nowait(None)
    assert [number for number, thorough in enumerate(inference.thorough) if thorough] == [0, 1, 8]


async def test_observer_skips_a_read_whose_picture_cannot_be_decoded_and_reads_the_next() -> None:
    track, meter = CameraTrack(), RecordingMeter()
    meter.camera_on(0.0)
    inference = ScriptedInference([PictureLost(), reading(0.3)])
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch(track, inference, meter))
        track.show(101.0)
        await meter.until(lambda: bool(meter.skipped))
        track.show(102.0)
        await meter.until(partial(_has_taken, meter, 1))
        track.queue.put_nowait(None)
    assert meter.skipped[0] == (101.0, Unmeasurable.NOT_IN_VIEW)
    assert meter.taken[-1][0] == 102.0


async def test_observer_skips_a_read_when_no_picture_comes() -> None:
    track, meter = CameraTrack(), RecordingMeter()
    meter.camera_on(0.0)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watch(track, ScriptedInference([]), meter))
        await meter.until(lambda: len(meter.skipped) >= 2)
        task.cancel()
    assert meter.skipped[0][0] == 100.0
    assert not meter.taken


async def test_observer_survives_an_engine_that_fails_once() -> None:
    track, meter = CameraTrack(), RecordingMeter()
    meter.camera_on(0.0)
    inference = ScriptedInference([InferenceFailed("the batch was refused"), reading(0.3)])
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch(track, inference, meter))
        track.show(101.0)
        await meter.until(lambda: bool(meter.skipped))
        track.show(102.0)
        await meter.until(lambda: bool(meter.taken))
        track.queue.put_nowait(None)
    assert meter.skipped[0] == (101.0, Unmeasurable.ENGINE_AWAY)


async def test_observer_never_hands_on_times_that_run_backwards() -> None:
    track, meter = CameraTrack(), RecordingMeter()
    meter.camera_on(0.0)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch(track, ScriptedInference([None, None]), meter))
        track.show(105.0)
        await meter.until(lambda: len(meter.taken) == 1)
        track.show(104.0)
        await meter.until(lambda: len(meter.taken) == 2)
        track.queue.put_nowait(None)
    assert [at for at, _ in meter.taken] == [105.0, 105.0]


async def test_cancelled_observer_ends_at_once() -> None:
    track = CameraTrack()
    task = asyncio.create_task(watch(track, ScriptedInference([]), RecordingMeter(), rate=0.1))
    track.show(101.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_read_that_had_to_wait_takes_the_newest_picture_and_its_time() -> None:
    track, meter = CameraTrack(), RecordingMeter()
    asked, free = asyncio.Event(), asyncio.Event()

    class Busy(ScriptedInference):
        async def read(
            self, frame: Frame, last_box: Box | None, *, participant: str, thorough: bool = True
        ) -> FaceReading | None:
            asked.set()
            await free.wait()
            frame.to_rgb()
            return await super().read(frame, last_box, participant=participant, thorough=thorough)

    meter.camera_on(0.0)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(watch(track, Busy([reading(0.3)]), meter))
        track.show(101.0)
        await asked.wait()
        for number in range(3):
            track.show(102.0 + number)
        for _ in range(20):
            await asyncio.sleep(0)  # the camera's frames pass by
        free.set()
        await meter.until(partial(_has_taken, meter, 1))
        track.queue.put_nowait(None)
    assert [at for at, _ in meter.taken] == [104.0]
