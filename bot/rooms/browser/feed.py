"""The video of one stay of a person in a stream: proven frames → encoded pictures → a camera that is on or off."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bot.rooms.base import Absence, Clock
from bot.rooms.browser.reassembly import joined, pictures
from bot.rooms.browser.resolver import Binding, Resolver
from bot.rooms.browser.wire import WireFrame
from bot.rooms.webrtc.decoding import UNREAD_FRAMES, CodedPicture, Decoder, EncodedFrames
from bot.rooms.webrtc.traffic import Traffic
from bot.rooms.webrtc.video_stream import Stream

MOST_HELD = 256
"""Frames of one stream that wait to be proven: some seconds. Where more come, the feed begins anew."""


@dataclass(frozen=True, slots=True)
class _Held:
    frame: WireFrame
    receiver: int | None
    came_at: float
    """Seconds on the room's clock."""


@dataclass(frozen=True, slots=True)
class _Named:
    """A codec as the decoder's inbox wants it."""

    name: str


class Feed:
    """Holds frames until they are proven; `close` it, always. A picture of it shows nobody but its person."""

    def __init__(self, binding: Binding, clock: Clock, ask_for_key: Callable[[], object]) -> None:
        """Begin with nothing; starts a thread.

        Args:
            binding: Whose video, and where it comes from.
            clock: The room's.
            ask_for_key: Asks for a whole picture; whoever is asked too often does nothing.
        """
        self.binding = binding
        self.traffic = Traffic()
        self._clock = clock
        self._ask_for_key = ask_for_key
        self._lost_picture = threading.Event()
        self._inbox = EncodedFrames(self._lost_picture, self.traffic.refuse)
        self._decoder = Decoder(self._inbox, self._lost_picture, asyncio.get_running_loop(), self.traffic.refuse)
        self.traffic.decoders.append(self._decoder)
        self._decoder.start()
        self.stream = Stream(lambda: self._shown_at, self.traffic, self._recover, owns_connection=False)
        """The camera."""
        self._held: deque[_Held] = deque()
        self._awaits_key = True
        self._ssrc = 0
        self._top_layer = 0
        self._shown_at = clock()

    @property
    def has_ended(self) -> bool:
        """Whether its decoder has ended."""
        return self._decoder.ended.is_set()

    def hold(self, frame: WireFrame, receiver: int | None) -> None:
        """Take a frame that may turn out to be this person's."""
        if frame.ssrc != self._ssrc or len(self._held) >= MOST_HELD or self._lost_picture.is_set():
            self._lost_picture.clear()
            if frame.ssrc != self._ssrc or len(self._held) >= MOST_HELD:
                self._held.clear()
                self._inbox.await_keyframe()
            self._ssrc, self._awaits_key = frame.ssrc, True
        if frame.is_key:
            self._awaits_key = False
        if self._awaits_key:
            self._ask_for_key()
        self._top_layer = max(self._top_layer, frame.temporal)
        self._held.append(_Held(frame, receiver, self._clock()))

    def release(self, resolver: Resolver) -> None:
        """Hand on what is proven by now, and drop what is not this person's."""
        proven: list[_Held] = []
        while self._held:
            held = self._held[0]
            is_proven = resolver.is_proven(held.frame.said_at, held.receiver, held.frame.ssrc, self.binding)
            if is_proven is None:
                break
            self._held.popleft()
            if is_proven:
                proven.append(held)
        came_at = {held.frame.timestamp: held.came_at for held in proven}
        for layers in pictures([held.frame for held in proven]):
            self._hand_on(layers, came_at[layers[0].timestamp])

    def close(self) -> None:
        """The stay is over: nothing of it is shown or decoded any more."""
        self._held.clear()
        self.stream.lose(Absence.LEFT)
        self._decoder.end()

    def _hand_on(self, layers: list[WireFrame], came_at: float) -> None:
        self.traffic.media_packets += 1
        picture = joined(layers, top_layer=self._top_layer)
        number = self._inbox.put(_Named(layers[0].codec), picture)
        if number is None:
            return
        if len(self._inbox) >= UNREAD_FRAMES:
            self._decoder.catch_up(number)
        self._shown_at = came_at
        self.stream.take(CodedPicture(*self._inbox.size, picture.timestamp, number, self._decoder))

    async def _recover(self) -> None:
        self._ask_for_key()
