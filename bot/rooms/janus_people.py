"""The people of a VideoRoom: what Janus says of them → the room's events, and which videos are wanted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from bot.frames import Mailbox
from bot.rooms.base import (
    Absence,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Frame,
    Joined,
    Left,
    Participant,
    RoomEvent,
)
from bot.rooms.janus_publishers import Sender, read_people
from bot.rooms.janus_session import Json
from bot.rooms.roster import Feed, Roster
from bot.rooms.stream import Stream, StreamLost


@dataclass(frozen=True, slots=True, eq=False)
class JanusTrack:
    """The video of one participant, from camera on to camera off."""

    participant: Participant
    mailbox: Mailbox[Frame]

    def frames(self) -> AsyncIterator[Frame]:
        """Yield the newest frames; ends when the camera goes off or the participant is gone. One reader."""
        return self.mailbox


class JanusPeople:
    """Knows who is there, what they send, and whose camera is on."""

    def __init__(self, tell: Callable[[RoomEvent], object]) -> None:
        """Begin with nobody.

        Args:
            tell: Takes the events.
        """
        self.wanted: dict[Feed, str] = {}
        """The videos to receive: for every feed its section (mid)."""
        self._tell = tell
        self._roster = Roster()
        self._streams: dict[Feed, Stream] = {}
        self._on: dict[str, Stream] = {}
        self._watchers: set[asyncio.Task[None]] = set()

    def meet(self, data: Json) -> None:
        """Note who is in the room and what they send, as far as this message says."""
        joining = data.get("joining")
        for person in read_people([*_list(data.get("attendees")), *([joining] if joining else [])]):
            self._enter(person)
        for sender in read_people(data.get("publishers")):
            participant = self._enter(sender)
            if participant is None:
                continue
            if sender.mid is None or self.wanted.get(sender.feed) not in (None, sender.mid):
                self.stop(sender.feed)
            if sender.mid is not None:
                self.wanted[sender.feed] = sender.mid
            if sender.unreadable_codec is not None:
                self._tell(CameraUnreadable(participant, f"codec {sender.unreadable_codec}"))

    def stop(self, feed: Feed) -> None:
        """A video ended; its sender is still there."""
        self.wanted.pop(feed, None)
        if stream := self._streams.pop(feed, None):
            stream.lose(Absence.LEFT)
        if participant := self._roster.participant(feed):
            self._camera_off(participant)

    def part(self, feed: Feed) -> None:
        """Somebody is gone."""
        self.wanted.pop(feed, None)
        if stream := self._streams.pop(feed, None):
            stream.lose(Absence.LEFT)
        if participant := self._roster.leave(feed):
            self._on.pop(participant.id, None)
            self._tell(Left(participant, Absence.LEFT))

    def begin(self, feed: Feed, stream: Stream) -> None:
        """A wanted video begins to come in: watch when its camera is on."""
        participant = self._roster.participant(feed)
        if participant is None:
            return
        self._streams[feed] = stream
        watcher = asyncio.create_task(self._watch(participant, stream), name=f"camera of {participant.id}")
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)

    def interrupt(self) -> None:
        """The connection broke: no video comes any more, and everybody is awaited back."""
        for feed in list(self._streams):
            self.stop(feed)
        self.wanted.clear()
        self._roster.interrupt()

    def give_up_missing(self) -> None:
        """Whoever was there before the connection broke and did not come back is gone."""
        for participant in self._roster.give_up():
            self._tell(Left(participant, Absence.VANISHED))

    def _enter(self, sender: Sender) -> Participant | None:
        entered = self._roster.enter(sender.feed, sender.display)
        if entered is None:
            return None
        participant, is_new = entered
        if is_new:
            self._tell(Joined(participant))
        return participant

    def _camera_off(self, participant: Participant) -> None:
        if self._on.pop(participant.id, None):
            self._tell(CameraOff(participant))

    async def _watch(self, participant: Participant, stream: Stream) -> None:
        """Tell of one camera until its stream is gone."""
        try:
            while True:
                mailbox = await stream.camera_on()
                self._on[participant.id] = stream
                self._tell(CameraOn(participant, JanusTrack(participant, mailbox)))
                await stream.camera_off()
                self._camera_off(participant)
        except StreamLost:
            if self._on.get(participant.id) is stream:
                self._camera_off(participant)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
