"""One video stream of a connection, as a camera that is on or off: frames go to whoever watches, silence is counted."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from bot.errors import RoomError
from bot.rooms.base import Absence, Clock, Frame
from bot.rooms.latest_frame import Mailbox
from bot.rooms.webrtc.decoding import CodedPicture
from bot.rooms.webrtc.orientation import Turn, open_picture
from bot.rooms.webrtc.traffic import Traffic
from engine.readings import Image, Picture

TICK_S = 0.25
"""Silence is counted in these: fine beside the second's beat, and few beside the frames that come meanwhile."""
LONGEST_TICK_S = 1.0
"""Of a tick that comes late no more than this counts: a loop that stalls once must not look like a silent sender."""
CAMERA_PATIENCE_S = 1.25
"""No media for so long means that the camera is off; with a tick and the second's beat it is published within 3 s, also
where the loop is late."""
VANISH_PATIENCE_S = 8.0
"""Nothing at all for so long means gone; a living peer checks its connection every 4 to 6 s (RFC 7675)."""
KEYFRAME_PATIENCE_S = 0.5
"""Media without a picture for so long: a packet is lost, perhaps for good, and a whole picture is asked for."""
UNREADABLE_AFTER_S = 5.0
"""Media without a picture for so long, from the beginning: whatever it is, it cannot be decoded."""
UNDECODABLE = "nothing of it can be decoded"


class StreamLost(RoomError):
    """Whoever sent the stream is gone."""

    def __init__(self, absence: Absence) -> None:
        super().__init__(f"The sender has {absence.value}")
        self.absence = absence


