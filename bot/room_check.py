"""A short visit of a meeting, to see whether a bot could work there: what is found, step by step. Nobody is read."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from bot.errors import RoomRefused
from bot.rooms import open_room
from bot.rooms.base import (
    Admitted,
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
    PictureLost,
    Renamed,
    Room,
    RoomClock,
    RoomEvent,
    Track,
)
from bot.rooms.browser.launcher import BrowserOptions
from bot.rooms.notice import Notice
from bot.rooms.opt_out_words import asks_not_to_be_read
from bot.settings import Settings

NOTICE = Notice(
    bot_name="Connection check",
    profile="nobody is read",
    summary="This only tests the connection: nobody is read, and it leaves soon.",
)
"""What people may know of the visit."""
STAY_S = 20.0
ENOUGH = 3
"""Pictures of each camera, after which nothing new is to be found out."""
DECODED_EVERY_S = 1.0
"""Of each camera a picture is decoded so often, and thrown away."""

Say = Callable[[str, str], object]
"""Says one step to a person: a word for it, and what was found."""


@dataclass(frozen=True, slots=True)
class Step:
    """A state of the visit."""

    state: str
    """`waiting`, `live` or `reconnecting`."""
    after_s: float
    """Since the visit began."""
    reason: str = ""


@dataclass(slots=True)
class Camera:
    """One camera, of somebody who does not matter here."""

    codec: str = ""
    width_px: int = 0
    height_px: int = 0
    pictures: int = 0
    """That were looked at: the newest, once a second."""
    decoded: int = 0
    """How many of them could be decoded."""
    obstacle: str | None = None
    """Why its video cannot be read."""

    @property
    def is_good(self) -> bool:
        """Whether a bot could read it; so may be what came too late to be looked at."""
        return self.decoded > 0 or (self.pictures == 0 and self.obstacle is None)

    def __str__(self) -> str:
        if self.obstacle is not None and not self.is_good:
            return self.obstacle
        size = f"{self.width_px}x{self.height_px}"
        return f"{self.codec or 'video'} {size}, {self.decoded} of {self.pictures} pictures decoded"


@dataclass(slots=True)
class Findings:
    """What a visit has found so far. Names of people are no part of it."""

    clock: Clock = field(default_factory=RoomClock)
    say: Say = lambda word, text: None
    steps: list[Step] = field(default_factory=list)
    admitted: asyncio.Event = field(default_factory=asyncio.Event)
    seen_enough: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while every camera has been looked at often enough."""
    _began_at: float = 0.0
    _present: dict[str, Participant] = field(default_factory=dict)
    _unread: set[str] = field(default_factory=set)
    _camera_of: dict[str, Camera] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._began_at = self.clock()

    @property
    def cameras(self) -> list[Camera]:
        """Those of whoever has not opted out."""
        return [camera for person, camera in self._camera_of.items() if person not in self._unread]

    @property
    def is_good(self) -> bool:
        """Whether a bot could work there: it was let in, and each camera that it may read can be decoded."""
        return self.admitted.is_set() and all(camera.is_good for camera in self.cameras)

    @property
    def waits_for(self) -> str:
        """Why the bot is not in, as the meeting said last."""
        return next((step.reason for step in reversed(self.steps) if step.reason), "it does not answer")

    def as_json(self) -> dict[str, Any]:
        """Return all of it."""
        return {
            "ok": self.is_good,
            "states": [asdict(step) for step in self.steps],
            "people": len(self._present),
            "opted_out": len(self._unread & self._present.keys()),
            "cameras": [asdict(camera) for camera in self.cameras],
        }

    def take(self, event: RoomEvent) -> Camera | None:
        """Note what happens; return the camera that is to be looked at, where one was switched on."""
        match event:
            case Admitted():
                self._step("live")
                self.admitted.set()
            case Held(reason):
                self._step("waiting", reason)
            case Lost(reason):
                self._step("reconnecting", reason)
            case Joined(participant) | Renamed(participant):
                self._present[participant.id] = participant
                if asks_not_to_be_read(participant.name):
                    self._unread.add(participant.id)
            case OptedOut(participant):
                self._unread.add(participant.id)
            case OptedIn(participant):
                self._unread.discard(participant.id)
            case Left(participant):
                self._present.pop(participant.id, None)
            case CameraOn(participant) | CameraUnreadable(participant) if participant.id not in self._unread:
                return self._camera(participant, event)
        return None

    def may_look(self, participant: Participant) -> bool:
        """Whether somebody's pictures may be decoded."""
        return participant.id not in self._unread

    def summarise(self) -> None:
        """Say what there was."""
        opted_out = len(self._unread & self._present.keys())
        self.say("people", f"{len(self._present)} beside the bot" + (f", {opted_out} opted out" if opted_out else ""))
        for number, camera in enumerate(self.cameras, 1):
            self.say(f"camera {number}", str(camera))
        if not self.cameras:
            self.say("cameras", "none was on: nothing could be decoded")

    def _camera(self, participant: Participant, event: CameraOn | CameraUnreadable) -> Camera | None:
        camera = self._camera_of.setdefault(participant.id, Camera())
        if isinstance(event, CameraUnreadable):
            camera.obstacle = event.reason
        self.note_looks()
        return camera if isinstance(event, CameraOn) else None

    def note_looks(self) -> None:
        """See whether there is anything left to look at."""
        if all(camera.pictures >= ENOUGH or camera.obstacle for camera in self.cameras) and self.cameras:
            self.seen_enough.set()
        else:
            self.seen_enough.clear()

    def _step(self, state: str, reason: str = "") -> None:
        step = Step(state, round(self.clock() - self._began_at, 1), reason)
        if not self.steps or (self.steps[-1].state, self.steps[-1].reason) != (state, reason):
            self.steps.append(step)
            self.say(state, f"{reason.replace('_', ' ')} after {step.after_s} s".strip())


