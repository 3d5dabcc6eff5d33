"""One aiortc peer connection for one publisher: an SDP offer in, an answer and frames out."""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from aiortc import RTCIceGatherer, RTCSessionDescription

from bot.errors import RoomRefused
from bot.ice_servers import NO_ICE, Ice
from bot.rooms.base import Absence, Clock
from bot.rooms.webrtc.aiortc_patches import accept_video, ask_for_keyframe, attend_sockets, patch_connection
from bot.rooms.webrtc.ice import new_connection, no_address
from bot.rooms.webrtc.sdp import OfferMalformed, read_offer, shown_to_aiortc, usable_answer, whole_offer
from bot.rooms.webrtc.traffic import Traffic, join_decoders
from bot.rooms.webrtc.video_stream import Stream, StreamLost

log = logging.getLogger(__name__)

CLOSING_S = 5.0
HANDSHAKE_S = 1.0
"""So long a connection that is being made may go on, so that it can be closed with a goodbye."""


class Peer:
    """A publisher's connection. Answer its offer, then enter it; leaving the `async with` closes the connection."""

    def __init__(self, clock: Clock, addresses: Iterable[str] | None = None, ice: Ice = NO_ICE) -> None:
        """Prepare a connection; opens no socket.

        Args:
            clock: The room's clock, for `Frame.at`.
            addresses: Where media listens; None for every address of this machine but loopback.
            ice: Servers by which media finds its way; where it may go through a relay only, it listens nowhere.
        """
        self._addresses = None if ice.relay_only else addresses
        self._ice = ice
        self._connection = new_connection(ice)
        self._connection.on("connectionstatechange", self._on_state)
        self._traffic = Traffic()
        self.stream = Stream(clock, self._traffic, self._recover)
        """The publisher's video."""

    async def answer(self, offer: str, *, in_bursts: bool = False) -> str:
        """Accept the first video of an offer, reject all else, and start listening.

        Args:
            offer: SDP of any WebRTC client, complete or trickled.
            in_bursts: As in `patch_connection`.

        Returns:
            The complete SDP answer.

        Raises:
            OfferMalformed: It cannot be parsed.
            OfferUnsupported: It offers no video that can be received, or cannot be answered rightly.
            RoomRefused: This machine has no address to receive on.
            RoomUnreachable: Media may go through a relay only, and there is none.
        """
        reduced = read_offer(offer)
        with _malformed():
            await self._connection.setRemoteDescription(RTCSessionDescription(reduced.sdp, "offer"))
            self._gatherers()
            accept_video(self._connection.getTransceivers()[0], reduced.video)
        patch_connection(
            self._connection, self.stream.take, self._traffic, addresses=self._addresses, in_bursts=in_bursts
        )
        with _malformed():
            await self._connection.setLocalDescription(await self._connection.createAnswer())
            if any(gatherer.state == "new" for gatherer in self._gatherers()):
                raise ValueError("its sections contradict each other")
        attend_sockets(self._connection, self._traffic)
        if " typ " not in self._connection.localDescription.sdp:
            raise no_address(self._ice)
        return reduced.complete(self._connection.localDescription.sdp)

    async def offer(self) -> str:
        """Offer to receive one video, and start listening; for rooms that let us begin.

        Returns:
            The complete SDP offer.

        Raises:
            RoomRefused: This machine has no address to receive on.
            RoomUnreachable: Media may go through a relay only, and there is none.
        """
        self._connection.addTransceiver("video", direction="recvonly")
        patch_connection(self._connection, self.stream.take, self._traffic, addresses=self._addresses)
        offer = await self._connection.createOffer()
        await self._connection.setLocalDescription(RTCSessionDescription(whole_offer(offer.sdp), "offer"))
        attend_sockets(self._connection, self._traffic)
        if " typ " not in self._connection.localDescription.sdp:
            raise no_address(self._ice)
        return str(self._connection.localDescription.sdp)

    async def accept(self, answer: str) -> None:
        """Take the answer to our offer.

        Raises:
            RoomRefused: It cannot be used.
        """
        try:
            shown, videos = shown_to_aiortc(usable_answer(answer))
            await self._connection.setRemoteDescription(RTCSessionDescription(shown, "answer"))
            for transceiver in self._connection.getTransceivers():
                if (video := videos.get(transceiver.mid)) is not None:
                    accept_video(transceiver, video)
        except Exception as error:  # as in `_malformed`
            raise RoomRefused("The server sent an answer that cannot be used") from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection and free its sockets and its thread. Safe to call twice."""
        # First, so that whoever waits in the stream ends by it and not by what closing makes of the connection.
        self.leave()
        await self._shake_hands()
        try:
            async with asyncio.timeout(CLOSING_S):
                await self._connection.close()
        except TimeoutError:
            log.warning("A connection did not close within %s s", CLOSING_S)
        except AttributeError as error:
            # What a broken description left half made, aiortc cannot close; it has no socket yet.
            log.info("A connection was not closed: %s", error)
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

    async def _shake_hands(self) -> None:
        """Let a connection that is being made stand first: before, no goodbye can be said, and who is left waits on.

        A browser notices by itself only after half a minute.
        """
        settled = asyncio.Event()
        self._connection.on("connectionstatechange", settled.set)
        with suppress(TimeoutError):
            async with asyncio.timeout(HANDSHAKE_S):
                while self._connection.connectionState == "connecting":
                    settled.clear()
                    await settled.wait()

    def _gatherers(self) -> list[RTCIceGatherer]:
        """Give the ICE gatherer of every section; raises AttributeError for a section that got no transport."""
        return [each.receiver.transport.transport.iceGatherer for each in self._connection.getTransceivers()]

    async def _recover(self) -> None:
        await ask_for_keyframe(self._connection.getTransceivers(), self._traffic)

    def _on_state(self) -> None:
        state = self._connection.connectionState
        if state == "closed":
            self.stream.lose(Absence.LEFT)
        elif state == "failed":
            self.stream.lose(Absence.VANISHED)
        self.stream.wake()


@contextmanager
def _malformed() -> Iterator[None]:
    """Raise as what it is what aiortc's parser asserts, unpacks and looks up what the text lacks."""
    try:
        yield
    except Exception as error:
        raise OfferMalformed("The offer cannot be read as SDP: send a complete WebRTC offer.") from error
