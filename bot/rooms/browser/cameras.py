"""The cameras of a page: its word of who is in which stream and the frames that come make feeds of one person each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.rooms.base import Clock
from bot.rooms.browser.feed import Feed
from bot.rooms.browser.resolver import Binding, Resolver
from bot.rooms.browser.site_state import CameraStream, Said, VideoSource
from bot.rooms.browser.wire import WireFrame
from bot.rooms.webrtc.traffic import join_decoders

ASK_AGAIN_S = 3.0
"""A request for a whole picture that nothing came of is made again after so long."""
ASK_ANEW_S = 60.0
"""A person is asked for a whole picture so often at most: everybody in the meeting pays for each."""


@dataclass(slots=True)
class _Asked:
    at: float
    is_answered: bool = False


class KeyRequests:
    """Decides when somebody is asked for a whole picture. Pure but for the clock that is given with every call."""

    def __init__(self) -> None:
        self._asked: dict[str, _Asked] = {}

    def may_ask(self, person: str, at: float) -> bool:
        """Return whether to ask a person now, at `at` seconds of any one clock; it is noted that they were."""
        asked = self._asked.get(person)
        if asked is not None and at - asked.at < (ASK_ANEW_S if asked.is_answered else ASK_AGAIN_S):
            return False
        self._asked[person] = _Asked(at)
        return True

    def answered(self, person: str) -> None:
        """A whole picture came, whoever asked for it."""
        if asked := self._asked.get(person):
            asked.is_answered = True

    def keep(self, people: set[str]) -> None:
        """Forget everybody else."""
        self._asked = {person: asked for person, asked in self._asked.items() if person in people}


class Cameras:
    """Follows looks and frames; `close` it, always."""

    def __init__(
        self,
        clock: Clock,
        begin: Callable[[Binding, Feed], object],
        say: Callable[[Mapping[str, Any]], object],
    ) -> None:
        """Begin with nobody.

        Args:
            clock: The room's.
            begin: Called when video of somebody begins to come in.
            say: Says something to the workers of all documents; must not block.
        """
        self._clock = clock
        self._begin = begin
        self._say = say
        self._resolver = Resolver()
        self._feeds: dict[Binding, Feed] = {}
        self._keys = KeyRequests()
        self._wanted: list[VideoSource] = []
        self._ended: list[Feed] = []

    def look(self, at: float, said: Said | None) -> None:
        """Take what the page says of its streams, and show what that proves.

        Args:
            at: When, in milliseconds of the page's clock.
            said: What it says; None where that is the same as before.
        """
        owners = None
        if said is not None:
            owners = _owners(said.streams)
            self._keys.keep({person.id for person in said.people})
        self._resolver.look(at, owners)
        if owners is not None:
            self._end_those_that_are_over()
            if (wanted := list(owners)) != self._wanted:
                self._wanted = wanted
                self.say_wanted()
        for feed in self._feeds.values():
            feed.release(self._resolver)

    def say_wanted(self) -> None:
        """Say which frames are to come: nothing else leaves the browser."""
        self._say(
            {
                "want": {
                    "receivers": [each.receiver for each in self._wanted if each.receiver is not None],
                    "ssrcs": [each.ssrc for each in self._wanted if each.ssrc is not None],
                }
            }
        )

    def take(self, frame: WireFrame, receiver: int | None) -> None:
        """Take a frame.

        Args:
            frame: As it came.
            receiver: Its receiver; None in another document than the page itself, whose streams are known by SSRC only.
        """
        binding = self._resolver.claimed(frame.said_at, receiver, frame.ssrc)
        if binding is None:
            return
        feed = self._feeds.get(binding)
        if feed is None:
            number = frame.receiver
            feed = self._feeds[binding] = Feed(binding, self._clock, lambda: self._ask(binding, number))
            self._begin(binding, feed)
        if frame.is_key:
            self._keys.answered(binding.person)
        feed.hold(frame, receiver)

    def forget(self) -> None:
        """The page is gone: so is every stream."""
        self._resolver.forget()
        self._wanted = []
        self._end_those_that_are_over()

    async def close(self) -> None:
        """End all feeds; returns once their decoders have ended."""
        self.forget()
        ended, self._ended = self._ended, []
        await join_decoders(*(feed.traffic for feed in ended))

    def _end_those_that_are_over(self) -> None:
        bound = set(self._resolver.bindings.values())
        for binding in [binding for binding in self._feeds if binding not in bound]:
            feed = self._feeds.pop(binding)
            feed.close()
            self._ended = [*(each for each in self._ended if not each.has_ended), feed]

    def _ask(self, binding: Binding, receiver: int) -> None:
        if self._keys.may_ask(binding.person, self._clock()):
            self._say({"key": receiver})


def _owners(streams: tuple[CameraStream, ...]) -> dict[VideoSource, str]:
    """Return whose each stream is: of several of one person the first, of one that two are said to be in nobody's."""
    owners: dict[VideoSource, str] = {}
    doubtful: set[VideoSource] = set()
    seen: set[str] = set()
    for stream in streams:
        if stream.source in owners and owners[stream.source] != stream.person:
            doubtful.add(stream.source)
        if stream.person not in seen:
            seen.add(stream.person)
            owners[stream.source] = stream.person
    return {source: person for source, person in owners.items() if source not in doubtful}
