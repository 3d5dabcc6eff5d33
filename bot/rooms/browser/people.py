"""The people of a page: what it says of them → the room's events."""

import asyncio
from collections.abc import Callable
from functools import partial

from bot.rooms.base import (
    Absence,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Frame,
    Left,
    OptedOut,
    Participant,
    RoomEvent,
    request_in_chat,
)
from bot.rooms.browser.site_state import ChatMessage, Said
from bot.rooms.roster import Roster
from bot.rooms.tracks import ScalableTrack
from bot.rooms.webrtc.video_stream import Stream, StreamLost, StreamUnreadable

MOST_HEARD = 2000
"""Messages that are known again."""


class PagePeople:
    """Knows who is there, whose camera is on, and what they wrote."""

    def __init__(self, publish: Callable[[RoomEvent], object]) -> None:
        """Begin with nobody.

        Args:
            publish: Takes the events.
        """
        self.sizes: dict[str, int] = {}
        """How wide the picture of each person had better be, in pixels, by the page's own id."""
        self._publish = publish
        self._roster = Roster()
        self._streams: dict[str, Stream] = {}
        self._on: dict[str, Stream] = {}
        self._watchers: set[asyncio.Task[None]] = set()
        self._present: set[str] = set()
        self._heard: dict[tuple[str, str], None] = {}
        self._has_heard = False

    @property
    def count(self) -> int:
        """How many people are there, bots not counted."""
        return len(self._present)

    def follow(self, said: Said) -> None:
        """Take what the page says: who came, who goes by another name, who is gone, and what was written."""
        here = {person.id: person for person in said.people if not person.is_bot}
        for id_, person in here.items():
            entered = self._roster.enter(id_, person.name)
            if entered is not None and entered[1] is not None:
                self._publish(entered[1])
        for id_ in self._present - here.keys():
            self._part(id_)
        self._present = set(here)
        for message in said.chat:
            self._hear(message)
        self._has_heard = True

    def begin(self, id_: str, stream: Stream) -> None:
        """Video of somebody begins to come in: watch when their camera is on."""
        participant = self._roster.participant(id_)
        if participant is None:
            return
        self._streams[id_] = stream
        watcher = asyncio.create_task(self._watch(id_, participant, stream), name=f"camera of {participant.id}")
        self._watchers.add(watcher)  # asyncio itself holds a task by a weak reference only
        watcher.add_done_callback(self._watchers.discard)

    def interrupt(self) -> None:
        """The page is gone: cameras are off, and everybody is awaited back."""
        for id_ in list(self._streams):
            self._stop(id_)
        self._present.clear()
        self._has_heard = False
        self._roster.interrupt()

    def give_up_missing(self) -> None:
        """Whoever was there before the page was gone and did not come back is gone."""
        for participant in self._roster.give_up():
            self._publish(Left(participant, Absence.VANISHED))

    def _part(self, id_: str) -> None:
        self._streams.pop(id_, None)
        self.sizes.pop(id_, None)
        if participant := self._roster.leave(id_):
            self._on.pop(participant.id, None)
            self._publish(Left(participant, Absence.LEFT))

    def _stop(self, id_: str) -> None:
        self._streams.pop(id_, None)
        if participant := self._roster.participant(id_):
            self._camera_off(participant)

    def _hear(self, message: ChatMessage) -> None:
        """Act on a message, once.

        What was written before the bot came may say that somebody is not to be read, and no more: since then they may
        have said the opposite elsewhere.
        """
        key = (message.person, message.id)
        participant = self._roster.participant(message.person)
        if key in self._heard or participant is None:
            return
        self._heard[key] = None
        if len(self._heard) > MOST_HEARD:
            del self._heard[next(iter(self._heard))]
        request = request_in_chat(participant, message.text)
        if request is not None and (self._has_heard or isinstance(request, OptedOut)):
            self._publish(request)

    def _camera_off(self, participant: Participant) -> None:
        if self._on.pop(participant.id, None):
            self._publish(CameraOff(participant))

    def _scale(self, id_: str, frame: Frame, factor: float) -> None:
        self.sizes[id_] = max(1, round(frame.width_px * factor))

    async def _watch(self, id_: str, participant: Participant, stream: Stream) -> None:
        """Publish one camera until its stream is gone."""
        try:
            while True:
                try:
                    mailbox = await stream.camera_on()
                except StreamUnreadable as unreadable:
                    self._on[participant.id] = stream
                    self._publish(CameraUnreadable(participant, unreadable.reason))
                    await stream.unreadable_off()
                else:
                    participant = self._roster.participant(id_) or participant  # the name may have changed meanwhile
                    self._on[participant.id] = stream
                    self._publish(CameraOn(participant, ScalableTrack(participant, mailbox, partial(self._scale, id_))))
                    await stream.camera_off()
                self._camera_off(participant)
        except StreamLost:
            # A newer stream of the same person may be on by now: its camera must not go off with this one.
            if self._on.get(participant.id) is stream:
                self._camera_off(participant)
