"""One stay of the bot on a page: what the page says of it, step by step, and how long each step may take."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, Final

from bot.errors import RoomClosed, RoomError, RoomKicked, RoomNotUnderstood, RoomRefused, RoomUnreachable
from bot.rooms.base import Admitted, Clock, Held, Lost, RoomEvent
from bot.rooms.browser.cameras import Cameras
from bot.rooms.browser.feed import Feed
from bot.rooms.browser.frame_socket import Document, FrameSocket
from bot.rooms.browser.people import PagePeople
from bot.rooms.browser.resolver import Binding
from bot.rooms.browser.site_state import Look, PageState, Said
from bot.rooms.browser.wire import WireFrame

log = logging.getLogger(__name__)

Work = Coroutine[Any, Any, object]

TICK_S = 0.25
UNKNOWN_S = 45.0
"""A page may take so long until it has `window.classpulse`."""
TROUBLE_S = 10.0
"""Answers that cannot be understood for so long are no moment of change."""
SILENT_S = 15.0
"""A page that was not looked at for so long hangs, or is being loaded and does not come."""
JOINING_S = 90.0
"""From opening the page to an answer of the meeting: in, waiting, or refused."""
RECONNECTING_S = 60.0
"""A page that tries to come back for so long is opened anew."""
WAITING_S = 3600.0
"""So long the bot waits for somebody to let it in."""
RETURN_WITHIN_S = 10.0
"""People who are not back so long after the bot is were gone before it."""
HELD: Final = {PageState.LOBBY: "lobby", PageState.NOT_OPEN: "not_open", PageState.FULL: "full"}
ENDS: Final[Mapping[PageState | None, tuple[type[RoomError], str]]] = {
    PageState.REFUSED: (RoomRefused, "The meeting refused the bot"),
    PageState.KICKED: (RoomKicked, "The bot was sent out of the meeting"),
    PageState.ENDED: (RoomClosed, "The meeting is over"),
}
AT_MOST_S: Final[Mapping[PageState | None, tuple[float, type[RoomError], str]]] = {
    None: (UNKNOWN_S, RoomNotUnderstood, "the page has no window.classpulse"),
    PageState.JOINING: (JOINING_S, RoomUnreachable, "the page was still joining after {:.0f} s"),
    PageState.RECONNECTING: (RECONNECTING_S, RoomUnreachable, "the page did not come back within {:.0f} s"),
    **dict.fromkeys(HELD, (WAITING_S, RoomRefused, "nobody let the bot in within {:.0f} s")),
}
"""State → how long it may last, and how the stay ends then."""


class Stay:
    """Takes what the frame socket brings; `watch` raises how the stay ended. `close` it, always."""

    def __init__(self, clock: Clock, people: PagePeople, publish: Callable[[RoomEvent], object]) -> None:
        """Begin outside.

        Args:
            clock: The room's.
            people: Of the whole room: they outlive a stay.
            publish: Takes the events.
        """
        self.was_in = False
        """Whether the meeting has let the bot in."""
        self._clock = clock
        self._people = people
        self._publish = publish
        self._cameras = Cameras(clock, self._begin, self._say)
        self._socket: FrameSocket | None = None
        self._join: Callable[[], Work] | None = None
        self._main: Document | None = None
        self._has_looked = False
        self._state: PageState | None = None
        self._is_in = False
        self._missing: asyncio.TimerHandle | None = None
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._tasks: set[asyncio.Task[None]] = set()
        now = asyncio.get_running_loop().time()
        self._since_s = self._looked_s = now
        self._trouble: tuple[str, float] | None = None

    def connect(self, socket: FrameSocket) -> None:
        """Know where documents are answered."""
        self._socket = socket

    def on_page(self, join: Callable[[], Work]) -> None:
        """Know how the page is asked to join: once in each document that speaks our language."""
        self._join = join

    def take_frame(self, document: Document, frame: WireFrame) -> None:
        """Take an encoded frame."""
        if self._is_in:
            self._cameras.take(frame, frame.receiver if document is self._main else None)

    def take_look(self, document: Document, look: Look) -> None:
        """Take what the page says of itself."""
        if self._ended.done() or (self._main is not None and document.number < self._main.number):
            return  # what a document says while the next one is there already is over
        self._looked_s, self._has_looked = asyncio.get_running_loop().time(), True
        if document is not self._main:
            self._main = document
            self._cameras.say_wanted()
        said = look.said
        if said is None:
            self._cameras.look(look.at, None)
            return
        self._note_trouble(said.trouble)
        try:
            self._follow(said)
        except RoomError as error:
            self._end(error)
            return
        if not self._is_in or said.trouble is not None:
            said = replace(said, streams=())  # of whom nobody can say where they are, nobody is read
        if self._is_in and said.trouble is None:
            self._people.follow(said)
        self._cameras.look(look.at, said)

    def gone(self, document: Document, bug: Exception | None) -> None:
        """A document is gone; where it was the page itself, another one is to come."""
        if bug is not None:
            self._end(bug)
        if document is self._main and not self._ended.done():
            self._main = None
            self._leave_state(None, "the page was loaded anew")

    async def watch(self) -> None:
        """Wait until the stay is over, by its own end or because something took too long; raises why."""
        while not self._ended.done():
            await asyncio.wait([self._ended], timeout=TICK_S)
            self._check(asyncio.get_running_loop().time())
        self._ended.result()

    def do(self, work: Work) -> None:
        """Do something beside; an error of the room ends the stay."""
        task = asyncio.create_task(self._carry_out(work), name="page call")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End it; returns once nothing of it is left."""
        if self._missing is not None:
            self._missing.cancel()
        if not self._ended.done():
            self._ended.cancel()
        self._people.interrupt()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._cameras.close()

    def _follow(self, said: Said) -> None:
        """Move to the state that the page says."""
        if said.is_encrypted:
            raise RoomRefused("The meeting is encrypted end to end: the bot can see nobody, and has left")
        if said.state is not None and self._state is None and self._join is not None:
            self.do(self._join())
        if said.state is self._state:
            return
        if said.state in ENDS:
            kind, words = ENDS[said.state]
            raise kind(f"{words}{f': {said.why}' if said.why else ''}")
        if said.state is PageState.LIVE:
            self._enter()
        else:
            self._leave_state(said.state, said.why or "the page lost its connection")
        if said.state in HELD:
            self._publish(Held(HELD[said.state]))

    def _enter(self) -> None:
        self._state, self._since_s = PageState.LIVE, self._looked_s
        self._is_in = self.was_in = True
        self._publish(Admitted())
        self._missing = asyncio.get_running_loop().call_later(RETURN_WITHIN_S, self._people.give_up_missing)

    def _leave_state(self, state: PageState | None, why: str) -> None:
        """Go to a state in which the bot is not in the meeting."""
        self._state, self._since_s = state, asyncio.get_running_loop().time()
        was_in, self._is_in = self._is_in, False
        if was_in:
            if self._missing is not None:
                self._missing.cancel()
            self._cameras.forget()
            self._people.interrupt()
            if state not in HELD:
                self._publish(Lost(why))

    def _note_trouble(self, trouble: str | None) -> None:
        if trouble is None:
            self._trouble = None
        elif self._trouble is None or self._trouble[0] != trouble:
            log.warning("the page is not understood: %s", trouble)
            self._trouble = (trouble, self._looked_s if self._trouble is None else self._trouble[1])

    def _check(self, now_s: float) -> None:
        if self._ended.done():
            return
        if now_s - self._looked_s > SILENT_S and self._main is not None:
            self._end(RoomUnreachable(f"the page has not answered for {SILENT_S:.0f} s"))
        elif self._trouble is not None and now_s - self._trouble[1] > TROUBLE_S:
            self._end(RoomNotUnderstood(self._trouble[0]))
        elif self._state in AT_MOST_S:
            most_s, kind, words = AT_MOST_S[self._state]
            if now_s - self._since_s > most_s:
                words = words if self._has_looked else "nothing of ours runs in the page"
                self._end(kind(words.format(most_s)))

    def _end(self, error: Exception) -> None:
        if not self._ended.done():
            self._ended.set_exception(error)

    def _begin(self, binding: Binding, feed: Feed) -> None:
        self._people.begin(binding.person, feed.stream)

    def _say(self, message: Mapping[str, Any]) -> None:
        for document in self._socket.documents if self._socket is not None else ():
            self.do(document.send(dict(message)))

    async def _carry_out(self, work: Work) -> None:
        try:
            await work
        except RoomError as error:
            self._end(error)
