"""One stay in a room: who is there, who is watched, and what the class comes to each second."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from bot.alerts import AlertParameters, ChangeDetector
from bot.class_summary import Classroom
from bot.engagement import EngagementParameters, Meter
from bot.errors import RoomClosed, RoomError
from bot.gate import Gate
from bot.inference import Inference
from bot.observer import observe
from bot.opt_outs import OptOuts
from bot.policy import Policy
from bot.rooms.base import (
    Admitted,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Clock,
    Held,
    Joined,
    Left,
    Lost,
    Participant,
    Room,
    RoomEvent,
    Track,
)
from dashboard_protocol.events import Body, ClassSummary, Forget, Unmeasurable

log = logging.getLogger(__name__)

RESTART_AFTER_S = 1.0
"""Pause before a broken observer starts anew: long enough not to spin, short enough not to be noticed."""


class Visit:
    """Follows a room's participants and makes the bodies of its events; publishing them is the caller's."""

    def __init__(
        self,
        inference: Inference,
        policy: Policy,
        clock: Clock,
        *,
        parameters: EngagementParameters,
        alerts: AlertParameters,
    ) -> None:
        self._inference = inference
        self._policy = policy
        self._clock = clock
        self._parameters = parameters
        self._classroom = Classroom()
        self._gate = Gate(policy, parameters)
        self._changes = ChangeDetector(alerts)
        self._opt_outs = OptOuts()
        self._meters: dict[str, Meter] = {}
        self._observers: dict[str, asyncio.Task[None]] = {}
        self._present: dict[str, Participant] = {}
        self.present_max = 0
        """Most people present at once."""
        self.alerts = 0
        """Alerts raised."""

    async def follow(
        self,
        room: Room,
        publish: Callable[[Body], object],
        attend: Callable[[Admitted | Held | Lost], Body] | None = None,
    ) -> None:
        """Watch everybody in the room until the stay ends; a broken observer starts anew and disturbs nobody.

        Args:
            room: The joined room.
            publish: Takes the bodies that cannot wait for the next second.
            attend: Turns what the room says of the bot itself into the body that tells it; None tells nobody.

        Raises:
            RoomError: The stay ended; the room says how.
        """
        ended: RoomError = RoomClosed(f"{room.name} has ended")
        async with asyncio.TaskGroup() as observers:
            try:
                async for event in room.events():
                    if attend is not None and isinstance(event, Admitted | Held | Lost):
                        publish(attend(event))
                    for body in self._take(event, observers):
                        publish(body)
            except RoomError as error:
                ended = error
            for task in self._observers.values():
                task.cancel()
        raise ended  # outside of the group, which would wrap it

    def bodies(self) -> Iterable[Body]:
        """Make the events of this second; call it once a second."""
        at = self._clock()
        for participant_id, meter in self._meters.items():
            self._classroom.update(participant_id, meter.values(at))
        values = self._classroom.values(at)
        self.present_max = max(self.present_max, values.present)
        summary: ClassSummary = self._gate.summary(values)
        yield summary
        yield from self._gate.participants(values)
        change = self._changes.update(at, self._gate.admitted(values.analysed))
        if change is not None and (alert := self._gate.alert(change, f"alert-{self.alerts + 1}")):
            self.alerts += 1
            yield alert

    def _take(self, event: RoomEvent, observers: asyncio.TaskGroup) -> Iterable[Body]:
        match event:
            case Joined(participant=participant):
                self._present[participant.id] = participant
                self._classroom.joined(participant)
                if self._opt_outs.is_out(participant):
                    self._classroom.forget(participant.id)
                else:
                    self._meters[participant.id] = self._policy.meter(self._parameters)
            case CameraOn(participant=participant, track=track) if meter := self._meters.get(participant.id):
                meter.camera_on(self._clock())
                self._stop_observing(participant.id)
                self._observers[participant.id] = observers.create_task(
                    self._observe(track, meter), name=f"observer of {participant.id}"
                )
            case CameraUnreadable(participant=participant) if meter := self._meters.get(participant.id):
                meter.camera_on(self._clock())
                self._stop_observing(participant.id)
                self._observers[participant.id] = observers.create_task(
                    self._miss(meter), name=f"observer of {participant.id}"
                )
            case CameraOff(participant=participant) if meter := self._meters.get(participant.id):
                self._stop_observing(participant.id)
                meter.camera_off(self._clock())
            case Left(participant=participant):
                self._present.pop(participant.id, None)
                self._stop_observing(participant.id)
                self._meters.pop(participant.id, None)
                self._classroom.left(participant.id)
                if self._is_shown(participant):
                    yield Forget(participant=participant.id)

    def opt_out_name(self, name: str) -> tuple[Forget, ...]:
        """Stop reading whoever bears a name, now and after every return to this meeting.

        Returns:
            What pages that show these people must drop; nothing where nobody is shown, for that would tell on them.
        """
        forgotten = {forget.participant: forget for forget in self._opt_outs.opt_out_name(name, self._present.values())}
        for participant_id in forgotten:
            self._stop_observing(participant_id)
            self._meters.pop(participant_id, None)
            self._classroom.forget(participant_id)
        return tuple(forget for id_, forget in forgotten.items() if self._is_shown(self._present[id_]))

    def _is_shown(self, participant: Participant) -> bool:
        return self._policy.names_people and participant.opted_in

    def _stop_observing(self, participant_id: str) -> None:
        if task := self._observers.pop(participant_id, None):
            task.cancel()

    async def _miss(self, meter: Meter) -> None:
        """Count every read as missed, of a camera whose video cannot be received."""
        while True:
            meter.skip(self._clock(), Unmeasurable.CODEC)
            await asyncio.sleep(1.0 / self._parameters.reads_per_s)

    async def _observe(self, track: Track, meter: Meter) -> None:
        while True:
            try:
                await observe(
                    track, self._inference, meter, clock=self._clock, reads_per_s=self._parameters.reads_per_s
                )
            except Exception:
                # Whatever is wrong with one picture or one track must not end the class for the others.
                log.exception("the observer of a participant broke; it starts anew")
                await asyncio.sleep(RESTART_AFTER_S)
            else:
                return
