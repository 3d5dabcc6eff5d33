"""One aiortc peer connection for one publisher: an SDP offer in, an answer and frames out."""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self, cast

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from av import VideoFrame

from bot.errors import RoomError, RoomRefused
from bot.frames import Mailbox
from bot.rooms.aiortc_cures import Traffic, attend_sockets, cure, join_decoders, skip_gap
from bot.rooms.base import Absence, Clock, Frame
from bot.rooms.offer import OfferMalformed, read_offer
from engine.readings import Image

log = logging.getLogger(__name__)

TICK_S = 0.25
CAMERA_PATIENCE_S = 2.0
"""No media for so long means that the camera is off."""
VANISH_PATIENCE_S = 8.0
"""Nothing at all for so long means gone; a living peer checks its connection every 4 to 6 s (RFC 7675)."""
CLOSING_S = 5.0
KEYFRAME_PATIENCE_S = 1.0
"""Media without a picture for so long: a packet is lost for good, and a whole picture is asked for."""


class PeerLost(RoomError):
    """The publisher is gone."""

    def __init__(self, absence: Absence) -> None:
        super().__init__(f"The publisher has {absence.value}")
        self.absence = absence


class Peer:
    """A publisher's connection. Answer its offer, then enter it; leaving the `async with` closes the connection.

    All silence is counted in ticks of this process, so that a stalled event loop never looks like a silent publisher.
    """

    def __init__(self, clock: Clock, addresses: Iterable[str] | None = None) -> None:
        """Prepare a connection; opens no socket.

        Args:
            clock: The room's clock, for `Frame.at`.
            addresses: Where media listens; None for every address of this machine but loopback.
        """
        self._clock = clock
        self._addresses = addresses
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connection.on("connectionstatechange", self._on_state)
        self._traffic = Traffic()
        self._mailbox: Mailbox[Frame] | None = None
        self._frames_decoded = 0
        self._is_on = False
        self._absence: Absence | None = None
        self._news = asyncio.Event()
        self._seen = (0, 0, 0)
        self._silent_s = self._still_s = self._blind_s = 0.0

    async def answer(self, offer: str) -> str:
        """Accept the first video of an offer, reject all else, and start listening.

        Args:
            offer: SDP of any WebRTC client, complete or trickled.

        Returns:
            The complete SDP answer.

        Raises:
            OfferMalformed: It cannot be parsed.
            OfferUnsupported: It offers no video that can be received.
            RoomRefused: This machine has no address to receive on.
        """
        reduced = read_offer(offer)
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(reduced.sdp, "offer"))
        except Exception as error:  # aiortc's parser asserts, unpacks and looks up what the text lacks
            raise OfferMalformed("The offer cannot be read as SDP: send a complete WebRTC offer.") from error
        self._traffic = cure(self._connection, self._on_picture, addresses=self._addresses)
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        attend_sockets(self._connection, self._traffic)
        if " typ " not in self._connection.localDescription.sdp:
            raise RoomRefused("This machine has no network address to receive video on")
        return reduced.complete(self._connection.localDescription.sdp)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection and free its sockets and its thread. Safe to call twice."""
        self.leave()
        try:
            async with asyncio.timeout(CLOSING_S):
                await self._connection.close()
        except TimeoutError:
            log.warning("A connection did not close within %s s", CLOSING_S)
        await join_decoders(self._traffic)

    def leave(self) -> None:
        """Note that the publisher said goodbye."""
        self._lose(Absence.LEFT)

    async def connected(self, within_s: float) -> None:
        """Wait until media can flow.

        Raises:
            PeerLost: It failed, or took longer than `within_s`.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._connection.connectionState != "connected":
                    await self._tick()
                return
        raise PeerLost(Absence.VANISHED)

    async def camera_on(self) -> Mailbox[Frame]:
        """Wait for the next decoded frame.

        Returns:
            The newest frames from this one on, until `camera_off` returns or the peer is lost.

        Raises:
            PeerLost: The publisher is gone.
        """
        mailbox = Mailbox[Frame]()
        self._mailbox = mailbox
        while not self._is_on:
            await self._tick()
        self._still_s = 0.0
        return mailbox

    async def camera_off(self) -> None:
        """Wait until no media has come for `CAMERA_PATIENCE_S`, or the sender said that it stopped.

        Raises:
            PeerLost: The publisher is gone.
        """
        goodbyes = self._traffic.goodbyes
        try:
            while self._still_s < CAMERA_PATIENCE_S and self._traffic.goodbyes == goodbyes:
                await self._tick()
        finally:
            self._end_camera()

    async def _tick(self) -> None:
        """Wait for news, a moment at most, and count the silence."""
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK_S):
                await self._news.wait()
        if self._absence is not None:
            raise PeerLost(self._absence)
        if self._news.is_set():
            self._news.clear()
            return
        datagrams, media, frames = self._seen
        self._seen = self._traffic.datagrams, self._traffic.media_packets, self._frames_decoded
        self._silent_s = self._silent_s + TICK_S if self._seen[0] == datagrams else 0.0
        self._still_s = self._still_s + TICK_S if self._seen[1] == media else 0.0
        self._blind_s = self._blind_s + TICK_S if self._seen[1] > media and self._seen[2] == frames else 0.0
        if self._silent_s >= VANISH_PATIENCE_S:
            self._lose(Absence.VANISHED)
        if self._blind_s >= KEYFRAME_PATIENCE_S:
            self._blind_s = 0.0
            await skip_gap(self._connection, self._traffic)

    def _on_picture(self, picture: VideoFrame) -> None:
        self._frames_decoded += 1
        if self._mailbox is None:
            return
        self._mailbox.put(Frame(self._clock(), picture.width, picture.height, partial(_to_rgb, picture)))
        if not self._is_on:
            self._is_on = True
            self._news.set()

    def _on_state(self) -> None:
        state = self._connection.connectionState
        if state == "closed":
            self._lose(Absence.LEFT)
        elif state == "failed":
            self._lose(Absence.VANISHED)
        self._news.set()

    def _lose(self, absence: Absence) -> None:
        if self._absence is None:
            self._absence = absence
        self._end_camera()
        self._news.set()

    def _end_camera(self) -> None:
        self._is_on = False
        if self._mailbox is not None:
            self._mailbox.close()
            self._mailbox = None


def _to_rgb(picture: VideoFrame) -> Image:
    return cast(Image, picture.to_ndarray(format="rgb24"))
