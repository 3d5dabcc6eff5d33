"""A participant of a Janus VideoRoom who sends one video: the bot with its notice, and people in measurements."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

from aiortc import RTCDataChannel, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from bot.errors import RoomUnreachable
from bot.ice_servers import NO_ICE, Ice
from bot.rooms.janus.address import JanusAddress
from bot.rooms.janus.session import Handle, JanusError, Json
from bot.rooms.webrtc.aiortc_patches import listen_on
from bot.rooms.webrtc.ice import new_connection
from bot.rooms.webrtc.sdp import accepts_video

log = logging.getLogger(__name__)

CONNECTING_S = 15.0
CHANNEL = "JanusDataChannel"
"""What Janus' own clients call their data channels; Janus sends nothing to a peer that has opened none."""


async def join(handle: Handle, address: JanusAddress, display: str, feed: int | None = None) -> Json:
    """Enter a room as somebody who may publish.

    Args:
        handle: A handle of its own.
        address: The room.
        display: The name that people see.
        feed: Under what number; None lets Janus choose.

    Returns:
        Janus' answer: `id`, `private_id`, `publishers` and, where the room names them, `attendees`.

    Raises:
        JanusError: The room said no.
        RoomUnreachable: Janus did not answer.
    """
    body: dict[str, Any] = {"request": "join", "ptype": "publisher", "room": address.room_id, "display": display}
    if feed is not None:
        body["id"] = type(address.room_id)(feed)  # a server that names rooms by text names people by text
    return (await handle.request(body | credentials(address))).data


def credentials(address: JanusAddress) -> dict[str, str]:
    """Give what opens the room, as every request to enter it carries it."""
    return {name: value for name, value in (("pin", address.pin), ("token", address.token)) if value is not None}


class JanusPublisher:
    """Sends a track into a room that was joined. Call `publish`, then `close`, always."""

    def __init__(
        self, handle: Handle, track: MediaStreamTrack, addresses: Iterable[str] | None = None, ice: Ice = NO_ICE
    ) -> None:
        """Prepare; opens no socket.

        Args:
            handle: A handle through which the room was joined.
            track: What to send; stopped on closing.
            addresses: Where media is sent from; None for every address of this machine but loopback.
            ice: Servers by which media finds its way.
        """
        self.track = track
        self.peer = new_connection(ice)
        self._handle = handle
        self._addresses = addresses
        self._channel: RTCDataChannel | None = None

    def open_channel(self) -> None:
        """Also offer a data channel; before `publish`, and only where Janus has data channels."""
        self._channel = self.peer.createDataChannel(CHANNEL)

    def when_open(self, opened: Callable[[], object]) -> None:
        """Call `opened` once the data channel can be written to."""
        if self._channel is not None and self._channel.readyState == "open":
            opened()
        elif self._channel is not None:
            self._channel.on("open", opened)

    def say(self, text: str) -> None:
        """Write to everybody who listens; lost where nobody does, or no channel is open."""
        if self._channel is not None and self._channel.readyState == "open":
            self._channel.send(text)

    async def publish(self, codec: str | None = "VP8") -> None:
        """Send; returns once media flows.

        Args:
            codec: VP8 or H264; None sends no video, only what the data channel carries.

        Raises:
            JanusError: The room does not take the video.
            RoomUnreachable: No media path was found within 15 s.
        """
        if codec is not None:
            transceiver = self.peer.addTransceiver(self.track, direction="sendonly")
            codecs = RTCRtpSender.getCapabilities("video").codecs
            transceiver.setCodecPreferences([c for c in codecs if c.mimeType in (f"video/{codec}", "video/rtx")])
        if self._addresses is not None:
            listen_on(self.peer, self._addresses)
        await self.peer.setLocalDescription(await self.peer.createOffer())
        offer = {"type": "offer", "sdp": self.peer.localDescription.sdp}
        wanted = {"videocodec": codec.lower()} if codec is not None else {}
        answer = await self._handle.request({"request": "publish"} | wanted, offer)
        if answer.jsep is None:
            raise RoomUnreachable("Janus took the bot's picture, but gave no answer to its offer")
        if codec is not None and not accepts_video(str(answer.jsep.get("sdp"))):
            raise JanusError(0, f"it answered without {codec}")
        await self.peer.setRemoteDescription(RTCSessionDescription(answer.jsep["sdp"], "answer"))
        await connected(self.peer, CONNECTING_S)

    async def close(self) -> None:
        """Stop sending and free the sockets."""
        self.track.stop()
        await close_undisturbed(self.peer.close)


async def connected(peer: RTCPeerConnection, within_s: float) -> None:
    """Wait until media can flow.

    Raises:
        RoomUnreachable: It failed, or took longer than `within_s`.
    """
    changed = asyncio.Event()
    peer.on("connectionstatechange", changed.set)
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while peer.connectionState not in ("connected", "failed", "closed"):
                changed.clear()
                await changed.wait()
    peer.remove_listener("connectionstatechange", changed.set)
    if peer.connectionState != "connected":
        raise RoomUnreachable(
            f"Janus answered, but no media path to it was found within {within_s:.0f} s: "
            "are its UDP ports reachable, or is a TURN server needed?"
        )


async def close_undisturbed(close: Callable[[], Awaitable[None]]) -> None:
    """Close something of the media library to its end, also when cancelled: it swallows cancellation halfway."""
    closing = asyncio.ensure_future(close())
    try:
        await asyncio.shield(closing)
    except asyncio.CancelledError:
        await asyncio.wait([closing])
        raise
