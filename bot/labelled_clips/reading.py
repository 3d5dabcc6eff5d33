"""Reads clips as a recording's class is read, each on its own clock: same room, same observer, same engine."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.engagement import EngagementParameters
from bot.engagement.evaluation.clips import ClipReads, Recorder
from bot.errors import RecordingUnreadable, RoomClosed
from bot.inference import Inference
from bot.meeting.observer import observe
from bot.meeting.read_rate import ReadRate
from bot.recordings.file_time import FileTimeLoop
from bot.recordings.room import RecordingRoom
from bot.recordings.timeless import Timeless
from bot.recordings.video_file import VideoFile
from bot.rooms.base import CameraOff, CameraOn, Left, Track

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Clips that are one room: as many cores as there are find faces in them."""


@dataclass(slots=True)
class ReadClip:
    """What came of one clip."""

    reads: ClipReads | None = None
    """None where nothing of it could be read."""
    damage: str | None = None
    """What could not be read, in one line; None for nothing."""


def read_clips(paths: Sequence[Path], inference: Inference, parameters: EngagementParameters) -> list[ReadClip]:
    """Read a few clips from beginning to end; call it in a thread that runs no event loop.

    Args:
        paths: one at least; they begin together, and none knows of another.
        inference: open; reads faces for whatever loop asks.
        parameters: how often it is read.
    """
    files: dict[int, VideoFile] = {}
    read = [ReadClip() for _ in paths]
    for number, path in enumerate(paths):
        try:
            files[number] = VideoFile(path)
        except RecordingUnreadable as error:
            read[number].damage = str(error)
    if files:
        with asyncio.Runner(loop_factory=FileTimeLoop) as runner:
            clips = runner.run(_attend(list(files.values()), inference, parameters))
        for (number, file), clip in zip(files.items(), clips, strict=True):
            read[number] = ReadClip(clip.reads, clip.damage or file.damage)
    return read


async def _attend(files: list[VideoFile], inference: Inference, parameters: EngagementParameters) -> list[ReadClip]:
    """Have an observer of each person's camera hand reads to a recorder in place of a meter."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, FileTimeLoop)
    clips = _Clips(loop, inference, parameters, [f"p{number}" for number, _ in enumerate(files, 1)])
    room = RecordingRoom("clips", files, began_at=0.0, standing=loop.standing)
    async with asyncio.TaskGroup() as watching, room:
        with suppress(RoomClosed):
            async for event in room.events():
                match event:
                    case CameraOn(participant=participant, track=track):
                        clips.watch(watching, participant.id, track)
                    case CameraOff(participant=participant):
                        clips.pause(participant.id)
                    case Left(participant=participant):
                        clips.end(participant.id)
    return clips.read


class _Clips:
    """The recorders of the people of a room, and the tasks that watch them."""

    def __init__(
        self, loop: FileTimeLoop, inference: Inference, parameters: EngagementParameters, ids: Sequence[str]
    ) -> None:
        self._loop = loop
        self._inference = Timeless(inference, loop)
        self._read_rate = ReadRate(parameters.reads_per_s, is_spread=False)
        self._recorders = {id_: Recorder() for id_ in ids}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, float] = {}
        self._broken: dict[str, str] = {}

    def watch(self, watching: asyncio.TaskGroup, id_: str, track: Track) -> None:
        self._recorders[id_].camera_on(self._loop.time())
        self._tasks[id_] = watching.create_task(self._observe(id_, track), name=f"clip {id_}")

    def pause(self, id_: str) -> None:
        self._stop(id_)
        self._recorders[id_].camera_off(self._loop.time())

    def end(self, id_: str) -> None:
        self._stop(id_)
        self._ends[id_] = self._loop.time()

    @property
    def read(self) -> list[ReadClip]:
        return [
            ReadClip(damage=self._broken[id_])
            if id_ in self._broken
            else ReadClip(ClipReads(tuple(recorder.steps), self._ends[id_]))
            for id_, recorder in self._recorders.items()
        ]

    async def _observe(self, id_: str, track: Track) -> None:
        turns = self._read_rate.turns()
        try:
            await observe(track, self._inference, self._recorders[id_], turns, clock=self._loop.time)
        except Exception as error:
            # Whatever is wrong with one clip must not end the evaluation of the others.
            log.exception("a clip broke its observer")
            self._broken[id_] = f"{track.participant.name} could not be read ({type(error).__name__})"

    def _stop(self, id_: str) -> None:
        if task := self._tasks.pop(id_, None):
            task.cancel()
