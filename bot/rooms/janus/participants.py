"""The people of a VideoRoom: what Janus says of them → the room's events, and which videos are wanted."""

import asyncio
from collections.abc import Callable
from functools import partial

from bot.rooms.base import (
    Absence,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Clock,
    Frame,
    Left,
    Participant,
    RoomEvent,
    Unheard,
    request_in_chat,
)
from bot.rooms.janus.senders import Sender, read_people
from bot.rooms.janus.session import Json
from bot.rooms.janus.simulcast import LayerChoice
from bot.rooms.latest_frame import Mailbox
from bot.rooms.roster import Feed, Roster
from bot.rooms.tracks import ScalableTrack
from bot.rooms.webrtc.sdp_video import CODECS
from bot.rooms.webrtc.video_stream import Stream, StreamLost, StreamUnreadable

WOULD_DO = " or ".join(CODECS)
SILENT_AFTER_S = 3.0
"""A video in several sizes of which nothing has come for so long may be asked for in a size that is missing."""


class JanusPeople:
    """Knows who is there, what they send, and whose camera is on."""

    def __init__(
        self,
        clock: Clock,
        publish: Callable[[RoomEvent], object],
        size_wanted: Callable[[], object] = lambda: None,
        is_bot: Callable[[Feed], bool] = lambda feed: False,
    ) -> None:
        """Begin with nobody.

        Args:
            clock: The room's clock.
            publish: Takes the events.
            size_wanted: Called when another size of a video is wanted.
            is_bot: Whether a feed is a bot's.
        """
        self.wanted: dict[Feed, str] = {}
        """The videos to receive: for every feed its section (mid)."""
        self.layers: dict[Feed, LayerChoice] = {}
        """Which size to receive, for every feed whose video comes in several."""
        self.talkers: dict[Feed, str] = {}
        """The data channels to listen to: for every feed their section (mid)."""
        self._clock = clock
        self._publish = publish
        self._size_wanted = size_wanted
        self._roster = Roster(is_bot)
        self._streams: dict[Feed, Stream] = {}
        self._on: dict[str, Stream] = {}
        self._watchers: set[asyncio.Task[None]] = set()
        self._quiet: set[Feed] = set()
        """Who is known from counting alone: they send nothing, so nothing says when they go."""

    def meet(self, data: Json) -> None:
        """Note who is in the room, under what name, and what they send, as far as this message says."""
        for person in read_people([data] if "display" in data else []):
            self._rename(person)
        joining = data.get("joining")
        for person in read_people([*_list(data.get("attendees")), *([joining] if joining else [])]):
            self._enter(person)
        for sender in read_people(data.get("publishers")):
            participant = self._enter(sender)
            if participant is None:
                continue
            self._quiet.discard(sender.feed)
            if sender.mid is None or self.wanted.get(sender.feed) not in (None, sender.mid):
                self.stop(sender.feed)
            if sender.mid is not None:
                self.wanted[sender.feed] = sender.mid
            if sender.is_simulcast:
                self.layers.setdefault(sender.feed, LayerChoice())
            else:
                self.layers.pop(sender.feed, None)
            if sender.text_mid is not None:
                self.talkers[sender.feed] = sender.text_mid
            if sender.unreadable_codec is not None:
                self._publish(CameraUnreadable(participant, f"codec {sender.unreadable_codec}: {WOULD_DO} would do"))

    def count(self, everybody: object) -> None:
        """Note who is in a room that does not name people who send nothing.

        Such a list and what Janus says unasked may overtake each other: of those who send, the latter knows better.

        Args:
            everybody: Janus' list of participants.
        """
        here = {person.feed: person for person in read_people(everybody)}
        for feed, person in here.items():
            if feed in self._quiet:
                self._rename(person)
            elif self._roster.participant(feed) is None and self._enter(person) is not None:
                self._quiet.add(feed)
        for feed in self._quiet - here.keys():
            self.part(feed)

    def stop(self, feed: Feed) -> None:
        """A video ended; its sender is still there."""
        self._forget(feed)
        if participant := self._roster.participant(feed):
            self._camera_off(participant)

    def part(self, feed: Feed) -> None:
        """Somebody is gone."""
        self._forget(feed)
        self._quiet.discard(feed)
        if participant := self._roster.leave(feed):
            self._on.pop(participant.id, None)
            self._publish(Left(participant, Absence.LEFT))

    def begin(self, feed: Feed, stream: Stream) -> None:
        """A wanted video begins to come in: watch when its camera is on."""
        participant = self._roster.participant(feed)
        if participant is None:
            return
        self._streams[feed] = stream
        watcher = asyncio.create_task(self._watch(participant, stream, feed), name=f"camera of {participant.id}")
        # asyncio itself holds a task by a weak reference only.
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)

    def relayed(self, feed: Feed, layer: int) -> None:
        """Janus sends another size of a video from now on."""
        if choice := self.layers.get(feed):
            choice.relayed(self._clock(), layer)

    def hear(self, label: str, text: str) -> None:
        """Somebody wrote something; of interest is only whether they want to be read.

        Args:
            label: The sender's feed, as text.
            text: As it came.
        """
        for feed in self.talkers:
            participant = self._roster.participant(feed) if str(feed) == label else None
            if participant is not None and (request := request_in_chat(participant, text)):
                self._publish(request)

    def unheard(self, label: str) -> None:
        """Somebody cannot be listened to any more, so that they could not say that they are not to be read.

        Args:
            label: As of `hear`.
        """
        for feed in self.talkers:
            participant = self._roster.participant(feed) if str(feed) == label else None
            if participant is not None:
                self._publish(Unheard(participant))

    def interrupt(self) -> None:
        """The connection broke: no video comes any more, and everybody is awaited back."""
        for feed in list(self._streams):
            self.stop(feed)
        self.wanted.clear()
        self.layers.clear()
        self.talkers.clear()
        self._quiet.clear()
        self._roster.interrupt()

    def give_up_missing(self) -> None:
        """Whoever was there before the connection broke and did not come back is gone."""
        for participant in self._roster.give_up():
            self._publish(Left(participant, Absence.VANISHED))

    def _forget(self, feed: Feed) -> None:
        self.wanted.pop(feed, None)
        self.layers.pop(feed, None)
        self.talkers.pop(feed, None)
        if stream := self._streams.pop(feed, None):
            stream.lose(Absence.LEFT)

    def _scale(self, feed: Feed, frame: Frame, factor: float) -> None:
        choice = self.layers.get(feed)
        if choice is not None and choice.prefer(frame.at, frame.width_px, factor):
            self._size_wanted()

    def _enter(self, sender: Sender) -> Participant | None:
        entered = self._roster.enter(sender.feed, sender.display)
        if entered is None:
            return None
        participant, news = entered
        if news is not None:
            self._publish(news)
        return participant

    def _rename(self, person: Sender) -> None:
        if renamed := self._roster.rename(person.feed, person.display):
            self._publish(renamed)

    def _camera_off(self, participant: Participant) -> None:
        if self._on.pop(participant.id, None):
            self._publish(CameraOff(participant))

    async def _watch(self, participant: Participant, stream: Stream, feed: Feed) -> None:
        """Publish one camera until its stream is gone."""
        try:
            while True:
                try:
                    mailbox = await self._camera_on(stream, feed)
                except StreamUnreadable as unreadable:
                    self._on[participant.id] = stream
                    self._publish(CameraUnreadable(participant, unreadable.reason))
                    await stream.unreadable_off()
                else:
                    participant = self._roster.participant(feed) or participant  # the name may have changed meanwhile
                    self._on[participant.id] = stream
                    self._publish(
                        CameraOn(participant, ScalableTrack(participant, mailbox, partial(self._scale, feed)))
                    )
                    await stream.camera_off()
                self._camera_off(participant)
                self._note_silence(feed)
        except StreamLost:
            # A newer stream of the same person may be on by now: its camera must not go off with this one.
            if self._on.get(participant.id) is stream:
                self._camera_off(participant)

    async def _camera_on(self, stream: Stream, feed: Feed) -> Mailbox[Frame]:
        while True:
            try:
                async with asyncio.timeout(SILENT_AFTER_S if feed in self.layers else None):
                    return await stream.camera_on()
            except TimeoutError:
                self._note_silence(feed)

    def _note_silence(self, feed: Feed) -> None:
        if (choice := self.layers.get(feed)) and choice.silent(self._clock()):
            self._size_wanted()


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
