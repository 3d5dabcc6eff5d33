"""A meter for everybody who is read, and a task that watches each of their cameras that is on."""

import asyncio
import logging
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager

from bot.disclosure.listening import Listening
from bot.disclosure.policy import Policy
from bot.engagement import EngagementParameters, Meter, PersonValues
from bot.inference import Inference
from bot.meeting.observer import observe
from bot.meeting.read_rate import ReadRate
from bot.meeting.resolution import PictureSize
from bot.rooms.base import CameraOff, CameraOn, CameraUnreadable, Clock, Left, RoomEvent, Track
from dashboard_protocol.events import Unmeasurable

log = logging.getLogger(__name__)

RESTART_AFTER_S = 1.0
"""Pause before a broken observer starts anew: long enough not to spin, short enough not to be noticed."""


class Observers:
    """Reads whom `keep` names and nobody else; a broken observer starts anew and disturbs nobody.

    Args:
        inference: finds and reads faces.
        policy: what may be computed.
        clock: the room's.
        parameters: of the meters; how often people are read.
        listening: whether pictures may be taken.
        read_rate: how often everybody is read; None spreads reads evenly, and makes fewer where they take long.
    """

    def __init__(
        self,
        inference: Inference,
        policy: Policy,
        clock: Clock,
        parameters: EngagementParameters,
        listening: Listening,
        read_rate: ReadRate | None = None,
    ) -> None:
        self._inference = inference
        self._policy = policy
        self._clock = clock
        self._parameters = parameters
        self._listening = listening
        self._read_rate = read_rate or ReadRate(parameters.reads_per_s)
        self._meters: dict[str, Meter] = {}
        self._watching: dict[str, asyncio.Task[None]] = {}
        self._cameras: dict[str, Track | None] = {}
        """Those that are on, of people who are not read too; None for one whose video cannot be received."""
        self._unreadable: dict[str, str] = {}
        """Why, by id, of those whose video cannot be received."""
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def metered(self) -> Set[str]:
        """The ids of those who are read."""
        return self._meters.keys()

    @property
    def cameras_on(self) -> int:
        """How many cameras are on, as the room shows everybody: opting out switches none off."""
        return len(self._cameras)

    def values(self, at: float) -> dict[str, PersonValues]:
        """Give what is measured of each who is read, by id; `at` in seconds on the room's clock."""
        return {id_: meter.values(at) for id_, meter in self._meters.items()}

    def take(self, event: RoomEvent) -> None:
        """Follow what the room says of cameras; its other events change nothing here."""
        match event:
            case CameraOn(participant=participant, track=track):
                self._camera_on(participant.id, track)
            case CameraUnreadable(participant=participant, reason=reason):
                if (
                    reason not in self._unreadable.values()
                ):  # of many at once, as in a shared window, one line is enough
                    log.warning("The video of participant %s cannot be read: %s", participant.id, reason)
                self._camera_on(participant.id, None)
                self._unreadable[participant.id] = reason
            case CameraOff(participant=participant) | Left(participant=participant):
                self._camera_off(participant.id)

    def keep(self, read: Set[str]) -> Set[str]:
        """Meter these people and nobody else.

        Returns:
            The ids of those whose meters are gone, and with them all that was measured of them.
        """
        gone = self._meters.keys() - read
        for id_ in gone:
            self._stop(id_)
            del self._meters[id_]
        for id_ in [each for each in read if each not in self._meters]:
            self._meters[id_] = self._policy.meter(self._parameters)
            self._watch(id_)
        return gone

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch cameras while inside; leaving ends every observer. Errors of the body come out in a group."""
        async with asyncio.TaskGroup() as self._tasks:
            yield
            # Else the group would wait for cameras that stay on.
            for task in self._watching.values():
                task.cancel()

    def _camera_on(self, id_: str, track: Track | None) -> None:
        self._unreadable.pop(id_, None)
        self._cameras[id_] = track
        self._watch(id_)

    def _camera_off(self, id_: str) -> None:
        self._cameras.pop(id_, None)
        self._unreadable.pop(id_, None)
        self._stop(id_)
        if meter := self._meters.get(id_):
            meter.camera_off(self._clock())

    def _watch(self, id_: str) -> None:
        meter = self._meters.get(id_)
        if meter is None or id_ not in self._cameras or self._tasks is None:
            return
        meter.camera_on(self._clock())
        self._stop(id_)
        track = self._cameras[id_]
        work = self._miss(meter) if track is None else self._observe(track, meter)
        self._watching[id_] = self._tasks.create_task(work, name=f"observer of {id_}")

    def _stop(self, id_: str) -> None:
        if task := self._watching.pop(id_, None):
            task.cancel()

    async def _miss(self, meter: Meter) -> None:
        """Count every read as missed, of a camera whose video cannot be received."""
        while True:
            meter.skip(self._clock(), Unmeasurable.CODEC)
            await asyncio.sleep(1.0 / self._parameters.reads_per_s)

    async def _observe(self, track: Track, meter: Meter) -> None:
        parameters = self._parameters
        size = PictureSize(*self._policy.face_widths_px(parameters), lambda: self._read_rate.pressure)
        while True:
            try:
                await observe(
                    track, self._inference, meter, self._read_rate.turns(),
                    clock=self._clock, size=size, may_look=self._listening.may_look,
                )  # fmt: skip
            except Exception:
                # Whatever is wrong with one picture or one track must not end the class for the others.
                log.exception("the observer of a participant broke; it starts anew")
                await asyncio.sleep(RESTART_AFTER_S)
            else:
                return
