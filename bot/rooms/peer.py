"""One aiortc peer connection for one publisher: an SDP offer in, an answer and frames out."""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bot.errors import RoomRefused
from bot.rooms.aiortc_cures import Traffic, ask_for_keyframe, attend_sockets, cure, join_decoders
from bot.rooms.base import Absence, Clock
from bot.rooms.offer import OfferMalformed, read_offer
from bot.rooms.stream import Stream, StreamLost

log = logging.getLogger(__name__)

CLOSING_S = 5.0


class Peer:
    """A publisher's connection. Answer its offer, then enter it; leaving the `async with` closes the connection."""

    def __init__(self, clock: Clock, addresses: Iterable[str] | None = None) -> None:
        """Prepare a connection; opens no socket.

        Args:
            clock: The room's clock, for `Frame.at`.
            addresses: Where media listens; None for every address of this machine but loopback.
        """
        self._addresses = addresses
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connection.on("connectionstatechange", self._on_state)
        self._traffic = Traffic()
        self.stream = Stream(clock, self._traffic, self._recover)
        """The publisher's video."""

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
        cure(self._connection, self.stream.take, self._traffic, addresses=self._addresses)
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        attend_sockets(self._connection, self._traffic)
        if " typ " not in self._connection.localDescription.sdp:
            raise RoomRefused("This machine has no network address to receive video on")
        return reduced.complete(self._connection.localDescription.sdp)

    async def offer(self) -> str:
        """Offer to receive one video, and start listening; for rooms that let us begin.

        Returns:
            The complete SDP offer.

        Raises:
            RoomRefused: This machine has no address to receive on.
        """
        self._connection.addTransceiver("video", direction="recvonly")
        cure(self._connection, self.stream.take, self._traffic, addresses=self._addresses)
        await self._connection.setLocalDescription(await self._connection.createOffer())
        attend_sockets(self._connection, self._traffic)
        if " typ " not in self._connection.localDescription.sdp:
            raise RoomRefused("This machine has no network address to receive video on")
        return str(self._connection.localDescription.sdp)

    async def accept(self, answer: str) -> None:
        """Take the answer to our offer.

        Raises:
            RoomRefused: It cannot be used.
        """
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        except Exception as error:  # as in `answer`
            raise RoomRefused("The server sent an answer that cannot be used") from error

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
        self.stream.lose(Absence.LEFT)

    async def connected(self, within_s: float) -> None:
        """Wait until media can flow.

        Raises:
            StreamLost: It failed, or took longer than `within_s`.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._connection.connectionState != "connected":
                    await self.stream.tick()
                return
        raise StreamLost(Absence.VANISHED)

    async def _recover(self) -> None:
        await ask_for_keyframe(self._connection.getTransceivers(), self._traffic)

    def _on_state(self) -> None:
        state = self._connection.connectionState
        if state == "closed":
            self.stream.lose(Absence.LEFT)
        elif state == "failed":
            self.stream.lose(Absence.VANISHED)
        self.stream.wake()