class StreamUnreadable(RoomError):
    """The camera is on, but what it sends cannot be read: too large a picture, or nothing that can be decoded."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The video cannot be read: {reason}")
        self.reason = reason


class Stream:
    """Await `camera_on` and `camera_off` in turns, `unreadable_off` after a camera that cannot be read.

    All silence is counted in ticks of this process, each for a moment at most.
    """

    def __init__(
        self, clock: Clock, traffic: Traffic, recover: Callable[[], Awaitable[None]], *, owns_connection: bool = True
    ) -> None:
        """Begin with the camera off.

        Args:
            clock: The room's clock, for `Frame.at`.
            traffic: What has come in so far; whoever receives keeps it growing.
            recover: Called when media comes in but no picture: asks for a whole one.
            owns_connection: Whether a silent connection means that the sender is gone; False where streams share one.
        """
        self._clock = clock
        self._traffic = traffic
        self._recover = recover
        self._owns_connection = owns_connection
        self._mailbox: Mailbox[Frame] | None = None
        self._pictures = 0
        """That have come, as far as known: the first of a camera counts once it is decoded."""
        self._is_proving = False
        self._is_on = False
        self._absence: Absence | None = None
        self._news = asyncio.Event()
        self._seen = (traffic.datagrams, traffic.media_packets, 0)
        self._silent_s = self._still_s = self._blind_s = self._dark_s = 0.0
        self._refused = traffic.refused

    def take(self, picture: CodedPicture) -> None:
        """Take a picture that has come whole; never blocks. A camera's first is decoded, to see whether it can be."""
        if self._is_on:
            self._show(picture)
        elif not self._is_proving:
            self._is_proving = True
            picture.prove(partial(self._prove, picture))

    def _prove(self, picture: CodedPicture, is_good: bool) -> None:
        self._is_proving = False
        if is_good:
            self._show(picture)

    def _show(self, picture: CodedPicture) -> None:
        self._pictures += 1
        if self._mailbox is None:
            return
        turn = self._traffic.turn
        size = turn.size(picture.width_px, picture.height_px)
        decode = partial(_decoded, picture, turn)
        self._mailbox.put(Frame(self._clock(), *size, decode, picture.decode_ahead, picture.codec))
        if not self._is_on:
            self._is_on = True
            self._news.set()

    def wake(self) -> None:
        """Let whoever waits in `tick` look at the world again."""
        self._news.set()

    def lose(self, absence: Absence) -> None:
        """Note that the sender is gone; the first reason stands."""
        if self._absence is None:
            self._absence = absence
        self._end_camera()
        self._news.set()

    async def camera_on(self) -> Mailbox[Frame]:
        """Wait for the first frame that can be decoded.

        Returns:
            The newest frames from this one on, until `camera_off` returns or the sender is gone.

        Raises:
            StreamUnreadable: Video comes in that cannot be read; then await `unreadable_off`.
            StreamLost: The sender is gone.
        """
        mailbox = Mailbox[Frame]()
        self._mailbox = mailbox
        while not self._is_on:
            await self.tick()
            if not self._is_on and (reason := self._obstacle()) is not None:
                raise StreamUnreadable(reason)
        self._still_s = 0.0
        return mailbox

    async def unreadable_off(self) -> None:
        """Wait until a camera that cannot be read is off, or a picture has come in: `camera_on` waits for the next.

        Raises:
            StreamLost: The sender is gone.
        """
        goodbyes = self._traffic.goodbyes
        while not self._is_on and self._still_s < CAMERA_PATIENCE_S and self._traffic.goodbyes == goodbyes:
            await self.tick()
        self._refused = self._traffic.refused
        self._end_camera()

    async def camera_off(self) -> None:
        """Wait until no media has come for `CAMERA_PATIENCE_S`, the sender said that it stopped, or all is unreadable.

        Raises:
            StreamLost: The sender is gone.
        """
        goodbyes = self._traffic.goodbyes
        try:
            while self._still_s < CAMERA_PATIENCE_S and self._traffic.goodbyes == goodbyes:
                await self.tick()
                if self._traffic.refused != self._refused and self._blind_s:
                    return
        finally:
            self._end_camera()

    async def tick(self) -> None:
        """Wait for news, a moment at most, and count the silence.

        Raises:
            StreamLost: The sender is gone.
        """
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK_S):
                await self._news.wait()
        if self._absence is not None:
            raise StreamLost(self._absence)
        # A tick that news cuts short counts as no silence: what it saw is compared at the end of the next whole one.
        if self._news.is_set():
            self._news.clear()
            return
        datagrams, media, frames = self._seen
        self._seen = self._traffic.datagrams, self._traffic.media_packets, self._pictures
        passed_s = min(max(loop.time() - began_s, TICK_S), LONGEST_TICK_S)
        self._silent_s = self._silent_s + passed_s if self._seen[0] == datagrams else 0.0
        self._still_s = self._still_s + passed_s if self._seen[1] == media else 0.0
        self._blind_s = self._blind_s + passed_s if self._seen[1] > media and self._seen[2] == frames else 0.0
        # Counted alike, ended apart: `blind` asks for a key frame again and again, `dark` gives the video up.
        self._dark_s = self._dark_s + passed_s if self._seen[1] > media and self._seen[2] == frames else 0.0
        if self._seen[2] > frames:
            self._refused = self._traffic.refused
        if self._owns_connection and self._silent_s >= VANISH_PATIENCE_S:
            self.lose(Absence.VANISHED)
        if self._blind_s >= KEYFRAME_PATIENCE_S:
            self._blind_s = 0.0
            await self._recover()

    def _obstacle(self) -> str | None:
        """Say why the video that comes in is none to read; None where none comes in, or it is too early to say."""
        if self._traffic.refused != self._refused:
            self._refused = self._traffic.refused
            return self._traffic.refusal
        return UNDECODABLE if self._dark_s >= UNREADABLE_AFTER_S else None

    def _end_camera(self) -> None:
        self._is_on, self._dark_s = False, 0.0
        if self._mailbox is not None:
            self._mailbox.close()
            self._mailbox = None


def _decoded(picture: CodedPicture, turn: Turn) -> Image | Picture:
    return open_picture(picture.decode(), turn)