async def check(settings: Settings, findings: Findings, *, patience_s: float) -> None:
    """Visit the meeting that settings name; else as `visit`.

    Raises:
        SettingsRefused: It is none that a bot could visit.
    """
    room = open_room(
        settings.room_url,
        clock=findings.clock,
        notice=NOTICE,
        notice_given=settings.notice_given,
        ice=settings.ice,
        browser=BrowserOptions(settings.chromium, settings.browser_hosts, settings.debug_page, settings.site_secrets),
    )
    await visit(room, findings, patience_s=patience_s, stay_s=settings.max_duration_s or STAY_S)


async def visit(room: Room, findings: Findings, *, patience_s: float, stay_s: float) -> None:
    """Join, look around, and leave.

    Args:
        room: Where.
        findings: Takes what is found, also where the visit fails.
        patience_s: How long to wait until somebody lets the bot in.
        stay_s: How long to stay from then on at most: it leaves when every camera has been looked at.

    Raises:
        RoomError: The bot was not let in, or its stay ended before it wanted to leave.
    """
    async with room:
        following = asyncio.create_task(_follow(room.events(), findings), name="visit")
        admitted = asyncio.create_task(findings.admitted.wait(), name="admission")
        seen_enough = asyncio.create_task(findings.seen_enough.wait(), name="enough")
        try:
            await asyncio.wait([following, admitted], timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            if not following.done() and not admitted.done():
                raise RoomRefused(f"nobody let the bot in within {patience_s:.0f} s ({findings.waits_for})")
            await asyncio.wait([following, seen_enough], timeout=stay_s, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                following.result()
        finally:
            tasks = (following, admitted, seen_enough)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    findings.say("left", "")


async def _follow(events: AsyncIterator[RoomEvent], findings: Findings) -> None:
    with _tasks() as begin:
        async for event in events:
            camera = findings.take(event)
            if camera is not None and isinstance(event, CameraOn):
                begin(_look(event.track, camera, findings))


async def _look(track: Track, camera: Camera, findings: Findings) -> None:
    """Decode the newest picture of a camera now and then, and look at nothing but its size."""
    async for frame in track.frames():
        if not findings.may_look(track.participant):
            return
        camera.pictures += 1
        camera.codec = frame.codec or camera.codec
        try:
            picture = await asyncio.to_thread(frame.decode)
        except PictureLost:
            pass
        else:
            camera.decoded += 1
            camera.height_px, camera.width_px = picture.shape[:2]
        findings.note_looks()
        await asyncio.sleep(DECODED_EVERY_S)


@contextmanager
def _tasks() -> Iterator[Callable[[Any], object]]:
    """Begin tasks that end with what they were begun for."""
    tasks: set[asyncio.Task[None]] = set()
    try:
        yield lambda work: tasks.add(asyncio.create_task(work, name="camera"))
    finally:
        for task in tasks:
            task.cancel()
