"""A meeting in a room in which happens what the test says, and cameras whose pictures it hands out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from bot.classroom.change_detection import AlertParameters
from bot.disclosure.listening import Listening
from bot.disclosure.policy import Policy
from bot.engagement import EngagementParameters
from bot.errors import RoomClosed
from bot.meeting.class_events import ClassEvents
from bot.meeting.left_out import LeftOut
from bot.meeting.lifecycle import Lifecycle
from bot.meeting.meeting import Meeting
from bot.meeting.observers import Observers
from bot.meeting.outbox import Outbox
from bot.meeting.participants import Participants
from bot.privacy.audit_log import Audit
from bot.privacy.opt_outs import OptOuts
from bot.privacy.request_handler import PrivacyRequestHandler
from bot.rooms.base import Frame, OptedIn, OptedOut, Participant, RoomEvent
from dashboard_protocol.auth.consent import Consent, Consents
from dashboard_protocol.auth.links import Access
from dashboard_protocol.events import Body, ClassSummary, Hello, ParticipantUpdate, Profile
from engine.readings import Box, FaceReading

ANNA = Participant("p1", "Anna")
BERND = Participant("p2", "Bernd", opted_in=True)


@dataclass
class ScriptedRoom:
    """A room in which happens what the test says."""

    name: str = "r"
    queue: asyncio.Queue[RoomEvent | None] = field(default_factory=asyncio.Queue)

    async def events(self) -> AsyncIterator[RoomEvent]:
        while (event := await self.queue.get()) is not None:
            yield event
            self.queue.task_done()
        raise RoomClosed("over")

    async def happens(self, *events: RoomEvent) -> None:
        for event in events:
            self.queue.put_nowait(event)
        await self.queue.join()


@dataclass(eq=False)
class Camera:
    """A track whose frames the test hands out."""

    participant: Participant
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    queue: asyncio.Queue[Frame] = field(default_factory=asyncio.Queue)

    async def frames(self) -> AsyncIterator[Frame]:
        self.wanted.set()
        while True:
            yield await self.queue.get()

    def show(self, at: float) -> None:
        self.queue.put_nowait(Frame(at, 640, 360, lambda: np.zeros((360, 640, 3), np.uint8)))


class Blind:
    """An engine that never finds a face, or breaks in a way nobody foresaw."""

    def __init__(self) -> None:
        self.breaks = 0
        self.reads = 0
        self.read_one = asyncio.Event()

    async def read(
        self, frame: Frame, last_box: Box | None, *, participant: str, thorough: bool = True
    ) -> FaceReading | None:
        self.reads += 1
        self.read_one.set()
        if self.breaks:
            self.breaks -= 1
            raise ZeroDivisionError("a bug")
        return None


class KeptOutbox(Outbox):
    """Shows what was put into it."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.published: list[Body] = []

    def put(self, body: Body) -> None:
        self.published.append(body)


class AuditInMemory(Audit):
    """The lines of an audit log."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.on_line: Callable[[], None] = lambda: None
        super().__init__(Path("nowhere"), "r")

    def _append(self, line: bytes) -> None:
        self.lines.append(line)
        self.on_line()


class EndedConsents(Consents):
    """Consents that hold until the test ends them."""

    def __init__(self) -> None:
        self.ended: list[Consent] = []

    def holds(self, consent: Consent) -> bool:
        return consent not in self.ended


class Stay:
    """A bot's stay in a scripted room."""

    def __init__(self, profile: Profile, left_out: LeftOut | None = None) -> None:
        self.at = 100.0
        self.inference = Blind()
        self.room = ScriptedRoom()
        self.consents = EndedConsents()
        self.hears = True
        self.audit = AuditInMemory()
        self.policy = Policy(profile)
        self._outbox = KeptOutbox()
        parameters, listening = EngagementParameters(reads_per_s=50.0), Listening(lambda: self.hears)
        requests = PrivacyRequestHandler(None, "r", Access(b"r" * 32))
        self.meeting = Meeting(
            lambda: self.at,
            Participants(OptOuts(), names_people=self.policy.names_people),
            Observers(self.inference, self.policy, lambda: self.at, parameters, listening),
            ClassEvents(self.policy, parameters, AlertParameters(), listening),
            self._outbox,
            audit=self.audit,
            requests=requests,
            consents=self.consents,
            left_out=left_out,
        )
        self._lifecycle = Lifecycle(lambda: self.at, self.meeting, self._outbox, self.audit, requests)

    @property
    def published(self) -> list[Body]:
        """What was published since the bot began to join, but for the events of each second."""
        return self._outbox.published

    async def follow(self) -> None:
        meaning = self.policy.meaning(EngagementParameters())
        hello = Hello(software="", title="", bot_name="", policy=meaning, formula="", levels=(), alerts=None)
        self._lifecycle.begin(hello, self.policy)
        self.published.clear()
        await self._lifecycle.follow(self.room)  # type: ignore[arg-type]

    def opt_out(self, participant: Participant) -> None:
        """Somebody asks on the join page of their room."""
        self.meeting.take(OptedOut(participant))

    def opt_in(self, participant: Participant) -> None:
        self.meeting.take(OptedIn(participant))

    def second(self) -> list[Body]:
        """Let the meeting publish a second, and take that out of what was published."""
        before = len(self.published)
        self.meeting.publish_second()
        bodies = self.published[before:]
        del self.published[before:]
        return bodies

    def summary(self) -> ClassSummary:
        (body,) = (body for body in self.second() if isinstance(body, ClassSummary))
        return body

    def shown(self) -> list[str]:
        """The names of those whose own values are published in this second."""
        return [body.name for body in self.second() if isinstance(body, ParticipantUpdate)]


async def end(stay: Stay, following: asyncio.Task[None]) -> None:
    stay.room.queue.put_nowait(None)
    with pytest.raises(RoomClosed):
        await following


async def nobody_is_watched_but(ids: AbstractSet[str]) -> None:
    """Wait until these people's cameras have an observer, and no other has."""
    expected = {f"observer of {id_}" for id_ in ids}
    async with asyncio.timeout(30):  # for a moment a read that ran out of time looks like one that was called off
        while expected != {each.get_name() for each in asyncio.all_tasks() if _is_observing(each)}:  # noqa: ASYNC110 (the other tasks turn on)
            await asyncio.sleep(0)


def _is_observing(task: asyncio.Task[object]) -> bool:
    return task.get_name().startswith("observer of") and not task.cancelling() and not task.done()
