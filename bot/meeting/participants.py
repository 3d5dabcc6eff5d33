"""One stay in a room: who is there, who is watched, and what the class comes to each second."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Set
from dataclasses import replace

from bot.classroom.change_detection import AlertParameters, ChangeDetector
from bot.classroom.summary import Classroom
from bot.disclosure.gate import Gate
from bot.disclosure.listening import Listening
from bot.disclosure.policy import Policy
from bot.engagement import EngagementParameters, Meter
from bot.errors import RoomClosed, RoomError
from bot.inference import Inference
from bot.meeting.observer import observe
from bot.meeting.read_rate import ReadRate
from bot.meeting.resolution import PictureSize
from bot.privacy.opt_out_count import OptOutCount
from bot.privacy.opt_outs import OptOuts
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
    OptedIn,
    OptedOut,
    Participant,
    Renamed,
    Room,
    RoomEvent,
    Track,
    Unheard,
)
from dashboard_protocol.auth.consent import ABSENT, Consent, is_same_name
from dashboard_protocol.errors import ConsentRefused
from dashboard_protocol.events import Body, Forget, Unmeasurable

log = logging.getLogger(__name__)

RESTART_AFTER_S = 1.0
"""Pause before a broken observer starts anew: long enough not to spin, short enough not to be noticed."""


class Participants:
    """Follows a room's participants and makes the bodies of its events; publishing them is the caller's."""

    def __init__(  # noqa: PLR0913  one parameter a part
        self,
        inference: Inference,
        policy: Policy,
        clock: Clock,
        *,
        parameters: EngagementParameters,
        alerts: AlertParameters,
        holds: Callable[[Consent], bool] = lambda consent: True,
        pseudonym: Callable[[str], str] = str,
        may_look: Callable[[], bool] = lambda: True,
    ) -> None:
        self._holds = holds
        self._listening = Listening(may_look)
        self._inference = inference
        self._policy = policy
        self._clock = clock
        self._parameters = parameters
        self._classroom = Classroom()
        self._gate = Gate(policy, parameters)
        self._changes = ChangeDetector(alerts)
        self._opt_outs = OptOuts(pseudonym)
        self._opted_out_lately = OptOutCount(policy.k)
        self._read_rate = ReadRate(parameters.reads_per_s)
        self._meters: dict[str, Meter] = {}
        self._observers: dict[str, asyncio.Task[None]] = {}
        self._present: dict[str, Participant] = {}
        self._shown: Set[str] = frozenset()
        """Ids of those whose own values open pages may hold."""
        self._cameras: dict[str, Track | None] = {}
        """Those that are on; None for one whose video cannot be received."""
        self._tasks: asyncio.TaskGroup | None = None
        self.present_max = 0
        """Most people present at once."""
        self.alerts = 0
        """Alerts raised."""

    @property
    def present(self) -> int:
        """How many people are in the room, whether they are read or not."""
        return len(self._present)

    @property
    def names(self) -> tuple[str, ...]:
        """The display names of those who are in the room."""
        return tuple(participant.name for participant in self._present.values())

    @property
    def metered(self) -> Set[str]:
        """The ids of those who are read."""
        return self._meters.keys()

    @property
    def opted_out(self) -> Set[str]:
        """The names of those who opted out, now or before, as they are remembered."""
        return self._opt_outs.names

    async def follow(
        self,
        room: Room,
        publish: Callable[[Body], object],
        attend: Callable[[Admitted | Held | Lost], Body] | None = None,
        heeded: Callable[[OptedOut | OptedIn], object] | None = None,
    ) -> None:
        """Watch everybody in the room until the stay ends; a broken observer starts anew and disturbs nobody.

        Args:
            room: The joined room.
            publish: Takes the bodies that cannot wait for the next second.
            attend: Turns what the room says of the bot itself into the body that tells it; None tells nobody.
            heeded: Told what somebody asked in the room's chat, once it is carried out; for the audit log.

        Raises:
            RoomError: The stay ended; the room says how.
        """
        ended: RoomError = RoomClosed(f"{room.name} has ended")
        async with asyncio.TaskGroup() as self._tasks:
            try:
                async for event in room.events():
                    if attend is not None and isinstance(event, Admitted | Held | Lost):
                        publish(attend(event))
                    for forget in self._take(event):
                        publish(forget)
                    if heeded is not None and isinstance(event, OptedOut | OptedIn):
                        heeded(event)
            except RoomError as error:
                ended = error
            for task in self._observers.values():
                task.cancel()
        raise ended  # outside of the group, which would wrap it

    def bodies(self) -> Iterable[Body]:
        """Make the events of this second; call it once a second."""
        at = self._clock()
        yield from self._end_consents()
        self._listening.update(at)
        for participant_id, meter in self._meters.items():
            self._classroom.update(participant_id, self._listening.person(meter.values(at)))
        values = self._classroom.values(at, camera_on=len(self._cameras))
        self.present_max = max(self.present_max, values.present)
        summary = self._listening.summary(self._gate.summary(values))
        yield summary.model_copy(update={"opted_out": self._opted_out_lately.told(at)})
        yield from self._gate.participants(values)
        change = self._changes.update(at, self._gate.admitted(values.analysed))
        if change is not None and (alert := self._gate.alert(change, f"alert-{self.alerts + 1}")):
            self.alerts += 1
            yield alert

    def _take(self, event: RoomEvent) -> tuple[Forget, ...]:
        match event:
            case Joined(participant=participant):
                self._joined(participant)
            case Renamed(participant=participant):
                self._rename(participant)
            case CameraOn(participant=participant, track=track):
                self._cameras[participant.id] = track
                self._watch(participant.id)
            case CameraUnreadable(participant=participant, reason=reason):
                log.warning("The video of participant %s cannot be read: %s", participant.id, reason)
                self._cameras[participant.id] = None
                self._watch(participant.id)
            case CameraOff(participant=participant):
                self._cameras.pop(participant.id, None)
                self._stop_observing(participant.id)
                if meter := self._meters.get(participant.id):
                    meter.camera_off(self._clock())
            case OptedOut(participant=participant) | Unheard(participant=participant):
                self._opt_outs.opt_out(participant)
            case OptedIn(participant=participant):
                self._opt_outs.opt_in(participant)
            case Left(participant=participant):
                self._present.pop(participant.id, None)
                self._cameras.pop(participant.id, None)
                self._classroom.left(participant.id)
                self._opt_outs.leave(participant.id)
        return self._settle()

    def _settle(self) -> tuple[Forget, ...]:
        """Make it so: meters for those present who are not out and for nobody else, whatever has just happened.

        Returns:
            What pages must drop of those whose own values were shown and are not any more; nothing of anybody else, for
            that would tell on them.
        """
        read = self._present.keys() - self._opt_outs.out
        gone = self._meters.keys() - read
        self._opted_out_lately.add(gone & self._present.keys(), self._clock())
        for participant_id in gone:
            self._stop_observing(participant_id)
            del self._meters[participant_id]
            self._classroom.forget(participant_id)
            if participant_id in self._present:  # to be read again is not yet to be shown again
                self._show_no_more(participant_id)
        for participant_id in [each for each in self._present if each in read and each not in self._meters]:
            self._meters[participant_id] = self._policy.meter(self._parameters)
            self._watch(participant_id)
        before, self._shown = self._shown, {each for each in read if self._is_shown(self._present[each])}
        return tuple(Forget(participant=each) for each in sorted(before - self._shown))

    def _joined(self, participant: Participant) -> None:
        self._opt_outs.enter(participant)
        self._present[participant.id] = participant
        self._classroom.joined(participant)

    def _rename(self, participant: Participant) -> None:
        known = self._present.get(participant.id)
        if known is None:
            return
        self._opt_outs.rename(participant)
        renamed = replace(known, name=participant.name)
        if known.consent is not None and not is_same_name(known.consent.name, participant.name):
            renamed = replace(renamed, opted_in=False, consent=None)  # it was given for another name
        self._present[renamed.id] = renamed
        self._classroom.joined(renamed)

    def is_read(self, participant: Participant) -> bool:
        """Whether a participant is read, or will be once the room has told that they are there."""
        return not self._opt_outs.is_out(participant)

    def opt_out(self, participant: Participant) -> tuple[Forget, ...]:
        """Stop reading a participant and everybody of this name, now and after every return; gives what pages drop."""
        self._opt_outs.opt_out(participant)
        return self._settle()

    def opt_in(self, participant: Participant) -> tuple[Forget, ...]:
        """Read a participant again for this stay, and nobody else: they have said so themselves."""
        self._opt_outs.opt_in(participant)
        return self._settle()

    def opt_out_name(self, name: str) -> tuple[Forget, ...]:
        """Stop reading whoever bears a name, now and after every return to this meeting; gives what pages drop."""
        self._opt_outs.opt_out_name(name)
        return self._settle()

    def opt_out_known(self, names: Set[str]) -> tuple[Forget, ...]:
        """Do the same for names that are told as they are remembered."""
        self._opt_outs.opt_out_known(names)
        return self._settle()

    def agree(self, consent: Consent) -> None:
        """Take the consent of somebody who is present under its name.

        Whoever gave the token to them could bring it as well: it never undoes that they asked not to be read.

        Raises:
            ConsentRefused: Nobody of this name is here, or several are, or they are not read, or it is not asked for.
        """
        bearers = [each for each in self._present.values() if is_same_name(each.name, consent.name)]
        if not self._policy.names_people or len(bearers) != 1 or not self.is_read(bearers[0]):
            raise ConsentRefused(ABSENT)
        agreed = replace(bearers[0], opted_in=True, consent=consent)
        self._present[agreed.id] = agreed
        self._classroom.joined(agreed)
        self._settle()

    def _end_consents(self) -> tuple[Forget, ...]:
        """Show nobody any more whose consent has expired or was revoked."""
        for person in list(self._present.values()):
            if person.consent is not None and not self._holds(person.consent):
                self._show_no_more(person.id)
        return self._settle()

    def _show_no_more(self, participant_id: str) -> None:
        """End somebody's leave to show their own values."""
        person = self._present[participant_id]
        if person.opted_in:
            self._present[participant_id] = replace(person, opted_in=False, consent=None)
            self._classroom.joined(self._present[participant_id])

    def _is_shown(self, participant: Participant) -> bool:
        return self._policy.names_people and participant.opted_in

    def _watch(self, participant_id: str) -> None:
        meter = self._meters.get(participant_id)
        if meter is None or participant_id not in self._cameras or self._tasks is None:
            return
        meter.camera_on(self._clock())
        self._stop_observing(participant_id)
        track = self._cameras[participant_id]
        work = self._miss(meter) if track is None else self._observe(track, meter)
        self._observers[participant_id] = self._tasks.create_task(work, name=f"observer of {participant_id}")

    def _stop_observing(self, participant_id: str) -> None:
        if task := self._observers.pop(participant_id, None):
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
