"""Who is in a room that names people by ids of its own, and whose camera is on: what the room says → its events."""

import asyncio
from collections.abc import Callable

from bot.rooms.base import Absence, CameraOff, CameraOn, CameraUnreadable, Frame, Left, Participant, RoomEvent
from bot.rooms.latest_frame import Mailbox
from bot.rooms.roster import Feed, Roster, nobody
from bot.rooms.tracks import ScalableTrack
from bot.rooms.webrtc.video_stream import Stream, StreamLost, StreamUnreadable

SILENT_AFTER_S = 3.0
"""A camera that is off for so long is reported to its room, again and again."""


class People:
    """Says each thing once: who came, who goes by another name, whose camera went on and off, who is gone."""

    def __init__(self, publish: Callable[[RoomEvent], object], is_bot: Callable[[Feed], bool] = nobody) -> None:
        """Begin with nobody.

        Args:
            publish: Takes the events.
            is_bot: Whether an id is a bot's, which is nobody to read.
        """
        self._publish = publish
        self._roster = Roster(is_bot)
        self._streams: dict[Feed, Stream] = {}
        self._on: dict[str, Stream] = {}
        self._watchers: set[asyncio.Task[None]] = set()

    def enter(self, feed: Feed, display: object) -> Participant | None:
        """Somebody is in the room, under this name; None for a bot."""
        entered = self._roster.enter(feed, display)
        if entered is None:
            return None
        participant, news = entered
        if news is not None:
            self._publish(news)
        return participant

    def rename(self, feed: Feed, display: object) -> None:
        """Somebody may go by another name; whoever is not there does not come by it."""
        if renamed := self._roster.rename(feed, display):
            self._publish(renamed)

    def participant(self, feed: Feed) -> Participant | None:
        """Return who this is; None for somebody who is not there."""
        return self._roster.participant(feed)

    def begin(
        self,
        feed: Feed,
        stream: Stream,
        scale: Callable[[Frame, float], object],
        silent: Callable[[], object] = lambda: None,
    ) -> None:
        """Video of somebody begins to come in: watch when their camera is on.

        Args:
            feed: Whose.
            stream: The video.
            scale: As of `ScalableTrack`.
            silent: Called when nothing of it comes, every `SILENT_AFTER_S`.
        """
        participant = self._roster.participant(feed)
        if participant is None:
            return
        self._streams[feed] = stream
        watching = self._watch(feed, participant, stream, scale, silent)
        watcher = asyncio.create_task(watching, name=f"camera of {participant.id}")
        self._watchers.add(watcher)  # asyncio itself holds a task by a weak reference only
        watcher.add_done_callback(self._watchers.discard)

    def stop(self, feed: Feed) -> None:
        """A video ended; its sender is still there."""
        self._lose(feed)
        if participant := self._roster.participant(feed):
            self._camera_off(participant)

    def part(self, feed: Feed) -> None:
        """Somebody is gone."""
        self._lose(feed)
        if participant := self._roster.leave(feed):
            self._on.pop(participant.id, None)
            self._publish(Left(participant, Absence.LEFT))

    def interrupt(self) -> None:
        """The connection broke: no video comes any more, and everybody is awaited back."""
        for feed in list(self._streams):
            self.stop(feed)
        self._roster.interrupt()

    def give_up_missing(self) -> None:
        """Whoever was there before the connection broke and did not come back is gone."""
        for participant in self._roster.give_up():
            self._publish(Left(participant, Absence.VANISHED))

    def _lose(self, feed: Feed) -> None:
        if stream := self._streams.pop(feed, None):
            stream.lose(Absence.LEFT)

    def _camera_off(self, participant: Participant) -> None:
        if self._on.pop(participant.id, None):
            self._publish(CameraOff(participant))

    async def _watch(
        self,
        feed: Feed,
        participant: Participant,
        stream: Stream,
        scale: Callable[[Frame, float], object],
        silent: Callable[[], object],
    ) -> None:
        """Publish one camera until its stream is gone."""
        try:
            while True:
                try:
                    mailbox = await _camera_on(stream, silent)
                except StreamUnreadable as unreadable:
                    self._on[participant.id] = stream
                    self._publish(CameraUnreadable(participant, unreadable.reason))
                    await stream.unreadable_off()
                else:
                    participant = self._roster.participant(feed) or participant  # the name may have changed meanwhile
                    self._on[participant.id] = stream
                    self._publish(CameraOn(participant, ScalableTrack(participant, mailbox, scale)))
                    await stream.camera_off()
                self._camera_off(participant)
                silent()
        except StreamLost:
            # A newer stream of the same person may be on by now: its camera must not go off with this one.
            if self._on.get(participant.id) is stream:
                self._camera_off(participant)


async def _camera_on(stream: Stream, silent: Callable[[], object]) -> Mailbox[Frame]:
    while True:
        try:
            async with asyncio.timeout(SILENT_AFTER_S):
                return await stream.camera_on()
        except TimeoutError:
            silent()
