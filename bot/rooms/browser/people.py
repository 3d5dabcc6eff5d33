"""The people of a page: what it says of them → the room's events."""

from collections.abc import Callable, Mapping

from bot.rooms.base import CameraOff, CameraUnreadable, Frame, OptedOut, RoomEvent, request_in_chat
from bot.rooms.browser.site_state import ChatMessage, Said
from bot.rooms.people import People
from bot.rooms.size_demand import LARGER_FROM, SizeDemand
from bot.rooms.webrtc.video_stream import Stream

MOST_HEARD = 2000
"""Messages that are known again."""
ONCE_IN_S = 60.0
"""Another size begins with a whole picture, which everybody in the meeting pays for; so does the bot's own coming."""


class WantedWidth:
    """Pure: how wide a page is asked to have the pictures of one camera. It says so seldom."""

    def __init__(self) -> None:
        self._asked_px = 0
        self._may_change_at: float | None = None
        self._demand = SizeDemand()

    def prefer(self, at: float, width_px: int, factor: float) -> int | None:
        """Take what would serve the reader of these pictures.

        Args:
            at: When the picture was decoded, in seconds on the room's clock.
            width_px: Its width.
            factor: How many times as wide it would have to be.

        Returns:
            What to ask the page for now, in pixels; None where nothing is to be asked.
        """
        if self._may_change_at is None:
            self._may_change_at = at + ONCE_IN_S
        direction = self._demand.take(at, factor)
        if direction == 0:
            return None
        # Whoever looks at a page that begins with small pictures has larger ones at once, too.
        is_first = direction > 0 and not self._asked_px
        wanted_px = max(1, round(width_px * factor))
        # A page that has nothing else is not asked again and again.
        is_new = not self._asked_px or not 1 / LARGER_FROM < wanted_px / self._asked_px < LARGER_FROM
        if not is_new or (at < self._may_change_at and not is_first):
            return None
        self._asked_px, self._may_change_at = wanted_px, at + ONCE_IN_S
        return wanted_px


class PagePeople:
    """Knows who is there, whose camera is on, and what they wrote."""

    def __init__(self, publish: Callable[[RoomEvent], object]) -> None:
        """Begin with nobody.

        Args:
            publish: Takes the events.
        """
        self.sizes: dict[str, int] = {}
        """How wide the picture of each person had better be, in pixels, by the page's own id; others' may stay."""
        self._publish = publish
        self._people = People(publish)
        self._unreadable: dict[str, str] = {}
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
            self._people.enter(id_, person.name)
        for id_ in self._present - here.keys():
            self.sizes.pop(id_, None)
            self._unreadable.pop(id_, None)
            self._people.part(id_)
        self._present = set(here)
        self._follow_unreadable({each.person: each.reason for each in said.unreadable if each.person in here})
        for message in said.chat:
            self._hear(message)
        self._has_heard = True

    def begin(self, id_: str, stream: Stream) -> None:
        """Video of somebody begins to come in: watch when their camera is on."""
        width = WantedWidth()

        def scale(frame: Frame, factor: float) -> None:
            if (wanted_px := width.prefer(frame.at, frame.width_px, factor)) is not None:
                self.sizes[id_] = wanted_px

        self._people.begin(id_, stream, scale)

    def interrupt(self) -> None:
        """The page is gone: cameras are off, and everybody is awaited back."""
        self._follow_unreadable({})
        self._present.clear()
        self._has_heard = False
        self._people.interrupt()

    def give_up_missing(self) -> None:
        """Whoever was there before the page was gone and did not come back is gone."""
        self._people.give_up_missing()

    def _follow_unreadable(self, reasons: Mapping[str, str]) -> None:
        """Say whose cameras are on though nothing of them can be had, and why; by the page's own ids."""
        for id_ in self._unreadable.keys() - reasons.keys():
            del self._unreadable[id_]
            if participant := self._people.participant(id_):
                self._publish(CameraOff(participant))
        for id_, reason in reasons.items():
            participant = self._people.participant(id_)
            if participant is not None and self._unreadable.get(id_) != reason:
                self._unreadable[id_] = reason
                self._people.stop(id_)
                self._publish(CameraUnreadable(participant, reason))

    def _hear(self, message: ChatMessage) -> None:
        """Act on a message, once.

        What was written before the bot came may say that somebody is not to be read, and no more: since then they may
        have said the opposite elsewhere.
        """
        key = (message.person, message.id)
        participant = self._people.participant(message.person)
        if key in self._heard or participant is None:
            return
        self._heard[key] = None
        if len(self._heard) > MOST_HEARD:
            del self._heard[next(iter(self._heard))]
        request = request_in_chat(participant, message.text)
        if request is not None and (self._has_heard or isinstance(request, OptedOut)):
            self._publish(request)
