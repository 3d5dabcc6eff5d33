"""The people of a VideoRoom: what Janus says of them → the room's events, and which videos are wanted."""

from collections.abc import Callable
from functools import partial

from bot.rooms.base import CameraUnreadable, Clock, Frame, Participant, RoomEvent, Unheard, request_in_chat
from bot.rooms.janus.senders import Sender, read_people
from bot.rooms.janus.session import Json
from bot.rooms.janus.simulcast import LayerChoice
from bot.rooms.people import People
from bot.rooms.roster import Feed, nobody
from bot.rooms.webrtc.sdp_video import CODECS
from bot.rooms.webrtc.video_stream import Stream

WOULD_DO = " or ".join(CODECS)


class JanusPeople:
    """Knows who is there, what they send, and whose camera is on."""

    def __init__(
        self,
        clock: Clock,
        publish: Callable[[RoomEvent], object],
        size_wanted: Callable[[], object] = lambda: None,
        is_bot: Callable[[Feed], bool] = nobody,
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
        self._people = People(publish, is_bot)
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
            elif self._people.participant(feed) is None and self._enter(person) is not None:
                self._quiet.add(feed)
        for feed in self._quiet - here.keys():
            self.part(feed)

    def stop(self, feed: Feed) -> None:
        """A video ended; its sender is still there."""
        self._forget(feed)
        self._people.stop(feed)

    def part(self, feed: Feed) -> None:
        """Somebody is gone."""
        self._forget(feed)
        self._quiet.discard(feed)
        self._people.part(feed)

    def begin(self, feed: Feed, stream: Stream) -> None:
        """A wanted video begins to come in: watch when its camera is on."""
        self._people.begin(feed, stream, partial(self._scale, feed), partial(self._note_silence, feed))

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
            participant = self._people.participant(feed) if str(feed) == label else None
            if participant is not None and (request := request_in_chat(participant, text)):
                self._publish(request)

    def unheard(self, label: str) -> None:
        """Somebody cannot be listened to any more, so that they could not say that they are not to be read.

        Args:
            label: As of `hear`.
        """
        for feed in self.talkers:
            participant = self._people.participant(feed) if str(feed) == label else None
            if participant is not None:
                self._publish(Unheard(participant))

    def interrupt(self) -> None:
        """The connection broke: no video comes any more, and everybody is awaited back."""
        self.wanted.clear()
        self.layers.clear()
        self.talkers.clear()
        self._quiet.clear()
        self._people.interrupt()

    def give_up_missing(self) -> None:
        """Whoever was there before the connection broke and did not come back is gone."""
        self._people.give_up_missing()

    def _forget(self, feed: Feed) -> None:
        self.wanted.pop(feed, None)
        self.layers.pop(feed, None)
        self.talkers.pop(feed, None)

    def _scale(self, feed: Feed, frame: Frame, factor: float) -> None:
        choice = self.layers.get(feed)
        if choice is not None and choice.prefer(frame.at, frame.width_px, factor):
            self._size_wanted()

    def _enter(self, sender: Sender) -> Participant | None:
        return self._people.enter(sender.feed, sender.display)

    def _rename(self, person: Sender) -> None:
        self._people.rename(person.feed, person.display)

    def _note_silence(self, feed: Feed) -> None:
        if (choice := self.layers.get(feed)) and choice.silent(self._clock()):
            self._size_wanted()


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
