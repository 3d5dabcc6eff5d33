"""What people write over the data channels of a VideoRoom: heard on a connection of its own, so that no video waits.

Janus merges everybody's channels into one connection and labels each channel with its sender: who wrote is not a
matter of what was written.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from aiortc import RTCDataChannel, RTCPeerConnection, RTCSessionDescription

from bot.errors import RoomError
from bot.ice_servers import Ice
from bot.rooms.janus.address import JanusAddress
from bot.rooms.janus.participants import JanusPeople
from bot.rooms.janus.publisher import CHANNEL, close_undisturbed, credentials
from bot.rooms.janus.session import ENDED, Handle, JanusError, JanusSession, Notice
from bot.rooms.roster import Feed
from bot.rooms.webrtc.aiortc_patches import contain_errors, listen_on
from bot.rooms.webrtc.ice import new_connection
from dashboard_protocol.backoff import Backoff
from dashboard_protocol.rate_limit import RateLimiter

log = logging.getLogger(__name__)

LONGEST_BINARY = 1_000
"""Bytes of a message that is no text by its type and may be chat all the same; files come in larger pieces."""
MOST_AT_ONCE, MOST_PER_S = 2_000, 50.0
"""Messages of one person; a long one counts as one for each 1,000 characters. Every one is looked at, whole.

Whoever sends more than a whiteboard does is not listened to any longer, and so not read.
"""
REST_S, LONGEST_REST_S = 1.0, 15.0
"""Before everybody is listened to anew, where Janus ended it; longer each time, until somebody was heard."""


class JanusText:
    """Listens to everybody who has a data channel; `close` it, always."""

    def __init__(
        self,
        session: JanusSession,
        address: JanusAddress,
        people: JanusPeople,
        addresses: Iterable[str] | None,
        ice: Ice,
    ) -> None:
        """Prepare; opens nothing before somebody has a data channel.

        Args:
            session: The session with Janus.
            address: The room.
            people: Knows who has a channel, and takes what they write.
            addresses: Where the connection listens; None for every address of this machine but loopback.
            ice: Servers by which it finds its way.
        """
        self._session = session
        self._address = address
        self._people = people
        self._addresses = addresses
        self._ice = ice
        self._handle: Handle | None = None
        self._peer: RTCPeerConnection | None = None
        self._subscribed: dict[Feed, str] = {}
        self._muted: set[str] = set()
        self._rests = Backoff(REST_S, LONGEST_REST_S)
        self._resting: asyncio.TimerHandle | None = None
        self._limiter = RateLimiter(MOST_AT_ONCE, MOST_PER_S)

    @property
    def id(self) -> int | None:
        """Which notices are for it."""
        return None if self._handle is None else self._handle.id

    async def change(self) -> None:
        """Listen to exactly those who have a channel and are not too loud.

        Raises:
            RoomUnreachable: The connection to Janus broke.
        """
        if self._resting is not None:
            return
        self._muted &= {str(feed) for feed in self._people.talkers}  # whoever takes that number next is heard
        wanted = {feed: mid for feed, mid in self._people.talkers.items() if str(feed) not in self._muted}
        added = [{"feed": feed, "mid": mid} for feed, mid in wanted.items() if self._subscribed.get(feed) != mid]
        loud = [{"feed": feed, "mid": mid} for feed, mid in self._subscribed.items() if str(feed) in self._muted]
        self._subscribed = wanted
        if not wanted:
            await self._give_back()
            return
        try:
            if self._handle is None and added:
                self._handle = await self._session.attach()
                body: dict[str, Any] = {"request": "join", "ptype": "subscriber", "room": self._address.room_id}
                await self._handle.send(body | {"streams": added} | credentials(self._address))
            elif self._handle is not None and (added or loud):
                changes = {"subscribe": added, "unsubscribe": loud}
                await self._handle.send({"request": "update"} | {name: each for name, each in changes.items() if each})
        except JanusError as error:
            await self._rest(str(error))

    async def take(self, notice: Notice) -> None:
        """Take a notice of this handle. What goes wrong here begins anew after a rest, and costs no video.

        Somebody who left just now is refused, and the whole request with them: the next one is without them.

        Raises:
            RoomUnreachable: The connection to Janus broke.
        """
        if notice.kind in ENDED or "error_code" in notice.data:
            await self._rest(f"{notice.kind} {notice.data.get('error', '')}")
        elif notice.jsep is not None:
            await self._answer(notice.jsep["sdp"])

    async def close(self) -> None:
        """Free the sockets."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        await self._hang_up()

    async def _hang_up(self) -> None:
        peer, self._peer = self._peer, None
        if peer is not None:
            await close_undisturbed(peer.close)

    async def _give_back(self) -> None:
        """Free the sockets and let Janus forget the handle; whoever comes later is listened to by a new one."""
        handle, self._handle = self._handle, None
        self._subscribed = {}
        await self._hang_up()
        if handle is not None:
            with suppress(RoomError):
                await handle.detach()

    async def _rest(self, why: str) -> None:
        """Listen to nobody for a moment, and then to everybody anew."""
        log.warning("What people write is not heard for a moment: %s", why)
        await self._give_back()

        def rested() -> None:
            self._resting = None
            self._session.post(Notice(0, "wanted"))

        if self._resting is None:
            self._resting = asyncio.get_running_loop().call_later(self._rests.failed(), rested)

    async def _answer(self, offer: str) -> None:
        assert self._handle is not None
        peer, is_first = self._peer or new_connection(self._ice), self._peer is None
        self._peer = peer
        try:
            await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        except Exception as error:  # aiortc's parser asserts, unpacks and looks up what the text lacks
            await self._rest(f"Janus sent an offer of text that cannot be used ({error})")
            return
        if is_first and peer.sctp is not None:
            peer.on("datachannel", self._listen)
            contain_errors(peer.sctp.transport)
            if self._addresses is not None:
                listen_on(peer, self._addresses)
            # Nothing is ever said on it: Janus sends to nobody who has opened none.
            peer.createDataChannel(CHANNEL)
            peer.on("connectionstatechange", partial(self._on_state, self._handle.id, peer))
        await peer.setLocalDescription(await peer.createAnswer())
        answer = {"type": "answer", "sdp": peer.localDescription.sdp}
        with suppress(JanusError):
            await self._handle.send({"request": "start"}, answer)

    def _on_state(self, handle: int, peer: RTCPeerConnection) -> None:
        if peer is self._peer and peer.connectionState in ("failed", "closed"):
            self._session.post(Notice(handle, "hangup"))

    def _listen(self, channel: RTCDataChannel) -> None:
        self._rests.went_well()

        def hear(message: str | bytes) -> None:
            if channel.label in self._muted:
                return
            if not self._limiter.take(channel.label, asyncio.get_running_loop().time(), 1 + len(message) // 1000):
                log.warning("Somebody sends so much over a data channel that they cannot be listened to, nor be read")
                self._muted.add(channel.label)
                self._people.unheard(channel.label)
                self._session.post(Notice(0, "wanted"))
            elif isinstance(message, str):
                self._people.hear(channel.label, message)
            elif len(message) <= LONGEST_BINARY:
                self._people.hear(channel.label, message.decode(errors="ignore"))

        channel.on("message", hear)
