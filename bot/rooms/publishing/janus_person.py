"""Publishes video into a Janus VideoRoom as a participant would, with a session of their own."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from aiortc.mediastreams import MediaStreamTrack

from bot.rooms.janus.address import read_address
from bot.rooms.janus.publisher import JanusPublisher, join
from bot.rooms.janus.session import Handle, JanusSession, open_session
from bot.rooms.webrtc.http_signaling import loopback_address


class JanusPerson:
    """One participant who sends video. Entering it joins the room, leaving the `async with` says goodbye."""

    def __init__(
        self,
        url: str,
        name: str,
        track: MediaStreamTrack,
        codec: str = "VP8",
        *,
        addresses: Iterable[str] | None = None,
    ) -> None:
        """Prepare to join; opens nothing yet.

        Args:
            url: The room, as `read_address` takes it.
            name: Display name.
            track: What to send; stopped on leaving.
            codec: VP8 or H264.
            addresses: Where media is sent from; None for loopback to a Janus there, else every address but loopback.

        Raises:
            SettingsRefused: `url` is no address of a Janus room.
        """
        self.name = name
        self.publisher: JanusPublisher | None = None
        self.session: JanusSession | None = None
        self.feed: int | str = 0
        self._address = read_address(url)
        loopback = loopback_address(self._address.host)
        self._addresses = [loopback] if addresses is None and loopback else addresses
        self._track = track
        self._codec = codec
        self._stack = AsyncExitStack()
        self._handle: Handle | None = None

    async def __aenter__(self) -> Self:
        """Join; returns once media flows.

        Raises:
            RoomUnreachable: No answer, or no media path within 15 s.
            JanusError: The room does not want this participant, or not this video.
        """
        try:
            await self.join()
        except BaseException:
            await self.leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the participant out of the room."""
        await self.leave()

    async def join(self) -> None:
        """Come in and send video; `leave` afterwards, always."""
        opening = open_session(self._address.url, self._address.token)
        self.session = await self._stack.enter_async_context(opening)
        self._handle = await self.session.attach()
        self.feed = (await join(self._handle, self._address, self.name))["id"]
        self.publisher = JanusPublisher(self._handle, self._track, self._addresses)
        self._stack.push_async_callback(self.publisher.close)
        await self.publisher.publish(self._codec)

    async def lost(self) -> None:
        """Return once the connection has ended without our doing, because the room closed or went away."""
        assert self.publisher is not None
        peer, changed = self.publisher.peer, asyncio.Event()
        peer.on("connectionstatechange", changed.set)
        while peer.connectionState not in ("failed", "closed"):
            changed.clear()
            await changed.wait()

    async def rename(self, name: str) -> None:
        """Go on under another name."""
        assert self._handle is not None
        await self._handle.request({"request": "configure", "display": name})

    async def leave(self) -> None:
        """Say goodbye; safe to call twice."""
        await self._stack.aclose()
